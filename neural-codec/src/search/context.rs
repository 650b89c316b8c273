//! What all attempts of an encode share: what the clip is, what may be spent, and where to note what was done.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::attempt::AttemptKind;
use super::attempt_cache::AttemptCache;
use super::params::EffortParams;
use super::stage_clock::{Running, StageClock};
use crate::base::{Av1Decoder, DecoderConfig, Library};
use crate::defaults::Defaults;
use crate::device::Device;
use crate::error::Result;
use crate::frame::{BitDepth, VideoInfo};
use crate::metrics::Measures;
use crate::pooling::Pooling;
use crate::progress::{CancelToken, Stage};
use crate::scene::MemoryBudget;

/// What is the same for all scenes of a clip, so that all have one AV1 sequence header, but for the size of superblocks: the base encoder takes larger
/// ones at coarse quantizers.
#[derive(Debug, Clone)]
pub(crate) struct Clip {
    /// The clip as it is coded: 4:2:0 at the source's depth.
    pub(crate) info: VideoInfo,
    /// The base encoder.
    pub(crate) library: Arc<Library>,
    /// Constants of search and filter.
    pub(crate) defaults: Defaults,
    /// What the effort stands for: preset and depth among it.
    pub(crate) effort: EffortParams,
    /// What is measured of attempts that look for parameters: what the target needs.
    pub(crate) probe_measures: Measures,
    /// What is measured of attempts that may be stored: what the report tells too.
    pub(crate) store_measures: Measures,
    /// How the target pools the values of frames.
    pub(crate) pooling: Pooling,
}

impl Clip {
    /// What is measured of an attempt of this kind.
    pub(crate) fn measures(&self, kind: AttemptKind) -> Measures {
        if kind.is_stored() { self.store_measures } else { self.probe_measures }
    }
}

/// What may be spent. None of it changes a byte.
#[derive(Debug, Clone)]
pub(crate) struct Resources {
    /// Threads for the decoder of one attempt.
    pub(crate) threads: usize,
    /// Threads for its base encoder, as memory allows.
    pub(crate) encoder_threads: usize,
    /// Where frames are measured and filtered.
    pub(crate) device: Device,
    /// For frames that wait, those of the source and those decoded.
    pub(crate) memory: Arc<MemoryBudget>,
    /// Keeps finished attempts, where the caller named a folder.
    pub(crate) cache: Option<Arc<AttemptCache>>,
    /// Checked at every frame.
    pub(crate) cancel: CancelToken,
}

/// Where to note what was done.
#[derive(Debug)]
pub(crate) struct EncodeLog {
    /// Counts seconds by stage.
    pub(crate) clock: Arc<StageClock>,
    retries: AtomicU64,
    frames_stored: AtomicU64,
    frames_coded: AtomicU64,
    /// What was begun last, and how many attempts were begun.
    begun: Mutex<(Option<Stage>, u64)>,
}

impl EncodeLog {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            clock: StageClock::new(),
            retries: AtomicU64::default(),
            frames_stored: AtomicU64::default(),
            frames_coded: AtomicU64::default(),
            begun: Mutex::default(),
        })
    }

    /// An attempt begins.
    pub(crate) fn begin(&self, stage: Stage) -> Running {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        *begun = (Some(stage), begun.1 + 1);
        self.clock.begin(stage.name())
    }

    /// What was begun last, and how many attempts were begun.
    pub(crate) fn begun(&self) -> (Option<Stage>, u64) {
        *self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A frame of an attempt is coded and measured.
    pub(crate) fn coded(&self) {
        self.frames_coded.fetch_add(1, Ordering::Relaxed);
    }

    /// Frames of all attempts so far.
    pub(crate) fn frames_coded(&self) -> u64 {
        self.frames_coded.load(Ordering::Relaxed)
    }

    /// An attempt is retried.
    pub(crate) fn retried(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    /// Attempts that were retried.
    pub(crate) fn retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }

    /// Frames of a stored attempt are done.
    pub(crate) fn stored(&self, frames: u64) {
        self.frames_stored.fetch_add(frames, Ordering::Relaxed);
    }

    /// Frames of stored attempts so far; those of a scene that is stored again count again.
    pub(crate) fn frames_stored(&self) -> u64 {
        self.frames_stored.load(Ordering::Relaxed)
    }
}

/// All three.
#[derive(Debug, Clone)]
pub(crate) struct AttemptContext {
    pub(crate) clip: Arc<Clip>,
    pub(crate) resources: Resources,
    pub(crate) log: Arc<EncodeLog>,
}

impl AttemptContext {
    /// A decoder of what attempts code, at the depth of their base layer.
    pub(crate) fn decoder(&self, depth: BitDepth) -> Result<Av1Decoder> {
        let info = &self.clip.info;
        Av1Decoder::new(&DecoderConfig {
            depth,
            color: info.color,
            threads: self.resources.threads,
            max_pixels: u64::MAX,
            ..DecoderConfig::new(info.width, info.height)
        })
    }
}
