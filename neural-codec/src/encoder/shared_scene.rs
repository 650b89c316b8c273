//! A scene of a target that all scenes share: probed first, and stored when all are.

use std::sync::Arc;
use std::time::Instant;

use super::encoded_scene::EncodedScene;
use super::scene::{encode_kept_scene, profile, search};
use super::task::{SceneGoal, SceneTask};
use super::warm_starts::WarmStartPlace;
use crate::error::Result;
use crate::filter::train::WarmStart;
use crate::report::AttemptRecord;
use crate::search::{AttemptContext, Curve, EncodeParams, Floor, RateForecast, Tools};

/// What probes say of a scene.
pub(super) enum Probe {
    /// How bytes and distortion follow the quantizer, and what frames take.
    Rate(RateForecast),
    /// How quality follows it.
    Quality(Curve),
}

/// What scenes are probed for.
#[derive(Debug, Clone, Copy)]
pub(super) enum ProbeGoal {
    /// A floor of the clip.
    Floor(Floor),
    /// A share of the bytes; so many a second on the mean, where that is known.
    Share(Option<f64>),
}

/// A scene that waits for what the others need.
pub(super) struct ProbedScene {
    context: AttemptContext,
    task: SceneTask,
    place: WarmStartPlace,
    pub(super) probe: Probe,
    pub(super) tools: Tools,
    pub(super) frames: u64,
    pub(super) attempts: Vec<AttemptRecord>,
    seconds: f64,
}

/// What to do next.
pub(super) enum NextStep {
    /// Store these scenes.
    Store(Vec<SharedTask>),
    /// Write these; whether they reach what was asked for.
    Write(Vec<EncodedScene>, bool),
}

/// One scene and what it is stored with.
pub(super) struct SharedTask {
    pub(super) scene: Arc<ProbedScene>,
    pub(super) goal: SceneGoal,
    /// What the scene trained when it was stored before.
    pub(super) own: WarmStart,
}

impl ProbedScene {
    /// Probes a scene for its part in what the clip has to reach.
    ///
    /// # Errors
    ///
    /// As of any attempt.
    pub(super) fn new(
        context: AttemptContext,
        task: SceneTask,
        place: WarmStartPlace,
        goal: ProbeGoal,
    ) -> Result<Self> {
        let start = Instant::now();
        let profile = profile(&context, &task)?;
        let search = search(&context, &task, &profile);
        let (probe, tools, attempts) = match goal {
            ProbeGoal::Floor(floor) => {
                let (curve, tools, attempts) = search.quality_curve(&floor)?;
                (Probe::Quality(curve), tools, attempts)
            }
            ProbeGoal::Share(bytes_a_second) => {
                let seconds = profile.frames as f64 / context.clip.info.frame_rate.value();
                let (forecast, tools, attempts) =
                    search.rate_forecast(bytes_a_second.map(|bytes| bytes * seconds))?;
                (Probe::Rate(forecast), tools, attempts)
            }
        };
        let (frames, seconds) = (profile.frames, start.elapsed().as_secs_f64());
        Ok(Self { context, task, place, probe, tools, frames, attempts, seconds })
    }

    /// How the scene is to be stored for a share of the bytes.
    pub(super) fn params_for(&self, share: f64, forecast: &RateForecast) -> EncodeParams {
        let clip = &self.context.clip;
        forecast.params_for(share, &clip.effort, self.tools, (&clip.library, clip.defaults.steering))
    }

    /// The account of a scene that was stored, once more or for the first time: it holds all attempts; what the scene trained
    /// first is what later scenes saw.
    pub(super) fn account(&self, scene: &mut EncodedScene, before: Option<&EncodedScene>) {
        let mut account = match before {
            Some(before) => {
                scene.trained.clone_from(&before.trained);
                before.report.attempts.clone()
            }
            None => self.attempts.clone(),
        };
        account.append(&mut scene.report.attempts);
        scene.report.attempts = account;
    }
}

impl Drop for ProbedScene {
    fn drop(&mut self) {
        self.task.frames.abandon();
    }
}

impl SharedTask {
    /// Stores the scene.
    ///
    /// # Errors
    ///
    /// As of `encode_scene`.
    pub(super) fn run(self) -> Result<EncodedScene> {
        let ProbedScene { context, task, place, seconds, .. } = &*self.scene;
        let mut warm_start = WarmStart::default();
        if task.filter.is_some_and(|filter| filter.starts_warm()) {
            warm_start = place.wait(&context.resources.cancel)?;
            warm_start.filters.extend(self.own.filters);
        }
        let task = SceneTask {
            frames: Arc::clone(&task.frames),
            goal: self.goal,
            tools: task.tools,
            asked: task.asked.clone(),
            ..*task
        };
        let mut scene = encode_kept_scene(context, &task, &warm_start)?;
        place.leave(scene.trained.clone());
        scene.report.seconds += seconds;
        Ok(scene)
    }
}
