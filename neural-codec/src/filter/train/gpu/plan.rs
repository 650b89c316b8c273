//! What a run of training does at each step, made beforehand, so that no step asks the host.

use super::shape::TrainShape;
use crate::error::{Error, Result};
use crate::gpu::Buffer;
use crate::gpu::Gpu;

/// A run of steps.
#[derive(Debug, Clone)]
pub struct TrainPlan {
    /// Patches of all steps, one step after the other.
    pub chosen: Vec<usize>,
    /// How fast each step trains.
    pub rates: Vec<TrainRates>,
    /// The first step whose loss counts.
    pub counted_from: usize,
    /// The gradient is scaled down to this length.
    pub longest: f32,
    /// What is done to parameters before and after each step.
    pub rule: TrainRule,
}

/// The rates of one step of Adam.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrainRates {
    /// Rate of weights.
    pub weights: f32,
    /// Rate of gains and offsets.
    pub gains: f32,
    /// What the mean of gradients and that of their squares are divided by.
    pub unbias: (f32, f32),
}

/// As `neural::train::Rule`, with a point for each parameter.
#[derive(Debug, Clone)]
pub enum TrainRule {
    /// Nothing is done.
    Free,
    /// Differences are pulled to zero; the first unit of one costs `price`.
    Pulled {
        /// Of every parameter.
        points: Vec<TrainPoint>,
        /// What the first unit costs.
        price: f32,
    },
    /// The loss is taken at values that can be stored.
    Rounded {
        /// Of every parameter.
        points: Vec<TrainPoint>,
    },
}

/// Where a parameter can lie, as `filter::GridPoint`, and whether it is trained.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrainPoint {
    /// The base network's value.
    pub origin: f32,
    /// How far a difference of one moves it.
    pub unit: f32,
    /// The least and the most difference, and value.
    pub differences: (f32, f32),
    /// Likewise.
    pub values: (f32, f32),
    /// Whether it trains where parameters are rounded.
    pub is_moved: bool,
}

/// A plan in the memory of a GPU.
pub(super) struct LoadedPlan {
    /// Shape `[steps][batch]`.
    pub(super) chosen: Buffer<i32>,
    /// Shape `[steps][4]`.
    pub(super) rates: Buffer<f32>,
    /// Shape `[parameters][7]`, or nothing.
    pub(super) points: Buffer<f32>,
    /// 0: free; 1: pulled; 2: rounded, as kernels/train_rule.cuh numbers them.
    pub(super) rule: i32,
    pub(super) price: f32,
    pub(super) longest: f32,
    pub(super) counted_from: i32,
    pub(super) steps: usize,
}

impl LoadedPlan {
    /// # Errors
    ///
    /// `OutOfMemory`, `Device`; `Internal` for a plan that does not fit the shape, or `patches` of them.
    pub(super) fn new(
        gpu: &Gpu,
        plan: &TrainPlan,
        shape: &TrainShape,
        batch: usize,
        patches: usize,
    ) -> Result<Self> {
        let (rule, price, points): (i32, f32, &[TrainPoint]) = match &plan.rule {
            TrainRule::Free => (0, 0.0, &[]),
            TrainRule::Pulled { points, price } => (1, *price, points),
            TrainRule::Rounded { points } => (2, 0.0, points),
        };
        let steps = plan.rates.len();
        let fits = plan.chosen.len() == steps * batch
            && plan.chosen.iter().all(|&patch| patch < patches)
            && (rule == 0 || points.len() == shape.parameters)
            && i32::try_from(steps).is_ok();
        if !fits {
            return Err(Error::internal("cuda", "a plan that does not fit the patches"));
        }
        let chosen: Vec<i32> = plan.chosen.iter().map(|&patch| patch as i32).collect();
        let of_step = |rates: &TrainRates| [rates.weights, rates.gains, rates.unbias.0, rates.unbias.1];
        let rates: Vec<f32> = plan.rates.iter().flat_map(of_step).collect();
        let points: Vec<f32> = points.iter().flat_map(TrainPoint::as_floats).collect();
        Ok(Self {
            chosen: gpu.upload(&chosen)?,
            rates: gpu.upload(&rates)?,
            points: gpu.upload(&points)?,
            rule,
            price,
            longest: plan.longest,
            counted_from: plan.counted_from as i32,
            steps,
        })
    }

    /// Number of steps whose losses count.
    pub(super) fn counted(&self) -> usize {
        self.steps.saturating_sub(self.counted_from as usize)
    }
}

impl TrainPoint {
    /// As kernels/train_rule.cuh lays it out.
    fn as_floats(&self) -> [f32; 7] {
        let Self { origin, unit, differences, values, is_moved } = *self;
        [origin, unit, differences.0, differences.1, values.0, values.1, f32::from(u8::from(is_moved))]
    }
}
