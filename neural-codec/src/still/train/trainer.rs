//! The state of a training, and the recipe: what is rounded how at which step.

use std::f32::consts::PI;

use rayon::prelude::*;

use super::adam::Adam;
use super::colors::Colors;
use super::model::{Cost, evaluate};
use super::rounding::Rounding;
use crate::error::Result;
use crate::random::Random;
use crate::still::plan::{Group, Plan};

/// Learning rate of latents at the start. Units: steps of a latent.
const LATENT_RATE: f32 = 0.16;

/// Of the network.
const NETWORK_RATE: f32 = 1e-2;

/// How long a training is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schedule {
    /// With soft rounding.
    pub(crate) steps: u32,
    /// With latents as they will be coded; the network alone adapts.
    pub(crate) last_steps: u32,
    /// Factor of the learning rates.
    pub(crate) rate: f32,
}

/// Latents and network of one picture in training.
#[derive(Clone)]
pub(crate) struct Trainer {
    pub(crate) plan: Plan,
    pub(crate) parameters: Vec<f32>,
    pub(crate) latents: Vec<Vec<f32>>,
    /// Of latents' bits against the error: the Lagrangian weight over the pixels.
    pub(crate) price: f32,
    seed: u64,
    moments: (Adam, Vec<Adam>),
    taken: u32,
}

impl Trainer {
    /// `lambda`: weight of bits a pixel against the mean squared error.
    pub(crate) fn new(plan: Plan, start: Option<&[i32]>, lambda: f64, seed: u64) -> Self {
        let parameters = match start {
            Some(start) => start.iter().map(|&value| value as f32 / 4096.0).collect(),
            None => random_parameters(&plan, seed),
        };
        let latents: Vec<Vec<f32>> =
            plan.grids.iter().map(|grid| vec![0.0; grid.width * grid.height]).collect();
        let moments =
            (Adam::new(plan.parameters), latents.iter().map(|latents| Adam::new(latents.len())).collect());
        Self { plan, parameters, latents, price: lambda as f32, seed, moments, taken: 0 }
    }

    /// Trains; `check` is called before every step and may stop it.
    pub(crate) fn run(
        &mut self,
        target: &Colors,
        schedule: Schedule,
        check: &mut dyn FnMut(Cost) -> Result<()>,
    ) -> Result<Cost> {
        let mut cost = Cost { error: 0.0, bits: 0.0 };
        for step in 0..schedule.steps {
            check(cost)?;
            let part = step as f32 / schedule.steps as f32;
            let fall = 0.5 + 0.5 * (PI * part).cos();
            let temperature = 0.35 + part * (0.1 - 0.35);
            let noise = 0.22 + part * (0.15 - 0.22);
            cost = self.step(target, Rounding::Soft { temperature, noise }, schedule.rate * fall.max(0.01));
        }
        for step in 0..schedule.last_steps {
            check(cost)?;
            let part = step as f32 / schedule.last_steps as f32;
            cost = self.step(target, Rounding::Hard, schedule.rate * 0.1 * (0.5 + 0.5 * (PI * part).cos()));
        }
        Ok(cost)
    }

    fn step(&mut self, target: &Colors, rounding: Rounding, rate: f32) -> Cost {
        let seed = self.seed.wrapping_add(u64::from(self.taken) << 20);
        let how = (rounding, self.price, seed);
        let (cost, gradient) = evaluate(&self.plan, (&self.parameters, &self.latents), target, how);
        let (of_network, of_latents) = &mut self.moments;
        of_network.step(&mut self.parameters, &gradient.parameters, NETWORK_RATE * rate, self.taken);
        if rounding != Rounding::Hard {
            let taken = self.taken;
            of_latents.par_iter_mut().zip(&mut self.latents).zip(&gradient.latents).for_each(
                |((moments, latents), gradient)| moments.step(latents, gradient, LATENT_RATE * rate, taken),
            );
        }
        self.taken += 1;
        cost
    }

    /// Rate and distortion with rounded latents and the given parameters.
    pub(crate) fn cost_of(&self, target: &Colors, parameters: &[f32]) -> Cost {
        evaluate(&self.plan, (parameters, &self.latents), target, (Rounding::Hard, self.price, 0)).0
    }
}

/// Where a training starts that no trained network is there for.
fn random_parameters(plan: &Plan, seed: u64) -> Vec<f32> {
    let mut random = Random::new(seed);
    let mut parameters: Vec<f32> =
        plan.plain_parameters().iter().map(|&value| value as f32 / 4096.0).collect();
    for (group, range) in &plan.runs {
        let width = match group {
            Group::ArmWeights => 0.05,
            Group::FeatureWeights => 0.1,
            Group::SynthesisWeights => 0.02,
            _ => 0.0,
        };
        parameters[range.clone()]
            .iter_mut()
            .for_each(|value| *value += width * (2.0 * random.uniform() - 1.0));
    }
    let [first, second, _, sharpen, last] = &plan.synthesis;
    parameters[first.biases.clone()].iter_mut().for_each(|value| *value = 0.1 * random.uniform());
    parameters[second.biases.clone()].fill(0.5);
    for layer in [sharpen, last] {
        parameters[layer.weights.clone()].fill(0.0);
    }
    parameters
}
