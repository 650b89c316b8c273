//! A clip within so many bytes: scenes are probed, share the bytes at equal slope, and are stored then.
//!
//! ```text
//! frames -> planning job (rate curve) ... end of the clip -> allocation -> storing jobs -> correction -> all scenes
//! ```
//! All source frames are kept until the end, beyond the memory budget in temporary files.

use std::sync::Arc;
use std::time::Instant;

use super::scene::{FinishedScene, SceneJob};
use crate::base::{Library, Quantizer};
use crate::error::Result;
use crate::scene::Profile;
use crate::search::{
    AttemptKind, AttemptRecord, EncodeParams, RateCurve, Search, SearchResult, Tools, allocate, store,
};

/// Share of the bytes that the first allocation leaves free, for what probes cannot see.
const RESERVE: f64 = 0.02;

/// An encode that uses less than this share of its bytes is corrected once.
const WELL_USED: f64 = 0.97;

/// Most corrections: one to use the bytes well, the others for the sake of the limit alone.
const MOST_CORRECTIONS: u32 = 4;

/// Bytes of the stream beside the packets of scenes and audio: header, end, and an entry of the table a scene.
const FIXED_BYTES: u64 = 400;
const BYTES_A_SCENE: u64 = 36;

/// A scene that waits for its share.
pub(super) struct PlannedScene {
    job: SceneJob,
    profile: Profile,
    curve: RateCurve,
    tools: Tools,
    tried: Vec<AttemptRecord>,
    seconds: f64,
}

/// All scenes of a clip on their way into so many bytes.
pub(super) struct Budget {
    planned: Vec<Arc<PlannedScene>>,
    curves: Vec<RateCurve>,
    /// What each scene is stored with, at last or at present.
    chosen: Vec<Quantizer>,
    stored: Vec<Option<FinishedScene>>,
    corrections: u32,
}

/// What to do next.
pub(super) enum NextStep {
    /// Store these scenes.
    Store(Vec<StoreJob>),
    /// Write these; whether they keep to the budget.
    Write(Vec<FinishedScene>, bool),
}

/// Stores one scene with the share that it was given.
pub(super) struct StoreJob {
    scene: Arc<PlannedScene>,
    quantizer: Quantizer,
}

impl PlannedScene {
    /// Probes a scene.
    ///
    /// # Errors
    ///
    /// As of any trial.
    pub(super) fn new(job: SceneJob) -> Result<Self> {
        let start = Instant::now();
        let profile = job.profile()?;
        let search = Search::new(&job.context, &job.frames, &profile, job.task.means);
        let (curve, tools, tried) = search.rate_curve()?;
        Ok(Self { profile, curve, tools, tried, seconds: start.elapsed().as_secs_f64(), job })
    }
}

impl Drop for PlannedScene {
    fn drop(&mut self) {
        self.job.frames.abandon();
    }
}

impl Budget {
    pub(super) fn new() -> Self {
        Self {
            planned: Vec::new(),
            curves: Vec::new(),
            chosen: Vec::new(),
            stored: Vec::new(),
            corrections: 0,
        }
    }

    /// Takes a probed scene; they come in order.
    pub(super) fn add(&mut self, scene: PlannedScene) {
        self.curves.push(scene.curve.clone());
        self.planned.push(Arc::new(scene));
        self.stored.push(None);
    }

    /// Takes a stored scene.
    pub(super) fn take(&mut self, mut scene: FinishedScene) {
        let index = scene.index as usize;
        self.curves[index] =
            self.curves[index].through(scene.plan.quantizer, scene.base_bytes, scene.squared_error);
        // The account of a scene holds all its trials.
        let before = self.stored[index].take();
        let mut account = before.map_or_else(|| self.planned[index].tried.clone(), |before| before.tried);
        account.append(&mut scene.tried);
        scene.tried = account;
        self.stored[index] = Some(scene);
    }

    /// What follows once every scene is probed, or every share stored. Units: `limit` in bytes of the whole stream,
    /// `others` in bytes of audio packets.
    pub(super) fn next(&mut self, limit: u64, others: u64, library: &Library) -> NextStep {
        let fixed = FIXED_BYTES + others + BYTES_A_SCENE * self.planned.len() as u64;
        let left = limit.saturating_sub(fixed) as f64;
        // Packets around the base layer.
        let wrapping = |scene: &FinishedScene| scene.bytes.len() as u64 - scene.base_bytes;
        if self.chosen.is_empty() {
            self.chosen = allocate(&self.curves, left * (1.0 - RESERVE), library);
            return NextStep::Store((0..self.planned.len()).map(|index| self.job(index)).collect());
        }
        let used: u64 = self.stored.iter().flatten().map(|scene| scene.bytes.len() as u64).sum();
        let is_met = used as f64 <= left;
        let is_well_used = used as f64 >= WELL_USED * left || self.corrections > 0;
        if (is_met && is_well_used) || self.corrections == MOST_CORRECTIONS {
            return self.write(is_met);
        }
        self.corrections += 1;
        let around: u64 = self.stored.iter().flatten().map(wrapping).sum();
        // Each miss takes a little more off.
        let share = 1.0 - 0.005 * f64::from(self.corrections);
        let choice = allocate(&self.curves, (left - around as f64).max(0.0) * share, library);
        let changed: Vec<usize> =
            (0..choice.len()).filter(|&index| choice[index] != self.chosen[index]).collect();
        self.chosen = choice;
        if changed.is_empty() {
            return self.write(is_met);
        }
        NextStep::Store(changed.into_iter().map(|index| self.job(index)).collect())
    }

    fn write(&mut self, is_met: bool) -> NextStep {
        NextStep::Write(self.stored.drain(..).flatten().collect(), is_met)
    }

    fn job(&self, index: usize) -> StoreJob {
        StoreJob { scene: Arc::clone(&self.planned[index]), quantizer: self.chosen[index] }
    }
}

impl StoreJob {
    pub(super) fn run(self) -> Result<FinishedScene> {
        let start = Instant::now();
        let (scene, job) = (&self.scene, &self.scene.job);
        let _leave = job.context.kept.publish_on_drop();
        let means = &job.task.means;
        let plan = EncodeParams::new(self.quantizer, means.preset, means.depth(self.quantizer), scene.tools);
        let mut tried = Vec::new();
        let trial =
            store(&job.context, &job.frames, 0..scene.profile.frames, &plan, AttemptKind::Keep, &mut tried)?;
        let reason = "its share of the bytes, at the slope that all scenes have".into();
        let found = SearchResult { plan, trial, tried, predicted: None, reason, is_met: true };
        let seconds = scene.seconds + start.elapsed().as_secs_f64();
        FinishedScene::new(job, found, scene.profile.clone(), seconds)
    }
}
