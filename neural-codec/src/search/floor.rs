//! Looks for the coarsest quantizer that reaches a quality floor, and stores the scene with it.
//!
//! ```text
//! locate   a part of the scene at a fast preset   -> about where the quantizer lies, and which metric binds there
//! sample   before a fast pilot: a part at the fast preset, and as it will be stored
//!                                                 -> how far the one lies above the other
//! pilot    the scene at a middle preset           -> every frame's quality, and the quantizer that it was given
//! store    the scene as it will be stored, every frame at the pilot's quantizer or as far from it as the floor is
//!                                                 -> measured; corrected where it misses the floor or lies far above
//! ```
//! `forecast` says what the next preset gains. Presets near the pilot's are stored after `locate`, their encoder choosing the
//! frames' quantizers: for them a second coding costs no more than the pilot that would save it.

use std::ops::Range;
use std::sync::Arc;

use super::bracket::Bracket;
use super::first_guess::first_guess;
use super::forecast;
use super::frame_quantizers;
use super::params::{EncodeParams, Tools};
use super::quality::{Quality, on_scale};
use super::quality_aim::QualityAim;
use super::quality_curve::{Curve, STEP, position};
use super::scene_search::{Search, SearchResult, Store, Stored};
use super::steering::{Aim, Steering};
use super::target::Floor;
use crate::base::{Library, Quantizer};
use crate::defaults::{Defaults, Search as SearchRules, SteeringRules};
use crate::error::{Error, Result};
use crate::metrics::{FrameMetrics, Metric};
use crate::progress::Stage;
use crate::repeats::Repeats;
use crate::report::SceneVerdict;
use crate::scene::Profile;

/// Codings beyond those that are allowed, for a scene that none of them brought to its floor, or not without waste.
const MORE_WHERE_MISSED: usize = 3;

/// Share of the bytes that such a one has to be expected to save.
const WASTED: f64 = 0.3;

impl Search<'_> {
    /// The coarsest quantizer that reaches a quality floor.
    ///
    /// # Errors
    ///
    /// As of any attempt, and those of `store`.
    pub(crate) fn floor<S>(mut self, floor: &Floor, store: Store<'_, S>) -> Result<SearchResult<S>> {
        let (part, base_floor) = (self.part(), floor.lowered(&self.expected_gain));
        let located = self.locate(&base_floor, &part)?;
        let forecast = match self.pilot() {
            Some(pilot) => self.forecast(&base_floor, located, pilot)?,
            None => Forecast::of(located),
        };
        self.store(floor, &base_floor, forecast, store)
    }

    /// The next preset's curve, by the part at the fast preset around the floor.
    pub(super) fn locate(&mut self, floor: &Floor, part: &Range<u64>) -> Result<Curve> {
        let mut curve = Curve::default();
        let rules = self.rules();
        let mut quantizer = first_guess(&rules, self.profile, floor, self.library());
        let mut located = 0;
        loop {
            located += 1;
            let attempt = self.probe(Stage::Locate, quantizer, part.clone())?;
            curve.add(quantizer.value(), self.quality(&attempt));
            let over_probe = self.over_probe(quantizer);
            curve = self.tuned(&curve, floor, &over_probe);
            let expected = curve.moved(&over_probe);
            let margin = floor.margin(&expected.quality(quantizer.value()));
            let next = expected.solve(floor, rules.target_margin, self.library());
            let is_near = (margin - rules.target_margin).abs() < rules.far;
            if next == quantizer || is_near || located == rules.most_located {
                return Ok(expected);
            }
            quantizer = next;
        }
    }

    /// A sample of the scene at this quantizer, by a fast pilot's preset and as it will be stored, every frame at the same quantizer; none where
    /// it would say little, or no pilot is fast.
    fn sample(
        &mut self,
        floor: &Floor,
        quantizer: Quantizer,
        (preset, pilot_tools): (i8, Tools),
    ) -> Result<Option<Sample>> {
        let is_fast = preset == self.effort.probe_preset;
        if !(is_fast && floor.is_of_psnr_and_ssim() && self.is_sampled_at(quantizer)) {
            return Ok(None);
        }
        let (tools, frames) = (self.tools(), self.middle(self.rules().sampled_frames.min(self.length())));
        let params = self.effort.pilot_params(preset, quantizer, pilot_tools);
        let fast = self.attempt(Stage::Locate, &params, frames.clone())?;
        let mut params = self.effort.params(quantizer, tools);
        params.frame_quantizers.clone_from(&fast.base.quantizers);
        let stored = self.attempt(Stage::Locate, &params, frames)?;
        let (fast, stored) = (self.quality(&fast), self.quality(&stored));
        let gain = forecast::likely_gain(&stored.minus(&fast));
        Ok(Some(Sample { tools, gain, quality: fast.plus(&gain) }))
    }

    /// Whether a sample says something of scenes at this quantizer.
    fn is_sampled_at(&self, quantizer: Quantizer) -> bool {
        let [finest, coarsest] = self.rules().sampled_quantizers;
        (finest..=coarsest).contains(&quantizer.value())
    }

    /// Tunes the attempts to come for what binds where a curve says that the floor is met; the curve of such attempts.
    fn tuned(&mut self, curve: &Curve, floor: &Floor, over_probe: &Quality) -> Curve {
        let plain = curve.moved(&Quality::even(0.0).minus(&self.tune_gain()));
        let expected = plain.moved(over_probe);
        let at_floor = expected.solve_between(floor, self.rules().target_margin, self.library());
        self.tune_for(floor, (at_floor, &expected.quality(at_floor)));
        plain.moved(&self.tune_gain())
    }

    /// By how much the next coding, a pilot or the stored one, is expected to lie above a probe.
    fn over_probe(&self, quantizer: Quantizer) -> Quality {
        if self.effort.preset == self.effort.probe_preset {
            return Quality::even(0.0);
        }
        forecast::over_probe(&self.context.clip.defaults.forecast, quantizer.value())
    }

    /// What the whole scene at the pilot's preset says of the stored one.
    fn forecast(&mut self, floor: &Floor, mut located: Curve, pilot: (i8, Tools)) -> Result<Forecast> {
        let rules = self.rules();
        let mut wanted = located.solve(floor, rules.target_margin, self.library());
        let sample = self.sample(floor, wanted, pilot)?;
        if let Some(sample) = &sample {
            located = located.moved(&sample.quality.minus(&located.quality(wanted.value())));
            wanted = located.solve(floor, rules.target_margin, self.library());
        }
        let forecast = self.piloted(wanted, &located, pilot, sample.as_ref())?;
        let found = forecast.curve.solve(floor, rules.target_margin, self.library());
        let miss = position(found.value()) - position(wanted.value());
        if miss.abs() <= rules.far_position {
            return Ok(forecast);
        }
        // There another tune may be the right one.
        let curve = self.tuned(&forecast.curve, floor, &Quality::even(0.0));
        let found = curve.solve(floor, rules.target_margin, self.library());
        let pilot = self.pilot().unwrap_or(pilot);
        let sample = sample.filter(|sample| sample.tools == self.tools() && self.is_sampled_at(found));
        self.piloted(found, &located, pilot, sample.as_ref())
    }

    /// What the stored preset is expected to gain over a pilot at another.
    fn over_pilot(&self, preset: i8, sample: Option<&Sample>) -> Quality {
        let constants = &self.context.clip.defaults.forecast;
        let is_fast = preset == self.effort.probe_preset;
        let Profile { changed_blocks, motion, .. } = *self.profile;
        match sample {
            Some(sample) => forecast::over_sample(constants, &sample.gain),
            None => forecast::over_pilot(constants, self.effort.preset, is_fast, (changed_blocks, motion)),
        }
    }

    /// A pilot at this quantizer.
    fn piloted(
        &mut self,
        quantizer: Quantizer,
        located: &Curve,
        (preset, tools): (i8, Tools),
        sample: Option<&Sample>,
    ) -> Result<Forecast> {
        let params = self.effort.pilot_params(preset, quantizer, tools);
        let attempt = self.attempt(Stage::Pilot, &params, 0..self.length())?;
        let value = params.quantizer.value();
        let gain = self.over_pilot(preset, sample);
        let quality = self.quality(&attempt).plus(&gain);
        let curve = located.moved(&quality.minus(&located.quality(value)));
        let above = |frame: &FrameMetrics| {
            let ssim_db = frame.ssim_y.zip(gain.ssim_db).map(|(ssim, db)| on_scale(Metric::SsimY, ssim) + db);
            (frame.psnr_y.map(|db| db + gain.psnr_y), ssim_db)
        };
        let expected = self.repeats.coded(&attempt.frames).map(above).collect();
        let frames = Some(Frames { value, quantizers: attempt.base.quantizers, expected });
        Ok(Forecast { curve, frames, is_sampled: sample.is_some() })
    }

    /// The constants of this search.
    fn rules(&self) -> SearchRules {
        self.context.clip.defaults.search
    }

    fn library(&self) -> &Library {
        &self.context.clip.library
    }

    /// Stores the whole scene, and again where it misses the floor or lies too far above it. `base_floor` is the floor of what
    /// a forecast speaks of, the base layer without those above it.
    fn store<S>(
        mut self,
        floor: &Floor,
        base_floor: &Floor,
        mut forecast: Forecast,
        store: Store<'_, S>,
    ) -> Result<SearchResult<S>> {
        let (library, tools) = (Arc::clone(&self.context.clip.library), self.tools());
        let (rules, defaults) = (self.rules(), &self.context.clip.defaults);
        let mut value = forecast.solve(&forecast.curve, base_floor, forecast.margin(&rules), &library);
        let predicted = forecast.curve.quality(value).plus(&self.expected_gain);
        let mut measured = Curve::as_steep_as(&forecast.curve, value);
        let mut best: Option<Attempted<S>> = None;
        let (mut bracket, mut margin) = (Bracket::default(), rules.corrected_margin);
        let most_above = Floor::most_above(&defaults.most_above).moved(|_, most| self.effort.slack * most);
        let (mut coded, mut missed) = (Vec::new(), 0_u32);
        for attempt in 0..=rules.most_corrections + MORE_WHERE_MISSED {
            let mut params = self.effort.params(library.quantizer_at_most(value), tools);
            params.frame_quantizers = forecast.frame_quantizers(value);
            if params.frame_quantizers.is_empty() {
                value = params.quantizer.value();
            }
            // Between two codings there may be no other quantizer.
            let quantizers = (params.quantizer, params.frame_quantizers.clone());
            if bracket.is_met() && coded.contains(&quantizers) {
                // A curve that leads back to what was coded, as beside losslessness, says nothing of what lies between.
                match bracket.between(value) {
                    Some(between) if between.saving >= WASTED && between.half_way != value => {
                        value = between.half_way;
                        continue;
                    }
                    _ => break,
                }
            }
            coded.push(quantizers);
            let is_steered = floor.is_of_psnr_and_ssim() && defaults.steering.is_worth(self.length());
            if attempt == 0 && is_steered {
                params.steering = forecast.steering(value, base_floor, &self.repeats, defaults);
            }
            let stored = store(&params, &mut self.records)?;
            if let Some(frames) = &mut forecast.frames {
                (frames.value, frames.quantizers) = (value, stored.quantizers.clone());
            }
            let is_met = floor.is_met(&stored.metrics);
            missed += u32::from(!is_met);
            measured.add(value, stored.quality);
            bracket.add(value, stored.bytes, floor.margin(&stored.quality), is_met);
            let next = forecast.solve(
                &measured,
                floor,
                margin + rules.corrected_share * bracket.distance(),
                &library,
            );
            margin *= 2.0;
            let is_wasteful =
                attempt == 0 && floor.raised(&most_above).is_met(&stored.metrics) && next > value;
            let attempted = Attempted { params, stored, is_met };
            if best.as_ref().is_none_or(|best| attempted.is_better(best, floor)) {
                best = Some(attempted);
            }
            let is_last = attempt >= rules.most_corrections;
            value = match bracket.between(next) {
                // Where curves have led nowhere, as beside losslessness, halving does.
                Some(between) if is_last && between.saving >= WASTED => between.half_way,
                Some(between) if !is_last && between.saving > self.effort.slack * rules.worth_another => {
                    between.nearest
                }
                Some(_) => break,
                None if is_wasteful && !is_last => next,
                None if bracket.is_met() || value <= self.effort.finest.value() => break,
                // One that misses by what the curve cannot see goes a step finer all the same, and twice as far each time.
                None => next.min(value - STEP * f64::from(1_u32 << missed.saturating_sub(1).min(5))),
            };
        }
        let Some(Attempted { params, stored, is_met }) = best else {
            return Err(Error::internal("search", "no attempt was made"));
        };
        let (verdict, what) = match is_met {
            true => (SceneVerdict::FloorMet, "the coarsest quantizer found for"),
            false if self.effort.finest > Quantizer::FINEST => (
                SceneVerdict::FloorMissed,
                "the closest that this preset comes to; slower ones have finer quantizers:",
            ),
            false => (SceneVerdict::FloorMissed, "the closest that was found to"),
        };
        Ok(SearchResult {
            params,
            scene: stored.scene,
            attempts: self.records,
            predicted: Some(predicted),
            verdict,
            reason: format!("{what} {}", floor.text()),
        })
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

/// A part of the scene as it will be stored.
struct Sample {
    tools: Tools,
    quality: Quality,
    /// What the stored preset gains over the probes'.
    gain: Quality,
}

/// What is expected of the stored preset.
struct Forecast {
    curve: Curve,
    /// None where there was no pilot.
    frames: Option<Frames>,
    /// Whether a sample was coded as the scene is stored.
    is_sampled: bool,
}

/// The frames of a coding of the whole scene.
struct Frames {
    /// The quantizer of the scene.
    value: f64,
    /// What each was given, 0 to 63.
    quantizers: Vec<u8>,
    /// Luma PSNR in dB and luma SSIM in dB that the stored preset is expected to give at these.
    expected: Vec<(Option<f64>, Option<f64>)>,
}

impl Forecast {
    fn of(curve: Curve) -> Self {
        Self { curve, frames: None, is_sampled: false }
    }

    /// The coarsest quantizer that a curve says to lie so many dB above the floor.
    fn solve(&self, curve: &Curve, floor: &Floor, margin: f64, library: &Library) -> f64 {
        match self.frames {
            Some(_) => curve.solve_between(floor, margin, library),
            None => curve.solve(floor, margin, library).value(),
        }
    }

    /// The quantizers of the frames at a quantizer of the scene; none where the encoder is to choose.
    fn frame_quantizers(&self, quantizer: f64) -> Vec<u8> {
        let frames = self.frames.as_ref();
        frames
            .map(|frames| frame_quantizers::moved(&frames.quantizers, frames.value, quantizer, 0))
            .unwrap_or_default()
    }

    /// By how much the first coding aims above the floor.
    fn margin(&self, rules: &SearchRules) -> f64 {
        if self.is_sampled { rules.sampled_margin } else { rules.target_margin }
    }

    /// What frames turned out to be says less of others where a sample has told of all.
    fn steering_rules(&self, defaults: &Defaults) -> SteeringRules {
        let rules = defaults.steering;
        match self.is_sampled {
            true => SteeringRules { trusted_frames: rules.sampled_trusted_frames, ..rules },
            false => rules,
        }
    }

    /// How to steer the first coding, which begins at this quantizer; none where there was no pilot.
    fn steering(
        &self,
        start: f64,
        floor: &Floor,
        repeats: &Repeats,
        defaults: &Defaults,
    ) -> Option<Arc<Steering>> {
        let frames = self.frames.as_ref()?;
        Some(Arc::new(Steering {
            start,
            pilot: frames.value,
            frames: frames.quantizers.clone(),
            finest: 0,
            aim: Aim::Quality(Box::new(QualityAim {
                expected: frames.expected.clone(),
                repeats: repeats.clone(),
                slope: self.curve.slope(start),
                floor: *floor,
                margin: self.margin(&defaults.search),
                least_margin: defaults.search.steered_margin,
            })),
            rules: self.steering_rules(defaults),
        }))
    }
}
