//! Files in and out: Y4M, picture files, and whatever FFmpeg reads.
//!
//! ```text
//! in    open    -> sniff -> Y4M | pictures | container length -> demux -> decode -> deinterlace -> samples -> upright
//!                  -> timestamps -> sound as planned
//! out   create  -> PNG sequence | lossless video and audio -> a file beside -> rename
//! out   Av1Writer: temporal units and all other tracks as they are; in   UnitReader
//! ```
//! The cargo feature `ffmpeg` adds video files, `images` adds pictures; without both, Y4M remains.

#[cfg(feature = "images")]
mod animation;
mod atomic_file;
#[cfg(feature = "images")]
mod atomic_folder;
#[cfg(feature = "ffmpeg")]
mod clock;
mod container;
#[cfg(feature = "ffmpeg")]
mod container_length;
#[cfg(feature = "ffmpeg")]
pub mod ffmpeg;
mod file_tags;
mod frame_sink;
mod frame_source;
#[cfg(feature = "images")]
mod jpeg_damage;
mod jpeg_run;
mod open_options;
mod output_kind;
#[cfg(feature = "images")]
mod pages;
#[cfg(feature = "images")]
pub mod photo;
#[cfg(feature = "images")]
mod picture_file;
#[cfg(feature = "images")]
pub mod pictures;
#[cfg(feature = "ffmpeg")]
mod planned_audio;
mod retime;
mod sequence;
mod sniff;
#[cfg(feature = "ffmpeg")]
mod subtitles;
#[cfg(feature = "ffmpeg")]
mod timestamps;
mod y4m_read;
mod y4m_sink;
mod y4m_write;

pub use crate::lost::Lost;
pub use atomic_file::AtomicFile;
pub(crate) use atomic_file::expect_distinct;
pub use container::Container;
#[cfg(feature = "ffmpeg")]
pub use ffmpeg::{Av1Writer, ContainerTracks, FfmpegReader, FileItem, LosslessWriter, TrackUnit, UnitReader};
pub use frame_sink::FrameSink;
pub use frame_source::FrameSource;
pub use open_options::{AudioChoice, Deinterlace, OpenOptions, SourceDamage};
pub use output_kind::OutputKind;
#[cfg(feature = "images")]
pub use pictures::{PictureReader, PngWriter};
pub use sequence::SequencePattern;
pub use y4m_read::Y4mReader;
pub use y4m_sink::Y4mSink;
pub use y4m_write::Y4mWriter;

use std::path::Path;

use crate::bitstream::Tracks;
use crate::error::Result;
use crate::frame::VideoInfo;

/// Opens a clip, whatever it is: Y4M, a picture, a numbered sequence (`frame_%04d.png`, or a folder that holds
/// one), or any file FFmpeg reads. The content decides, not the name.
///
/// # Errors
///
/// `Unsupported` naming the cargo feature that is missing; otherwise as the reader in question.
pub fn open(path: &Path, options: &OpenOptions) -> Result<Box<dyn FrameSource>> {
    match sniff::identify(path)? {
        sniff::FileKind::Y4m => open_y4m(path, options),
        sniff::FileKind::Pictures(files) => open_pictures(files, options),
        sniff::FileKind::Animation => open_animation(path, options),
        sniff::FileKind::Container => open_container(path, options),
    }
}

/// A source that was opened without options, as they ask: at another rate, its tracks of sound carried, left out, or encoded again.
/// [`open`] has done so already.
///
/// # Errors
///
/// `Unsupported` where FFmpeg lacks what encoding a track again needs, or is not built in.
pub fn as_asked(source: Box<dyn FrameSource>, options: &OpenOptions) -> Result<Box<dyn FrameSource>> {
    with_planned_audio(at_rate(source, options), options)
}

/// `source` at the rate that is asked for, if one is.
fn at_rate(source: Box<dyn FrameSource>, options: &OpenOptions) -> Box<dyn FrameSource> {
    match options.frame_rate {
        Some(rate) => Box::new(retime::AtRate::new(source, rate)),
        None => source,
    }
}

fn with_planned_audio(source: Box<dyn FrameSource>, options: &OpenOptions) -> Result<Box<dyn FrameSource>> {
    if options.audio == AudioChoice::Discard || options.audio_plan == crate::settings::AudioPlan::default() {
        return Ok(source);
    }
    plan_audio(source, options)
}

#[cfg(feature = "ffmpeg")]
fn plan_audio(source: Box<dyn FrameSource>, options: &OpenOptions) -> Result<Box<dyn FrameSource>> {
    Ok(Box::new(planned_audio::PlannedAudio::new(source, &options.audio_plan, options.on_damage)?))
}

#[cfg(not(feature = "ffmpeg"))]
fn plan_audio(source: Box<dyn FrameSource>, _: &OpenOptions) -> Result<Box<dyn FrameSource>> {
    match source.tracks().audio.is_empty() {
        true => Ok(source),
        false => Err(missing_feature("a plan for sound", "ffmpeg")),
    }
}

fn open_y4m(path: &Path, options: &OpenOptions) -> Result<Box<dyn FrameSource>> {
    Ok(at_rate(Box::new(Y4mReader::open(path)?), options))
}

#[cfg(feature = "images")]
fn open_pictures(files: Vec<std::path::PathBuf>, options: &OpenOptions) -> Result<Box<dyn FrameSource>> {
    Ok(Box::new(PictureReader::open(files, options.frame_rate)?))
}

#[cfg(feature = "images")]
fn open_animation(path: &Path, options: &OpenOptions) -> Result<Box<dyn FrameSource>> {
    Ok(at_rate(Box::new(animation::AnimationReader::open(path)?), options))
}

#[cfg(not(feature = "images"))]
fn open_animation(_path: &Path, _options: &OpenOptions) -> Result<Box<dyn FrameSource>> {
    Err(missing_feature("animated WebP files", "images"))
}

#[cfg(not(feature = "images"))]
fn open_pictures(_files: Vec<std::path::PathBuf>, _options: &OpenOptions) -> Result<Box<dyn FrameSource>> {
    Err(missing_feature("picture files", "images"))
}

#[cfg(feature = "ffmpeg")]
fn open_container(path: &Path, options: &OpenOptions) -> Result<Box<dyn FrameSource>> {
    with_planned_audio(Box::new(FfmpegReader::open(path, options)?), options)
}

#[cfg(not(feature = "ffmpeg"))]
fn open_container(_path: &Path, _options: &OpenOptions) -> Result<Box<dyn FrameSource>> {
    Err(missing_feature("video files other than Y4M", "ffmpeg"))
}

/// Starts a file that holds frames without loss: a PNG sequence for a name such as `frame_%04d.png`, Y4M for `.y4m`,
/// else a video with audio in the container that the name's ending stands for (`mkv`: FFV1; `mp4`, `mov`: lossless
/// H.264 or HEVC).
///
/// ```
/// # use neural_codec::frame::{Color, Frame, PixelFormat, Rational, VideoInfo};
/// use neural_codec::media;
///
/// # let folder = tempfile::tempdir()?;
/// let path = folder.path().join("clip.y4m");
/// let info = VideoInfo::new(64, 48, PixelFormat::YUV420_8, Rational::new(25, 1)?);
/// let mut sink = media::create(&path, &info, &neural_codec::bitstream::Tracks::NONE)?;
/// sink.write_frame(&Frame::new(64, 48, info.format, Color::default())?)?;
/// sink.finish(None)?;
/// let mut source = media::open(&path, &media::OpenOptions::default())?;
/// assert_eq!(source.info().width, 64);
/// assert!(source.next_frame()?.is_some() && source.next_frame()?.is_none());
/// # Ok::<(), neural_codec::Error>(())
/// ```
///
/// [`FrameSink::lost`] names the tracks that it does not hold.
///
/// # Errors
///
/// `Io` where the folder cannot be written; `Unsupported` for other endings, for sound that the container cannot
/// hold, and naming the cargo feature that is missing.
pub fn create(path: &Path, info: &VideoInfo, tracks: &Tracks) -> Result<Box<dyn FrameSink>> {
    if let Some(pattern) = SequencePattern::parse(path) {
        return create_pictures(pattern, info, tracks);
    }
    if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("y4m")) {
        return Ok(Box::new(Y4mSink::create(path, info, tracks)?));
    }
    create_video(path, info, tracks)
}

#[cfg(feature = "images")]
fn create_pictures(
    pattern: SequencePattern,
    info: &VideoInfo,
    tracks: &Tracks,
) -> Result<Box<dyn FrameSink>> {
    Ok(Box::new(PngWriter::create(pattern, info, tracks)?))
}

#[cfg(not(feature = "images"))]
fn create_pictures(_: SequencePattern, _: &VideoInfo, _: &Tracks) -> Result<Box<dyn FrameSink>> {
    Err(missing_feature("picture files", "images"))
}

#[cfg(feature = "ffmpeg")]
fn create_video(path: &Path, info: &VideoInfo, tracks: &Tracks) -> Result<Box<dyn FrameSink>> {
    Ok(Box::new(LosslessWriter::create(path, info, tracks)?))
}

#[cfg(not(feature = "ffmpeg"))]
fn create_video(_: &Path, _: &VideoInfo, _: &Tracks) -> Result<Box<dyn FrameSink>> {
    Err(missing_feature("video files other than Y4M", "ffmpeg"))
}

#[cfg(any(not(feature = "ffmpeg"), not(feature = "images")))]
fn missing_feature(what: &str, feature: &str) -> crate::error::Error {
    crate::error::Error::Unsupported {
        what: what.into(),
        remedy: format!("build with the cargo feature `{feature}`"),
    }
}
