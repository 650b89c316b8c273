//! Features between grids in floats: forward, and the gradient.

use rayon::prelude::*;

use super::lanes::dot;
use super::planes::Plane;
use crate::error::Result;
use crate::still::plan::{Layer, Plan};

/// Features of a level's context at half its resolution.
///
/// # Errors
///
/// `OutOfMemory`.
pub(super) fn forward(plan: &Plan, parameters: &[f32], level: usize, grids: &[Plane]) -> Result<Vec<Plane>> {
    let layer = &plan.feature_layers[level];
    let size = (plan.width.div_ceil(2 << level), plan.height.div_ceil(2 << level));
    let sources = plan.feature_sources(level);
    let make = |feature: usize| -> Result<Plane> {
        let mut plane = Plane::new(size.0, size.1)?;
        let bias = parameters[layer.biases.start + feature];
        for y in 0..size.1 {
            let row = plane.row_mut(y);
            row.fill(bias);
            for (index, (grid, source)) in plan.grids[sources.clone()].iter().zip(grids).enumerate() {
                let shift = grid.level - level - 1;
                let weight = parameters[layer.weights.start + feature * layer.inputs + index];
                let from = source.row(y >> shift);
                for (run, &value) in row.chunks_mut(1 << shift).zip(from) {
                    for to in run {
                        *to += weight * value;
                    }
                }
            }
        }
        Ok(plane)
    };
    (0..layer.outputs).into_par_iter().map(make).collect()
}

/// Adds the gradients of the parameters, and of the grids that the features are made of.
pub(super) fn backward(
    plan: &Plan,
    parameters: &[f32],
    level: usize,
    (grids, by_features): (&[Plane], &[Plane]),
    (gradient, by_grids): (&mut [f32], &mut [Plane]),
) {
    let layer: &Layer = &plan.feature_layers[level];
    let sources = plan.feature_sources(level);
    let work = by_grids[sources.clone()].par_iter_mut().zip(&grids[sources.clone()]).enumerate();
    let by_weights: Vec<Vec<f32>> = work
        .map(|(index, (by_grid, grid))| {
            let shift = plan.grids[index].level - level - 1;
            let mut by_weights = vec![0.0; layer.outputs];
            let mut sums = vec![0.0_f32; grid.width];
            for (feature, by_feature) in by_features.iter().enumerate() {
                let weight = parameters[layer.weights.start + feature * layer.inputs + index];
                for y in 0..grid.height {
                    sums.fill(0.0);
                    for fine in (y << shift..(y + 1) << shift).take_while(|fine| *fine < by_feature.height) {
                        for (sum, run) in sums.iter_mut().zip(by_feature.row(fine).chunks(1 << shift)) {
                            *sum += run.iter().sum::<f32>();
                        }
                    }
                    by_weights[feature] += dot(&sums, grid.row(y));
                    for (to, sum) in by_grid.row_mut(y).iter_mut().zip(&sums) {
                        *to += weight * sum;
                    }
                }
            }
            by_weights
        })
        .collect();
    for (index, by_weights) in by_weights.iter().enumerate() {
        for (feature, value) in by_weights.iter().enumerate() {
            gradient[layer.weights.start + feature * layer.inputs + index] += value;
        }
    }
    for (feature, by_feature) in by_features.iter().enumerate() {
        let sum: f32 = (0..by_feature.height).map(|y| by_feature.row(y).iter().sum::<f32>()).sum();
        gradient[layer.biases.start + feature] += sum;
    }
}
