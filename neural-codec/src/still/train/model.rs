//! One evaluation of a still in floats: rate, distortion, and the gradients of both.
//!
//! ```text
//! latents -> rounding -> upsampling -> synthesis -> distortion
//!                    \-> features, entropy model -> rate
//! ```

use rayon::prelude::*;

use super::colors::Colors;
use super::entropy::{BAND, BandGradient, EntropyModel};
use super::planes::{Plane, keep, zeros};
use super::rounding::{Between, Rounding, round};
use super::synthesis::distortion;
use super::{features, upsampling};
use crate::error::Result;
use crate::still::plan::{FEATURE_LEVELS, Grid, Plan, REACH};

/// Rate and distortion of a still as training sees them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cost {
    /// Mean over pixels and colors of squared errors; 1.0 is the full range.
    pub(crate) error: f64,
    /// Of the latents.
    pub(crate) bits: f64,
}

/// Gradients of `pixels error + price bits`.
pub(super) struct Gradient {
    pub(super) parameters: Vec<f32>,
    /// Shape of a grid: `[height][width]`.
    pub(super) latents: Vec<Vec<f32>>,
}

fn taps_of(plan: &Plan, parameters: &[f32], level: usize) -> [f32; 4] {
    let taps = &parameters[plan.taps[level].clone()];
    [taps[0], taps[1], taps[2], taps[3]]
}

/// Cost and gradient. `seed` is of the step.
///
/// # Errors
///
/// `OutOfMemory`.
pub(super) fn evaluate(
    plan: &Plan,
    (parameters, latents): (&[f32], &[Vec<f32>]),
    target: &Colors,
    (rounding, price, seed): (Rounding, f32, u64),
) -> Result<(Cost, Gradient)> {
    let rounded: Vec<(Plane, Vec<f32>)> = plan
        .grids
        .par_iter()
        .zip(latents)
        .enumerate()
        .map(|(index, (grid, latents))| {
            let mut plane = Plane::new(grid.width, grid.height)?;
            let mut derivatives = zeros(latents.len())?;
            let rows = latents.chunks_exact(grid.width).zip(derivatives.chunks_exact_mut(grid.width));
            for (y, (from, derivatives)) in rows.enumerate() {
                let seed = mixed(seed, (index << 32 | y) as u64);
                round(from, rounding, seed, plane.row_mut(y), derivatives);
            }
            Ok((plane, derivatives))
        })
        .collect::<Result<_>>()?;
    let (values, derivatives): (Vec<Plane>, Vec<Vec<f32>>) = rounded.into_iter().unzip();
    let mut gradient = vec![0.0; plan.parameters];

    // Distortion.
    let mut stacks: Vec<Vec<Plane>> = (0..plan.levels).map(|_| Vec::new()).collect();
    for level in (0..plan.levels).rev() {
        let own = &values[plan.latents_of(level)];
        let mut stack = vec![own.try_clone()?];
        if let Some(below) = stacks.get(level + 1) {
            let taps = taps_of(plan, parameters, level);
            let doubled =
                below.par_iter().map(|plane| upsampling::double(plane, (own.width, own.height), taps));
            stack.extend(doubled.collect::<Result<Vec<_>>>()?);
        }
        stacks[level] = stack;
    }
    let distortion = distortion(plan, parameters, &stacks[0], target, &mut gradient)?;
    let empty = |grid: &Grid| Plane::new(grid.width, grid.height);
    let mut by_values: Vec<Plane> = plan.grids.iter().map(empty).collect::<Result<_>>()?;
    let mut by_stack = distortion.by_planes;
    for level in 0..plan.levels {
        let mut below = by_stack.split_off(1);
        by_values[plan.latents_of(level)] = by_stack.remove(0);
        if level + 1 == plan.levels {
            break;
        }
        let taps = taps_of(plan, parameters, level);
        let doubled = below.par_iter_mut().zip(&stacks[level + 1]).map(|(by_plane, from)| {
            let mut to = Plane::new(from.width, from.height)?;
            let by_taps = upsampling::double_backward(from, by_plane, taps, &mut to);
            *by_plane = to;
            Ok(by_taps)
        });
        for by_taps in doubled.collect::<Result<Vec<_>>>()? {
            for (to, value) in gradient[plan.taps[level].clone()].iter_mut().zip(by_taps) {
                *to += value;
            }
        }
        by_stack = below;
    }

    // Rate, in bits until all is added.
    let between = match rounding {
        Rounding::Soft { between, .. } => between,
        Rounding::Hard => Between::Curve,
    };
    let (bits, by_rate, by_values_of_rate) = rate(plan, parameters, &values, between)?;
    for (to, from) in gradient.iter_mut().zip(&by_rate) {
        *to += price * from;
    }
    let latents = plan
        .grids
        .par_iter()
        .enumerate()
        .map(|(index, grid)| {
            let mut gradient = zeros(grid.width * grid.height)?;
            for (y, (to, derivatives)) in gradient
                .chunks_exact_mut(grid.width)
                .zip(derivatives[index].chunks_exact(grid.width))
                .enumerate()
            {
                let (by_error, by_bits) = (by_values[index].row(y), by_values_of_rate[index].row(y));
                for (((to, derivative), by_error), by_bits) in
                    to.iter_mut().zip(derivatives).zip(by_error).zip(by_bits)
                {
                    *to = derivative * (by_error + price * by_bits);
                }
            }
            Ok(gradient)
        })
        .collect::<Result<_>>()?;
    let error = distortion.error / (plan.width * plan.height) as f64;
    Ok((Cost { error, bits }, Gradient { parameters: gradient, latents }))
}

/// Bits of the latents, and their gradients by parameters and values.
fn rate(
    plan: &Plan,
    parameters: &[f32],
    values: &[Plane],
    between: Between,
) -> Result<(f64, Vec<f32>, Vec<Plane>)> {
    let features: Vec<Vec<Plane>> = (0..FEATURE_LEVELS)
        .map(|level| features::forward(plan, parameters, level, values))
        .collect::<Result<_>>()?;
    let model = EntropyModel::new(plan, parameters, between);
    let with_features = |index: usize| {
        let grid = plan.grids[index];
        (!grid.hyper && grid.level < FEATURE_LEVELS).then_some(grid.level)
    };
    let bands: Vec<(usize, usize)> = (0..values.len())
        .flat_map(|index| (0..values[index].height).step_by(BAND).map(move |top| (index, top)))
        .collect();
    let done: Vec<BandGradient> = bands
        .par_iter()
        .map(|&(index, top)| {
            let features = with_features(index).map_or(&[][..], |level| &features[level]);
            model.band(&values[index], features, top)
        })
        .collect::<Result<_>>()?;
    let mut gradient = vec![0.0; plan.parameters];
    let empty = |plane: &Plane| Plane::new(plane.width, plane.height);
    let mut by_values: Vec<Plane> = values.iter().map(empty).collect::<Result<_>>()?;
    let mut by_features: Vec<Vec<Plane>> = features
        .iter()
        .map(|planes| planes.iter().map(empty).collect::<Result<_>>())
        .collect::<Result<_>>()?;
    let mut bits = 0.0;
    for (&(index, top), band) in bands.iter().zip(&done) {
        bits += band.bits;
        for (to, from) in gradient.iter_mut().zip(&band.parameters) {
            *to += from;
        }
        let stride = by_values[index].stride;
        let to = &mut by_values[index].values[top * stride..][..band.values.len()];
        for (to, from) in to.iter_mut().zip(&band.values) {
            *to += from;
        }
        if let Some(level) = with_features(index) {
            let count = by_features[level].len();
            for (from, plane) in
                band.features.chunks_exact(band.features.len() / count).zip(&mut by_features[level])
            {
                let at = (top / 2 + REACH) * plane.stride;
                plane.values[at..at + from.len()].copy_from_slice(from);
            }
        }
    }
    for band in done {
        keep(band.values);
        keep(band.features);
    }
    for (level, by_features) in by_features.iter().enumerate() {
        let by = (&mut gradient[..], &mut by_values[..]);
        features::backward(plan, parameters, level, (values, by_features), by);
    }
    Ok((bits, gradient, by_values))
}

/// A seed from two numbers.
fn mixed(a: u64, b: u64) -> u64 {
    let mut z = a.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ b.wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 30)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use crate::still::plan::{StillNetwork, in_floats};

    /// A small picture with all that training has, away from kinks.
    fn case(network: StillNetwork) -> (Plan, Vec<f32>, Vec<Vec<f32>>, Colors) {
        let plan = Plan::new(37, 21, network).unwrap();
        let mut random = Random::new(3);
        let mut parameters = in_floats(&plan.plain_parameters());
        parameters.iter_mut().for_each(|value| *value += 0.1 * random.normal());
        for layer in &plan.synthesis {
            parameters[layer.weights.clone()].iter_mut().for_each(|value| *value = 0.1 * random.normal());
        }
        parameters[plan.arm[2].biases.start + 1] = 4.0;
        let mut latents = Vec::new();
        for grid in &plan.grids {
            latents.push((0..grid.width * grid.height).map(|_| random.normal()).collect());
        }
        let mut target = Colors::new(37, 21).unwrap();
        for y in 0..21 {
            for channel in 0..3 {
                target.row_mut(y, channel).iter_mut().for_each(|value| *value = random.uniform());
            }
        }
        (plan, parameters, latents, target)
    }

    #[test]
    fn gradients_are_the_slopes_of_the_cost() {
        for (network, between) in
            StillNetwork::ALL.into_iter().zip([Between::Line, Between::Curve, Between::Line])
        {
            let (plan, parameters, latents, target) = case(network);
            let how = (Rounding::Soft { temperature: 0.4, noise: 0.0, between }, 0.01, 1);
            let cost = |parameters: &[f32], latents: &[Vec<f32>]| {
                let (cost, _) = evaluate(&plan, (parameters, latents), &target, how).unwrap();
                cost.error * (plan.width * plan.height) as f64 + 0.01 * cost.bits
            };
            let (_, gradient) = evaluate(&plan, (&parameters, &latents), &target, how).unwrap();
            let step = 1e-2;
            let norm = (gradient.parameters.iter().map(|value| value * value).sum::<f32>()
                / plan.parameters as f32)
                .sqrt();
            let mut wrong = Vec::new();
            for at in (0..plan.parameters).step_by(3) {
                let slope = |step: f32| {
                    let moved = |by: f32| {
                        let mut parameters = parameters.clone();
                        parameters[at] += by;
                        cost(&parameters, &latents)
                    };
                    ((moved(step) - moved(-step)) / f64::from(2.0 * step)) as f32
                };
                let (found, expected) = (gradient.parameters[at], slope(step * 0.1));
                if (found - expected).abs() > 0.05 * expected.abs() + 0.05 * norm {
                    wrong.push((at, found, expected));
                }
            }
            assert!(wrong.len() < 4, "{network:?} {norm}: {wrong:?}");
            for grid in 0..latents.len() {
                let norm = (gradient.latents[grid].iter().map(|value| value * value).sum::<f32>()
                    / gradient.latents[grid].len() as f32)
                    .sqrt();
                let mut wrong = Vec::new();
                for at in (0..latents[grid].len()).step_by(29) {
                    let moved = |by: f32| {
                        let mut latents = latents.clone();
                        latents[grid][at] += by;
                        cost(&parameters, &latents)
                    };
                    let expected = ((moved(2e-3) - moved(-2e-3)) / 4e-3) as f32;
                    let found = gradient.latents[grid][at];
                    if (found - expected).abs() > 0.05 * expected.abs() + 0.05 * norm {
                        wrong.push((at, found, expected));
                    }
                }
                assert!(wrong.len() < 2, "{network:?}, grid {grid} {norm}: {wrong:?}");
            }
        }
    }
}
