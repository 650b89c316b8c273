//! Looks for the params that reaches the target at the fewest bytes, and codes the scene by it.
//!
//! ```text
//! locate   a part of the scene at a fast preset       -> about where the quantizer lies
//! extend   the whole scene at the fast preset         -> how quality goes along the scene
//! pilot    its head one preset faster than stored     -> what the fast preset hides; tools against one another
//! store    the whole scene as it will be stored       -> measured; corrected where it misses the floor or lies far above
//! ```
//! `forecast` carries the pilot's quality to the whole scene. Scenes that are short are probed and piloted as a whole.

use std::ops::Range;

use super::attempt::EncodeAttempt;
use super::forecast;
use super::params::{EncodeParams, Tools};
use super::quality_curve::{Curve, STEP, position};
use super::scene_search::{MUCH_CHANGES, Search, SearchResult, Store, Stored};
use super::target::{Floor, Quality};
use super::worth::LOG_BYTES_PER_DB;
use crate::base::Quantizer;
use crate::error::{Error, Result};
use crate::metrics::FrameMetrics;
use crate::report::{SceneVerdict, Stage};
use crate::scene::{Profile, SceneClass};

/// By how many dB predictions go above the floor: about the error that is left in them.
const TARGET_MARGIN: f64 = 0.13;

/// A stored scene further above the floor than this, in dB and in SSIM, is coded again.
const MOST_ABOVE: Floor = Floor { psnr_y: Some(0.3), ssim_y: Some(0.003) };

/// And once more only further above than this.
const FAR_ABOVE: Floor = Floor { psnr_y: Some(0.6), ssim_y: Some(0.006) };

/// How much steeper the quality of a slow preset falls than that of the fast one: 1.0 to 1.4 over eight scenes.
const STEEPER: f64 = 1.15;

/// Most probes that locate.
const MOST_LOCATED: usize = 3;

/// How far a located point may lie from its target before another is measured, in dB.
const FAR: f64 = 1.0;

/// How far the quantizer may lie from the pilot's before there is another, in positions of `curve`.
const FAR_POSITION: f64 = 4.0;

/// Where the first probe is made.
const FIRST_QUANTIZER: u8 = 45;

/// Most codings of a scene after the first. More than one is rare, and there for the floor's sake alone.
const MOST_CORRECTIONS: usize = 3;

/// Tools are taken when they save at least this share of the bytes at equal quality.
const WORTH: f64 = 0.01;

/// By how much coarser the quantizer has to be without adaptive quantization for about the same quality.
const WITHOUT_AQ: f64 = 4.0;

impl Search<'_> {
    /// The coarsest params that reaches a quality floor.
    ///
    /// # Errors
    ///
    /// As of any attempt, and those of `store`.
    pub(crate) fn floor<S>(mut self, floor: &Floor, store: Store<'_, S>) -> Result<SearchResult<S>> {
        let part = self.part();
        let probe = self.locate(floor, &part)?;
        let probe = self.extend(floor, probe, &part)?;
        let (curve, tools) = self.pilot(floor, &probe)?;
        self.store(floor, curve, tools, store)
    }

    /// The part at the fast preset around the floor.
    fn locate(&mut self, floor: &Floor, part: &Range<u64>) -> Result<Probed> {
        let mut curve = Curve::default();
        let mut quantizer = Quantizer::from(FIRST_QUANTIZER);
        let mut located = 0;
        loop {
            located += 1;
            let attempt = self.probe(Stage::Locate, quantizer, part.clone())?;
            let quality = Quality::of(&attempt.frames);
            curve.add(quantizer, quality);
            let gain = self.pilot_gain(&attempt);
            let target = TARGET_MARGIN - gain;
            let is_near = (floor.margin(&quality) - target).abs() < FAR;
            let next = curve.solve(floor, target, &self.context.clip.library);
            if next == quantizer || is_near || located == MOST_LOCATED {
                return Ok(Probed { curve, frames: attempt.frames, gain });
            }
            quantizer = next;
        }
    }

    /// By how many dB the pilot is expected to lie above a probe.
    fn pilot_gain(&self, probe: &EncodeAttempt) -> f64 {
        let info = &self.context.clip.info;
        let pixels = info.width as f64 * info.height as f64 * probe.frames.len() as f64;
        if self.has_pilot() { forecast::expected_gain(probe.bytes as f64 * 8.0 / pixels) } else { 0.0 }
    }

    /// The scene at the fast preset, by its part.
    fn extend(&mut self, floor: &Floor, part: Probed, span: &Range<u64>) -> Result<Probed> {
        if self.is_whole(span) {
            return Ok(part);
        }
        let at = part.curve.solve(floor, TARGET_MARGIN - part.gain, &self.context.clip.library);
        let attempt = self.probe(Stage::Extend, at, 0..self.length())?;
        let difference = Quality::of(&attempt.frames).minus(&part.curve.quality(at.value()));
        let gain = self.pilot_gain(&attempt);
        Ok(Probed { curve: part.curve.moved(&difference), frames: attempt.frames, gain })
    }

    /// The scene's curve at the preset that is stored with, and the tools to use.
    fn pilot(&mut self, floor: &Floor, probe: &Probed) -> Result<(Curve, Tools)> {
        let tools = self.tools();
        if !self.has_pilot() {
            return Ok((probe.curve.clone(), tools));
        }
        let quantizer = probe.curve.solve(floor, TARGET_MARGIN - probe.gain, &self.context.clip.library);
        let mut best = self.try_tools(quantizer, tools, probe)?;
        if self.effort.tries_tools && is_worth_trying_without_aq(self.profile) {
            let coarser = self.context.clip.library.quantizer_at_most(quantizer.value() + WITHOUT_AQ);
            let tools = Tools { adaptive_quantization: Some(false), ..tools };
            let candidate = self.try_tools(coarser, tools, probe)?;
            if saving(floor, &best, &candidate) > WORTH {
                best = candidate;
            }
        }
        let curve = |best: &Candidate| {
            let at = best.params.quantizer.value();
            probe.curve.moved(&best.quality.minus(&probe.curve.quality(at)))
        };
        let found = curve(&best).solve(floor, TARGET_MARGIN, &self.context.clip.library);
        let miss = position(found.value()) - position(best.params.quantizer.value());
        // A second pilot is cheaper than coding a long scene again.
        if miss.abs() > FAR_POSITION && self.head().end * 2 < self.length() {
            best = self.try_tools(found, best.params.tools, probe)?;
        }
        Ok((curve(&best), best.params.tools))
    }

    /// Pilots tools: what they take on the head, and the quality of the whole scene that follows.
    fn try_tools(&mut self, quantizer: Quantizer, tools: Tools, probe: &Probed) -> Result<Candidate> {
        let params = self.effort.pilot_params(quantizer, tools);
        let attempt = self.attempt(Stage::Pilot, &params, self.head())?;
        let quality = forecast::whole_scene(&attempt.frames, &probe.frames);
        let over_probe = quality.minus(&probe.curve.quality(quantizer.value()));
        let quality = quality.plus(&forecast::preset_gain(&over_probe));
        Ok(Candidate { params, bytes: attempt.bytes, quality })
    }

    /// Stores the whole scene, and again where it misses the floor or lies too far above it.
    fn store<S>(
        mut self,
        floor: &Floor,
        mut curve: Curve,
        tools: Tools,
        store: Store<'_, S>,
    ) -> Result<SearchResult<S>> {
        let library = &self.context.clip.library;
        let mut quantizer = curve.solve(floor, TARGET_MARGIN - self.expected_gain, library);
        let predicted = curve.quality(quantizer.value());
        let mut measured = Curve::default();
        let mut best: Option<Attempted<S>> = None;
        for attempt in 0..=MOST_CORRECTIONS {
            let params = self.effort.params(quantizer, tools);
            quantizer = params.quantizer;
            let stored = store(&params, &mut self.records)?;
            let is_met = floor.is_met(&stored.metrics);
            measured.add(quantizer, stored.quality);
            curve = match measured.len() {
                1 => {
                    let moved = curve.moved(&stored.quality.minus(&curve.quality(quantizer.value())));
                    moved.steeper(&stored.quality, if self.has_pilot() { STEEPER } else { 1.0 })
                }
                _ => measured.clone(),
            };
            let next = curve.solve(floor, TARGET_MARGIN / 2.0, library);
            let most_above = if attempt == 0 { MOST_ABOVE } else { FAR_ABOVE };
            let is_wasteful =
                attempt < 2 && floor.raised(&most_above).is_met(&stored.metrics) && next > quantizer;
            let had_met = best.as_ref().is_some_and(|best| best.is_met);
            let attempted = Attempted { params, stored, is_met };
            if best.as_ref().is_none_or(|best| attempted.is_better(best, floor)) {
                best = Some(attempted);
            }
            if had_met && !is_met {
                let Some(between) = self.between(floor, best.as_ref(), next, quantizer) else { break };
                quantizer = between;
                continue;
            }
            if (is_met && !is_wasteful) || quantizer <= self.effort.finest {
                break;
            }
            // One that misses by what the curve cannot see goes a step finer all the same.
            let finer = library.quantizer_at_most(quantizer.value() - STEP);
            quantizer = if is_met { next } else { next.min(finer) };
        }
        let Some(Attempted { params, stored, is_met }) = best else {
            return Err(Error::internal("search", "no attempt was made"));
        };
        let (verdict, end) = match is_met {
            true => (SceneVerdict::FloorMet, ""),
            false => (SceneVerdict::FloorMissed, ", which this scene cannot reach"),
        };
        Ok(SearchResult {
            params,
            scene: stored.scene,
            attempts: self.records,
            predicted: Some(predicted),
            verdict,
            reason: format!("the coarsest quantizer found for {}{end}", floor.text()),
        })
    }

    /// A quantizer between one that lies far above the floor and a coarser one that missed it; at the efforts that train
    /// filters, which have the time for another attempt.
    fn between<S>(
        &self,
        floor: &Floor,
        met: Option<&Attempted<S>>,
        solved: Quantizer,
        missed: Quantizer,
    ) -> Option<Quantizer> {
        let met = met?;
        let is_far_above = floor.raised(&MOST_ABOVE).is_met(&met.stored.metrics);
        let between = met.params.quantizer < solved && solved < missed;
        (self.expected_gain > 0.0 && is_far_above && between).then_some(solved)
    }
}

/// The whole scene, stored with some parameters.
struct Attempted<S> {
    params: EncodeParams,
    stored: Stored<S>,
    is_met: bool,
}

impl<S> Attempted<S> {
    /// Whether it is the one to take: fewer bytes of two that meet the floor, the nearer of two that miss it.
    fn is_better(&self, best: &Self, floor: &Floor) -> bool {
        match (best.is_met, self.is_met) {
            (true, true) => self.stored.bytes < best.stored.bytes,
            (false, false) => floor.margin(&self.stored.quality) > floor.margin(&best.stored.quality),
            (_, now) => now,
        }
    }
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
    params: EncodeParams,
    bytes: u64,
    quality: Quality,
}

/// Quality put into frames that others refer to is lost where most of the picture is grain that never repeats.
fn is_worth_trying_without_aq(profile: &Profile) -> bool {
    profile.changed_blocks > MUCH_CHANGES
        && profile.grain > 1.2
        && profile.evidence.class != SceneClass::Synthetic
}

/// Share of the bytes that a candidate saves at the quality of the best so far, by the metric that binds.
fn saving(floor: &Floor, best: &Candidate, candidate: &Candidate) -> f64 {
    let gained = floor.margin(&candidate.quality) - floor.margin(&best.quality);
    let bytes = candidate.bytes as f64 / best.bytes.max(1) as f64;
    1.0 - bytes * (-LOG_BYTES_PER_DB * gained).exp()
}
