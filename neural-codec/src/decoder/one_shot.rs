//! A whole stream in one call.

use std::fs::File;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use serde::Serialize;

#[cfg(feature = "ffmpeg")]
use super::file_scenes::FileScenes;
use super::items::begins_like_a_file;
use super::settings::DecoderSettings;
use super::stream::StreamDecoder;
use crate::bitstream::SIGNATURE;
use crate::error::{Error, Result};
use crate::media::{self, FrameSource};
use crate::progress::{CancelToken, Progress};

/// The account of a decode.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct DecodeReport {
    /// Frames written.
    pub frames: u64,
    /// Audio packets written.
    pub audio_packets: u64,
    /// What a person should know, in sentences.
    pub notes: Vec<String>,
    /// Wall seconds, reading and writing included.
    pub seconds: f64,
    /// Frames / seconds.
    pub frames_per_second: f64,
}

/// Opens a `.nvc` stream, a video file that holds one, or any media file for reading frame by frame.
///
/// # Errors
///
/// As [`media::open`] and [`StreamDecoder::new`].
pub fn open_clip(path: &Path, settings: &DecoderSettings) -> Result<Box<dyn FrameSource>> {
    open_clip_with(path, settings, &media::OpenOptions::default())
}

/// As [`open_clip`], with options for files that are no streams.
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
        return media::with_planned_audio(stream, options);
    }
    media::open(path, options)
}

/// Whether a file is a `.nvc` stream, or an ordinary video file whose first scene has a neural layer. What cannot be read is
/// not, and is left for the media readers to explain.
pub fn holds_stream(path: &Path, settings: &DecoderSettings) -> bool {
    let Ok(file) = File::open(path) else { return false };
    let mut first = Vec::new();
    // A directory opens but does not read.
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

/// Decodes a `.nvc` file into a media file, which appears whole or not at all.
///
/// The output's name decides its kind: see [`media::create`]. `on_progress` is called after each frame; breaking
/// cancels.
///
/// # Errors
///
/// As [`StreamDecoder::decode_frame`] and [`media::create`]; `InvalidArgument` where both are one file; `Cancelled`.
pub fn decode_file(
    input: &Path,
    output: &Path,
    settings: &DecoderSettings,
    cancel: &CancelToken,
    on_progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<DecodeReport> {
    #[cfg(feature = "images")]
    if is_picture_name(output) {
        return super::photo_file::decode_photo_file(input, output, settings);
    }
    media::expect_distinct(input, output)?;
    let start = Instant::now();
    let mut decoder = StreamDecoder::open_file(input, settings.clone())?;
    let mut writer = media::create(output, decoder.info(), decoder.tracks())?;
    let (mut frames, mut audio_packets) = (0, 0);
    let frames_total = decoder.declared_frame_count();
    while let Some(frame) = decoder.next_frame()? {
        cancel.check()?;
        audio_packets += write_audio(&mut decoder, writer.as_mut())?;
        writer.write_frame(&frame)?;
        frames += 1;
        let so_far =
            Progress { frames_done: frames, frames_total, bytes: decoder.position(), ..Progress::default() };
        if on_progress(so_far).is_break() {
            return Err(Error::Cancelled);
        }
    }
    audio_packets += write_audio(&mut decoder, writer.as_mut())?;
    writer.finish()?;
    let notes = decoder.take_notes();
    let seconds = start.elapsed().as_secs_f64();
    Ok(DecodeReport { frames, audio_packets, notes, seconds, frames_per_second: frames as f64 / seconds })
}

/// Whether an output is one picture, and no pattern of many.
#[cfg(feature = "images")]
fn is_picture_name(path: &Path) -> bool {
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    matches!(ending.as_str(), "png" | "tif" | "tiff") && media::SequencePattern::parse(path).is_none()
}

fn write_audio(source: &mut dyn FrameSource, writer: &mut dyn media::FrameSink) -> Result<u64> {
    let packets = source.take_audio();
    packets.iter().try_for_each(|packet| writer.write_audio(packet))?;
    source.take_subtitles().iter().try_for_each(|packet| writer.write_subtitle(packet))?;
    Ok(packets.len() as u64)
}
