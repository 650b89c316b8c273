//! Steps of training over patches. Rank 3.

use super::adam::{Adam, cosine, limit_length};
use super::gradients::Gradients;
use super::model::Shape;
use super::random::Random;
use crate::error::Result;
use crate::neural::TAPS;
use crate::progress::CancelToken;

/// Learning rates by kind of parameter, at the top of the schedule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// Of weights; 0 leaves them as they are.
    pub weights: f32,
    /// Of gains and offsets.
    pub gains: f32,
}

/// How long and from what to learn.
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

/// The gradient is scaled down to this length: the loss without a filter is 1 a patch.
const LONGEST_GRADIENT: f32 = 1.0;

/// Parameters to begin with where there is no base network: weights by the number of their inputs (He et al. 2015), a
/// tenth of that in the last layer, gains of 1.
pub fn starting_parameters(shape: &Shape, seed: u64) -> Vec<f32> {
    let mut random = Random::new(seed);
    let mut parameters = vec![0.0; shape.len()];
    for layer in 0..shape.layers() {
        let inputs = shape.channels[layer] * TAPS;
        let size = if layer + 1 == shape.layers() { 0.1 } else { 1.0 } * (2.0 / inputs as f32).sqrt();
        parameters[shape.weights(layer)].fill_with(|| size * random.normal());
        for set in 0..shape.sets {
            for kind in 0..shape.kinds(layer) {
                let start = shape.set(set).start + shape.gains(layer, kind).0;
                parameters[start..start + shape.channels[layer + 1]].fill(1.0);
            }
        }
    }
    parameters
}

/// Trains all parameters in place. `project` sees parameters after each step, and how far a gradient of 1 moved each of them, `view`
/// gives the parameters that the loss is taken at (rounded ones, say).
///
/// Errors: `Cancelled`. Returns the mean loss over the last tenth of the steps, or `None` where a gradient was not a number.
pub fn train(
    gradients: &mut Gradients<'_>,
    parameters: &mut [f32],
    schedule: &Schedule,
    cancel: &CancelToken,
    mut view: impl FnMut(&[f32], &mut Vec<f32>),
    mut project: impl FnMut(&mut [f32], &[f32]),
) -> Result<Option<f64>> {
    let shape = gradients.shape();
    let mut random = Random::new(schedule.seed);
    let mut adam = Adam::new(parameters.len());
    let mut gradient = vec![0.0; parameters.len()];
    let mut rates = vec![0.0; parameters.len()];
    let mut reach = vec![0.0; parameters.len()];
    let mut seen = Vec::new();
    let (mut loss, mut counted) = (0.0, 0);
    for step in 0..schedule.steps {
        cancel.check()?;
        let batch: Vec<usize> = (0..schedule.batch).map(|_| random.below(gradients.count())).collect();
        view(parameters, &mut seen);
        let found = gradients.at(&seen, &batch, &mut gradient)? / schedule.batch as f64;
        gradient.iter_mut().for_each(|slope| *slope /= schedule.batch as f32);
        if !limit_length(&mut gradient, LONGEST_GRADIENT) {
            return Ok(None);
        }
        let share = cosine(step, schedule.steps);
        let weights = shape.weight_count();
        rates[..weights].fill(share * schedule.rates.weights);
        rates[weights..].fill(share * schedule.rates.gains);
        adam.step(parameters, &gradient, &rates, &mut reach);
        project(parameters, &reach);
        if step * 10 >= schedule.steps * 9 {
            loss += found;
            counted += 1;
        }
    }
    Ok(Some(loss / f64::from(counted.max(1))))
}
