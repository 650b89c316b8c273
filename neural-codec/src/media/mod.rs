//! Files in and out: Y4M, picture files, and whatever FFmpeg reads.
//!
//! ```text
//! in    open    -> sniff -> Y4M | pictures | container length -> demux -> decode -> samples -> upright -> timestamps
//! out   create  -> PNG sequence | lossless video and audio -> a file beside -> rename
//! out   Av1Writer: temporal units and all other tracks as they are; in   UnitReader
//! ```
//! The cargo feature `ffmpeg` adds video files, `images` adds pictures; without both, Y4M remains.

mod atomic_file;
#[cfg(feature = "ffmpeg")]
mod clock;
#[cfg(feature = "ffmpeg")]
mod container;
#[cfg(feature = "ffmpeg")]
mod container_length;
#[cfg(feature = "ffmpeg")]
pub mod ffmpeg;
mod frame_sink;
mod frame_source;
mod open_options;
mod output_kind;
#[cfg(feature = "images")]
pub mod pictures;
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
#[cfg(feature = "ffmpeg")]
pub use container::Container;
#[cfg(feature = "ffmpeg")]
pub use ffmpeg::{Av1Writer, FfmpegReader, FileItem, KeptTracks, LosslessWriter, TrackUnit, UnitReader};
pub use frame_sink::FrameSink;
pub use frame_source::FrameSource;
pub use open_options::{AudioChoice, OpenOptions, SourceDamage};
pub use output_kind::OutputKind;
#[cfg(feature = "images")]
pub use pictures::{PictureReader, PngWriter};
pub use sequence::SequencePattern;
pub use y4m_read::Y4mReader;
pub use y4m_sink::Y4mSink;
pub use y4m_write::Y4mWriter;

use std::path::Path;

use crate::bitstream::Tracks;
use crate::error::{Error, Result};
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
        sniff::FileKind::Container => open_container(path, options),
    }
}

fn open_y4m(path: &Path, options: &OpenOptions) -> Result<Box<dyn FrameSource>> {
    let reader = Y4mReader::open(path)?;
    Ok(match options.frame_rate {
        Some(rate) => Box::new(retime::AtRate::new(reader, rate)),
        None => Box::new(reader),
    })
}

#[cfg(feature = "images")]
fn open_pictures(files: Vec<std::path::PathBuf>, options: &OpenOptions) -> Result<Box<dyn FrameSource>> {
    Ok(Box::new(PictureReader::open(files, options.frame_rate)?))
}

#[cfg(not(feature = "images"))]
fn open_pictures(_files: Vec<std::path::PathBuf>, _options: &OpenOptions) -> Result<Box<dyn FrameSource>> {
    Err(missing_feature("picture files", "images"))
}

#[cfg(feature = "ffmpeg")]
fn open_container(path: &Path, options: &OpenOptions) -> Result<Box<dyn FrameSource>> {
    Ok(Box::new(FfmpegReader::open(path, options)?))
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
/// sink.finish()?;
/// let mut source = media::open(&path, &media::OpenOptions::default())?;
/// assert_eq!(source.info().width, 64);
/// assert!(source.next_frame()?.is_some() && source.next_frame()?.is_none());
/// # Ok::<(), neural_codec::Error>(())
/// ```
///
/// # Errors
///
/// `Io` where the folder cannot be written; `Unsupported` for other endings, for what the container cannot
/// hold, and naming the cargo feature that is missing.
pub fn create(path: &Path, info: &VideoInfo, tracks: &Tracks) -> Result<Box<dyn FrameSink>> {
    if let Some(pattern) = SequencePattern::parse(path) {
        return create_pictures(pattern, info, tracks);
    }
    if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("y4m")) {
        return Ok(Box::new(Y4mSink::create(path, info, &tracks.audio)?));
    }
    create_video(path, info, tracks)
}

#[cfg(feature = "images")]
fn create_pictures(
    pattern: SequencePattern,
    info: &VideoInfo,
    tracks: &Tracks,
) -> Result<Box<dyn FrameSink>> {
    if !tracks.audio.is_empty() {
        return Err(Error::Unsupported {
            what: "audio in a picture sequence".into(),
            remedy: "leave the audio out, or write an .mkv file".into(),
        });
    }
    Ok(Box::new(PngWriter::create(pattern, info)?))
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
fn missing_feature(what: &str, feature: &str) -> Error {
    Error::Unsupported { what: what.into(), remedy: format!("build with the cargo feature `{feature}`") }
}
