//! What lies over the base layer of a scene, as the settings have it.

use super::filter::TrainingConfig;
use crate::search::{Floor, Target};
use crate::settings::{Settings, Strategy};
use crate::wiener::Reach;

/// The layer over a scene's base layer.
#[derive(Debug, Clone, Copy)]
pub(super) enum FilterPlan {
    /// A network, trained.
    Network(TrainingConfig),
    /// Weights that are solved for, to be kept where they raise what a floor asks for; where there is none, where they take error away.
    Wiener(Reach, Option<Floor>),
}

impl FilterPlan {
    /// What `settings` allow: a network where it is worth its time or asked for; a Wiener filter, which takes little, from a low
    /// effort on.
    pub(super) fn new(settings: &Settings, target: &Target) -> Option<Self> {
        if let Some(config) = TrainingConfig::new(settings, target) {
            return Some(Self::Network(config));
        }
        let is_worth_it = settings.effort >= settings.defaults.wiener.from_effort
            && settings.strategies.contains(&Strategy::Hybrid);
        let floor = if let Target::Floor(floor) = target { Some(*floor) } else { None };
        let reaches_far = settings.effort >= settings.defaults.wiener.far_from_effort;
        let reach = if reaches_far { Reach::Far } else { Reach::Near };
        is_worth_it.then_some(Self::Wiener(reach, floor))
    }

    /// The same for a scene whose quantizer was asked for: plain AV1, whose frames are stored as they come, but for a network.
    pub(super) fn at_a_quantizer(self) -> Option<Self> {
        self.starts_warm().then_some(self)
    }

    /// Whether scenes begin from what earlier ones left.
    pub(super) fn starts_warm(self) -> bool {
        matches!(self, Self::Network(_))
    }
}
