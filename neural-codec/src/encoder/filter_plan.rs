//! What lies over the base layer of a scene, as the settings have it.

use super::filter::TrainingConfig;
use crate::search::Target;
use crate::settings::{Settings, Strategy};

/// The layer over a scene's base layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum FilterPlan {
    /// A network, trained.
    Network(TrainingConfig),
    /// Weights that are solved for.
    Wiener,
}

impl FilterPlan {
    /// What `settings` allow: a network where it is worth its time or asked for; a Wiener filter, which takes next to none, from a low
    /// effort on. A quantizer that was asked for gives plain AV1, whose frames are stored as they come.
    pub(super) fn new(settings: &Settings, target: &Target) -> Option<Self> {
        if let Some(config) = TrainingConfig::new(settings, target) {
            return Some(Self::Network(config));
        }
        let is_worth_it = settings.effort >= settings.defaults.wiener.from_effort
            && settings.strategies.contains(&Strategy::Hybrid)
            && !matches!(target, Target::Constant(_));
        is_worth_it.then_some(Self::Wiener)
    }

    /// Whether scenes begin from what earlier ones left.
    pub(super) fn starts_warm(self) -> bool {
        matches!(self, Self::Network(_))
    }
}
