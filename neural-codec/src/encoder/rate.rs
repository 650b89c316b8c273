//! A clip within so many bytes: scenes are probed, share the bytes at equal slope, and are stored then.
//!
//! ```text
//! frames -> probe (forecast) ... end of the clip -> shares -> encode_scene, steered to its share -> correction -> all scenes
//! ```
//! All source frames are kept until the end, beyond the memory budget in temporary files.

use std::sync::Arc;

use super::encoded_scene::EncodedScene;
use super::shared_scene::{NextStep, Probe, ProbedScene, SharedTask};
use super::task::SceneGoal;
use crate::defaults::Rate;
use crate::error::{Error, Result};
use crate::filter::train::WarmStart;
use crate::search::{EncodeParams, RateForecast, Target, shares};

/// Bytes of the stream that are not known before its scenes: how long the last frame is shown, the end, and an entry of the table a scene.
const FIXED_BYTES: u64 = 200;
const BYTES_A_SCENE: u64 = 20;

/// By which share less each further correction asks for.
const LESS_EACH_TIME: f64 = 0.015;

/// A coding that takes the bytes of another but for this share shows that there is no more to gain.
const STUCK: f64 = 0.002;

/// How often a share is made two percent smaller, or larger, until quantizers change.
const MOST_FURTHER: i32 = 8;

/// All scenes of a clip on their way into so many bytes.
pub(super) struct RateControl {
    rules: Rate,
    target: Target,
    scenes: Vec<SharingScene>,
    /// The scenes that used most of the bytes without exceeding them; while none did, those that used fewest.
    best: Option<Best>,
    /// How often scenes were stored; all but the first are corrections.
    codings: u32,
}

/// All scenes as they were stored at some time.
struct Best {
    used: f64,
    is_met: bool,
    scenes: Vec<EncodedScene>,
}

/// One scene of them.
struct SharingScene {
    probed: Arc<ProbedScene>,
    forecast: RateForecast,
    /// What it was stored with, or is at present.
    params: Option<EncodeParams>,
    stored: Option<EncodedScene>,
}

impl SharingScene {
    /// Bytes of its base layer.
    fn bytes(&self) -> f64 {
        self.stored.as_ref().map_or(0.0, |scene| scene.base.bytes() as f64)
    }

    /// Whether it was not stored with these parameters just now.
    fn is_new(&self, params: &EncodeParams) -> bool {
        self.params.as_ref().is_none_or(|before| {
            (before.quantizer, &before.frame_quantizers) != (params.quantizer, &params.frame_quantizers)
        })
    }

    /// Bytes of its packets.
    fn packet_bytes(&self) -> f64 {
        self.stored.as_ref().map_or(0.0, |scene| scene.bytes.len() as f64)
    }

    fn task(&self, params: EncodeParams) -> SharedTask {
        let before = self.stored.as_ref().and_then(|scene| scene.trained.clone());
        SharedTask {
            goal: SceneGoal::Share(params),
            scene: Arc::clone(&self.probed),
            own: WarmStart { filters: before.into_iter().collect() },
        }
    }
}

impl RateControl {
    pub(super) fn new(rules: Rate, target: Target) -> Self {
        Self { rules, target, scenes: Vec::new(), best: None, codings: 0 }
    }

    /// What scenes get a second on the mean, where that is known before the clip ends; `seconds`: how long it is said to be.
    pub(super) fn bytes_a_second(&self, seconds: Option<f64>) -> Option<f64> {
        match self.target {
            Target::Bitrate(bits) => Some(bits as f64 / 8.0),
            Target::Size(bytes) => seconds.map(|seconds| bytes as f64 / seconds),
            Target::Constant(_) | Target::Floor(_) | Target::Lambda(_) => None,
        }
    }

    /// Takes a probed scene; they come in order.
    ///
    /// # Errors
    ///
    /// `Internal` for one that was probed for something else.
    pub(super) fn add(&mut self, scene: ProbedScene) -> Result<()> {
        let Probe::Rate(forecast) = &scene.probe else {
            return Err(Error::internal("pipeline", "a scene that was probed for a floor"));
        };
        let forecast = forecast.clone();
        self.scenes.push(SharingScene { probed: Arc::new(scene), forecast, params: None, stored: None });
        Ok(())
    }

    /// Takes a stored scene.
    pub(super) fn take(&mut self, mut scene: EncodedScene) {
        let Some(sharing) = self.scenes.get_mut(scene.report.index as usize) else { return };
        if let Some(params) = &sharing.params {
            sharing.forecast.add(params, &scene.base, scene.squared_error);
        }
        sharing.probed.account(&mut scene, sharing.stored.as_ref());
        sharing.stored = Some(scene);
    }

    /// What follows once every scene is probed, or every share stored. Units: `limit` in bytes of the whole stream,
    /// `others` in bytes of packets beside the pictures.
    pub(super) fn next(&mut self, limit: u64, others: u64) -> NextStep {
        let fixed = FIXED_BYTES + others + BYTES_A_SCENE * self.scenes.len() as u64;
        let left = limit.saturating_sub(fixed) as f64;
        let Rate { reserve, well_used, well_used_corrected, most_corrections, .. } = self.rules;
        if self.codings == 0 {
            let all = (0..self.scenes.len()).zip(self.shares(left * (1.0 - reserve))).collect();
            return self.store(all);
        }
        let used: f64 = self.scenes.iter().map(SharingScene::packet_bytes).sum();
        let is_met = used <= left;
        let is_stuck = self.keep(used, is_met) && is_met;
        let least = match self.codings {
            1 => well_used,
            codings => well_used_corrected.powi(codings as i32 - 1),
        };
        if (is_met && used >= least * left) || self.codings > most_corrections || is_stuck || left == 0.0 {
            return self.write();
        }
        // Packets around the base layer, of which less is stored than it is.
        let around = used - self.scenes.iter().map(SharingScene::bytes).sum::<f64>();
        let budget = (left - around).max(0.0) * (1.0 - LESS_EACH_TIME * f64::from(self.codings));
        let corrected = self.corrected(budget, least);
        if corrected.is_empty() { self.write() } else { self.store(corrected) }
    }

    /// Keeps what is stored where it is the best so far; whether it takes the same bytes as the best before, but for the least.
    fn keep(&mut self, used: f64, is_met: bool) -> bool {
        let before = self.best.as_ref();
        let is_stuck = before.is_some_and(|best| (used / best.used - 1.0).abs() < STUCK);
        let is_better = |best: &Best| match (best.is_met, is_met) {
            (true, true) => used > best.used,
            (false, false) => used < best.used,
            (_, now) => now,
        };
        if before.is_none_or(is_better) {
            let scenes = self.scenes.iter().filter_map(|scene| scene.stored.clone()).collect();
            self.best = Some(Best { used, is_met, scenes });
        }
        is_stuck
    }

    fn shares(&self, budget: f64) -> Vec<f64> {
        let curves: Vec<_> = self.scenes.iter().map(|scene| &scene.forecast.curve).collect();
        shares(&curves, budget)
    }

    /// The fewest scenes, and their shares, that bring the sum to between `least` of the budget and all of it: those first that lie
    /// furthest from theirs.
    fn corrected(&self, budget: f64, least: f64) -> Vec<(usize, f64)> {
        let mut sum: f64 = self.scenes.iter().map(SharingScene::bytes).sum();
        let is_too_much = sum > budget;
        let change = |&(index, share): &(usize, f64)| share - self.scenes[index].bytes();
        let mut shares: Vec<_> = self.shares(budget).into_iter().enumerate().collect();
        shares.retain(|share| (change(share) < 0.0) == is_too_much);
        shares.sort_by(|a, b| change(b).abs().total_cmp(&change(a).abs()));
        let is_enough = |sum: f64| sum <= budget && sum >= least * budget;
        let mut chosen = Vec::new();
        for share in shares {
            if is_enough(sum) {
                break;
            }
            sum += change(&share);
            chosen.push(share);
        }
        chosen
    }

    /// Stores scenes with these shares, as far as that changes anything.
    fn store(&mut self, shares: Vec<(usize, f64)>) -> NextStep {
        let mut tasks = Vec::new();
        for (index, share) in shares {
            let scene = &mut self.scenes[index];
            // Where frames have whole steps, a share may ask for what there is: the next step is what is left.
            let is_less = scene.stored.as_ref().is_some_and(|stored| share < stored.base.bytes() as f64);
            let further: f64 = if is_less { 0.98 } else { 1.02 };
            let found = (0..MOST_FURTHER).find_map(|times| {
                let params = scene.probed.params_for(share * further.powi(times), &scene.forecast);
                scene.is_new(&params).then_some(params)
            });
            if let Some(params) = found {
                scene.params = Some(params.clone());
                tasks.push(scene.task(params));
            }
        }
        self.codings += 1;
        if tasks.is_empty() { self.write() } else { NextStep::Store(tasks) }
    }

    /// The best that was found, with the account of all that was tried.
    fn write(&mut self) -> NextStep {
        let last: Vec<EncodedScene> = self.scenes.drain(..).filter_map(|scene| scene.stored).collect();
        let Some(Best { mut scenes, is_met, .. }) = self.best.take() else {
            return NextStep::Write(last, false);
        };
        for (scene, last) in scenes.iter_mut().zip(last) {
            scene.report.attempts = last.report.attempts;
        }
        NextStep::Write(scenes, is_met)
    }
}
