//! Patches, networks, schedules and rules as a GPU takes them.

use super::adam::LONGEST_GRADIENT;
use super::model::{Patch, Shape};
use super::rule::Rule;
use super::schedule::Schedule;
use crate::filter::GridPoint;
use crate::filter::train::{
    TrainLayer, TrainPatch, TrainPlan, TrainPoint, TrainRates, TrainRule, TrainShape,
};

/// A run of steps over `patches` patches.
pub(super) fn plan(schedule: &Schedule, patches: usize, rule: Rule<'_>) -> TrainPlan {
    let rates = |step| {
        let found = schedule.rates_at(step);
        TrainRates { weights: found.rates.weights, gains: found.rates.gains, unbias: found.unbias }
    };
    TrainPlan {
        chosen: schedule.choices(patches).flatten().collect(),
        rates: (0..schedule.steps).map(rates).collect(),
        counted_from: schedule.counted_from(),
        longest: LONGEST_GRADIENT,
        rule: TrainRule::from(rule),
    }
}

impl<'a> From<&'a Patch> for TrainPatch<'a> {
    fn from(patch: &'a Patch) -> Self {
        let Patch { decoded, source, temporal_layer, set, weight, chroma } = patch;
        Self { decoded, source, kind: *temporal_layer, set: *set, weight: *weight, chroma: *chroma }
    }
}

impl From<&Shape> for TrainShape {
    fn from(shape: &Shape) -> Self {
        let layer = |layer: usize| TrainLayer {
            inputs: shape.channels[layer],
            outputs: shape.channels[layer + 1],
            weights_at: shape.weights(layer).start,
            gains_at: shape.weight_count() + shape.gains(layer, 0).0,
            kinds: shape.kinds(layer),
        };
        Self {
            layers: (0..shape.layers()).map(layer).collect(),
            parameters: shape.len(),
            weights: shape.weight_count(),
            set_len: shape.set_len(),
        }
    }
}

impl From<Rule<'_>> for TrainRule {
    fn from(rule: Rule<'_>) -> Self {
        match rule {
            Rule::Free => Self::Free,
            Rule::Pulled { grid, price } => {
                Self::Pulled { points: grid.iter().map(|of| point(of, true)).collect(), price }
            }
            Rule::Rounded { grid, is_moved } => {
                let points = grid.iter().zip(is_moved);
                Self::Rounded { points: points.map(|(of, &is_moved)| point(of, is_moved)).collect() }
            }
        }
    }
}

fn point(of: &GridPoint, is_moved: bool) -> TrainPoint {
    let GridPoint { origin, unit, differences: (least, most), values } = *of;
    TrainPoint { origin, unit, differences: (least.into(), most.into()), values, is_moved }
}
