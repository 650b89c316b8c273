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

/// All scenes of a clip on their way into so many bytes.
pub(super) struct RateControl {
    rules: Rate,
    probed: Vec<Arc<ProbedScene>>,
    curves: Vec<RateCurve>,
    /// What each scene is stored with, at last or at present.
    chosen: Vec<Quantizer>,
    stored: Vec<Option<EncodedScene>>,
    corrections: u32,
}

impl RateControl {
    pub(super) fn new(rules: Rate) -> Self {
        Self {
            rules,
            probed: Vec::new(),
            curves: Vec::new(),
            chosen: Vec::new(),
            stored: Vec::new(),
            corrections: 0,
        }
    }

    /// Takes a probed scene; they come in order.
    pub(super) fn add(&mut self, scene: ProbedScene) {
        self.curves.push(match &scene.probe {
            Probe::Rate(curve) => curve.clone(),
            Probe::Quality(_) => RateCurve::default(),
        });
        self.probed.push(Arc::new(scene));
        self.stored.push(None);
    }

    /// Takes a stored scene.
    pub(super) fn take(&mut self, mut scene: EncodedScene) {
        let index = scene.report.index as usize;
        if let Ok(quantizer) = Quantizer::new(scene.report.quantizer) {
            self.curves[index] = self.curves[index].through(quantizer, scene.base_bytes, scene.squared_error);
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
        if self.chosen.is_empty() {
            self.chosen = allocate(&self.curves, left * (1.0 - self.rules.reserve), library);
            return NextStep::Store((0..self.probed.len()).map(|index| self.share(index)).collect());
        }
        let used: u64 = self.stored.iter().flatten().map(|scene| scene.bytes.len() as u64).sum();
        let is_met = used as f64 <= left;
        let is_well_used = used as f64 >= self.rules.well_used * left || self.corrections > 0;
        if (is_met && is_well_used) || self.corrections == self.rules.most_corrections {
            return self.write(is_met);
        }
        self.corrections += 1;
        let around: f64 = self.stored.iter().flatten().map(wrapping).sum();
        // Each miss takes a little more off.
        let share = 1.0 - 0.005 * f64::from(self.corrections);
        let choice = allocate(&self.curves, (left - around).max(0.0) * share, library);
        let changed: Vec<usize> =
            (0..choice.len()).filter(|&index| choice[index] != self.chosen[index]).collect();
        self.chosen = choice;
        if changed.is_empty() {
            return self.write(is_met);
        }
        NextStep::Store(changed.into_iter().map(|index| self.share(index)).collect())
    }

    fn write(&mut self, is_met: bool) -> NextStep {
        NextStep::Write(self.stored.drain(..).flatten().collect(), is_met)
    }

    fn share(&self, index: usize) -> SharedTask {
        let before = self.stored[index].as_ref().and_then(|scene| scene.trained.clone());
        let scene = Arc::clone(&self.probed[index]);
        SharedTask {
            goal: SceneGoal::Share(self.chosen[index], scene.tools),
            scene,
            own: WarmStart { filters: before.into_iter().collect() },
        }
    }
}
