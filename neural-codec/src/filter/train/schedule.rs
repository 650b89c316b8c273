//! How long, how fast and from what to train.

use super::adam::{cosine, unbias};
use crate::random::Random;

/// Learning rates by kind of parameter, at the top of the schedule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// Of weights; 0 leaves them as they are.
    pub weights: f32,
    /// Of gains and offsets.
    pub gains: f32,
}

/// How long and from what to train.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    /// Steps.
    pub steps: usize,
    /// Patches a step.
    pub batch: usize,
    /// Learning rates.
    pub rates: Rates,
    /// For the order of patches.
    pub seed: u64,
}

/// What Adam needs to know about a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct StepRates {
    pub(super) rates: Rates,
    /// What the mean of gradients and that of their squares are divided by.
    pub(super) unbias: (f32, f32),
}

impl Schedule {
    /// The patches of each step, out of `count`.
    pub(super) fn choices(&self, count: usize) -> impl Iterator<Item = Vec<usize>> {
        let (batch, mut random) = (self.batch, Random::new(self.seed));
        (0..self.steps).map(move |_| (0..batch).map(|_| random.below(count)).collect())
    }

    /// How fast to train at a step.
    pub(super) fn rates_at(&self, step: usize) -> StepRates {
        let share = cosine(step, self.steps);
        let rates = Rates { weights: share * self.rates.weights, gains: share * self.rates.gains };
        StepRates { rates, unbias: unbias(step) }
    }

    /// The first step of the last tenth, whose losses count.
    pub(super) fn counted_from(&self) -> usize {
        (self.steps * 9).div_ceil(10)
    }
}
