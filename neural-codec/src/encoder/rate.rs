//! A clip within so many bytes: scenes are probed, share the bytes at equal slope, and are stored then.
//!
//! ```text
//! frames -> probe (rate curve) ... end of the clip -> allocation -> encode_scene -> correction -> all scenes
//! ```
//! All source frames are kept until the end, beyond the memory budget in temporary files.

use std::sync::Arc;

use super::encoded_scene::EncodedScene;
use super::shared_scene::{NextStep, Probe, ProbedScene, SharedTask};
use super::task::SceneGoal;
use crate::base::{Library, Quantizer};
use crate::defaults::Rate;
use crate::filter::train::WarmStart;
use crate::search::{RateCurve, allocate};

/// Bytes of the stream beside the packets of scenes and audio: header, end, and an entry of the table a scene.
const FIXED_BYTES: u64 = 400;
const BYTES_A_SCENE: u64 = 20;

/// By which share less is asked for, and how often, until quantizers come out that were not tried.
const TIGHTER: f64 = 0.03;
const MOST_TIGHTENED: u32 = 10;

/// All scenes of a clip on their way into so many bytes.
pub(super) struct RateControl {
    rules: Rate,
    probed: Vec<Arc<ProbedScene>>,
    curves: Vec<RateCurve>,
    /// What codings of each scene as it is stored came to.
    measured: Vec<RateCurve>,
    stored: Vec<Option<EncodedScene>>,
    /// The scenes that used most of the bytes without exceeding them, and how many.
    best: Option<(f64, Vec<EncodedScene>)>,
    /// What scenes were stored with, the last at last or at present; all but the first are corrections.
    tried: Vec<Vec<Quantizer>>,
}

impl RateControl {
    pub(super) fn new(rules: Rate) -> Self {
        Self {
            rules,
            probed: Vec::new(),
            curves: Vec::new(),
            measured: Vec::new(),
            stored: Vec::new(),
            best: None,
            tried: Vec::new(),
        }
    }

    /// Takes a probed scene; they come in order.
    pub(super) fn add(&mut self, scene: ProbedScene) {
        self.curves.push(match &scene.probe {
            Probe::Rate(curve) => curve.clone(),
            Probe::Quality(_) => RateCurve::default(),
        });
        self.probed.push(Arc::new(scene));
        self.measured.push(RateCurve::default());
        self.stored.push(None);
    }

    /// Takes a stored scene.
    pub(super) fn take(&mut self, mut scene: EncodedScene) {
        let index = scene.report.index as usize;
        if let Ok(quantizer) = Quantizer::new(scene.report.quantizer) {
            self.measured[index].add(quantizer, scene.base_bytes, scene.squared_error);
            // Probes are of another preset: what was measured of the stored one says more.
            self.curves[index] = if self.measured[index].is_telling() {
                self.measured[index].clone()
            } else {
                self.curves[index].through(quantizer, scene.base_bytes, scene.squared_error)
            };
        }
        self.probed[index].account(&mut scene, self.stored[index].as_ref());
        self.stored[index] = Some(scene);
    }

    /// What follows once every scene is probed, or every share stored. Units: `limit` in bytes of the whole stream,
    /// `others` in bytes of audio packets.
    pub(super) fn next(&mut self, limit: u64, others: u64, library: &Library) -> NextStep {
        let fixed = FIXED_BYTES + others + BYTES_A_SCENE * self.probed.len() as u64;
        let left = limit.saturating_sub(fixed) as f64;
        // Packets around the base layer, of which less is stored than it is.
        let wrapping = |scene: &EncodedScene| scene.bytes.len() as f64 - scene.base_bytes as f64;
        let Some(chosen) = self.tried.last() else {
            let choice = allocate(&self.curves, left * (1.0 - self.rules.reserve), library);
            return self.store(choice, (0..self.probed.len()).collect());
        };
        let used = self.stored.iter().flatten().map(|scene| scene.bytes.len() as f64).sum::<f64>();
        let is_met = used <= left;
        if is_met && self.best.as_ref().is_none_or(|&(most, _)| used > most) {
            self.best = Some((used, self.stored.iter().flatten().cloned().collect()));
        }
        let Rate { well_used, well_used_corrected, most_corrections, .. } = self.rules;
        let codings = self.tried.len() as u32;
        let least = if codings > 1 { well_used_corrected } else { well_used };
        if (is_met && used >= least * left) || codings > most_corrections {
            return self.write();
        }
        let around: f64 = self.stored.iter().flatten().map(wrapping).sum();
        // Each miss takes a little more off.
        let share = 1.0 - 0.005 * f64::from(codings);
        let budget = (left - around).max(0.0) * share;
        // Between two quantizers next to one another it would go to and fro; where nothing meets the limit yet, less is asked for.
        let retries = if self.best.is_some() { 0 } else { MOST_TIGHTENED };
        let choice = (0..=retries)
            .map(|retry| allocate(&self.curves, budget * (1.0 - TIGHTER * f64::from(retry)), library))
            .find(|choice| !self.tried.contains(choice));
        let Some(choice) = choice else { return self.write() };
        let changed = (0..choice.len()).filter(|&index| choice[index] != chosen[index]).collect();
        self.store(choice, changed)
    }

    /// Stores scenes with what is chosen for them.
    fn store(&mut self, choice: Vec<Quantizer>, scenes: Vec<usize>) -> NextStep {
        let tasks = scenes.into_iter().map(|index| self.share(index, choice[index])).collect();
        self.tried.push(choice);
        NextStep::Store(tasks)
    }

    /// The best that was found, with the account of all that was tried.
    fn write(&mut self) -> NextStep {
        let last: Vec<EncodedScene> = self.stored.drain(..).flatten().collect();
        let Some((_, mut scenes)) = self.best.take() else { return NextStep::Write(last, false) };
        for (scene, last) in scenes.iter_mut().zip(last) {
            scene.report.attempts = last.report.attempts;
        }
        NextStep::Write(scenes, true)
    }

    fn share(&self, index: usize, quantizer: Quantizer) -> SharedTask {
        let before = self.stored[index].as_ref().and_then(|scene| scene.trained.clone());
        let scene = Arc::clone(&self.probed[index]);
        SharedTask {
            goal: SceneGoal::Share(quantizer, scene.tools),
            scene,
            own: WarmStart { filters: before.into_iter().collect() },
        }
    }
}
