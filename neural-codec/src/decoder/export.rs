//! A stream as an ordinary AV1 video file, which any player plays: its base layer alone, or with the neural layer in it.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;

use serde::Serialize;

use super::item::{FoundScene, Item};
use super::items::{AnyInput, Items};
use super::scene::SceneDecoder;
use super::settings::DecoderSettings;
use crate::base::{insert_hdr, insert_message, sequence_header_obu, shown_padding};
use crate::bitstream::{FRAMES_PER_HASH, Limits, NeuralLayer, Repeats, SceneHeader, Tracks};
use crate::error::{Error, Place, Result};
use crate::frame::{FrameHash, PixelFormat, VideoInfo};
use crate::lost::Lost;
use crate::media::{Av1Writer, Container, ContainerTracks, TrackUnit, expect_distinct};
use crate::progress::{CancelToken, Progress};

/// What an export wrote.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct ExportReport {
    /// Frames, each one temporal unit. Where the stream has frames that show the one before again, a file has that one, for longer.
    pub frames: u64,
    /// Bytes of AV1.
    pub base_bytes: u64,
    /// Width of the coded pictures in pixels: even, at least 64, and so more than the stream's where that is not.
    pub width: u32,
    /// Height of the coded pictures in pixels, as `width`.
    pub height: u32,
    /// Bits of a coded sample.
    pub bit_depth: u8,
    /// What the stream has beside its pictures and the file has no place for.
    pub lost: Vec<Lost>,
}

/// What is written of each scene.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layers {
    /// AV1 as it is.
    Base,
    /// AV1 with the neural layer in a metadata OBU.
    All,
}

/// Writes the base layer of a stream, as it is and with all other tracks, into an MP4, MOV, Matroska or WebM file, which
/// appears whole or not at all.
///
/// Nothing is decoded: the file holds what the base layer alone gives, before anything the decoder adds to it. `on_progress`
/// is called after each scene; breaking cancels.
///
/// # Errors
///
/// As `PacketReader`; `Unsupported` where the container cannot hold the audio; `Cancelled`; `Io`.
pub fn export_base(
    input: &Path,
    output: &Path,
    limits: &Limits,
    cancel: &CancelToken,
    on_progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<ExportReport> {
    expect_distinct(input, output)?;
    Export { input, limits, cancel, layers: Layers::Base }.run(Target::File(output), on_progress)
}

/// What to write instead of a file that does not hold AV1.
const ENDINGS: &str = "use .mkv, .mp4 or .webm";

/// Where a file goes.
pub(super) enum Target<'a> {
    File(&'a Path),
    Sink(Box<dyn Write + Send>, Container),
}

impl Target<'_> {
    fn container(&self) -> Result<Container> {
        match self {
            Self::File(path) => match Container::of(path, ENDINGS)? {
                // FFmpeg writes AV1 into no such file.
                Container::Mov => Err(Error::Unsupported {
                    what: format!("AV1 in a .mov: {}", path.display()),
                    remedy: ENDINGS.into(),
                }),
                container => Ok(container),
            },
            Self::Sink(_, container) => Ok(*container),
        }
    }
}

/// A file that is to be written from another.
pub(super) struct Export<'a> {
    pub(super) input: &'a Path,
    pub(super) limits: &'a Limits,
    pub(super) cancel: &'a CancelToken,
    pub(super) layers: Layers,
}

impl Export<'_> {
    /// Writes the file.
    ///
    /// # Errors
    ///
    /// As [`export_base`].
    pub(super) fn run(
        &self,
        target: Target<'_>,
        on_progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<ExportReport> {
        let container = target.container()?;
        let mut scenes = self.open()?;
        let mut next = next_scene(&mut scenes)?;
        let Some(first) = &next else {
            let place = Place::at_offset(scenes.position());
            return Err(Error::corrupt("stream", "at least one scene", "none", place));
        };
        let kept = ContainerTracks::new(container, scenes.tracks())?;
        let mut report = ExportReport {
            frames: 0,
            base_bytes: 0,
            width: first.packets.base.width,
            height: first.packets.base.height,
            bit_depth: first.packets.base.depth.bits(),
            lost: kept.lost.clone(),
        };
        let (info, tracks) = (scenes.header().info, scenes.tracks().clone());
        report.lost.extend(shown_padding(info.width, info.height));
        let coded = coded_info(&info, first);
        let earliest = self.others()?.earliest()?;
        let mut writer = self.start(target, &coded, first, &tracks, (kept, earliest))?;
        // A reader of its own: packets of tracks and scenes are not stored in the order in which a container wants them.
        let mut others = self.others()?;
        let mut progress = Progress::default();
        let (mut shown_again, mut held) = (0, 0);
        while let Some(scene) = next {
            self.cancel.check()?;
            shown_again += scene.packets.header.repeats.count();
            held = shown_after_last_unit(&scene.packets.header);
            let scene = self.without_repeats(scene, &info)?;
            for unit in self.units(&scene, &info, &tracks)? {
                others.write_before(&mut writer, unit.timestamp as f64 * info.time_base.value())?;
                writer.write_unit(unit)?;
            }
            report.frames += scene.packets.header.frame_count() as u64;
            report.base_bytes += scene.packets.base.byte_len() as u64;
            progress.frames_done = report.frames;
            progress.scenes_done += 1;
            progress.bytes = scenes.position();
            if on_progress(progress).is_break() {
                return Err(Error::Cancelled);
            }
            next = next_scene(&mut scenes)?;
        }
        let last_duration = others.write_rest(&mut writer)?;
        writer.finish(last_duration, held)?;
        report.lost.extend(longer_frames(shown_again));
        Ok(report)
    }

    fn others(&self) -> Result<Others> {
        Ok(Others { items: self.open()?, next: None })
    }

    fn open(&self) -> Result<Items<AnyInput>> {
        let settings = DecoderSettings::default().with_limits(self.limits.clone());
        Items::open_file(self.input, &settings).and_then(Items::expect_clip)
    }

    fn start(
        &self,
        target: Target<'_>,
        info: &VideoInfo,
        first: &FoundScene,
        tracks: &Tracks,
        (kept, earliest): (ContainerTracks, i64),
    ) -> Result<Av1Writer> {
        let unit = first.packets.base.units().next().unwrap_or_default();
        // The sequence header and what says how bright pictures are, which players look for first.
        let setup = insert_hdr(sequence_header_obu(unit)?, tracks)?;
        match target {
            Target::File(path) => Av1Writer::create(path, info, &setup, kept, earliest),
            Target::Sink(sink, container) => Av1Writer::stream(sink, container, info, &setup, kept, earliest),
        }
    }

    /// The scene as a file has it: a frame that is shown again is one that is shown for longer. Hashes are those of what is left, by
    /// decoding, where they are written.
    fn without_repeats(&self, scene: FoundScene, info: &VideoInfo) -> Result<FoundScene> {
        let repeats = scene.packets.header.repeats.clone();
        if repeats.is_empty() {
            return Ok(scene);
        }
        let mut packets = scene.packets.clone();
        packets.header.repeats = Repeats::default();
        packets.header.timestamps = repeats.coded(&scene.packets.header.timestamps).copied().collect();
        if self.layers == Layers::All {
            let settings = DecoderSettings::default().with_limits(self.limits.clone());
            let mut hashes = Vec::new();
            let mut decoder = SceneDecoder::new(scene, *info, &settings, &mut None)?;
            while let Some(decoded) = decoder.next_frame()? {
                self.cancel.check()?;
                hashes.push(FrameHash::of(&decoded.frame));
            }
            let hashes: Vec<FrameHash> = repeats.coded(&hashes).copied().collect();
            packets.hashes = hashes.chunks(FRAMES_PER_HASH).map(FrameHash::of_group).collect();
        }
        Ok(FoundScene::whole(packets))
    }

    /// One temporal unit a frame, the first with what belongs to the scene.
    fn units(&self, scene: &FoundScene, info: &VideoInfo, tracks: &Tracks) -> Result<Vec<TrackUnit>> {
        let packets = &scene.packets;
        let units = packets.base.units().zip(&packets.header.timestamps).enumerate();
        units
            .map(|(index, (data, &timestamp))| {
                let mut data = data.to_vec();
                if index == 0 {
                    if self.layers == Layers::All && scene.covered > 0 {
                        let layer = NeuralLayer::of(packets, info, scene.covered)?;
                        data = insert_message(&data, &layer.to_bytes()?)?;
                    }
                    data = insert_hdr(&data, tracks)?;
                }
                Ok(TrackUnit { timestamp, duration: 0, is_key: index == 0, data })
            })
            .collect()
    }
}

/// How long the frames of a scene that come after its last unit are shown, but for the last of them.
fn shown_after_last_unit(header: &SceneHeader) -> u64 {
    let last_coded = header.repeats.coded(&header.timestamps).last();
    header.timestamps.last().zip(last_coded).map_or(0, |(last, coded)| last.abs_diff(*coded))
}

/// Names the frames that a file has not.
fn longer_frames(count: usize) -> Option<Lost> {
    (count > 0).then(|| {
        let why = format!("{count} repeat the picture before, which lasts longer in the file instead");
        Lost::new("frames", why)
    })
}

/// The clip as it is coded.
fn coded_info(info: &VideoInfo, first: &FoundScene) -> VideoInfo {
    let base = &first.packets.base;
    VideoInfo {
        width: base.width as usize,
        height: base.height as usize,
        format: PixelFormat { depth: base.depth, ..info.format },
        ..*info
    }
}

fn next_scene(items: &mut Items<AnyInput>) -> Result<Option<FoundScene>> {
    while let Some(item) = items.next_item()? {
        if let Item::Scene(scene) = item {
            return Ok(Some(*scene));
        }
    }
    Ok(None)
}

/// Packets among which the first of each track are looked for.
const MOST_LOOKED_AT: usize = 10_000;

/// Packets of all tracks but the pictures, in the order of the stream.
struct Others {
    items: Items<AnyInput>,
    next: Option<Item>,
}

impl Others {
    /// When the first packet of any track begins, in nanoseconds, samples before the sound left out. Looks at the first packets
    /// alone: those of a track come in order.
    fn earliest(mut self) -> Result<i64> {
        let count = self.items.tracks().audio.len();
        let mut seen = vec![false; count];
        let mut earliest = 0_i64;
        for _ in 0..MOST_LOOKED_AT {
            // A text that comes before the pictures lies before others of its time.
            if self.peek()?.is_none() || (seen.iter().all(|seen| *seen) && self.begins() >= 0.0) {
                break;
            }
            let next = self.next.take();
            if let Some(Item::Subtitle(packet)) = &next
                && let Some(track) = self.items.tracks().subtitles.get(usize::from(packet.track))
            {
                earliest = earliest.min(track.begins_before(packet));
            }
            let Some(Item::Audio(packet)) = next else { continue };
            let number = usize::from(packet.track);
            let Some(track) = self.items.tracks().audio.get(number).filter(|_| !seen[number]) else {
                continue;
            };
            let Some(begins) = track.begins_before(&packet) else { continue };
            seen[number] = true;
            earliest = earliest.min(begins);
        }
        Ok(earliest)
    }

    /// Writes packets up to a time in seconds.
    fn write_before(&mut self, writer: &mut Av1Writer, seconds: f64) -> Result<()> {
        while self.peek()?.is_some() && self.begins() < seconds {
            self.write_next(writer)?;
        }
        Ok(())
    }

    /// Writes all that is left; the duration of the clip's last frame, where that is known.
    fn write_rest(&mut self, writer: &mut Av1Writer) -> Result<Option<u64>> {
        let mut last_duration = None;
        while self.peek()?.is_some() {
            last_duration = self.write_next(writer)?.or(last_duration);
        }
        Ok(last_duration)
    }

    /// When the next packet is heard or seen, in seconds.
    fn begins(&self) -> f64 {
        let tracks = self.items.tracks();
        let (time, base) = match &self.next {
            Some(Item::Audio(packet)) => {
                (packet.timestamp, tracks.audio.get(usize::from(packet.track)).map(|track| track.time_base))
            }
            Some(Item::Subtitle(packet)) => (
                packet.timestamp,
                tracks.subtitles.get(usize::from(packet.track)).map(|track| track.time_base),
            ),
            _ => return f64::INFINITY,
        };
        base.map_or(0.0, |base| time as f64 * base.value())
    }

    fn peek(&mut self) -> Result<Option<&Item>> {
        while self.next.is_none() {
            match self.items.next_item()? {
                Some(Item::Scene(_) | Item::Photo(_)) => {}
                Some(item) => self.next = Some(item),
                None => return Ok(None),
            }
        }
        Ok(self.next.as_ref())
    }

    fn write_next(&mut self, writer: &mut Av1Writer) -> Result<Option<u64>> {
        match self.next.take() {
            Some(Item::Audio(packet)) => writer.write_audio(&packet)?,
            Some(Item::Subtitle(packet)) => writer.write_subtitle(&packet)?,
            Some(Item::LastDuration(duration)) => return Ok(Some(duration)),
            Some(Item::Scene(_) | Item::Photo(_)) | None => {}
        }
        Ok(None)
    }
}
