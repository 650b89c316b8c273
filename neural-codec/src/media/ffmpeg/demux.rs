//! Opens a file for reading: its container, its video stream, the decoder; and reads its packets on one clock.

use std::fs::File;
use std::path::Path;

use ffmpeg_next::codec::Context;
use ffmpeg_next::codec::decoder::{self, Opened};
use ffmpeg_next::format::context::{Input, StreamIo};
use ffmpeg_next::format::stream::{Disposition, Stream};
use ffmpeg_next::media::Type;
use ffmpeg_next::{Dictionary, Packet, format};

use super::super::SourceDamage;
use super::super::clock::FileClock;
use super::super::container_length::{CutShort, cut_short};
use super::{native, positive, read_error};
use crate::error::{Error, Place, Result};
use crate::frame::check_size;

/// FFmpeg's names of the containers and raw streams that are opened. Others FFmpeg knows are left out on purpose: playlists, which open
/// other files and addresses, and formats so loose that they take any text for a video.
const DEMUXERS: &str = "mov,matroska,avi,h264,hevc,mpegts,mpeg,mpegvideo,m4v,ivf,obu,flv,asf,ogg,nut,mxf,mjpeg,jpeg_pipe,gif,\
                        apng,webp_pipe,dv,rm,wtv,wav,mp3,flac,aac,yuv4mpegpipe";
/// Those of them that are raw streams, whose timestamps FFmpeg makes up.
const RAW_DEMUXERS: [&str; 7] = ["h264", "hevc", "m4v", "mpegvideo", "mjpeg", "jpeg_pipe", "obu"];
/// Bytes read from the file at a time.
const READ_BYTES: usize = 1 << 18;
const NANOSECONDS: i64 = 1_000_000_000;

/// A file whose packets are read in order, on one clock.
pub(super) struct Demuxer {
    input: Input,
    clock: FileClock,
    /// Seconds per unit of each stream's timestamps, as a fraction.
    bases: Vec<(i64, i64)>,
}

impl Demuxer {
    pub(super) fn new(input: Input) -> Self {
        let restarts = native::clocks_restart(&input);
        Self { input, clock: FileClock::new(restarts), bases: Vec::new() }
    }

    pub(super) fn input(&self) -> &Input {
        &self.input
    }

    /// Where the file's clock was set anew so far, in nanoseconds.
    pub(super) fn restarted_at(&self) -> &[i64] {
        self.clock.restarted_at()
    }

    /// Reads the next packet of any stream.
    ///
    /// # Errors
    ///
    /// FFmpeg's; `Eof` after the last.
    pub(super) fn read(&mut self, packet: &mut Packet) -> std::result::Result<(), ffmpeg_next::Error> {
        packet.read(&mut self.input)?;
        let base = self.base_of(packet.stream());
        let Some(time) = packet.dts().or(packet.pts()) else { return Ok(()) };
        let shift = self.clock.shift_of(
            packet.stream(),
            to_nanoseconds(time, base),
            to_nanoseconds(packet.duration(), base),
        );
        if shift != 0 {
            let units = from_nanoseconds(shift, base);
            packet.set_pts(packet.pts().map(|time| time.saturating_add(units)));
            packet.set_dts(packet.dts().map(|time| time.saturating_add(units)));
        }
        Ok(())
    }

    /// Goes to the last key frame of a stream that is shown no later than `time`, in the stream's time base.
    ///
    /// # Errors
    ///
    /// FFmpeg's.
    pub(super) fn seek(&mut self, stream: usize, time: i64) -> std::result::Result<(), ffmpeg_next::Error> {
        native::seek(&mut self.input, stream, time)
    }

    fn base_of(&mut self, stream: usize) -> (i64, i64) {
        // Streams may turn up while a file is read.
        while self.bases.len() <= stream {
            let base = self.input.stream(self.bases.len()).and_then(|stream| positive(stream.time_base()));
            self.bases.push(base.map_or((1, 1000), |base| (base.num.into(), base.den.into())));
        }
        self.bases[stream]
    }
}

fn to_nanoseconds(time: i64, (num, den): (i64, i64)) -> i64 {
    clamped(i128::from(time) * i128::from(num) * i128::from(NANOSECONDS) / i128::from(den))
}

fn from_nanoseconds(time: i64, (num, den): (i64, i64)) -> i64 {
    let units = i128::from(num) * i128::from(NANOSECONDS);
    clamped((i128::from(time) * i128::from(den) + units / 2).div_euclid(units))
}

fn clamped(value: i128) -> i64 {
    // Within the range after the clamp, with room to add to.
    value.clamp(i128::from(i64::MIN / 4), i128::from(i64::MAX / 4)) as i64
}

/// Opens the container of a file and looks into its streams. Beside it, where damage is kept: whether the file is shorter than it says.
///
/// # Errors
///
/// `Io`, `Truncated`, `Corrupt`, `Unsupported` (see [`FfmpegReader::open`](super::FfmpegReader::open)).
pub(super) fn open_input(path: &Path, on_damage: SourceDamage) -> Result<(Input, Option<CutShort>)> {
    let mut file = File::open(path).map_err(|e| Error::io(path, e))?;
    let cut_short = cut_short(&mut file).map_err(|error| error.of_file(path))?;
    if let Some(cut_short) = cut_short.filter(|_| on_damage == SourceDamage::Fail) {
        return Err(cut_short.error());
    }
    // Rewound by FFmpeg, which seeks before it reads.
    std::io::Seek::rewind(&mut file).map_err(|e| Error::io(path, e))?;
    let stream = StreamIo::from_read_seek_with_capacity(file, READ_BYTES);
    let opened = open_stream(stream, &path.display().to_string(), Some(path));
    Ok((opened.map_err(|error| because(cut_short, error))?, cut_short))
}

/// Why a file cannot be read that was cut short: what is missing.
pub(super) fn because(cut_short: Option<CutShort>, error: Error) -> Error {
    match (cut_short, &error) {
        (Some(cut), Error::Corrupt { .. } | Error::Truncated { .. } | Error::InvalidArgument { .. }) => {
            cut.error()
        }
        _ => error,
    }
}

/// Opens what `stream` reads; `what` names it in errors.
///
/// # Errors
///
/// As [`open_input`].
pub(super) fn open_stream(
    stream: std::result::Result<StreamIo, ffmpeg_next::Error>,
    what: &str,
    path: Option<&Path>,
) -> Result<Input> {
    let failed = |error| match (error, read_error("video file", error, Place::default())) {
        (ffmpeg_next::Error::Eof, _) => {
            Error::invalid("input file", "a clip with frames", format!("clip has no frames: {what}"))
        }
        // No demuxer, or one that is not listed.
        (ffmpeg_next::Error::Other { errno }, _) if errno == ffmpeg_next::error::EINVAL => unknown_kind(what),
        (ffmpeg_next::Error::DemuxerNotFound, _) => unknown_kind(what),
        (ffmpeg_next::Error::InvalidData, _) if path.is_some_and(|path| !is_listed(path)) => {
            unknown_kind(what)
        }
        (_, Error::Corrupt { what: part, expected, found, place }) => {
            Error::Corrupt { what: part, expected, found: format!("{found}: {what}"), place }
        }
        (_, error) => error,
    };
    let name = path.and_then(Path::file_name).unwrap_or_default().to_string_lossy().replace('\0', "");
    let options = Dictionary::from_iter([("format_whitelist", DEMUXERS), ("protocol_whitelist", "none")]);
    format::input_from_stream(stream.map_err(failed)?, Some(&name), Some(options)).map_err(failed)
}

/// Whether FFmpeg takes the file for one of a kind that is opened.
fn is_listed(path: &Path) -> bool {
    native::probed_format(path)
        .is_some_and(|names| names.split(',').any(|name| DEMUXERS.split(',').any(|listed| listed == name)))
}

fn unknown_kind(what: &str) -> Error {
    Error::Unsupported {
        what: format!("kind of file: {what}"),
        remedy: "it is no video or picture, or of a kind that is not opened here; convert it first, for example with ffmpeg -i INPUT clip.mkv, a picture to PNG".into(),
    }
}

/// Whether a file is a raw stream, without timestamps of its own.
pub(super) fn lacks_timestamps(input: &Input) -> bool {
    RAW_DEMUXERS.contains(&input.format().name())
}

/// Whether a stream is of moving pictures.
pub(super) fn is_moving(stream: &Stream<'_>) -> bool {
    stream.parameters().medium() == Type::Video && !is_cover(stream)
}

/// Whether a stream is a picture that belongs to the file, such as a cover.
pub(super) fn is_cover(stream: &Stream<'_>) -> bool {
    stream.disposition().contains(Disposition::ATTACHED_PIC)
}

/// The stream FFmpeg thinks best, cover pictures aside.
///
/// # Errors
///
/// `InvalidArgument` where there is none; `LimitExceeded` where it is too large.
pub(super) fn video_stream<'a>(input: &'a Input, what: &str) -> Result<Stream<'a>> {
    let best = input.streams().best(Type::Video).filter(|stream| !is_cover(stream));
    let stream = best.or_else(|| input.streams().find(is_moving)).ok_or_else(|| {
        let found = format!("no video stream: {what}");
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_go_to_nanoseconds_and_back() {
        for base in [(1, 1000), (1, 90_000), (1001, 30_000), (1, 48_000)] {
            for time in [0, 1, -1, 12_345, -7, 1 << 32] {
                assert_eq!(from_nanoseconds(to_nanoseconds(time, base), base), time, "{time} of {base:?}");
            }
        }
        assert_eq!(to_nanoseconds(i64::MAX, (1, 1)), i64::MAX / 4);
    }
}
