//! What is settled before the first frame of an encode: the clip as it is coded, the target, and what may be spent.

use std::sync::Arc;
use std::time::Instant;

use super::filter::TrainingConfig;
use super::muxer::StreamMuxer;
use super::source_format::{coded_info, conversion_note};
use super::task::SceneGoal;
use crate::base::Library;
use crate::bitstream::Tracks;
use crate::device::Device;
use crate::error::{Error, Result};
use crate::frame::VideoInfo;
use crate::progress::CancelToken;
use crate::scene::{MemoryBudget, Reading, SceneFrames};
use crate::search::{AttemptContext, Clip, EffortParams, EncodeLog, Resources, Target};
use crate::settings::Settings;

/// Bytes of frames that may wait in memory, for their encoder or for a filter: 43 frames of 1080p.
const WAITING_BYTES: usize = 128 << 20;

/// The settled part of an encode.
pub(super) struct Session {
    pub(super) source: VideoInfo,
    pub(super) settings: Settings,
    pub(super) target: Target,
    /// How filters are trained; none where the base layer is to stand alone.
    pub(super) training: Option<TrainingConfig>,
    pub(super) context: AttemptContext,
    /// Where scenes are measured and filtered, one after the other; the first is that of the context.
    pub(super) devices: Vec<Device>,
}

impl Session {
    /// # Errors
    ///
    /// `InvalidArgument` for targets that contradict each other or a quantizer that the base encoder has not,
    /// `MissingLibrary` without SVT-AV1, `Device` where the GPU that is asked for cannot be had.
    pub(super) fn new(source: VideoInfo, settings: &Settings) -> Result<Self> {
        crate::frame::check_size(source.width, source.height)?;
        let target = Target::of(settings)?;
        let library = Library::load(None)?;
        if let Target::Constant(asked) = target
            && library.quantizer_at_most(asked.value()) != asked
        {
            let expected = format!("what SVT-AV1 {} takes", library.version());
            return Err(Error::invalid("quantizer", expected, asked));
        }
        let devices = settings.device.open_each(source.width * source.height)?;
        let info = coded_info(&source);
        let effort = EffortParams::new(settings, &target, &info, &library);
        let resources = Resources {
            threads: settings.thread_count(),
            device: devices.first().cloned().unwrap_or_default(),
            memory: MemoryBudget::new(WAITING_BYTES),
            cache: None,
            cancel: CancelToken::new(),
        };
        let clip = Arc::new(Clip { info, library, effort });
        Ok(Self {
            source,
            settings: settings.clone(),
            target,
            training: TrainingConfig::new(settings, &target),
            context: AttemptContext { clip, resources, log: EncodeLog::new() },
            devices,
        })
    }

    /// What each scene has to reach.
    pub(super) fn goal(&self) -> SceneGoal {
        match self.target {
            Target::Constant(quantizer) => SceneGoal::Constant(quantizer),
            Target::Floor(floor) => SceneGoal::Floor(floor),
            Target::Lambda(lambda) => SceneGoal::Lambda(lambda),
            Target::Bitrate(_) | Target::Size(_) => SceneGoal::Undecided,
        }
    }

    /// An empty scene, of frames that wait as its goal needs them.
    pub(super) fn scene_frames(&self) -> Arc<SceneFrames> {
        let Resources { memory, cache, .. } = &self.context.resources;
        let memory = Arc::clone(memory);
        match self.target {
            // An attempt is looked up by all frames of the scene, before the first is coded.
            _ if cache.is_some() => SceneFrames::hashed(Reading::Repeated, memory),
            Target::Constant(_) if self.training.is_none() => SceneFrames::new(Reading::Once, memory),
            _ => SceneFrames::new(Reading::Repeated, memory),
        }
    }

    /// The context of a scene: devices take scenes in turn.
    pub(super) fn context_of(&self, scene: u32) -> AttemptContext {
        let mut context = self.context.clone();
        context.resources.device = self.devices[scene as usize % self.devices.len()].clone();
        context
    }

    /// An empty stream.
    pub(super) fn muxer(&self, tracks: &Tracks, start: Instant) -> Result<StreamMuxer> {
        let clip = &self.context.clip;
        let base_encoder = format!("SVT-AV1 {}", clip.library.version());
        let mut muxer =
            StreamMuxer::new(self.source, clip.info, tracks, &self.settings, base_encoder, start)?;
        conversion_note(&self.source, &clip.info).into_iter().for_each(|note| muxer.note(note));
        Ok(muxer)
    }

    /// What a person should know at the end of an encode.
    pub(super) fn notes(&self) -> Vec<String> {
        let Resources { device, cache, .. } = &self.context.resources;
        let mut notes = Vec::new();
        if device.gpu().is_some() {
            let names: Vec<String> = self.devices.iter().map(Device::to_string).collect();
            notes.push(format!("Frames were analyzed, measured and filtered on {}.", names.join(", ")));
            notes.extend(device.notes());
        }
        let reused = cache.as_ref().map_or(0, |cache| cache.reused());
        if reused > 0 {
            notes.push(format!("{reused} attempts were taken from the attempt cache."));
        }
        let retries = self.context.log.retries();
        if retries > 0 {
            notes.push(format!(
                "The base encoder stalled or wrote what cannot be decoded, and was retried {retries} times."
            ));
        }
        notes
    }
}
