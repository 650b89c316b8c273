//! The state of a training, and the recipe: what is rounded how at which step.

use std::f32::consts::PI;

use rayon::prelude::*;

use super::adam::Adam;
use super::colors::Colors;
use super::model::{Cost, evaluate};
use super::planes::zeros;
use super::rounding::{Between, Rounding};
use super::soap::Soap;
use crate::error::Result;
use crate::random::Random;
use crate::still::plan::{Grid, Group, Plan, in_floats};

/// Learning rate of latents at the start. Units: steps of a latent.
const LATENT_RATE: f32 = 0.16;

/// Learning rate of the network at the start.
const NETWORK_RATE: f32 = 1e-2;

/// Temperature of soft rounding at the start and at the end, and its noise. Source: Cool-chic 5, but for the noise at the end, which is
/// 0.15 there (docs/decisions/0018).
const TEMPERATURES: (f32, f32) = (0.35, 0.1);
const NOISES: (f32, f32) = (0.22, 0.18);

/// Where an error is aimed at, every so many steps of the second half the error of rounded latents is looked at, which takes as long as a step.
const LOOKED_AT_EVERY: u32 = 50;

/// From this part of the steps on bits run on a line between whole numbers.
const LINE_FROM: f32 = 0.6;

/// How far a weight of rate may be moved from where it began, as a factor.
const MOST_MOVED: f32 = 4096.0;

/// How long a training is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schedule {
    /// With soft rounding.
    pub(crate) steps: u32,
    /// With latents as they will be coded; the network alone adapts.
    pub(crate) last_steps: u32,
}

/// Latents and network of one picture in training.
#[derive(Clone)]
pub(crate) struct Trainer {
    pub(crate) plan: Plan,
    pub(crate) parameters: Vec<f32>,
    pub(crate) latents: Vec<Vec<f32>>,
    /// Of latents' bits against the error: the Lagrangian weight over the pixels.
    pub(crate) price: f32,
    /// The error that training should end with, by which the price is moved.
    wanted: Option<f64>,
    first_price: f32,
    seed: u64,
    moments: (Soap, Vec<Adam>),
    taken: u32,
}

impl Trainer {
    /// `lambda`: weight of bits a pixel against the mean squared error.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`.
    pub(crate) fn new(plan: Plan, start: Option<&[f32]>, lambda: f64, seed: u64) -> Result<Self> {
        let parameters = start.map_or_else(|| random_parameters(&plan, seed), <[f32]>::to_vec);
        let empty = |grid: &Grid| zeros(grid.width * grid.height);
        let latents: Vec<Vec<f32>> = plan.grids.iter().map(empty).collect::<Result<_>>()?;
        let moments = (
            Soap::new(&plan),
            latents.iter().map(|latents| Adam::new(latents.len())).collect::<Result<_>>()?,
        );
        let price = lambda as f32;
        let (wanted, first_price, taken) = (None, price, 0);
        Ok(Self { plan, parameters, latents, price, wanted, first_price, seed, moments, taken })
    }

    /// Begins at a first guess of the latents.
    pub(crate) fn begin_at(&mut self, latents: Vec<Vec<f32>>) {
        self.latents = latents;
    }

    /// Moves the weight of rate in training so that this mean squared error comes out.
    pub(crate) fn aim(&mut self, error: f64) {
        self.wanted = Some(error);
    }

    /// Moves the weight of rate, and the error that is aimed at, for a result that is so much above what is wanted. Units: dB.
    pub(crate) fn correct(&mut self, above: f64) {
        self.wanted = None;
        self.set_price(self.price * 10_f32.powf(0.15 * above as f32));
    }

    fn set_price(&mut self, price: f32) {
        self.price = price.clamp(self.first_price / MOST_MOVED, self.first_price * MOST_MOVED);
    }

    /// Trains, from where it stands; `check` is called before every step and may stop it.
    pub(crate) fn run(
        &mut self,
        target: &Colors,
        schedule: Schedule,
        check: &mut dyn FnMut(Cost) -> Result<()>,
    ) -> Result<Cost> {
        let cost = self.go_on(target, schedule, schedule.steps, check)?;
        self.settle(target, schedule.last_steps, (cost, check))
    }

    /// Trains up to a step of the schedule.
    pub(super) fn go_on(
        &mut self,
        target: &Colors,
        schedule: Schedule,
        until: u32,
        check: &mut dyn FnMut(Cost) -> Result<()>,
    ) -> Result<Cost> {
        let mut cost = Cost { error: 0.0, bits: 0.0 };
        // The error of rounded latents, without noise, in errors of training.
        let mut rounded = 1.0;
        for step in self.taken..until {
            check(cost)?;
            let part = step as f32 / schedule.steps as f32;
            let [temperature, noise] =
                [TEMPERATURES, NOISES].map(|(start, end)| start + part * (end - start));
            let between = if part < LINE_FROM { Between::Curve } else { Between::Line };
            let rounding = Rounding::Soft { temperature, noise, between };
            cost = self.step(target, rounding, falling(part).max(0.01))?;
            // At first latents are on their way, and the error says nothing about the weight.
            if let Some(wanted) = self.wanted
                && step * 5 > schedule.steps
            {
                if step * 2 > schedule.steps && step % LOOKED_AT_EVERY == 0 {
                    rounded = self.cost_of(target, &self.parameters)?.error / cost.error;
                }
                let factor = wanted / (cost.error * rounded);
                self.set_price(self.price * factor.powf(15.0 / f64::from(schedule.steps)) as f32);
            }
        }
        Ok(cost)
    }

    /// Trains on from where a training ended.
    pub(crate) fn refine(
        &mut self,
        target: &Colors,
        schedule: Schedule,
        check: &mut dyn FnMut(Cost) -> Result<()>,
    ) -> Result<Cost> {
        let mut cost = Cost { error: 0.0, bits: 0.0 };
        for step in 0..schedule.steps {
            check(cost)?;
            let part = step as f32 / schedule.steps as f32;
            let temperature = 0.15 + part * (TEMPERATURES.1 - 0.15);
            let rounding = Rounding::Soft { temperature, noise: NOISES.1, between: Between::Line };
            cost = self.step(target, rounding, 0.2 * falling(part))?;
        }
        self.settle(target, schedule.last_steps, (cost, check))
    }

    /// Trains the network alone, for latents as they will be coded.
    fn settle(
        &mut self,
        target: &Colors,
        steps: u32,
        (mut cost, check): (Cost, &mut dyn FnMut(Cost) -> Result<()>),
    ) -> Result<Cost> {
        for step in 0..steps {
            check(cost)?;
            let part = step as f32 / steps as f32;
            cost = self.step(target, Rounding::Hard, 0.1 * falling(part))?;
        }
        Ok(cost)
    }

    fn step(&mut self, target: &Colors, rounding: Rounding, rate: f32) -> Result<Cost> {
        let seed = self.seed.wrapping_add(u64::from(self.taken) << 20);
        let how = (rounding, self.price, seed);
        let (cost, gradient) = evaluate(&self.plan, (&self.parameters, &self.latents), target, how)?;
        let (of_network, of_latents) = &mut self.moments;
        of_network.step(&mut self.parameters, &gradient.parameters, NETWORK_RATE * rate, self.taken);
        if rounding != Rounding::Hard {
            let taken = self.taken;
            of_latents.par_iter_mut().zip(&mut self.latents).zip(&gradient.latents).for_each(
                |((moments, latents), gradient)| moments.step(latents, gradient, LATENT_RATE * rate, taken),
            );
        }
        self.taken += 1;
        Ok(cost)
    }

    /// `error + lambda bits a pixel` with rounded latents.
    pub(super) fn weighted_cost(&self, target: &Colors) -> Result<f64> {
        let Cost { error, bits } = self.cost_of(target, &self.parameters)?;
        Ok(error + f64::from(self.price) * bits / (self.plan.width * self.plan.height) as f64)
    }

    /// Rate and distortion with rounded latents and the given parameters.
    pub(crate) fn cost_of(&self, target: &Colors, parameters: &[f32]) -> Result<Cost> {
        Ok(evaluate(&self.plan, (parameters, &self.latents), target, (Rounding::Hard, self.price, 0))?.0)
    }
}

/// Where a training starts that goes by no trained network.
pub(super) fn random_parameters(plan: &Plan, seed: u64) -> Vec<f32> {
    let mut random = Random::new(seed);
    let mut parameters = in_floats(&plan.plain_parameters());
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

/// The share of a rate that is left after a part of its steps: half a cosine, from 1 to 0.
fn falling(part: f32) -> f32 {
    0.5 + 0.5 * (PI * part).cos()
}
