//! A clip of any file, to be read frame by frame.

use std::fs::File;
use std::io::Read;
use std::path::Path;

#[cfg(feature = "ffmpeg")]
use super::file_scenes::FileScenes;
use super::items::begins_like_a_file;
use super::settings::DecoderSettings;
use super::stream::StreamDecoder;
use crate::bitstream::SIGNATURE;
use crate::error::Result;
use crate::media::{self, FrameSource};

/// Opens a `.nvc` stream, a video file that holds one, or any media file for reading frame by frame.
///
/// # Errors
///
/// As [`media::open`] and [`StreamDecoder::new`].
pub fn open_clip(path: &Path, settings: &DecoderSettings) -> Result<Box<dyn FrameSource>> {
    open_clip_with(path, settings, &media::OpenOptions::default())
}

/// As [`open_clip`], with options: of streams, their rate and their sound.
///
/// # Errors
///
/// As [`open_clip`].
pub fn open_clip_with(
    path: &Path,
    settings: &DecoderSettings,
    options: &media::OpenOptions,
) -> Result<Box<dyn FrameSource>> {
    if holds_stream(path, settings) {
        let stream = Box::new(StreamDecoder::open_file(path, settings.clone())?);
        return media::as_asked(stream, options);
    }
    media::open(path, options)
}

/// Whether a file is a `.nvc` stream, or an ordinary video file whose first scene has a neural layer. What cannot be read is
/// not, and is left for the media readers to explain; so is a pipe, which might be waited for without end.
pub fn holds_stream(path: &Path, settings: &DecoderSettings) -> bool {
    if !path.metadata().is_ok_and(|found| found.is_file()) {
        return false;
    }
    let Ok(file) = File::open(path) else { return false };
    let mut first = Vec::new();
    if file.take(SIGNATURE.len() as u64).read_to_end(&mut first).is_err() {
        return false;
    }
    first == SIGNATURE || (begins_like_a_file(&first) && holds_layer(path, settings))
}

#[cfg(feature = "ffmpeg")]
fn holds_layer(path: &Path, settings: &DecoderSettings) -> bool {
    FileScenes::open(path, settings).is_ok_and(|scenes| scenes.has_layer())
}

#[cfg(not(feature = "ffmpeg"))]
fn holds_layer(_: &Path, _: &DecoderSettings) -> bool {
    false
}
