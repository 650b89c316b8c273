//! The base layer of a stream as an ordinary AV1 video file, which any player plays.

use std::cell::Cell;
use std::fs::File;
use std::io::BufReader;
use std::ops::ControlFlow;
use std::path::Path;

use serde::Serialize;

use crate::bitstream::{AudioPacket, Limits, PacketReader, ScenePackets, StreamItem};
use crate::error::{Error, Place, Result};
use crate::frame::{PixelFormat, VideoInfo};
use crate::media::{TrackUnit, expect_distinct, remux_av1};
use crate::progress::{CancelToken, Progress};

/// What an export wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ExportReport {
    /// Frames, each one temporal unit.
    pub frames: u64,
    /// Bytes of AV1.
    pub base_bytes: u64,
    /// Width of the coded pictures in pixels: even, at least 64, and so more than the stream's where that is not.
    pub width: u32,
    /// Height of the coded pictures in pixels, as `width`.
    pub height: u32,
    /// Bits of a coded sample.
    pub bit_depth: u8,
}

/// Writes the base layer of a `.nvc` file, as it is and with the audio, into an MP4, MOV, Matroska or WebM file, which
/// appears whole or not at all.
///
/// Nothing is decoded: the file holds what the base layer alone gives, before anything the decoder adds to it. `on_progress`
/// is called after each scene; breaking cancels.
///
/// # Errors
///
/// As `PacketReader`; `Unsupported` for scenes whose base layer holds fewer pictures than there are frames, and
/// where the container cannot hold the audio; `Cancelled`; `Io`.
pub fn export_base(
    input: &Path,
    output: &Path,
    limits: &Limits,
    cancel: &CancelToken,
    on_progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<ExportReport> {
    expect_distinct(input, output)?;
    let mut scenes = Items { reader: open(input, limits)? };
    let first = scenes.next_scene()?.ok_or_else(|| {
        let place = Place::at_offset(scenes.reader.position());
        Error::corrupt("stream", "at least one scene", "none", place)
    })?;
    let header = scenes.reader.header().clone();
    let depth = first.base.depth;
    let info = VideoInfo {
        width: first.base.width as usize,
        height: first.base.height as usize,
        format: PixelFormat { depth, ..header.info.format },
        ..header.info
    };
    let done = Cell::new(Progress::default());
    let report = Cell::new(ExportReport {
        frames: 0,
        base_bytes: 0,
        width: first.base.width,
        height: first.base.height,
        bit_depth: depth.bits(),
    });
    let mut next = Some(first);
    let scene_units = std::iter::from_fn(|| {
        let mut step = || -> Result<Option<Vec<TrackUnit>>> {
            cancel.check()?;
            let scene = match next.take() {
                Some(scene) => scene,
                None => match scenes.next_scene()? {
                    Some(scene) => scene,
                    None => return Ok(None),
                },
            };
            let units = units(&scene)?;
            let (mut at, mut sum) = (done.get(), report.get());
            sum.frames += units.len() as u64;
            sum.base_bytes += scene.base.byte_len() as u64;
            (at.frames_done, at.bytes, at.scenes_done) =
                (sum.frames, scenes.reader.position(), at.scenes_done + 1);
            done.set(at);
            report.set(sum);
            if on_progress(at).is_continue() { Ok(Some(units)) } else { Err(Error::Cancelled) }
        };
        step().transpose()
    });
    let all_units = scene_units.flat_map(|units| match units {
        Ok(units) => units.into_iter().map(Ok).collect(),
        Err(error) => vec![Err(error)],
    });
    // A reader of its own: packets of audio and scenes are not stored in the order in which a container wants them.
    let mut audio = Audio { items: Items { reader: open(input, limits)? }, error: None };
    let written = remux_av1(output, all_units, &info, &header.audio_tracks, &mut audio);
    // What the audio's reader meets, the scenes' reader meets too: both read the same packets.
    audio.error.map_or(written, Err)?;
    Ok(report.get())
}

fn open(input: &Path, limits: &Limits) -> Result<PacketReader<BufReader<File>>> {
    let file = File::open(input).map_err(|source| Error::io(input, source))?;
    PacketReader::new(BufReader::new(file), limits.clone())
}

/// One temporal unit a frame.
fn units(scene: &ScenePackets) -> Result<Vec<TrackUnit>> {
    let (frames, units) = (scene.header.frame_count(), scene.base.units().len());
    if units != frames {
        return Err(Error::Unsupported {
            what: format!(
                "export of scene {}: its base layer holds {units} pictures for {frames} frames",
                scene.header.index
            ),
            remedy: "decode the stream into a video file instead".into(),
        });
    }
    let unit = |(index, (data, &timestamp)): (usize, (&[u8], &i64))| TrackUnit {
        timestamp,
        is_key: index == 0,
        data: data.to_vec(),
    };
    Ok(scene.base.units().zip(&scene.header.timestamps).enumerate().map(unit).collect())
}

struct Items {
    reader: PacketReader<BufReader<File>>,
}

impl Items {
    fn next_scene(&mut self) -> Result<Option<ScenePackets>> {
        while let Some(item) = self.reader.next_item()? {
            if let StreamItem::Scene(scene) = item {
                return Ok(Some(scene));
            }
        }
        Ok(None)
    }
}

/// The audio packets of a stream, up to the first error.
struct Audio {
    items: Items,
    error: Option<Error>,
}

impl Iterator for Audio {
    type Item = AudioPacket;

    fn next(&mut self) -> Option<AudioPacket> {
        while self.error.is_none() {
            match self.items.reader.next_item() {
                Ok(Some(StreamItem::Audio(packet))) => return Some(packet),
                Ok(Some(StreamItem::Scene(_))) => {}
                Ok(None) => return None,
                Err(error) => self.error = Some(error),
            }
        }
        None
    }
}
