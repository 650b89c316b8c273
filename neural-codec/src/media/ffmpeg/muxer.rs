//! Packets into a container: the file beside, its tracks, its timestamps.

use std::path::{Path, PathBuf};

use ffmpeg_next::codec::{Context, Parameters};
use ffmpeg_next::format::context::{Output, StreamIo};
use ffmpeg_next::{Dictionary, Packet, Rational as Fraction, format, packet};

use super::super::AtomicFile;
use super::{initialize, native_write, signed};
use crate::bitstream::{AudioPacket, AudioTrack};
use crate::error::{Error, Result};
use crate::frame::Rational;

/// Bytes written to the file at a time.
const WRITE_BYTES: usize = 1 << 18;

/// A file that is being written: one video track, then the audio tracks.
pub(super) struct Muxer {
    path: PathBuf,
    // The output goes before the file it writes to.
    output: Output,
    file: AtomicFile,
    /// Time base of each stream's packets as they are given, and of the container.
    clocks: Vec<(Fraction, Fraction)>,
}

/// How a packet is to be shown.
pub(super) struct Timing {
    pub(super) presentation: i64,
    pub(super) decoding: i64,
    pub(super) duration: i64,
    pub(super) is_key: bool,
}

impl Muxer {
    /// Starts a file in the container that the ending of `path` stands for.
    ///
    /// # Errors
    ///
    /// `Unsupported` for an ending that stands for none; `Io` where the folder cannot be written.
    pub(super) fn create(path: &Path) -> Result<Self> {
        initialize();
        let name = container(path, "use .mkv, .mp4, .mov or .webm")?;
        let file = AtomicFile::create(path)?;
        let stream = StreamIo::from_write_seek_with_capacity(file.handle()?, WRITE_BYTES);
        let output = stream.and_then(|stream| format::output_to_stream(stream, None, Some(name)));
        let output = output.map_err(|error| write_error(path, error))?;
        Ok(Self { path: path.to_owned(), output, file, clocks: Vec::new() })
    }

    /// Whether encoders have to put their headers into the container and not into the frames.
    pub(super) fn wants_global_header(&self) -> bool {
        self.output.format().flags().contains(format::Flags::GLOBAL_HEADER)
    }

    /// Adds the video track as an encoder makes it.
    pub(super) fn add_encoded(
        &mut self,
        encoder: &Context,
        base: Fraction,
        rate: Fraction,
        aspect: Rational,
    ) -> Result<()> {
        let added = self.output.add_stream_with(encoder).map(|_| ());
        added.map_err(|error| write_error(&self.path, error))?;
        self.describe_video(base, rate, aspect)
    }

    /// Adds a video track of given parameters.
    pub(super) fn add_video(
        &mut self,
        parameters: Parameters,
        base: Fraction,
        rate: Fraction,
        aspect: Rational,
    ) -> Result<()> {
        self.add(parameters)?;
        self.describe_video(base, rate, aspect)
    }

    fn describe_video(&mut self, base: Fraction, rate: Fraction, aspect: Rational) -> Result<()> {
        let index = self.clocks.len();
        native_write::clear_codec_tag(&mut self.output, index);
        native_write::set_pixel_aspect(&mut self.output, index, aspect);
        if let Some(mut stream) = self.output.stream_mut(index) {
            stream.set_time_base(base);
            stream.set_avg_frame_rate(rate);
        }
        self.clocks.push((base, base));
        Ok(())
    }

    /// Adds the audio tracks.
    ///
    /// # Errors
    ///
    /// `Unsupported` for a codec that FFmpeg or the container does not know.
    pub(super) fn add_audio(&mut self, tracks: &[AudioTrack]) -> Result<()> {
        for track in tracks {
            let base = signed("audio time base", track.time_base)?;
            self.add(native_write::audio_parameters(track)?)?;
            if let Some(mut stream) = self.output.stream_mut(self.clocks.len()) {
                stream.set_time_base(base);
                if !track.language.is_empty() && !track.language.contains('\0') {
                    stream.set_metadata(Dictionary::from_iter([("language", track.language.as_str())]));
                }
            }
            self.clocks.push((base, base));
        }
        Ok(())
    }

    fn add(&mut self, parameters: Parameters) -> Result<()> {
        // No encoder: the packets exist already.
        let stream = self.output.add_stream(None::<ffmpeg_next::Codec>);
        stream.map_err(|error| write_error(&self.path, error))?.set_parameters(parameters);
        Ok(())
    }

    /// Writes the file's header, after the last track was added.
    ///
    /// # Errors
    ///
    /// `Unsupported` where the container cannot hold one of the tracks.
    pub(super) fn start(&mut self) -> Result<()> {
        self.output.write_header().map_err(|error| match error {
            ffmpeg_next::Error::Other { errno } if errno != ffmpeg_next::error::EINVAL => {
                write_error(&self.path, error)
            }
            error => Error::Unsupported {
                what: format!("track in {}: {error}", self.path.display()),
                remedy: "write an .mkv file, or leave the audio out".into(),
            },
        })?;
        for (index, (_, container)) in self.clocks.iter_mut().enumerate() {
            // The muxer may have chosen another.
            *container = self.output.stream(index).map_or(*container, |stream| stream.time_base());
        }
        Ok(())
    }

    /// Writes a packet of track `index`, timed in the time base the track was added with.
    pub(super) fn write(&mut self, index: usize, mut packet: Packet, timing: &Timing) -> Result<()> {
        let Some(&(given, container)) = self.clocks.get(index) else {
            return Err(Error::invalid("track", format!("below {}", self.clocks.len()), index));
        };
        packet.set_stream(index);
        packet.set_pts(Some(timing.presentation));
        packet.set_dts(Some(timing.decoding));
        packet.set_duration(timing.duration);
        packet.set_position(-1);
        packet.set_flags(if timing.is_key { packet::Flags::KEY } else { packet::Flags::empty() });
        packet.rescale_ts(given, container);
        packet.write_interleaved(&mut self.output).map_err(|error| write_error(&self.path, error))
    }

    /// Writes an audio packet unchanged.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for a track there is not.
    pub(super) fn write_audio(&mut self, packet: &AudioPacket) -> Result<()> {
        let timing = Timing {
            presentation: packet.timestamp,
            decoding: packet.timestamp,
            duration: packet.duration.into(),
            is_key: true,
        };
        if packet.data.is_empty() {
            return Ok(());
        }
        // The video track comes first.
        self.write(1 + usize::from(packet.track), copy(&packet.data)?, &timing)
    }

    /// Ends the file and gives it its name.
    pub(super) fn finish(self) -> Result<()> {
        let Self { path, mut output, file, .. } = self;
        output.write_trailer().map_err(|error| write_error(&path, error))?;
        drop(output);
        file.commit()
    }
}

/// A packet of these bytes.
pub(super) fn copy(bytes: &[u8]) -> Result<Packet> {
    let too_large = || Error::OutOfMemory { what: "packet", bytes: bytes.len() as u64 };
    if bytes.len() > (i32::MAX / 2) as usize {
        return Err(too_large());
    }
    let mut packet = Packet::new(bytes.len());
    packet.data_mut().filter(|data| data.len() == bytes.len()).ok_or_else(too_large)?.copy_from_slice(bytes);
    Ok(packet)
}

/// FFmpeg's name of the container that the ending of `path` stands for.
///
/// # Errors
///
/// `Unsupported` with this remedy.
pub(super) fn container(path: &Path, remedy: &str) -> Result<&'static str> {
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    match ending.as_str() {
        "mkv" => Ok("matroska"),
        "mp4" | "m4v" => Ok("mp4"),
        "mov" => Ok("mov"),
        "webm" => Ok("webm"),
        _ => Err(Error::Unsupported {
            what: format!("ending .{ending} of {}", path.display()),
            remedy: remedy.into(),
        }),
    }
}

/// An error of FFmpeg's while writing: the system's reason where there is one.
pub(super) fn write_error(path: &Path, error: ffmpeg_next::Error) -> Error {
    match error {
        ffmpeg_next::Error::Other { errno } if errno == ffmpeg_next::error::EINVAL => {
            Error::invalid("packet", "timestamps that rise within each track", "others")
        }
        ffmpeg_next::Error::Other { errno } => Error::io(path, std::io::Error::from_raw_os_error(errno)),
        error => Error::internal("FFmpeg", format!("{error}, writing {}", path.display())),
    }
}
