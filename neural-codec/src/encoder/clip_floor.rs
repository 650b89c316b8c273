//! A floor of the whole clip: scenes are probed, and stored with one quantizer for all, which is corrected until their frames
//! together reach the floor and lie little above it.
//!
//! ```text
//! frames -> probe (quality curve) ... end of the clip -> one quantizer -> encode_scene -> measured over the clip -> correction
//! ```
//! The same quality for all frames at one quantizer is what a clip-wide mean asks for: scenes that are hard may lie below the floor,
//! easy ones above it. Nothing depends on threads or timing, as every decision waits for all scenes. All source frames are kept until
//! the end, beyond the memory budget in temporary files.

use std::sync::Arc;

use super::encoded_scene::EncodedScene;
use super::shared_scene::{NextStep, Probe, ProbedScene, SharedTask};
use super::task::SceneGoal;
use crate::base::{Library, Quantizer};
use crate::defaults::{ClipFloor as Rules, Defaults, MostAbove};
use crate::filter::train::WarmStart;
use crate::metrics::FrameMetrics;
use crate::report::{AttemptRecord, SceneVerdict};
use crate::search::{Curve, Floor, Pooled, STEP, Standing, middle, saving};

/// Codings on one side of the floor, one after the other, before the middle is taken of what is left.
const MOST_ON_ONE_SIDE: u32 = 2;

/// All scenes of a clip on their way to a floor that they share.
pub(super) struct ClipFloor {
    rules: Rules,
    most_above: MostAbove,
    /// Share of the bytes that another coding must be expected to save.
    worth_another: f64,
    floor: Floor,
    probed: Vec<Arc<ProbedScene>>,
    /// The clip's curve, once all scenes are probed.
    curve: Curve,
    /// What all scenes are stored with, at last or at present.
    chosen: Option<Quantizer>,
    stored: Vec<Option<EncodedScene>>,
    /// The coarsest that met the floor, and the finest that missed it.
    met: Option<StoredClip>,
    missed: Option<StoredClip>,
    corrections: u32,
    /// Whether the last met the floor, and how many before it did as it did.
    streak: (bool, u32),
}

/// All scenes, stored with one quantizer.
struct StoredClip {
    quantizer: Quantizer,
    scenes: Vec<EncodedScene>,
}

impl ClipFloor {
    pub(super) fn new(floor: Floor, defaults: &Defaults) -> Self {
        Self {
            rules: defaults.clip_floor,
            most_above: defaults.most_above,
            worth_another: defaults.search.worth_another,
            floor,
            probed: Vec::new(),
            curve: Curve::default(),
            chosen: None,
            stored: Vec::new(),
            met: None,
            missed: None,
            corrections: 0,
            streak: (false, 0),
        }
    }

    pub(super) fn floor(&self) -> &Floor {
        &self.floor
    }

    /// Takes a probed scene; they come in order.
    pub(super) fn add(&mut self, scene: ProbedScene) {
        self.probed.push(Arc::new(scene));
        self.stored.push(None);
    }

    /// Takes a stored scene.
    pub(super) fn take(&mut self, mut scene: EncodedScene) {
        let index = scene.report.index as usize;
        self.probed[index].account(&mut scene, self.newest(index));
        self.stored[index] = Some(scene);
    }

    /// A scene as it was stored last: the one with most attempts to its account.
    fn newest(&self, index: usize) -> Option<&EncodedScene> {
        let stored = [&self.met, &self.missed].into_iter().flatten();
        stored.filter_map(|clip| clip.scenes.get(index)).max_by_key(|scene| scene.report.attempts.len())
    }

    /// What follows once every scene is probed, or stored.
    pub(super) fn next(&mut self, library: &Library) -> NextStep {
        let Some(quantizer) = self.chosen else {
            let curves: Vec<(Curve, u64)> = self.probed.iter().filter_map(curve_of).collect();
            let forecast = Curve::of_clip(&curves);
            let first = forecast.solve(&self.floor, self.rules.margin, library);
            self.curve = Curve::as_steep_as(&forecast, first.value());
            return self.store(first);
        };
        let scenes: Vec<EncodedScene> = self.stored.iter_mut().filter_map(Option::take).collect();
        let standing = self.standing(&scenes);
        // What is coded may be finer than what was asked for, where a preset has a limit.
        let coded = scenes.first().and_then(|scene| Quantizer::new(scene.report.quantizer).ok());
        let quantizer = coded.unwrap_or(quantizer);
        self.curve.add(quantizer.value(), standing.quality);
        let aim = self.rules.corrected_margin + self.rules.corrected_share * standing.margin.abs();
        let place = if standing.is_met { &mut self.met } else { &mut self.missed };
        let is_repeated = place.as_ref().is_some_and(|clip| clip.quantizer == quantizer);
        *place = Some(StoredClip { quantizer, scenes });
        self.streak = (standing.is_met, if self.streak.0 == standing.is_met { self.streak.1 + 1 } else { 1 });
        let next = self.within_bounds(self.next_wanted(aim, library), library);
        let is_over = self.corrections == self.rules.most_corrections || is_repeated;
        let is_wasteful = standing.is_wasteful
            || next.is_some_and(|next| saving(quantizer.value(), next.value()) > self.worth_another);
        match next.filter(|_| !is_over && (!standing.is_met || is_wasteful)) {
            Some(next) => {
                self.corrections += 1;
                self.store(next)
            }
            None => self.write(),
        }
    }

    /// The quantizer that the curve says; the middle of what is left where the last lay on one side of the floor, as a line through a far
    /// point does not see how the curve bends near it.
    fn next_wanted(&self, aim: f64, library: &Library) -> Quantizer {
        match (&self.met, &self.missed) {
            (Some(met), Some(missed)) if self.streak.1 > MOST_ON_ONE_SIDE => {
                library.quantizer_at_most(middle(met.quantizer.value(), missed.quantizer.value()))
            }
            _ => self.curve.solve(&self.floor, aim, library),
        }
    }

    /// The quantizer, between those that are known to meet and to miss the floor; none where none is left to try.
    fn within_bounds(&self, wanted: Quantizer, library: &Library) -> Option<Quantizer> {
        let low = self.met.as_ref().map_or(0.0, |clip| clip.quantizer.value());
        let high = self.missed.as_ref().map_or(f64::INFINITY, |clip| clip.quantizer.value());
        let coarser = library.quantizer_at_most(wanted.value().min(high - STEP));
        if coarser.value() > low && coarser.value() < high {
            return Some(coarser);
        }
        // A step above the one that meets it, however large steps are.
        let steps = [STEP, 1.0].map(|step| library.quantizer_at_most(low + step));
        steps.into_iter().find(|next| next.value() > low && next.value() < high)
    }

    fn standing(&self, scenes: &[EncodedScene]) -> Standing {
        let frames: Vec<FrameMetrics> = scenes.iter().flat_map(|scene| &scene.frames).copied().collect();
        self.floor.standing(&Pooled::of(&frames, self.floor.pooling), &self.most_above)
    }

    fn store(&mut self, quantizer: Quantizer) -> NextStep {
        self.chosen = Some(quantizer);
        let last = self.met.as_ref().or(self.missed.as_ref());
        let task = |(index, scene): (usize, &Arc<ProbedScene>)| {
            let trained = last.and_then(|clip| clip.scenes[index].trained.clone());
            SharedTask {
                scene: Arc::clone(scene),
                goal: SceneGoal::Common(quantizer, scene.tools),
                own: WarmStart { filters: trained.into_iter().collect() },
            }
        };
        NextStep::Store(self.probed.iter().enumerate().map(task).collect())
    }

    /// The best that was found. Where one quantizer meets the floor and the next does not, scenes of the coarser one are taken as long
    /// as the floor is met.
    fn write(&mut self) -> NextStep {
        let accounts: Vec<_> =
            (0..self.probed.len()).map(|index| self.newest(index).map(attempts_of)).collect();
        let (mut scenes, is_met) = match (self.met.take(), self.missed.take()) {
            (Some(met), Some(missed)) => (self.mixed(met.scenes, missed.scenes), true),
            (Some(met), None) => (met.scenes, true),
            (None, Some(missed)) => (missed.scenes, false),
            (None, None) => (Vec::new(), false),
        };
        let what = if is_met { "the coarsest quantizer found for" } else { "the closest that was found to" };
        for (scene, account) in scenes.iter_mut().zip(accounts) {
            scene.report.attempts = account.unwrap_or_default();
            scene.report.verdict = if is_met { SceneVerdict::FloorMet } else { SceneVerdict::FloorMissed };
            scene.report.reason = format!("{what} {} over the clip", self.floor.text());
        }
        NextStep::Write(scenes, is_met)
    }

    fn mixed(&self, met: Vec<EncodedScene>, missed: Vec<EncodedScene>) -> Vec<EncodedScene> {
        let saved = |index: usize| met[index].bytes.len() as i64 - missed[index].bytes.len() as i64;
        let mut order: Vec<usize> = (0..met.len()).filter(|&index| saved(index) > 0).collect();
        order.sort_by_key(|&index| std::cmp::Reverse(saved(index)));
        let (mut scenes, mut coarser) = (met, missed);
        for index in order {
            std::mem::swap(&mut scenes[index], &mut coarser[index]);
            if !self.standing(&scenes).is_met {
                std::mem::swap(&mut scenes[index], &mut coarser[index]);
            }
        }
        scenes
    }
}

fn attempts_of(scene: &EncodedScene) -> Vec<AttemptRecord> {
    scene.report.attempts.clone()
}

fn curve_of(scene: &Arc<ProbedScene>) -> Option<(Curve, u64)> {
    match &scene.probe {
        Probe::Quality(curve) => Some((curve.clone(), scene.frames)),
        Probe::Rate(_) => None,
    }
}
