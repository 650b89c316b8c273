//! A whole stream in one call.

use std::fs::File;
use std::io::{BufReader, Read};
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use serde::Serialize;

use super::settings::DecoderSettings;
use super::stream::{StreamDecoder, is_stream};
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
    /// Wall seconds, reading and writing included.
    pub seconds: f64,
    /// Frames / seconds.
    pub frames_per_second: f64,
}

/// Opens a `.nvc` stream or any media file for reading frame by frame.
///
/// # Errors
///
/// As [`media::open`] and [`StreamDecoder::new`].
pub fn open_clip(path: &Path, settings: &DecoderSettings) -> Result<Box<dyn FrameSource>> {
    let mut file = File::open(path).map_err(|source| Error::io(path, source))?;
    let mut first = Vec::new();
    // A directory opens but does not read; `media::open` explains it.
    let read = file.by_ref().take(8).read_to_end(&mut first);
    if read.is_ok() && is_stream(&first) {
        return Ok(Box::new(open_stream(path, settings)?));
    }
    media::open(path, &media::OpenOptions::default())
}

fn open_stream(path: &Path, settings: &DecoderSettings) -> Result<StreamDecoder<BufReader<File>>> {
    let file = File::open(path).map_err(|source| Error::io(path, source))?;
    StreamDecoder::new(BufReader::new(file), settings.clone())
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
    media::expect_distinct(input, output)?;
    let start = Instant::now();
    let mut decoder = open_stream(input, settings)?;
    let mut writer = media::create(output, decoder.info(), decoder.audio_tracks())?;
    let (mut frames, mut audio_packets) = (0, 0);
    while let Some(frame) = decoder.next_frame()? {
        cancel.check()?;
        audio_packets += write_audio(&mut decoder, writer.as_mut())?;
        writer.write_frame(&frame)?;
        frames += 1;
        let so_far = Progress { frames_done: frames, bytes: decoder.position(), ..Progress::default() };
        if on_progress(so_far).is_break() {
            return Err(Error::Cancelled);
        }
    }
    audio_packets += write_audio(&mut decoder, writer.as_mut())?;
    writer.finish()?;
    let seconds = start.elapsed().as_secs_f64();
    Ok(DecodeReport { frames, audio_packets, seconds, frames_per_second: frames as f64 / seconds })
}

fn write_audio(source: &mut dyn FrameSource, writer: &mut dyn media::FrameSink) -> Result<u64> {
    let packets = source.take_audio();
    packets.iter().try_for_each(|packet| writer.write_audio(packet))?;
    Ok(packets.len() as u64)
}
