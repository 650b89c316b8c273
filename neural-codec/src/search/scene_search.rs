//! The search of one scene: what its profile settles, and probes at a fast preset. What follows from them is beside it, in
//! `floor` for a quality floor and in `slope` for bytes.

use std::ops::Range;

use super::attempt::{AttemptKind, EncodeAttempt};
use super::context::AttemptContext;
use super::params::{EffortParams, EncodeParams, Tools};
use super::quality::{Pooled, Quality};
use super::run_attempt::run_attempt;
use super::target::Floor;
use super::tune::Tune;
use crate::base::Quantizer;
use crate::error::Result;
use crate::progress::Stage;
use crate::repeats::Repeats;
use crate::report::{AttemptRecord, SceneVerdict};
use crate::scene::{Profile, SceneClass, SceneFrames};

/// What storing the scene with some parameters gave, as the search sees it: whatever layers were added are in it.
pub(crate) struct Stored<S> {
    /// For whoever stores.
    pub(crate) scene: S,
    pub(crate) quality: Quality,
    /// Pooled as the target asks.
    pub(crate) metrics: Pooled,
    /// Bytes of all layers.
    pub(crate) bytes: u64,
    /// The quantizer of each frame of the base layer, 0 to 63.
    pub(crate) quantizers: Vec<u8>,
}

/// Stores the scene with these parameters and adds what was done to the records.
pub(crate) type Store<'a, S> = &'a mut dyn FnMut(&EncodeParams, &mut Vec<AttemptRecord>) -> Result<Stored<S>>;

/// What the search found.
pub(crate) struct SearchResult<S> {
    pub(crate) params: EncodeParams,
    pub(crate) scene: S,
    /// Every attempt that led here, in order.
    pub(crate) attempts: Vec<AttemptRecord>,
    /// Quality that was predicted for the first whole coding.
    pub(crate) predicted: Option<Quality>,
    /// Why these parameters.
    pub(crate) verdict: SceneVerdict,
    /// The same in a sentence.
    pub(crate) reason: String,
}

/// The search of one scene, whose frames are all there.
pub(crate) struct Search<'a> {
    pub(super) context: &'a AttemptContext,
    pub(super) frames: &'a SceneFrames,
    pub(super) profile: &'a Profile,
    pub(super) effort: EffortParams,
    /// What layers above the base are expected to add.
    pub(super) expected_gain: Quality,
    /// Tools that were asked for.
    asked_tools: Option<Tools>,
    /// Frames that are coded.
    length: u64,
    /// Which of them are shown more than once.
    pub(super) repeats: Repeats,
    /// What the probes say that the scene is to be tuned for.
    tune: Option<Tune>,
    pub(super) records: Vec<AttemptRecord>,
}

impl<'a> Search<'a> {
    pub(crate) fn new(
        context: &'a AttemptContext,
        frames: &'a SceneFrames,
        profile: &'a Profile,
        expected_gain: Quality,
        asked_tools: Option<Tools>,
    ) -> Self {
        let effort = context.clip.effort;
        let (length, repeats) = frames.wait_for_repeats();
        Self {
            context,
            frames,
            profile,
            effort,
            expected_gain,
            asked_tools,
            length,
            repeats,
            tune: None,
            records: Vec::new(),
        }
    }

    /// The preset and the tools of a pilot of the whole scene; none where a second coding costs no more.
    pub(super) fn pilot(&self) -> Option<(i8, Tools)> {
        let EffortParams { pilot_preset, probe_preset, has_fast_pilots, .. } = self.effort;
        if has_fast_pilots && self.context.clip.defaults.steering.is_worth(self.length()) {
            return Some((probe_preset, self.pilot_tools()));
        }
        (pilot_preset < probe_preset).then(|| (pilot_preset, self.tools()))
    }

    /// The tools of a pilot at the probes' preset.
    pub(super) fn pilot_tools(&self) -> Tools {
        Tools { screen_content: self.tools().screen_content, ..self.probe_tools() }
    }

    /// Fast presets have shorter pyramids; with that of the slow ones they speak for them better.
    pub(super) fn probe_tools(&self) -> Tools {
        let is_faster = self.effort.preset < self.effort.probe_preset;
        Tools { hierarchical_levels: is_faster.then_some(5), tune: self.tune, ..Tools::default() }
    }

    /// Tools that the class settles without an attempt: screen content tools on synthetic scenes, and on no others.
    ///
    /// Left to itself the base encoder takes some camera scenes for screens, which multiplies the time for nothing, and misses
    /// text that scrolls (`docs/decisions/0014-search-that-pays.md`).
    pub(super) fn tools(&self) -> Tools {
        let is_synthetic = self.profile.evidence.class == SceneClass::Synthetic;
        let chosen = || Tools {
            screen_content: self.effort.chooses_tools.then_some(is_synthetic),
            ..Tools::default()
        };
        Tools { tune: self.tune, ..self.asked_tools.unwrap_or_else(chosen) }
    }

    /// Tunes the attempts to come for a scene that is expected to meet its floor at this quantizer, with this quality where it is not
    /// tuned.
    pub(super) fn tune_for(&mut self, floor: &Floor, expected: (f64, &Quality)) {
        if self.effort.tunes {
            let clip = &self.context.clip;
            self.tune = Tune::of(floor, expected, &clip.defaults.tune, clip.library.version());
        }
    }

    /// What the tune adds at the same quantizer.
    pub(super) fn tune_gain(&self) -> Quality {
        self.tune.map_or(Quality::even(0.0), |tune| tune.gain(&self.context.clip.defaults.tune))
    }

    /// What an attempt came to, pooled as the target asks.
    pub(super) fn quality(&self, attempt: &EncodeAttempt) -> Quality {
        Quality::of(&attempt.frames, self.context.clip.pooling)
    }

    /// Frames that are coded.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Frames from the middle that locate; all of them where little is saved by fewer.
    pub(super) fn part(&self) -> Range<u64> {
        let length = self.length();
        let frames = self.context.clip.defaults.search.part_frames;
        if length * 2 <= frames * 3 {
            return 0..length;
        }
        self.middle(frames)
    }

    /// So many frames from the middle.
    pub(super) fn middle(&self, frames: u64) -> Range<u64> {
        let start = (self.length() - frames) / 2;
        start..start + frames
    }

    /// Probes frames at the fast preset.
    pub(super) fn probe(
        &mut self,
        stage: Stage,
        quantizer: Quantizer,
        frames: Range<u64>,
    ) -> Result<EncodeAttempt> {
        let params = self.effort.probe_params(quantizer, self.probe_tools());
        self.attempt(stage, &params, frames)
    }

    pub(super) fn attempt(
        &mut self,
        stage: Stage,
        params: &EncodeParams,
        frames: Range<u64>,
    ) -> Result<EncodeAttempt> {
        let running = self.context.log.begin(stage);
        let attempt = run_attempt(self.context, self.frames, frames.clone(), params, AttemptKind::Probe)?;
        self.records.push(attempt_record(stage, params, &frames, &attempt, running.end()));
        Ok(attempt)
    }
}

/// The record of an attempt that took so many seconds of wall and of processor time.
pub(crate) fn attempt_record(
    stage: Stage,
    params: &EncodeParams,
    frames: &Range<u64>,
    attempt: &EncodeAttempt,
    (seconds, cpu_seconds): (f64, f64),
) -> AttemptRecord {
    let metrics = attempt.comparison.finish();
    AttemptRecord {
        stage,
        first_frame: frames.start,
        frames: frames.end - frames.start,
        preset: params.preset,
        quantizer: params.quantizer.value(),
        tools: params.tools.to_string(),
        bytes: attempt.bytes(),
        psnr_y: metrics.psnr_y,
        psnr_rgb: None,
        ssim_y: metrics.ssim_y,
        ms_ssim_y: metrics.ms_ssim_y,
        ssimulacra2: metrics.ssimulacra2,
        vmaf: metrics.vmaf,
        xpsnr_y: metrics.xpsnr_y,
        seconds,
        cpu_seconds,
    }
}
