//! Looks for the plan that reaches the target at the fewest bytes, and codes the scene by it. Rank 4.
//!
//! ```text
//! locate   a part of the scene at a fast preset      -> about where the quantiser lies
//! extend   the whole scene at the fast preset        -> how far the part speaks for the scene
//! pilot    the part at or near the preset to store   -> what the fast preset hides; tools against one another
//! store    the whole scene as it will be stored      -> measured; corrected once where it misses the floor
//! ```
//! Quality is predicted as the pilot's, moved by the difference that the scene makes at the fast preset.

use std::ops::Range;
use std::time::Instant;

use super::curve::{Curve, STEP, position};
use super::plan::{BasePlan, Means, Tools};
use super::rate::RateCurve;
use super::target::{Floor, Quality};
use super::trial::{Purpose, Trial, TrialContext, code};
use crate::base::Quantizer;
use crate::error::Result;
use crate::frame::BitDepth;
use crate::scene::{Profile, SceneClass, SceneFrames};

/// By how many dB predictions aim above the floor: about the error that is left in them.
const AIM: f64 = 0.13;

/// A stored scene further above the floor than this, in dB and in SSIM, is coded again.
const MOST_ABOVE: Floor = Floor { psnr_y: Some(0.3), ssim_y: Some(0.003) };

/// What the preset that is stored with gains over the fast one at the same quantiser, before anything is measured.
const PROBE_OFFSET: f64 = 1.0;

/// What a preset gains over the next faster one: 0.07 +- 0.05 dB from 5 to 4, over eighteen trials.
const PRESET_GAIN: Quality = Quality { psnr_y: 0.07, ssim_db: Some(0.06) };

/// Frames of the part: a key frame and one group of the base encoder's longest pyramid, so that the part has the
/// structure of the scene.
const PART_FRAMES: u64 = 33;

/// No difference.
const NONE: Quality = Quality { psnr_y: 0.0, ssim_db: Some(0.0) };

/// Quantisers of the probes that a share of bytes is found by.
const RATE_QUANTIZERS: [u8; 3] = [30, 44, 57];

/// How far a located point may lie from its aim before another is measured, in dB.
const FAR: f64 = 1.0;

/// How far the quantiser may lie from the pilot's before there is another, in positions of `curve`.
const FAR_POSITION: f64 = 3.0;

/// Where the first probe is made.
const FIRST_QUANTIZER: u8 = 45;

/// Most codings of a scene after the first. More than one is rare, and there for the floor's sake alone.
const MOST_CORRECTIONS: usize = 3;

/// Tools are taken when they save at least this share of the bytes at equal quality.
const WORTH: f64 = 0.01;

/// Share of changed blocks above which far references are of little use.
const MUCH_CHANGES: f32 = 0.4;

/// By how much coarser the quantiser has to be without adaptive quantisation for about the same quality.
const WITHOUT_AQ: f64 = 4.0;

/// What a dB of the binding figure is worth in the natural logarithm of the bytes: 0.23 to 0.36 over twelve scenes.
const LOG_BYTES_PER_DB: f64 = 0.28;

/// One trial that the search made.
#[derive(Debug, Clone)]
pub(crate) struct Tried {
    pub(crate) stage: &'static str,
    pub(crate) plan: BasePlan,
    /// Frames of the scene that were coded.
    pub(crate) frames: Range<u64>,
    pub(crate) bytes: u64,
    pub(crate) psnr_y: Option<f64>,
    pub(crate) ssim_y: Option<f64>,
    pub(crate) seconds: f64,
}

impl Tried {
    fn new(stage: &'static str, plan: &BasePlan, frames: &Range<u64>, trial: &Trial, start: Instant) -> Self {
        let metrics = trial.comparison.finish();
        Self {
            stage,
            plan: plan.clone(),
            frames: frames.clone(),
            bytes: trial.bytes,
            psnr_y: metrics.psnr_y,
            ssim_y: metrics.ssim_y,
            seconds: start.elapsed().as_secs_f64(),
        }
    }
}

/// What the search found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) plan: BasePlan,
    pub(crate) trial: Trial,
    pub(crate) tried: Vec<Tried>,
    /// Quality that was predicted for the first whole coding.
    pub(crate) predicted: Option<Quality>,
    /// Why this plan, in a sentence.
    pub(crate) reason: String,
    /// Whether the target is reached.
    pub(crate) is_met: bool,
}

impl Found {
    /// A plan that the caller asked for, and the scene by it.
    pub(crate) fn as_asked(plan: BasePlan, trial: Trial) -> Self {
        let reason = "the quantiser that was asked for".into();
        Self { plan, trial, tried: Vec::new(), predicted: None, reason, is_met: true }
    }
}

/// The search of one scene, whose frames are all there.
pub(crate) struct Search<'a> {
    context: &'a TrialContext,
    frames: &'a SceneFrames,
    profile: &'a Profile,
    means: Means,
    depth: BitDepth,
    tried: Vec<Tried>,
}

impl<'a> Search<'a> {
    pub(crate) fn new(
        context: &'a TrialContext,
        frames: &'a SceneFrames,
        profile: &'a Profile,
        means: Means,
        depth: BitDepth,
    ) -> Self {
        Self { context, frames, profile, means, depth, tried: Vec::new() }
    }

    /// The coarsest plan that reaches a quality floor.
    pub(crate) fn floor(mut self, floor: &Floor) -> Result<Found> {
        let part = self.part();
        let (probe, start) = self.locate(floor, &part)?;
        let scene = self.extend(&probe, &part, start)?;
        let (curve, tools) = self.pilot(floor, &probe, &scene, &part)?;
        self.store(floor, curve, tools)
    }

    /// Fast presets have shorter pyramids; with that of the slow ones they speak for them better.
    fn probe_tools(&self) -> Tools {
        let is_faster = self.means.preset < self.means.probe_preset;
        let levels = self.tools().hierarchical_levels.unwrap_or(5);
        Tools { hierarchical_levels: is_faster.then_some(levels), ..Tools::default() }
    }

    /// Tools that the profile settles without a trial.
    ///
    /// On all nine scenes in which more than 0.4 of the blocks change, groups of 8 frames took 0.4 to 12.8 % fewer bytes
    /// at equal quality; where less changes they took up to 19 % more. Screen content tools took 11 and
    /// 29 % fewer bytes on two screens that scroll, none on one that stands still, and three to five times the time
    /// (`docs/decisions/0005-search.md`).
    fn tools(&self) -> Tools {
        let Means { tries_tools, spends_freely, .. } = self.means;
        if !tries_tools {
            return Tools::default();
        }
        let is_synthetic = self.profile.evidence.class == SceneClass::Synthetic;
        let much_changes = self.profile.changed_blocks > MUCH_CHANGES;
        Tools {
            hierarchical_levels: (!is_synthetic && much_changes).then_some(3),
            screen_content: (is_synthetic && (much_changes || spends_freely)).then_some(true),
            ..Tools::default()
        }
    }

    /// How bytes and distortion of the scene follow the quantiser, by probes alone; the tools to use, and the trials.
    pub(crate) fn rate_curve(mut self) -> Result<(RateCurve, Tools, Vec<Tried>)> {
        let part = self.part();
        let mut curve = RateCurve::default();
        for quantizer in RATE_QUANTIZERS.map(Quantizer::from) {
            let trial = self.probe("locate", quantizer, part.clone())?;
            curve.add(quantizer, trial.bytes, trial.squared_error(self.context.info.format.depth));
        }
        if !self.is_whole(&part) {
            let middle = Quantizer::from(RATE_QUANTIZERS[1]);
            let trial = self.probe("extend", middle, 0..self.length())?;
            curve = curve.through(middle, trial.bytes, trial.squared_error(self.context.info.format.depth));
        }
        let tools = self.tools();
        Ok((curve, tools, self.tried))
    }

    /// The plan of the least D + lambda R. Units: `lambda` in squared levels of 8 bits for a bit a luma sample.
    pub(crate) fn lambda(self, lambda: f64) -> Result<Found> {
        let (context, frames, length, means, depth) =
            (self.context, self.frames, self.length(), self.means, self.depth);
        let (curve, tools, mut tried) = self.rate_curve()?;
        // Both sums are over the scene: eight bits a byte.
        let quantizer = curve.best(8.0 * lambda, &context.library);
        let plan = BasePlan { quantizer, preset: means.preset, depth, tools };
        let trial = store(context, frames, 0..length, &plan, &mut tried)?;
        let reason = format!("the least D + lambda R that probes predict, at lambda {lambda}");
        Ok(Found { plan, trial, tried, predicted: None, reason, is_met: true })
    }

    fn length(&self) -> u64 {
        self.profile.frames
    }

    /// Frames from the middle that stand for the scene; all of it where it is short.
    fn part(&self) -> Range<u64> {
        let length = self.length();
        if length * 3 < PART_FRAMES * 4 {
            return 0..length;
        }
        let start = (length - PART_FRAMES) / 2;
        start..start + PART_FRAMES
    }

    /// Whether the scene is short enough to be probed as a whole.
    fn is_whole(&self, part: &Range<u64>) -> bool {
        *part == (0..self.length())
    }

    /// The part's curve at the fast preset around the floor, and the quantiser where it should lie.
    fn locate(&mut self, floor: &Floor, part: &Range<u64>) -> Result<(Curve, Quantizer)> {
        let mut curve = Curve::default();
        let aim = if self.means.preset < self.means.probe_preset { AIM - PROBE_OFFSET } else { AIM };
        let mut quantizer = Quantizer::from(FIRST_QUANTIZER);
        for _ in 0..3 {
            let quality = Quality::of(&self.probe("locate", quantizer, part.clone())?.frames);
            curve.add(quantizer, quality);
            let is_near = (floor.margin(&quality) - aim).abs() < FAR;
            let next = curve.solve(floor, aim, &self.context.library);
            if next == quantizer || is_near && curve.len() > 1 {
                break;
            }
            quantizer = next;
        }
        Ok((curve.clone(), curve.solve(floor, aim, &self.context.library)))
    }

    /// By how much the scene's quality differs from its part's, at the fast preset.
    fn extend(&mut self, probe: &Curve, part: &Range<u64>, at: Quantizer) -> Result<Quality> {
        if self.is_whole(part) {
            return Ok(NONE);
        }
        let scene = Quality::of(&self.probe("extend", at, 0..self.length())?.frames);
        Ok(scene.minus(&probe.quality(at.value())))
    }

    /// The scene's curve at the preset that is stored with, by its part; and the tools to use.
    fn pilot(
        &mut self,
        floor: &Floor,
        probe: &Curve,
        scene: &Quality,
        part: &Range<u64>,
    ) -> Result<(Curve, Tools)> {
        let tools = self.tools();
        if self.means.preset >= self.means.probe_preset {
            return Ok((probe.moved(scene), tools));
        }
        // One step faster where the part is a large share of the scene.
        let is_large = (part.end - part.start) * 4 > self.length();
        let (preset, gain) =
            if is_large { (self.means.preset + 1, PRESET_GAIN) } else { (self.means.preset, NONE) };
        let probe = probe.moved(&Quality { psnr_y: PROBE_OFFSET, ssim_db: Some(PROBE_OFFSET) });
        let expected = probe.moved(scene);
        let quantizer = expected.solve(floor, AIM, &self.context.library);
        let mut best = self.try_tools(quantizer, preset, tools, part)?;
        if self.means.tries_tools && is_worth_trying_without_aq(self.profile) {
            let coarser = self.context.library.quantizer_at_most(quantizer.value() + WITHOUT_AQ);
            let tools = Tools { adaptive_quantization: Some(false), ..tools };
            let candidate = self.try_tools(coarser, preset, tools, part)?;
            if saving(floor, &best, &candidate) > WORTH {
                best = candidate;
            }
        }
        let curve = |best: &Candidate| {
            let offset = best.quality.plus(&gain).minus(&probe.quality(best.plan.quantizer.value()));
            probe.moved(&offset).moved(scene)
        };
        let found = curve(&best).solve(floor, AIM, &self.context.library);
        let miss = position(found.value()) - position(best.plan.quantizer.value());
        // A second pilot is cheaper than coding a long scene again.
        if miss.abs() > FAR_POSITION && (part.end - part.start) * 2 < self.length() {
            best = self.try_tools(found, preset, best.plan.tools, part)?;
        }
        Ok((curve(&best), best.plan.tools))
    }

    fn try_tools(
        &mut self,
        quantizer: Quantizer,
        preset: i8,
        tools: Tools,
        part: &Range<u64>,
    ) -> Result<Candidate> {
        let plan = self.plan(quantizer, preset, tools);
        let trial = self.try_plan("pilot", &plan, part.clone())?;
        Ok(Candidate { plan, bytes: trial.bytes, quality: Quality::of(&trial.frames) })
    }

    /// Codes the whole scene, and again where it misses the floor or lies too far above it.
    fn store(mut self, floor: &Floor, mut curve: Curve, tools: Tools) -> Result<Found> {
        let whole = 0..self.length();
        let mut quantizer = curve.solve(floor, AIM, &self.context.library);
        let predicted = curve.quality(quantizer.value());
        let mut measured = Curve::default();
        let mut best: Option<(BasePlan, Trial, bool)> = None;
        for attempt in 0..=MOST_CORRECTIONS {
            let plan = self.plan(quantizer, self.means.preset, tools);
            let trial = store(self.context, self.frames, whole.clone(), &plan, &mut self.tried)?;
            let quality = Quality::of(&trial.frames);
            let metrics = trial.comparison.finish();
            let (margin, is_met) = (floor.margin(&quality), floor.is_met(&metrics));
            measured.add(quantizer, quality);
            curve = match measured.len() {
                1 => curve.moved(&quality.minus(&curve.quality(quantizer.value()))),
                _ => measured.clone(),
            };
            let had_met = best.as_ref().is_some_and(|(_, _, was_met)| *was_met);
            let is_better = best.as_ref().is_none_or(|(_, before, was_met)| match (was_met, is_met) {
                (true, true) => trial.bytes < before.bytes,
                (false, false) => margin > floor.margin(&Quality::of(&before.frames)),
                (_, now) => now,
            });
            if is_better {
                best = Some((plan, trial, is_met));
            }
            let next = curve.solve(floor, AIM / 2.0, &self.context.library);
            let is_wasteful = attempt == 0 && floor.raised(&MOST_ABOVE).is_met(&metrics) && next > quantizer;
            if (is_met && !is_wasteful) || had_met || quantizer == Quantizer::FINEST {
                break;
            }
            // One that misses by what the curve cannot see goes a step finer all the same.
            let finer = self.context.library.quantizer_at_most(quantizer.value() - STEP);
            quantizer = if is_met { next } else { next.min(finer) };
        }
        let Some((plan, trial, is_met)) = best else {
            return Err(crate::error::Error::internal("search", "no trial was made"));
        };
        let reason = format!(
            "the coarsest quantiser found for {}{}",
            floor.text(),
            if is_met { "" } else { ", which this scene cannot reach" }
        );
        Ok(Found { plan, trial, tried: self.tried, predicted: Some(predicted), reason, is_met })
    }

    fn plan(&self, quantizer: Quantizer, preset: i8, tools: Tools) -> BasePlan {
        BasePlan { quantizer, preset, depth: self.depth, tools }
    }

    /// Probes frames at the fast preset.
    fn probe(&mut self, stage: &'static str, quantizer: Quantizer, frames: Range<u64>) -> Result<Trial> {
        let plan = self.plan(quantizer, self.means.probe_preset, self.probe_tools());
        self.try_plan(stage, &plan, frames)
    }

    fn try_plan(&mut self, stage: &'static str, plan: &BasePlan, frames: Range<u64>) -> Result<Trial> {
        let start = Instant::now();
        let trial = code(self.context, self.frames, frames.clone(), plan, Purpose::Probe)?;
        self.tried.push(Tried::new(stage, plan, &frames, &trial, start));
        Ok(trial)
    }
}

/// Codes frames as they are to be stored, and takes the trial down.
pub(crate) fn store(
    context: &TrialContext,
    frames: &SceneFrames,
    span: Range<u64>,
    plan: &BasePlan,
    tried: &mut Vec<Tried>,
) -> Result<Trial> {
    let start = Instant::now();
    let trial = code(context, frames, span.clone(), plan, Purpose::Keep)?;
    tried.push(Tried::new("store", plan, &span, &trial, start));
    Ok(trial)
}

/// One way to code the part, as measured.
struct Candidate {
    plan: BasePlan,
    bytes: u64,
    quality: Quality,
}

/// Quality put into frames that others refer to is lost where most of the picture is grain that never repeats.
fn is_worth_trying_without_aq(profile: &Profile) -> bool {
    profile.changed_blocks > MUCH_CHANGES
        && profile.grain > 1.2
        && profile.evidence.class != SceneClass::Synthetic
}

/// Share of the bytes that a candidate saves at the quality of the best so far, by the figure that binds.
fn saving(floor: &Floor, best: &Candidate, candidate: &Candidate) -> f64 {
    let gained = floor.margin(&candidate.quality) - floor.margin(&best.quality);
    let bytes = candidate.bytes as f64 / best.bytes.max(1) as f64;
    1.0 - bytes * (-LOG_BYTES_PER_DB * gained).exp()
}
