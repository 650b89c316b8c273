//! One scene, decoded frame by frame and checked against its hashes.

use super::ahead::Ahead;
use super::base_stage::{BaseStage, UnitSource};
use super::item::FoundScene;
use super::layer::{Decoded, Filtering, Layer};
use super::memory_need;
use super::settings::DecoderSettings;
use super::unit_feed::{UnitFeed, UnitInput};
use crate::base::{Av1Decoder, DecoderConfig, coded_size};
use crate::bitstream::{FRAMES_PER_HASH, SceneHeader, ScenePackets, Strategy};
use crate::device::Device;
use crate::error::{Error, Place, Result};
use crate::frame::{AnyFrame, Frame, FrameHash, GpuFrame, VideoInfo};

/// A scene in the middle of being decoded.
pub(super) struct SceneDecoder {
    header: SceneHeader,
    /// Hashes that the stream stores.
    hashes: Vec<u64>,
    /// Frames that they are for.
    covered: usize,
    /// How many frames after it a frame depends on.
    looks_ahead: usize,
    info: VideoInfo,
    /// Units on their way, of a scene that was begun before it came whole. Dropped before `frames`, whose thread waits for it.
    feed: Option<UnitFeed>,
    /// Frames of the base layer, filtered where the scene has a filter.
    frames: Ahead<Decoded>,
    frames_out: usize,
    /// Frames of the base layer that were taken.
    coded_out: usize,
    /// The last of them where it is shown again, and how often yet.
    again: Option<(Frame, u32)>,
    /// Hashes of the frames since the last stored hash.
    unchecked: Vec<FrameHash>,
}

impl SceneDecoder {
    /// `device`: the one of the settings, opened here at the first scene that has a network, and kept: one that is lost later
    /// leaves the other scenes to the CPU.
    ///
    /// # Errors
    ///
    /// `Corrupt` or `LimitExceeded` where the base layer contradicts the scene, `Unsupported` strategies, `Device`
    /// where the GPU that is asked for cannot be had.
    pub(super) fn new(
        found: FoundScene,
        info: VideoInfo,
        settings: &DecoderSettings,
        device: &mut Option<Device>,
    ) -> Result<Self> {
        let FoundScene { packets: scene, covered, is_open } = found;
        let place = Place::in_scene(scene.header.index);
        memory_need::check(&scene, settings.thread_count(), settings.limits.max_memory_bytes)?;
        let layer = match (scene.header.strategy, &scene.filter) {
            (Strategy::Av1, None) => None,
            (Strategy::Hybrid, Some(packet)) => {
                let layer = Layer::new(packet, move || opened(device, settings, &info));
                Some(layer.map_err(|error| error.within(place))?)
            }
            (strategy, filter) => {
                let expected = if strategy == Strategy::Av1 {
                    "none in a scene of AV1"
                } else {
                    "one in a hybrid scene"
                };
                let found = if filter.is_some() { "one" } else { "none" };
                return Err(Error::corrupt("filter", expected, found, place));
            }
        };
        let (found, expected) =
            ((scene.base.width as usize, scene.base.height as usize), coded_size(info.width, info.height));
        if found != expected {
            let text = |(width, height)| format!("{width}x{height}");
            return Err(Error::corrupt("coded size", text(expected), text(found), place));
        }
        let decoder = Av1Decoder::new(&DecoderConfig {
            depth: scene.base.depth,
            max_pixels: settings.limits.max_pixels,
            color: info.color,
            threads: settings.thread_count(),
            ..DecoderConfig::new(info.width, info.height)
        })?;
        let looks_ahead = layer.as_ref().map_or(0, Layer::looks_ahead);
        let ScenePackets { header, base, hashes, .. } = scene;
        let (feed, units) = if is_open {
            let (feed, units) = UnitFeed::new(looks_ahead);
            (Some(feed), UnitSource::Coming(units))
        } else {
            (None, UnitSource::Whole(base, 0))
        };
        let mut decoding = BaseStage { units, decoder, drained: false };
        let mut frames = Ahead::start(move || Ok(decoding.next()?.map(Decoded::on_host)))?;
        if let Some(layer) = layer {
            let (frames_left, keeps) = (header.coded_count(), settings.gpu_resident);
            let is_whole = covered == header.frame_count();
            let mut filtering = Filtering { base: frames, layer, frames_left, is_whole, keeps };
            frames = Ahead::start(move || filtering.next())?;
        }
        Ok(Self {
            header,
            hashes,
            covered,
            looks_ahead,
            info,
            feed,
            frames,
            frames_out: 0,
            coded_out: 0,
            again: None,
            unchecked: Vec::new(),
        })
    }

    /// The next frame, `None` after the last.
    ///
    /// # Errors
    ///
    /// `Corrupt` where the base layer cannot be decoded, has another number of frames than the scene, or
    /// one of the last [`FRAMES_PER_HASH`] frames differs from what the encoder saw.
    pub(super) fn next_frame(&mut self) -> Result<Option<Decoded>> {
        let place = Place {
            offset: None,
            scene: Some(self.header.index),
            frame: Some(self.header.first_frame + self.frames_out as u64),
        };
        self.decode_next().map_err(|error| error.within(place))
    }

    /// As [`next_frame`](Self::next_frame), of a scene that may be open and whose units come from `input` as far as it needs them.
    ///
    /// # Errors
    ///
    /// As [`next_frame`](Self::next_frame), and those of the input, after the frames of all units before them.
    pub(super) fn next_coming(&mut self, input: &mut dyn UnitInput) -> Result<Option<Decoded>> {
        if let Some(feed) = self.feed.as_mut().filter(|_| self.again.is_none()) {
            feed.fill(input, self.coded_out);
            if let Some(error) = feed.failure(self.coded_out) {
                return Err(error.within(Place::in_scene(self.header.index)));
            }
        }
        self.next_frame()
    }

    /// Whether the last frame was given before its hash, and the checksum of what it was made of, could be compared.
    pub(super) fn is_provisional(&self) -> bool {
        self.feed.is_some() && !self.unchecked.is_empty()
    }

    fn decode_next(&mut self) -> Result<Option<Decoded>> {
        if let Some((frame, left)) = self.again.take() {
            self.again = if left > 1 { Some((frame.try_clone()?, left - 1)) } else { None };
            return self.checked(Decoded::on_host(frame)).map(Some);
        }
        if let Some(decoded) = self.frames.next()? {
            let decoded = self.checked(decoded)?;
            let times = self.header.repeats.of(self.coded_out);
            self.again = if times > 0 { Some((decoded.frame.try_clone()?, times)) } else { None };
            self.coded_out += 1;
            return Ok(Some(decoded));
        }
        if self.frames_out < self.header.frame_count() {
            let expected = format!("{} frames", self.header.frame_count());
            return Err(Error::corrupt("base layer", expected, self.frames_out, Place::default()));
        }
        Ok(None)
    }

    fn checked(&mut self, Decoded { frame, mut resident }: Decoded) -> Result<Decoded> {
        let index = self.frames_out;
        let Some(&timestamp) = self.header.timestamps.get(index) else {
            let expected = format!("{} frames", self.header.frame_count());
            return Err(Error::corrupt("base layer", expected, "more", Place::default()));
        };
        let depth = self.info.format.depth;
        let frame = if frame.format().depth == depth {
            frame
        } else {
            let shifted = frame.shifted_to(depth)?;
            resident = resident.map(|resident| resident.shifted_like(&shifted)).transpose()?.flatten();
            shifted
        };
        self.frames_out += 1;
        // The last frames of a scene that was cut were hashed with those after them, where the layer looks ahead.
        let (frames, ahead) = (self.header.frame_count(), self.frames_out + self.looks_ahead);
        let misses_the_next = ahead > frames && frames < self.covered;
        if self.frames_out <= self.covered && !misses_the_next {
            self.unchecked.push(FrameHash::of(&frame));
            if self.unchecked.len() == FRAMES_PER_HASH || self.frames_out == self.covered {
                self.check_group()?;
            }
        }
        let resident = resident.map(|resident| resident.with_timestamp(timestamp));
        Ok(Decoded { frame: frame.with_timestamp(timestamp), resident })
    }

    /// Compares the frames since the last stored hash with the next one.
    fn check_group(&mut self) -> Result<()> {
        let group = (self.frames_out - 1) / FRAMES_PER_HASH;
        let found = FrameHash::of_group(&std::mem::take(&mut self.unchecked));
        match self.hashes.get(group) {
            Some(&expected) if expected == found => Ok(()),
            expected => {
                let expected = expected.map_or("none".into(), |hash| format!("{hash:016x}"));
                let found = format!("{found:016x}");
                Err(Error::corrupt("hash of decoded frames", expected, found, Place::default()))
            }
        }
    }
}

/// The device of the settings, opened where it is not.
fn opened<'a>(
    device: &'a mut Option<Device>,
    settings: &DecoderSettings,
    info: &VideoInfo,
) -> Result<&'a Device> {
    match device {
        Some(device) => Ok(device),
        None => Ok(device.insert(settings.device.open(info.width * info.height)?)),
    }
}

/// A decoded frame where the settings want it: on the GPU of their device, or where that is none or has no room, on the host.
pub(super) fn placed(
    Decoded { frame, resident }: Decoded,
    settings: &DecoderSettings,
    info: &VideoInfo,
    device: &mut Option<Device>,
) -> Result<AnyFrame> {
    if !settings.gpu_resident {
        return Ok(AnyFrame::Host(frame));
    }
    // What a lost GPU held cannot be read any more.
    if let Some(resident) = resident.filter(|frame| !frame.gpu().is_lost()) {
        return Ok(AnyFrame::Gpu(resident));
    }
    let device = opened(device, settings, info)?;
    let copy =
        device.attempt("frames that stay on the GPU", usize::MAX, |gpu| GpuFrame::upload(gpu, &frame))?;
    Ok(copy.map_or(AnyFrame::Host(frame), AnyFrame::Gpu))
}
