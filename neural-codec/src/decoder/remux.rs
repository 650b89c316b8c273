//! From one file to another without coding anything anew: `.nvc`, Matroska, WebM, MP4.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;

use super::export::{Export, ExportReport, Layers, Target};
use super::item::{FoundScene, Item};
use super::items::{AnyInput, Items};
use super::scene::SceneDecoder;
use super::settings::DecoderSettings;
use crate::bitstream::{FRAMES_PER_HASH, PacketWriter, ScenePackets, StreamHeader, TracksEntry};
use crate::device::Device;
use crate::error::{Error, Result};
use crate::filter::cut_filter;
use crate::frame::{FrameHash, VideoInfo};
use crate::media::{AtomicFile, Container, OutputKind, expect_distinct};
use crate::progress::{CancelToken, Progress};

/// Writes a `.nvc` stream, or an ordinary video file that holds one, as the other or as another container: every scene with
/// its filter, every track as far as the output holds it. Nothing is coded anew.
///
/// A scene that a cut has left without its end, and one of AV1 alone, is decoded once to give it hashes where the output is a
/// `.nvc` stream. `on_progress` is called after each scene; breaking cancels.
///
/// # Errors
///
/// As [`StreamDecoder::open_file`](super::StreamDecoder::open_file); `Unsupported` for an ending that names no container,
/// and where it cannot hold the audio; `InvalidArgument` where both are one file; `Cancelled`; `Io`.
pub fn remux(
    input: &Path,
    output: &Path,
    settings: &DecoderSettings,
    cancel: &CancelToken,
    on_progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<ExportReport> {
    expect_distinct(input, output)?;
    match OutputKind::of(output)? {
        OutputKind::Container(_) => {
            let export = Export { input, limits: &settings.limits, cancel, layers: Layers::All };
            export.run(Target::File(output), on_progress)
        }
        OutputKind::Avif => {
            let expected = "a name that ends in .mp4, .mkv, .webm or .nvc";
            Err(Error::invalid("output", expected, output.display()))
        }
        OutputKind::Stream => {
            let mut file = AtomicFile::create(output)?;
            let report = to_stream(input, &mut file, settings, cancel, on_progress)?;
            file.commit()?;
            Ok(report)
        }
    }
}

/// As [`remux`], into a sink that cannot seek.
///
/// # Errors
///
/// As [`remux`].
pub fn remux_into(
    input: &Path,
    sink: impl Write + Send + 'static,
    container: Container,
    settings: &DecoderSettings,
    cancel: &CancelToken,
    on_progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<ExportReport> {
    let export = Export { input, limits: &settings.limits, cancel, layers: Layers::All };
    export.run(Target::Sink(Box::new(sink), container), on_progress)
}

fn to_stream(
    input: &Path,
    output: &mut dyn Write,
    settings: &DecoderSettings,
    cancel: &CancelToken,
    on_progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<ExportReport> {
    let mut items: Items<AnyInput> = Items::open_file(input, settings)?.expect_clip()?;
    let header = StreamHeader {
        audio_tracks: items.tracks().audio.clone(),
        encoder: format!("neural-codec {}", env!("CARGO_PKG_VERSION")),
        ..StreamHeader::new(items.header().info)
    };
    let mut writer = PacketWriter::new(output, &header, settings.limits.clone())?;
    writer.write_tracks(items.tracks())?;
    let mut report = ExportReport::default();
    let mut progress = Progress::default();
    let mut device = None;
    while let Some(item) = items.next_item()? {
        cancel.check()?;
        match item {
            Item::Audio(packet) => writer.write_audio(&packet)?,
            Item::Subtitle(packet) => writer.write_entries(vec![TracksEntry::SubtitlePacket(packet)])?,
            Item::LastDuration(duration) => {
                writer.write_entries(vec![TracksEntry::LastDuration(duration)])?
            }
            // Refused before.
            Item::Photo(_) => {}
            Item::Scene(scene) => {
                let scene = completed(*scene, &header.info, settings, &mut device)?;
                report.frames += scene.header.frame_count() as u64;
                report.base_bytes += scene.base.byte_len() as u64;
                (report.width, report.height) = (scene.base.width, scene.base.height);
                report.bit_depth = scene.base.depth.bits();
                writer.write_scene(&scene)?;
                progress.frames_done = report.frames;
                progress.scenes_done += 1;
                progress.bytes = items.position();
                if on_progress(progress).is_break() {
                    return Err(Error::Cancelled);
                }
            }
        }
    }
    writer.finish()?;
    Ok(report)
}

/// A scene with a filter and hashes for just the frames that it holds.
fn completed(
    scene: FoundScene,
    info: &VideoInfo,
    settings: &DecoderSettings,
    device: &mut Option<Device>,
) -> Result<ScenePackets> {
    let frames = scene.packets.header.frame_count();
    if scene.covered == frames {
        return Ok(scene.packets);
    }
    let mut packets = scene.packets.clone();
    let mut decoder = SceneDecoder::new(scene, *info, settings, device)?;
    let mut hashes = Vec::with_capacity(frames);
    while let Some(decoded) = decoder.next_frame()? {
        hashes.push(FrameHash::of(&decoded.frame));
    }
    packets.hashes = hashes.chunks(FRAMES_PER_HASH).map(FrameHash::of_group).collect();
    packets.filter = match packets.filter {
        Some(filter) => Some(cut_filter(&filter, (info.width, info.height), frames)?),
        None => None,
    };
    Ok(packets)
}
