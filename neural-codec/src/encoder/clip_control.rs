//! What all scenes of a clip have to reach together: so many bytes, or a floor.

use super::clip_floor::ClipFloor;
use super::encoded_scene::EncodedScene;
use super::rate::RateControl;
use super::shared_scene::{NextStep, ProbeGoal, ProbedScene};
use crate::base::Library;
use crate::defaults::Defaults;
use crate::error::{Error, Result};
use crate::search::Target;

/// Decides for all scenes, once all are probed.
pub(super) enum ClipControl {
    Rate(Box<RateControl>),
    Floor(Box<ClipFloor>),
}

impl ClipControl {
    /// None for targets that scenes reach by themselves.
    pub(super) fn of(target: &Target, defaults: &Defaults) -> Option<Self> {
        match target {
            Target::Bitrate(_) | Target::Size(_) => {
                Some(Self::Rate(Box::new(RateControl::new(defaults.rate, *target))))
            }
            _ => target.floor_of_clip().map(|floor| Self::Floor(Box::new(ClipFloor::new(*floor, defaults)))),
        }
    }

    /// What scenes are probed for; `seconds`: how long the clip is said to be.
    pub(super) fn probe_goal(&self, seconds: Option<f64>) -> ProbeGoal {
        match self {
            Self::Rate(rate) => ProbeGoal::Share(rate.bytes_a_second(seconds)),
            Self::Floor(floor) => ProbeGoal::Floor(*floor.floor()),
        }
    }

    /// Takes a probed scene; they come in order.
    ///
    /// # Errors
    ///
    /// `Internal` for one that was probed for something else.
    pub(super) fn add(&mut self, scene: ProbedScene) -> Result<()> {
        match self {
            Self::Rate(rate) => rate.add(scene),
            Self::Floor(floor) => {
                floor.add(scene);
                Ok(())
            }
        }
    }

    /// Takes a stored scene.
    pub(super) fn take(&mut self, scene: EncodedScene) {
        match self {
            Self::Rate(rate) => rate.take(scene),
            Self::Floor(floor) => floor.take(scene),
        }
    }

    /// What follows once every scene is probed, or stored; and what to note where that does not reach the target. Units: `seconds` of the
    /// clip, `others` in bytes of packets beside the pictures.
    pub(super) fn next(
        &mut self,
        target: &Target,
        seconds: f64,
        others: u64,
        library: &Library,
    ) -> Result<(NextStep, String)> {
        match self {
            Self::Rate(rate) => {
                let Some((name, limit)) = target.limit(seconds) else {
                    return Err(Error::internal("pipeline", "a share of bytes without a limit"));
                };
                let note = format!("The target {name} cannot be met; this is the smallest that was found.");
                Ok((rate.next(limit, others), note))
            }
            Self::Floor(floor) => {
                let text = floor.floor().text();
                let note =
                    format!("The floor {text} of the clip cannot be met; this is the best that was found.");
                Ok((floor.next(library), note))
            }
        }
    }
}
