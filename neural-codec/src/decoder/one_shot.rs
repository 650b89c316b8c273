//! A whole stream in one call.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use super::decode_report::DecodeReport;
#[cfg(feature = "images")]
use super::photo_file::decode_photo_file;
use super::settings::{DecoderSettings, OnDamage};
use super::stream::StreamDecoder;
use crate::error::{Error, Result};
use crate::media::{self, FrameSource, Lost};
use crate::progress::{CancelToken, Progress};

/// Decodes a `.nvc` file into a media file, which appears whole or not at all.
///
/// The output's name decides its kind: see [`media::create`]. `on_progress` is called after each frame; breaking
/// cancels. Under [`OnDamage::SkipScene`] scenes that are damaged are left out, and named in the report's `lost`.
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
        return decode_photo_file(input, output, settings);
    }
    media::expect_distinct(input, output)?;
    let start = Instant::now();
    let mut decoder = StreamDecoder::open_file(input, settings.clone())?;
    let mut writer = media::create(output, decoder.info(), decoder.tracks())?;
    let (mut frames, mut audio_packets) = (0, 0);
    let frames_total = decoder.declared_frame_count();
    let mut damaged = Vec::new();
    loop {
        cancel.check()?;
        let frame = match decoder.next_frame() {
            Ok(Some(frame)) => frame,
            Ok(None) => break,
            Err(error) if settings.on_damage == OnDamage::SkipScene && error.is_damage() => {
                damaged.push(Lost::new("scene", error.to_string()));
                continue;
            }
            Err(error) => return Err(error),
        };
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
    let mut lost = writer.lost().to_vec();
    if lost.iter().any(|lost| lost.what == "audio") {
        audio_packets = 0;
    }
    lost.append(&mut damaged);
    lost.extend(decoder.lost());
    writer.finish(decoder.last_duration())?;
    let notes = decoder.take_notes();
    let seconds = start.elapsed().as_secs_f64();
    Ok(DecodeReport {
        frames,
        audio_packets,
        lost,
        notes,
        seconds,
        frames_per_second: frames as f64 / seconds,
    })
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
