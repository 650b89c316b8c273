//! Opens a file for reading: its container, its video stream, the decoder.

use std::fs::File;
use std::path::Path;

use ffmpeg_next::codec::Context;
use ffmpeg_next::codec::decoder::{self, Opened};
use ffmpeg_next::format::context::{Input, StreamIo};
use ffmpeg_next::format::stream::{Disposition, Stream};
use ffmpeg_next::media::Type;
use ffmpeg_next::{Dictionary, format};

use super::super::{SourceDamage, container_length};
use super::{native, read_error};
use crate::error::{Error, Place, Result};
use crate::frame::check_size;

/// FFmpeg's names of the containers and raw streams that are opened. Others FFmpeg knows are left out on purpose: playlists, which open
/// other files and addresses, and formats so loose that they take any text for a video.
const DEMUXERS: &str = "mov,matroska,avi,h264,hevc,mpegts,mpeg,mpegvideo,m4v,ivf,obu,flv,asf,ogg,nut,mxf,mjpeg,gif,\
                        dv,rm,wav,mp3,flac,aac";
/// Those of them that are raw streams, whose timestamps FFmpeg makes up.
const RAW_DEMUXERS: [&str; 6] = ["h264", "hevc", "m4v", "mpegvideo", "mjpeg", "obu"];
/// Bytes read from the file at a time.
const READ_BYTES: usize = 1 << 18;

/// Opens the container and looks into its streams.
///
/// # Errors
///
/// `Io`, `Truncated`, `Corrupt` (see [`FfmpegReader::open`](super::FfmpegReader::open)).
pub(super) fn open_input(path: &Path, on_damage: SourceDamage) -> Result<Input> {
    let mut file = File::open(path).map_err(|e| Error::io(path, e))?;
    if on_damage == SourceDamage::Fail {
        container_length::check(&mut file)?;
    }
    let failed = |error| match (error, read_error("video file", error, Place::default())) {
        (ffmpeg_next::Error::Eof, _) => Error::invalid(
            "input file",
            "a clip with frames",
            format!("clip has no frames: {}", path.display()),
        ),
        (_, Error::Corrupt { what, expected, found, place }) => {
            Error::Corrupt { what, expected, found: format!("{found}: {}", path.display()), place }
        }
        (_, error) => error,
    };
    // Rewound by FFmpeg, which seeks before it reads.
    std::io::Seek::rewind(&mut file).map_err(|e| Error::io(path, e))?;
    let stream = StreamIo::from_read_seek_with_capacity(file, READ_BYTES).map_err(failed)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().replace('\0', "");
    let options = Dictionary::from_iter([("format_whitelist", DEMUXERS), ("protocol_whitelist", "none")]);
    format::input_from_stream(stream, Some(&name), Some(options)).map_err(failed)
}

/// Whether a file is a raw stream, without timestamps of its own.
pub(super) fn lacks_timestamps(input: &Input) -> bool {
    RAW_DEMUXERS.contains(&input.format().name())
}

/// The stream FFmpeg thinks best, cover pictures aside.
///
/// # Errors
///
/// `InvalidArgument` where there is none; `LimitExceeded` where it is too large.
pub(super) fn video_stream<'a>(input: &'a Input, path: &Path) -> Result<Stream<'a>> {
    let is_cover = |stream: &Stream<'_>| stream.disposition().contains(Disposition::ATTACHED_PIC);
    let is_video = |stream: &Stream<'_>| stream.parameters().medium() == Type::Video && !is_cover(stream);
    let best = input.streams().best(Type::Video).filter(|stream| !is_cover(stream));
    let stream = best.or_else(|| input.streams().find(is_video)).ok_or_else(|| {
        let found = format!("no video stream: {}", path.display());
        Error::invalid("input file", "a video stream", found)
    })?;
    if let (Ok(width @ 1..), Ok(height @ 1..)) = {
        let (width, height) = native::declared_size(&stream);
        (usize::try_from(width), usize::try_from(height))
    } {
        check_size(width, height)?;
    }
    Ok(stream)
}

/// Opens the decoder that this FFmpeg prefers for a stream. `threads` 0 stands for one a core.
///
/// # Errors
///
/// `Unsupported` where there is none.
pub(super) fn open_decoder(stream: &Stream<'_>, threads: usize) -> Result<Opened> {
    let id = stream.parameters().id();
    let codec = decoder::find(id).ok_or_else(|| Error::Unsupported {
        what: format!("video codec {}", id.name()),
        remedy: "install an FFmpeg that decodes it, or convert the clip first".into(),
    })?;
    let failed = |error| read_error("video stream", error, Place::default());
    let mut context = Context::from_parameters(stream.parameters()).map_err(failed)?;
    native::configure_decoder(&mut context, stream, threads);
    context.decoder().open_as(codec).map_err(failed)
}
