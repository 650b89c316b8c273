//! Looks for the coarsest quantizer that reaches a quality floor, and stores the scene with it.
//!
//! ```text
//! locate   a part of the scene at a fast preset      -> about where the quantizer lies
//! extend   the whole scene at the fast preset        -> how quality goes along a scene that is long
//! pilot    the scene, or its head, at a middle one   -> how far above it the stored preset will lie
//! store    the whole scene as it will be stored      -> measured; corrected where it misses the floor or lies far above
//! ```
//! `forecast` carries what faster presets measured to the stored one. Presets next to the probes' are stored after `locate`: for
//! them a second coding costs no more than what would save it.

use std::ops::Range;
use std::sync::Arc;

use super::forecast;
use super::params::EncodeParams;
use super::quality_curve::{Curve, STEP, position};
use super::scene_search::{Search, SearchResult, Store, Stored};
use super::target::{Floor, Quality};
use crate::base::{Library, Quantizer};
use crate::error::{Error, Result};
use crate::metrics::FrameMetrics;
use crate::report::{SceneVerdict, Stage};

/// By how many dB predictions go above the floor: about the error that is left in them.
const TARGET_MARGIN: f64 = 0.1;

/// A stored scene further above the floor than this, in dB and in SSIM, is coded again, once.
const MOST_ABOVE: Floor = Floor { psnr_y: Some(0.25), ssim_y: Some(0.0028) };

/// How much steeper the quality of a slow preset falls than that of the fast one: 1.0 to 1.4 over eight scenes.
const STEEPER: f64 = 1.15;

/// Most probes that locate.
const MOST_LOCATED: usize = 3;

/// How far a located point may lie from its target before another is measured, in dB.
const FAR: f64 = 1.0;

/// How far the quantizer may lie from the pilot's before there is another, in positions of `curve`.
const FAR_POSITION: f64 = 6.0;

/// Where the first probe is made.
const FIRST_QUANTIZER: u8 = 50;

/// Most codings of a scene after the first. More than one is rare, and there for the floor's sake alone.
const MOST_CORRECTIONS: usize = 3;

impl Search<'_> {
    /// The coarsest quantizer that reaches a quality floor.
    ///
    /// # Errors
    ///
    /// As of any attempt, and those of `store`.
    pub(crate) fn floor<S>(mut self, floor: &Floor, store: Store<'_, S>) -> Result<SearchResult<S>> {
        let part = self.part();
        let mut probe = self.locate(floor, &part)?;
        if self.has_pilot() && self.head() != (0..self.length()) {
            probe = self.extend(floor, probe)?;
        }
        let curve = if self.has_pilot() { self.pilot(floor, &probe)? } else { probe.expected() };
        self.store(floor, curve, store)
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
            let probed = Probed { curve, frames: attempt.frames, gain: self.expected_gain(quantizer) };
            let is_near = (floor.margin(&quality.plus(&probed.gain)) - TARGET_MARGIN).abs() < FAR;
            let next = probed.expected().solve(floor, TARGET_MARGIN, self.library());
            if next == quantizer || is_near || located == MOST_LOCATED {
                return Ok(probed);
            }
            (curve, quantizer) = (probed.curve, next);
        }
    }

    /// By how much the next coding, a pilot or the stored one, is expected to lie above a probe.
    fn expected_gain(&self, quantizer: Quantizer) -> Quality {
        let (preset, at) = (self.effort.preset, quantizer.value());
        if preset == self.effort.probe_preset {
            return Quality { psnr_y: 0.0, ssim_db: Some(0.0) };
        }
        let pilot = forecast::pilot_gain(at);
        if self.has_pilot() { pilot } else { pilot.plus(&forecast::preset_gain(preset, at)) }
    }

    /// The scene at the fast preset, by its part.
    fn extend(&mut self, floor: &Floor, part: Probed) -> Result<Probed> {
        let at = part.expected().solve(floor, TARGET_MARGIN, self.library());
        let attempt = self.probe(Stage::Extend, at, 0..self.length())?;
        let difference = Quality::of(&attempt.frames).minus(&part.curve.quality(at.value()));
        let gain = self.expected_gain(at);
        Ok(Probed { curve: part.curve.moved(&difference), frames: attempt.frames, gain })
    }

    /// The scene's curve at the preset that is stored with.
    fn pilot(&mut self, floor: &Floor, probe: &Probed) -> Result<Curve> {
        let expected = probe.expected();
        let mut curve = self.piloted(expected.solve(floor, TARGET_MARGIN, self.library()), probe)?;
        let found = curve.1.solve(floor, TARGET_MARGIN, self.library());
        let miss = position(found.value()) - position(curve.0.value());
        if miss.abs() > FAR_POSITION {
            curve = self.piloted(found, probe)?;
        }
        Ok(curve.1)
    }

    /// A pilot at about this quantizer: the one it was made at, and the curve of the stored preset that follows from it.
    fn piloted(&mut self, quantizer: Quantizer, probe: &Probed) -> Result<(Quantizer, Curve)> {
        let params = self.effort.pilot_params(quantizer, self.tools());
        let attempt = self.attempt(Stage::Pilot, &params, self.head())?;
        let quantizer = params.quantizer;
        let pilot = if self.head() == (0..self.length()) {
            Quality::of(&attempt.frames)
        } else {
            forecast::whole_scene(&attempt.frames, &probe.frames)
        };
        let quality = pilot.plus(&forecast::preset_gain(self.effort.preset, quantizer.value()));
        let curve = probe.curve.moved(&quality.minus(&probe.curve.quality(quantizer.value())));
        Ok((quantizer, curve))
    }

    fn library(&self) -> &Library {
        &self.context.clip.library
    }

    /// Stores the whole scene, and again where it misses the floor or lies too far above it.
    fn store<S>(mut self, floor: &Floor, mut curve: Curve, store: Store<'_, S>) -> Result<SearchResult<S>> {
        let (library, tools) = (Arc::clone(&self.context.clip.library), self.tools());
        let library = &*library;
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
            let is_wasteful =
                attempt == 0 && floor.raised(&MOST_ABOVE).is_met(&stored.metrics) && next > quantizer;
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
    /// By how much the next coding is expected to lie above it.
    gain: Quality,
}

impl Probed {
    /// The curve that is expected of the next preset.
    fn expected(&self) -> Curve {
        self.curve.moved(&self.gain)
    }
}
