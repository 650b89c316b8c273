//! Scenes cut out of a clip with their frames, in one pass over it, each to be encoded on another machine.
//!
//! ```text
//! source -> SceneCutter -> CutScene -> bytes -> ... -> CutScene::encode -> EncodedScene -> bytes -> ... -> SceneCutter::concat
//! ```

use std::collections::VecDeque;
use std::io::Write;
use std::sync::Arc;

use super::encoded_scene::EncodedScene;
use super::parts::{Others, ScenePlace, encode_scene, join};
use super::source_format::{check_frame, coded_frame, coded_info};
use super::splitter::{SceneSplitter, Step};
use crate::bitstream::{Limits, PacketReader, PacketWriter, StreamHeader};
use crate::device::Device;
use crate::error::{Error, Result};
use crate::filter::train::WarmStart;
use crate::frame::{AnyFrame, Frame, VideoInfo};
use crate::media::FrameSource;
use crate::memory;
use crate::progress::CancelToken;
use crate::report::Report;
use crate::settings::Settings;

/// Begins the bytes of a cut scene; the last digit is the version.
const MAGIC: &[u8; 8] = b"nccutsc1";

/// One scene of a clip, with its frames as they are coded. Its bytes are as many as those of its samples.
#[derive(Debug)]
pub struct CutScene {
    place: ScenePlace,
    info: VideoInfo,
    frames: Vec<Arc<Frame>>,
}

impl CutScene {
    /// Where it stands in its clip.
    pub fn place(&self) -> ScenePlace {
        self.place
    }

    /// How many frames it has.
    pub fn frame_count(&self) -> usize {
        self.frames.len()
    }

    /// The scene as bytes, for [`from_bytes`](Self::from_bytes).
    ///
    /// # Errors
    ///
    /// `OutOfMemory`.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut header = PacketWriter::new(Vec::new(), &StreamHeader::new(self.info), Limits::default())?;
        let header = std::mem::take(header.sink_mut());
        let samples: usize = self.frames.iter().map(|frame| 8 + frame.byte_len()).sum();
        let mut bytes = memory::reserved("a scene on its way", MAGIC.len() + 24 + header.len() + samples)?;
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&self.place.index.to_le_bytes());
        bytes.extend_from_slice(&self.place.first_frame.to_le_bytes());
        bytes.extend_from_slice(&(self.frames.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&(header.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&header);
        for frame in &self.frames {
            bytes.extend_from_slice(&frame.timestamp.to_le_bytes());
            frame.append_samples(&mut bytes);
        }
        Ok(bytes)
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for anything else; `OutOfMemory`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let wrong = || {
            Error::invalid(
                "cut scene",
                "bytes of one, of this version",
                format!("{} other bytes", bytes.len()),
            )
        };
        let mut rest = bytes.strip_prefix(MAGIC).ok_or_else(wrong)?;
        let index = u32::from_le_bytes(taken(&mut rest).ok_or_else(wrong)?);
        let first_frame = u64::from_le_bytes(taken(&mut rest).ok_or_else(wrong)?);
        let count = u64::from_le_bytes(taken(&mut rest).ok_or_else(wrong)?);
        let length = u32::from_le_bytes(taken(&mut rest).ok_or_else(wrong)?);
        let (header, samples) = rest.split_at_checked(length as usize).ok_or_else(wrong)?;
        let info = PacketReader::new(header, Limits::default()).map_err(|_| wrong())?.header().info;
        // Nothing is allocated for a picture whose samples are not there.
        let size = 8 + info.format.byte_len(info.width, info.height);
        if count == 0 || count.checked_mul(size as u64) != Some(samples.len() as u64) {
            return Err(wrong());
        }
        let model = Frame::new(info.width, info.height, info.format, info.color)?;
        let frames = samples
            .chunks_exact(size)
            .map(|bytes| frame_of(&model, bytes).map(Arc::new))
            .collect::<Result<_>>()?;
        Ok(Self { place: ScenePlace { index, first_frame }, info, frames })
    }

    /// Encodes the scene; `settings` have to be the same for all scenes of its clip.
    ///
    /// # Errors
    ///
    /// As of [`encode_scene`].
    pub fn encode(
        self,
        settings: &Settings,
        warm_start: &WarmStart,
        cancel: &CancelToken,
    ) -> Result<EncodedScene> {
        let owned = |frame: Arc<Frame>| Arc::try_unwrap(frame).or_else(|shared| shared.try_clone());
        let frames = self.frames.into_iter().map(|frame| owned(frame).map(AnyFrame::Host));
        encode_scene(&self.info, frames, self.place, settings, warm_start, cancel)
    }
}

/// The next bytes, which are cut off.
fn taken<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = rest.split_first_chunk::<N>()?;
    *rest = tail;
    Some(*head)
}

/// A frame like `model` out of a timestamp and samples.
fn frame_of(model: &Frame, bytes: &[u8]) -> Result<Frame> {
    let mut samples = bytes;
    let timestamp = taken(&mut samples).map(i64::from_le_bytes).unwrap_or_default();
    let mut frame = model.try_clone()?.with_timestamp(timestamp);
    frame.copy_samples(samples);
    frame.check_samples()?;
    Ok(frame)
}

/// Cuts a clip into scenes, as [`encode`](super::encode) finds them with the same settings. Holds the frames of one scene, and
/// the packets of the other tracks.
pub struct SceneCutter {
    source: Box<dyn FrameSource>,
    info: VideoInfo,
    splitter: SceneSplitter,
    device: Device,
    steps: VecDeque<Step>,
    open: Option<CutScene>,
    others: Others,
    frames_read: u64,
    scenes: u32,
    is_finished: bool,
}

impl SceneCutter {
    /// A cutter before the first frame of `source`.
    ///
    /// # Errors
    ///
    /// `Device` where the one that settings name cannot be had; `InvalidArgument` for a rate that has no scenes.
    pub fn new(source: Box<dyn FrameSource>, settings: &Settings) -> Result<Self> {
        let info = coded_info(source.info());
        let device = settings.device.open(info.width * info.height)?;
        let splitter = SceneSplitter::detecting(&info, settings.max_scene_seconds)?.with_device(&device);
        let steps = VecDeque::new();
        Ok(Self {
            source,
            info,
            splitter,
            device,
            steps,
            open: None,
            others: Others::default(),
            frames_read: 0,
            scenes: 0,
            is_finished: false,
        })
    }

    /// The next scene, or `None` after the last.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for a clip without frames; `Cancelled`; whatever the source reports.
    pub fn next_scene(&mut self, cancel: &CancelToken) -> Result<Option<CutScene>> {
        loop {
            while let Some(step) = self.steps.pop_front() {
                match step {
                    Step::Start(first_frame) => {
                        let place = ScenePlace { index: self.scenes, first_frame };
                        self.scenes += 1;
                        let begun = CutScene { place, info: self.info, frames: Vec::new() };
                        if let Some(finished) = self.open.replace(begun) {
                            return Ok(Some(finished));
                        }
                    }
                    Step::Frame(frame, _) => {
                        if let Some(scene) = &mut self.open {
                            scene.frames.push(frame);
                        }
                    }
                    Step::End => {}
                }
            }
            if self.is_finished {
                return Ok(self.open.take());
            }
            cancel.check()?;
            self.read()?;
        }
    }

    /// Joins the scenes, encoded, in order, with the other tracks of the source, which is not read again: [`concat`](super::concat).
    ///
    /// # Errors
    ///
    /// `InvalidArgument` before the last scene was cut; as of [`concat`](super::concat).
    pub fn concat(
        self,
        output: &mut dyn Write,
        settings: &Settings,
        scenes: impl IntoIterator<Item = EncodedScene>,
    ) -> Result<Report> {
        if !self.is_finished {
            let found = format!("scenes up to frame {}", self.frames_read);
            return Err(Error::invalid("cut scenes", "all of a clip, up to its end", found));
        }
        join(self.source.info(), self.others, output, settings, scenes)
    }

    /// Takes a frame of the source, or its end.
    fn read(&mut self) -> Result<()> {
        let frame = self.source.next_any_frame()?;
        self.others.take(self.source.as_mut(), self.frames_read);
        let Some(frame) = frame else {
            if self.frames_read == 0 {
                return Err(Error::invalid("clip", "at least 1 frame", 0));
            }
            self.is_finished = true;
            self.others.finish(self.source.as_ref());
            self.steps.extend(self.splitter.finish()?);
            return Ok(());
        };
        check_frame(&frame, self.source.info(), self.frames_read)?;
        self.frames_read += 1;
        let (frame, resident) = coded_frame(frame, &self.info, &self.device)?;
        self.steps.extend(self.splitter.push(frame, resident.as_ref())?);
        Ok(())
    }
}
