//! Looks for the plan that reaches the target at the fewest bytes, and codes the scene by it.
//!
//! ```text
//! locate   a part of the scene at a fast preset       -> about where the quantizer lies
//! extend   the whole scene at the fast preset         -> how quality goes along the scene
//! pilot    its head one preset faster than stored     -> what the fast preset hides; tools against one another
//! store    the whole scene as it will be stored       -> measured; corrected where it misses the floor or lies far above
//! ```
//! `forecast` carries the pilot's quality to the whole scene. Scenes that are short are probed and piloted as a whole.

use std::ops::Range;

use super::attempt::{AttemptContext, AttemptKind, EncodeAttempt, code};
use super::filter;
use super::forecast;
use super::params::{EffortParams, EncodeParams, Tools};
use super::quality_curve::{Curve, STEP, position};
use super::rate_curve::RateCurve;
use super::stage_clock::Running;
use super::target::{Floor, Quality};
use crate::base::Quantizer;
use crate::error::{Error, Result};
use crate::metrics::FrameMetrics;
use crate::scene::{Profile, SceneClass, SceneFrames};

/// By how many dB predictions aim above the floor: about the error that is left in them.
const AIM: f64 = 0.13;

/// By how many dB filters raise the figure that binds, about.
const FILTER_GAIN: f64 = 0.06;

/// A stored scene further above the floor than this, in dB and in SSIM, is coded again.
const MOST_ABOVE: Floor = Floor { psnr_y: Some(0.3), ssim_y: Some(0.003) };

/// And once more only further above than this.
const FAR_ABOVE: Floor = Floor { psnr_y: Some(0.6), ssim_y: Some(0.006) };

/// How much steeper the quality of a slow preset falls than that of the fast one: 1.0 to 1.4 over eight scenes.
const STEEPER: f64 = 1.15;

/// Frames of the part that locates: a key frame and one group of the base encoder's longest pyramid, so that the
/// part has the structure of the scene.
const PART_FRAMES: u64 = 33;

/// Frames of the head that the pilot codes: the first group sees a second one ahead, as it does in the scene.
const HEAD_FRAMES: u64 = 66;

/// Most probes that locate.
const MOST_LOCATED: usize = 3;

/// Quantizers of the probes that a share of bytes is found by.
const RATE_QUANTIZERS: [u8; 3] = [30, 44, 57];

/// How far a located point may lie from its aim before another is measured, in dB.
const FAR: f64 = 1.0;

/// How far the quantizer may lie from the pilot's before there is another, in positions of `curve`.
const FAR_POSITION: f64 = 4.0;

/// Where the first probe is made.
const FIRST_QUANTIZER: u8 = 45;

/// Most codings of a scene after the first. More than one is rare, and there for the floor's sake alone.
const MOST_CORRECTIONS: usize = 3;

/// Tools are taken when they save at least this share of the bytes at equal quality.
const WORTH: f64 = 0.01;

/// Share of changed blocks above which far references are of little use.
const MUCH_CHANGES: f32 = 0.4;

/// By how much coarser the quantizer has to be without adaptive quantization for about the same quality.
const WITHOUT_AQ: f64 = 4.0;

/// What a dB of the binding figure is worth in the natural logarithm of the bytes: 0.23 to 0.36 over twelve scenes.
pub(super) const LOG_BYTES_PER_DB: f64 = 0.28;

/// One trial that the search made.
#[derive(Debug, Clone)]
pub(crate) struct AttemptRecord {
    pub(crate) stage: &'static str,
    pub(crate) plan: EncodeParams,
    /// Frames of the scene that were coded.
    pub(crate) frames: Range<u64>,
    pub(crate) bytes: u64,
    pub(crate) psnr_y: Option<f64>,
    pub(crate) ssim_y: Option<f64>,
    pub(crate) seconds: f64,
    /// Its share of the processor time (`clock`).
    pub(crate) cpu_seconds: f64,
}

impl AttemptRecord {
    fn new(
        stage: &'static str,
        plan: &EncodeParams,
        frames: &Range<u64>,
        trial: &EncodeAttempt,
        running: Running,
    ) -> Self {
        let metrics = trial.comparison.finish();
        let (seconds, cpu_seconds) = running.end();
        Self {
            stage,
            plan: plan.clone(),
            frames: frames.clone(),
            bytes: trial.bytes_of_layers(),
            psnr_y: metrics.psnr_y,
            ssim_y: metrics.ssim_y,
            seconds,
            cpu_seconds,
        }
    }
}

/// What the search found.
#[derive(Debug)]
pub(crate) struct SearchResult {
    pub(crate) plan: EncodeParams,
    pub(crate) trial: EncodeAttempt,
    pub(crate) tried: Vec<AttemptRecord>,
    /// Quality that was predicted for the first whole coding.
    pub(crate) predicted: Option<Quality>,
    /// Why this plan, in a sentence.
    pub(crate) reason: String,
    /// Whether the target is reached.
    pub(crate) is_met: bool,
}

impl SearchResult {
    /// A plan that the caller asked for, and the scene by it.
    pub(crate) fn as_asked(plan: EncodeParams, trial: EncodeAttempt, tried: Vec<AttemptRecord>) -> Self {
        let reason = "the quantizer that was asked for".into();
        Self { plan, trial, tried, predicted: None, reason, is_met: true }
    }
}

/// The search of one scene, whose frames are all there.
pub(crate) struct Search<'a> {
    context: &'a AttemptContext,
    frames: &'a SceneFrames,
    profile: &'a Profile,
    means: EffortParams,
    tried: Vec<AttemptRecord>,
}

impl<'a> Search<'a> {
    pub(crate) fn new(
        context: &'a AttemptContext,
        frames: &'a SceneFrames,
        profile: &'a Profile,
        means: EffortParams,
    ) -> Self {
        Self { context, frames, profile, means, tried: Vec::new() }
    }

    /// The coarsest plan that reaches a quality floor.
    pub(crate) fn floor(mut self, floor: &Floor) -> Result<SearchResult> {
        let part = self.part();
        let probe = self.locate(floor, &part)?;
        let probe = self.extend(floor, probe, &part)?;
        let (curve, tools) = self.pilot(floor, &probe)?;
        self.store(floor, curve, tools)
    }

    /// Whether the fast preset only looks for the quantizer, and others decide.
    fn has_pilot(&self) -> bool {
        self.means.preset < self.means.probe_preset
    }

    /// Fast presets have shorter pyramids; with that of the slow ones they speak for them better.
    fn probe_tools(&self) -> Tools {
        let levels = self.tools().hierarchical_levels.unwrap_or(5);
        Tools { hierarchical_levels: self.has_pilot().then_some(levels), ..Tools::default() }
    }

    /// Tools that the profile settles without a trial.
    ///
    /// On all nine scenes in which more than 0.4 of the blocks change, groups of 8 frames took 0.4 to 12.8 % fewer bytes
    /// at equal quality; where less changes they took up to 19 % more. Screen content tools took 11 and
    /// 29 % fewer bytes on two screens that scroll, none on one that stalls, and three to five times the time
    /// (`docs/decisions/0005-search.md`).
    fn tools(&self) -> Tools {
        let EffortParams { tries_tools, spends_freely, .. } = self.means;
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

    /// How bytes and distortion of the scene follow the quantizer, by probes alone; the tools to use, and the attempts.
    pub(crate) fn rate_curve(mut self) -> Result<(RateCurve, Tools, Vec<AttemptRecord>)> {
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
    pub(crate) fn lambda(self, lambda: f64) -> Result<SearchResult> {
        let (context, frames, length, means) = (self.context, self.frames, self.length(), self.means);
        let (curve, tools, mut tried) = self.rate_curve()?;
        // Both sums are over the scene: eight bits a byte.
        let quantizer = curve.best(8.0 * lambda, &context.library);
        let plan = EncodeParams::new(quantizer, means.preset, means.depth(quantizer), tools);
        let trial = store(context, frames, 0..length, &plan, AttemptKind::Keep, &mut tried)?;
        let reason = format!("the least D + lambda R that probes predict, at lambda {lambda}");
        Ok(SearchResult { plan, trial, tried, predicted: None, reason, is_met: true })
    }

    fn length(&self) -> u64 {
        self.profile.frames
    }

    /// Frames from the middle that locate; all of them where the pilot codes the whole scene.
    fn part(&self) -> Range<u64> {
        let length = self.length();
        if self.head() == (0..length) {
            return 0..length;
        }
        let start = (length - PART_FRAMES) / 2;
        start..start + PART_FRAMES
    }

    /// Frames that the pilot codes; all of them where little is saved by fewer.
    fn head(&self) -> Range<u64> {
        let length = self.length();
        if length * 2 <= HEAD_FRAMES * 3 { 0..length } else { 0..HEAD_FRAMES }
    }

    /// Whether the scene is short enough to be probed as a whole.
    fn is_whole(&self, part: &Range<u64>) -> bool {
        *part == (0..self.length())
    }

    /// The part at the fast preset around the floor.
    fn locate(&mut self, floor: &Floor, part: &Range<u64>) -> Result<Probed> {
        let mut curve = Curve::default();
        let mut quantizer = Quantizer::from(FIRST_QUANTIZER);
        let mut located = 0;
        loop {
            located += 1;
            let trial = self.probe("locate", quantizer, part.clone())?;
            let quality = Quality::of(&trial.frames);
            curve.add(quantizer, quality);
            let gain = self.expected_gain(&trial);
            let aim = AIM - gain;
            let is_near = (floor.margin(&quality) - aim).abs() < FAR;
            let next = curve.solve(floor, aim, &self.context.library);
            if next == quantizer || is_near || located == MOST_LOCATED {
                return Ok(Probed { curve, frames: trial.frames, gain });
            }
            quantizer = next;
        }
    }

    /// By how many dB the pilot is expected to lie above a probe.
    fn expected_gain(&self, probe: &EncodeAttempt) -> f64 {
        let info = &self.context.info;
        let pixels = info.width as f64 * info.height as f64 * probe.frames.len() as f64;
        if self.has_pilot() { forecast::expected_gain(probe.bytes as f64 * 8.0 / pixels) } else { 0.0 }
    }

    /// The scene at the fast preset, by its part.
    fn extend(&mut self, floor: &Floor, part: Probed, span: &Range<u64>) -> Result<Probed> {
        if self.is_whole(span) {
            return Ok(part);
        }
        let at = part.curve.solve(floor, AIM - part.gain, &self.context.library);
        let trial = self.probe("extend", at, 0..self.length())?;
        let difference = Quality::of(&trial.frames).minus(&part.curve.quality(at.value()));
        let gain = self.expected_gain(&trial);
        Ok(Probed { curve: part.curve.moved(&difference), frames: trial.frames, gain })
    }

    /// The scene's curve at the preset that is stored with, and the tools to use.
    fn pilot(&mut self, floor: &Floor, probe: &Probed) -> Result<(Curve, Tools)> {
        let tools = self.tools();
        if !self.has_pilot() {
            return Ok((probe.curve.clone(), tools));
        }
        let quantizer = probe.curve.solve(floor, AIM - probe.gain, &self.context.library);
        let mut best = self.try_tools(quantizer, tools, probe)?;
        if self.means.tries_tools && is_worth_trying_without_aq(self.profile) {
            let coarser = self.context.library.quantizer_at_most(quantizer.value() + WITHOUT_AQ);
            let tools = Tools { adaptive_quantization: Some(false), ..tools };
            let candidate = self.try_tools(coarser, tools, probe)?;
            if saving(floor, &best, &candidate) > WORTH {
                best = candidate;
            }
        }
        let curve = |best: &Candidate| {
            let at = best.plan.quantizer.value();
            probe.curve.moved(&best.quality.minus(&probe.curve.quality(at)))
        };
        let found = curve(&best).solve(floor, AIM, &self.context.library);
        let miss = position(found.value()) - position(best.plan.quantizer.value());
        // A second pilot is cheaper than coding a long scene again.
        if miss.abs() > FAR_POSITION && self.head().end * 2 < self.length() {
            best = self.try_tools(found, best.plan.tools, probe)?;
        }
        Ok((curve(&best), best.plan.tools))
    }

    /// Pilots tools: what they take on the head, and the quality of the whole scene that follows.
    fn try_tools(&mut self, quantizer: Quantizer, tools: Tools, probe: &Probed) -> Result<Candidate> {
        let depth = self.means.source_depth;
        let plan = EncodeParams::new(quantizer, self.means.preset + 1, depth, tools);
        let trial = self.try_plan("pilot", &plan, self.head())?;
        let quality = forecast::whole_scene(&trial.frames, &probe.frames);
        let over_probe = quality.minus(&probe.curve.quality(quantizer.value()));
        let quality = quality.plus(&forecast::preset_gain(&over_probe));
        Ok(Candidate { plan, bytes: trial.bytes, quality })
    }

    /// Codes the whole scene, and again where it misses the floor or lies too far above it.
    fn store(mut self, floor: &Floor, mut curve: Curve, tools: Tools) -> Result<SearchResult> {
        let whole = 0..self.length();
        let preset = self.means.preset;
        let gain = if self.context.filter.is_some() { FILTER_GAIN } else { 0.0 };
        let mut quantizer = curve.solve(floor, AIM - gain, &self.context.library);
        let predicted = curve.quality(quantizer.value());
        // One depth for all codings, so that they lie on one curve.
        let depth = self.means.depth(quantizer);
        let mut measured = Curve::default();
        let mut best: Option<(EncodeParams, EncodeAttempt, bool)> = None;
        for attempt in 0..=MOST_CORRECTIONS {
            let plan = EncodeParams::new(quantizer, preset, depth, tools);
            let trial =
                store(self.context, self.frames, whole.clone(), &plan, AttemptKind::Keep, &mut self.tried)?;
            let quality = Quality::of(&trial.frames);
            let metrics = trial.comparison.finish();
            let (margin, is_met) = (floor.margin(&quality), floor.is_met(&metrics));
            measured.add(quantizer, quality);
            curve = match measured.len() {
                1 => {
                    let moved = curve.moved(&quality.minus(&curve.quality(quantizer.value())));
                    moved.steeper(&quality, if self.has_pilot() { STEEPER } else { 1.0 })
                }
                _ => measured.clone(),
            };
            let had_met = best.as_ref().is_some_and(|(_, _, was_met)| *was_met);
            let is_better = best.as_ref().is_none_or(|(_, before, was_met)| match (was_met, is_met) {
                (true, true) => trial.bytes_of_layers() < before.bytes_of_layers(),
                (false, false) => margin > floor.margin(&Quality::of(&before.frames)),
                (_, now) => now,
            });
            if is_better {
                best = Some((plan, trial, is_met));
            }
            let next = curve.solve(floor, AIM / 2.0, &self.context.library);
            let most_above = if attempt == 0 { MOST_ABOVE } else { FAR_ABOVE };
            let is_wasteful = attempt < 2 && floor.raised(&most_above).is_met(&metrics) && next > quantizer;
            let is_overshot = had_met && !is_met;
            if is_overshot {
                let Some(between) = self.between(floor, best.as_ref(), next, quantizer) else { break };
                quantizer = between;
                continue;
            }
            if (is_met && !is_wasteful) || quantizer == Quantizer::FINEST {
                break;
            }
            // One that misses by what the curve cannot see goes a step finer all the same.
            let finer = self.context.library.quantizer_at_most(quantizer.value() - STEP);
            quantizer = if is_met { next } else { next.min(finer) };
        }
        let Some((plan, trial, is_met)) = best else {
            return Err(Error::internal("search", "no trial was made"));
        };
        let reason = format!(
            "the coarsest quantizer found for {}{}",
            floor.text(),
            if is_met { "" } else { ", which this scene cannot reach" }
        );
        Ok(SearchResult { plan, trial, tried: self.tried, predicted: Some(predicted), reason, is_met })
    }

    /// A quantizer between one that lies far above the floor and a coarser one that missed it; at the efforts that learn
    /// filters, which have the time for another coding.
    fn between(
        &self,
        floor: &Floor,
        met: Option<&(EncodeParams, EncodeAttempt, bool)>,
        solved: Quantizer,
        missed: Quantizer,
    ) -> Option<Quantizer> {
        let (plan, trial, _) = met?;
        let is_far_above = floor.raised(&MOST_ABOVE).is_met(&trial.comparison.finish());
        let between = plan.quantizer < solved && solved < missed;
        (self.context.filter.is_some() && is_far_above && between).then_some(solved)
    }

    /// Probes frames at the fast preset.
    fn probe(
        &mut self,
        stage: &'static str,
        quantizer: Quantizer,
        frames: Range<u64>,
    ) -> Result<EncodeAttempt> {
        let EffortParams { probe_preset: preset, source_depth: depth, .. } = self.means;
        let plan = EncodeParams::new(quantizer, preset, depth, self.probe_tools());
        self.try_plan(stage, &plan, frames)
    }

    fn try_plan(
        &mut self,
        stage: &'static str,
        plan: &EncodeParams,
        frames: Range<u64>,
    ) -> Result<EncodeAttempt> {
        let running = self.context.clock.begin(stage);
        let trial = code(self.context, self.frames, frames.clone(), plan, AttemptKind::Probe)?;
        self.tried.push(AttemptRecord::new(stage, plan, &frames, &trial, running));
        Ok(trial)
    }
}

/// Codes frames as they are to be stored, with a filter over them where that is allowed and pays, and takes it down.
pub(crate) fn store(
    context: &AttemptContext,
    frames: &SceneFrames,
    span: Range<u64>,
    plan: &EncodeParams,
    purpose: AttemptKind,
    tried: &mut Vec<AttemptRecord>,
) -> Result<EncodeAttempt> {
    let running = context.clock.begin("store");
    let trial = code(context, frames, span.clone(), plan, purpose)?;
    let coded = span.start..span.start + trial.frames.len() as u64;
    tried.push(AttemptRecord::new("store", plan, &coded, &trial, running));
    let Some(means) = context.filter else { return Ok(trial) };
    let (trial, running) = filter::improve(context, means, frames, plan, trial)?;
    tried.push(AttemptRecord::new("filter", plan, &coded, &trial, running));
    Ok(trial)
}

/// The scene, or a part of it, at the fast preset.
struct Probed {
    curve: Curve,
    /// Of the last probe, near the floor.
    frames: Vec<FrameMetrics>,
    /// By how many dB the pilot is expected to lie above it.
    gain: f64,
}

/// One way to code the scene: bytes of its head, and the quality that is expected of the whole.
struct Candidate {
    plan: EncodeParams,
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
