//! What the pipeline's worker threads do with one scene.

use super::encoded_scene::EncodedScene;
use super::scene::{encode_passing_scene, encode_scene};
use super::shared_scene::{ProbeGoal, ProbedScene};
use super::task::SceneTask;
use super::warm_starts::WarmStartPlace;
use crate::error::Result;
use crate::filter::train::WarmStart;
use crate::search::AttemptContext;

/// What a worker gives back.
pub(super) enum WorkerResult {
    Probed(Box<ProbedScene>),
    /// One scene, or as many as one became.
    Encoded(Vec<EncodedScene>),
}

/// Probes a scene for what all scenes have to reach together.
///
/// # Errors
///
/// As [`ProbedScene::new`].
pub(super) fn probe(
    context: AttemptContext,
    task: SceneTask,
    place: WarmStartPlace,
    goal: ProbeGoal,
) -> Result<WorkerResult> {
    Ok(WorkerResult::Probed(Box::new(ProbedScene::new(context, task, place, goal)?)))
}

/// Encodes a scene with what the scenes before it left, and leaves what it trained to those after it.
///
/// # Errors
///
/// As [`encode_scene`].
pub(super) fn encode(
    context: &AttemptContext,
    task: &SceneTask,
    place: &WarmStartPlace,
) -> Result<WorkerResult> {
    if task.frames.is_passing() {
        return Ok(WorkerResult::Encoded(encode_passing_scene(context, task)?));
    }
    let warm_start = match task.filter {
        Some(filter) if filter.starts_warm() => {
            place.wait(&context.resources.cancel).inspect_err(|_| task.frames.abandon())?
        }
        _ => WarmStart::default(),
    };
    let scene = encode_scene(context, task, &warm_start)?;
    place.leave(scene.trained.clone());
    Ok(WorkerResult::Encoded(vec![scene]))
}
