//! A scene that is to be encoded, and a scene that is stored but not packed yet.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::filter_plan::FilterPlan;
use super::filtered::FilterOutcome;
use crate::base::Quantizer;
use crate::scene::SceneFrames;
use crate::search::{EncodeAttempt, EncodeParams, Floor, Tools};

/// What a scene has to reach.
#[derive(Debug, Clone)]
pub(super) enum SceneGoal {
    /// This quantizer.
    Constant(Quantizer),
    /// At least this quality, at the fewest bytes.
    Floor(Floor),
    /// The least D + lambda R.
    Lambda(f64),
    /// Its part in what the clip has to reach, which is not known yet.
    Undecided,
    /// Its share of the bytes of the clip, which these are expected to take.
    Share(EncodeParams),
    /// The quantizer that all scenes have for a floor of the clip; whether that is met is seen when all are stored.
    Common(Quantizer, Tools),
}

/// A scene that is to be encoded.
pub(super) struct SceneTask {
    /// Number of the scene in its clip.
    pub(super) index: u32,
    /// Number of its first frame in the clip.
    pub(super) first_frame: u64,
    pub(super) frames: Arc<SceneFrames>,
    pub(super) goal: SceneGoal,
    /// Tools that were asked for, in place of the search's choice.
    pub(super) tools: Option<Tools>,
    /// What was asked for this scene, by key.
    pub(super) asked: BTreeMap<String, String>,
    /// What lies over the base layer; none where that is to stand alone.
    pub(super) filter: Option<FilterPlan>,
}

/// A stored attempt and what became of a filter over it.
pub(super) struct StoredScene {
    pub(super) attempt: EncodeAttempt,
    pub(super) filter: Option<FilterOutcome>,
}
