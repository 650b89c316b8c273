//! The network in floats: what it gives for a patch, and how its loss follows every parameter.
//!
//! It is the integer network of [`Layer`](crate::filter::Layer) without rounding. Units: an activation of 1.0 is 4096 of
//! the integer one, 64 levels of 8 bits.

use std::sync::Arc;

use super::conv::{Convolution, STRIDE, WeightGradient, transposed};
use crate::error::Result;
use crate::filter::{SITE_CHANNELS, TAPS, TEMPORAL_LAYERS};
use crate::memory;

/// Rows and columns of sites of a patch, the reach of the network included.
pub const PATCH: usize = 66;

/// Slope of the activation below zero.
const LEAK: f32 = 0.125;

/// Where each parameter lies in a flat list: weights of all layers, then sets of gains and offsets.
///
/// Gains and offsets of hidden layers are one a channel; of the last layer one a channel and kind of frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// Channels between layers, input and output included.
    pub channels: Vec<usize>,
    /// Sets of gains and offsets.
    pub sets: usize,
}

impl Shape {
    /// Six channels in and out, `hidden` between.
    pub fn new(hidden: &[usize], sets: usize) -> Self {
        Self::between(SITE_CHANNELS, hidden, sets)
    }

    /// `ends` channels in and out, `hidden` between.
    pub fn between(ends: usize, hidden: &[usize], sets: usize) -> Self {
        Self { channels: [&[ends], hidden, &[ends]].concat(), sets }
    }

    /// Number of convolutions.
    pub fn layers(&self) -> usize {
        self.channels.len() - 1
    }

    fn layer_weights(&self, layer: usize) -> usize {
        self.channels[layer] * self.channels[layer + 1] * TAPS
    }

    /// All weights.
    pub fn weight_count(&self) -> usize {
        (0..self.layers()).map(|layer| self.layer_weights(layer)).sum()
    }

    /// Where the weights of a layer lie.
    pub fn weights(&self, layer: usize) -> std::ops::Range<usize> {
        let start = (0..layer).map(|layer| self.layer_weights(layer)).sum();
        start..start + self.layer_weights(layer)
    }

    /// Kinds of frames that a layer tells apart.
    pub fn kinds(&self, layer: usize) -> usize {
        if layer + 1 == self.layers() { TEMPORAL_LAYERS } else { 1 }
    }

    /// Gains and offsets of one set.
    pub fn set_len(&self) -> usize {
        (0..self.layers()).map(|layer| 2 * self.kinds(layer) * self.channels[layer + 1]).sum()
    }

    /// Where the set lies.
    pub fn set(&self, set: usize) -> std::ops::Range<usize> {
        let start = self.weight_count() + set * self.set_len();
        start..start + self.set_len()
    }

    /// Where the gains of a layer for a kind of frame lie within a set; the offsets follow all its gains.
    pub fn gains(&self, layer: usize, kind: usize) -> (usize, usize) {
        let before: usize = (0..layer).map(|layer| 2 * self.kinds(layer) * self.channels[layer + 1]).sum();
        let (kinds, outputs) = (self.kinds(layer), self.channels[layer + 1]);
        let gain = before + kind.min(kinds - 1) * outputs;
        (gain, gain + kinds * outputs)
    }

    /// All parameters.
    #[allow(clippy::len_without_is_empty, reason = "a network is never empty")]
    pub fn len(&self) -> usize {
        self.weight_count() + self.sets * self.set_len()
    }

    /// Sites on each side of the result of a patch.
    pub fn result(&self) -> usize {
        PATCH - 2 * self.layers()
    }
}

/// Decoded sites and what they should be.
///
/// Shape: `[6][PATCH][PATCH]` each, row after row. Units: 1/4096 of an activation of 1.0, as the integer network takes them.
/// Clones share their samples.
#[derive(Debug, Clone)]
pub struct Patch {
    /// As decoded.
    pub decoded: Arc<[i16]>,
    /// As it should be.
    pub source: Arc<[i16]>,
    /// Kind of the frame.
    pub temporal_layer: usize,
    /// Set of gains that the patch is filtered by.
    pub set: usize,
    /// Weight of its squared errors.
    pub weight: f32,
    /// Weight of the chroma channels against that of luma.
    pub chroma: f32,
}

impl Patch {
    /// What squared errors of a channel count.
    fn share(&self, channel: usize) -> f32 {
        if channel < LUMA_CHANNELS { 1.0 } else { self.chroma }
    }
}

/// Channels of a site that are luma.
const LUMA_CHANNELS: usize = 4;

/// Scale of stored samples.
const UNIT: f32 = 4096.0;

/// Buffers for one patch, used again for the next.
pub struct Workspace {
    input: Vec<f32>,
    /// Sums of each layer, before gains.
    sums: Vec<Vec<f32>>,
    /// What each layer gives.
    active: Vec<Vec<f32>>,
    /// Gradients of the sums, with two sites of zeros on every side.
    slopes: Vec<Vec<f32>>,
    /// Gradient of what a layer gives.
    back: Vec<f32>,
}

/// Rows of the planes that layer `layer` gives.
const fn rows_after(layer: usize) -> usize {
    PATCH - 2 * (layer + 1)
}

impl Workspace {
    /// For patches of networks of a shape.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`.
    pub fn new(shape: &Shape) -> Result<Self> {
        let zeros = |len| memory::filled("a patch in training", len, 0.0);
        let planes = |layer: usize, extra: usize| {
            zeros(shape.channels[layer + 1] * (rows_after(layer) + extra) * STRIDE)
        };
        let widest = shape.channels.iter().copied().max().unwrap_or(0);
        Ok(Self {
            input: zeros(SITE_CHANNELS * PATCH * STRIDE)?,
            sums: (0..shape.layers()).map(|layer| planes(layer, 0)).collect::<Result<_>>()?,
            active: (0..shape.layers()).map(|layer| planes(layer, 0)).collect::<Result<_>>()?,
            slopes: (0..shape.layers()).map(|layer| planes(layer, 4)).collect::<Result<_>>()?,
            back: zeros(widest * PATCH * STRIDE)?,
        })
    }

    /// Squared error of the filtered patch and of the decoded one, in squared levels of 8 bits; the patch's weight is left
    /// out, that of chroma counted.
    pub fn loss(&mut self, shape: &Shape, parameters: &[f32], patch: &Patch) -> (f64, f64) {
        self.forward(shape, parameters, patch);
        let (mut after, mut before) = (0.0, 0.0);
        self.errors(shape, patch, |channel, _, without, with| {
            let share = patch.share(channel);
            after += f64::from(share * with * with);
            before += f64::from(share * without * without);
        });
        (after * 4096.0, before * 4096.0)
    }

    /// Adds the gradient of the patch's weighted loss to `gradient`, and gives that loss.
    pub fn add_gradient(
        &mut self,
        shape: &Shape,
        parameters: &[f32],
        patch: &Patch,
        gradient: &mut [f32],
    ) -> f64 {
        self.forward(shape, parameters, patch);
        let last = shape.layers() - 1;
        let rows = rows_after(last);
        let mut back = std::mem::take(&mut self.back);
        let mut total = 0.0;
        self.errors(shape, patch, |channel, site, _, error| {
            let share = patch.share(channel);
            total += f64::from(share * error * error);
            back[(channel * rows + site / rows) * STRIDE + site % rows] = 2.0 * patch.weight * share * error;
        });
        for layer in (0..=last).rev() {
            self.through_gains(shape, parameters, patch, layer, &back, gradient);
            self.through_weights(shape, parameters, layer, &mut back, gradient);
        }
        self.back = back;
        total * f64::from(patch.weight)
    }

    fn forward(&mut self, shape: &Shape, parameters: &[f32], patch: &Patch) {
        for (row, values) in patch.decoded.chunks_exact(PATCH).enumerate() {
            let line = &mut self.input[row * STRIDE..][..PATCH];
            line.iter_mut().zip(values).for_each(|(line, &value)| *line = f32::from(value) / UNIT);
        }
        let set = &parameters[shape.set(patch.set)];
        for layer in 0..shape.layers() {
            let outputs = shape.channels[layer + 1];
            let rows = rows_after(layer);
            let convolution = Convolution {
                input: if layer == 0 { &self.input } else { &self.active[layer - 1] },
                input_rows: rows + 2,
                inputs: shape.channels[layer],
                weights: &parameters[shape.weights(layer)],
                outputs,
                rows,
            };
            convolution.run(&mut self.sums[layer], rows, 0);
            let (gains, offsets) = shape.gains(layer, patch.temporal_layer);
            let leak = if layer + 1 == shape.layers() { 1.0 } else { LEAK };
            let sums = self.sums[layer].chunks_exact(rows * STRIDE);
            let active = self.active[layer].chunks_exact_mut(rows * STRIDE);
            for (output, (sums, active)) in sums.zip(active).enumerate() {
                let (gain, offset) = (set[gains + output], set[offsets + output]);
                for (active, &sum) in active.iter_mut().zip(sums) {
                    let z = sum * gain + offset;
                    *active = z.max(z * leak);
                }
            }
        }
    }

    /// Calls with channel, index of the result's site, error before and after the filter; in units of activations.
    fn errors(&self, shape: &Shape, patch: &Patch, mut each: impl FnMut(usize, usize, f32, f32)) {
        let last = shape.layers() - 1;
        let (rows, margin) = (rows_after(last), shape.layers());
        for channel in 0..SITE_CHANNELS {
            for y in 0..rows {
                let at = (channel * PATCH + y + margin) * PATCH + margin;
                let residual = &self.active[last][(channel * rows + y) * STRIDE..][..rows];
                let pairs = patch.decoded[at..at + rows].iter().zip(&patch.source[at..at + rows]);
                for (x, ((&decoded, &source), &residual)) in pairs.zip(residual).enumerate() {
                    let error = (f32::from(decoded) - f32::from(source)) / UNIT;
                    each(channel, y * rows + x, error, error + residual);
                }
            }
        }
    }

    /// From the gradient of what a layer gives to that of its sums; gains and offsets on the way.
    fn through_gains(
        &mut self,
        shape: &Shape,
        parameters: &[f32],
        patch: &Patch,
        layer: usize,
        back: &[f32],
        gradient: &mut [f32],
    ) {
        let rows = rows_after(layer);
        let start = shape.set(patch.set).start;
        let (gains, offsets) = shape.gains(layer, patch.temporal_layer);
        let leak = if layer + 1 == shape.layers() { 1.0 } else { LEAK };
        for output in 0..shape.channels[layer + 1] {
            let (gain, offset) = (parameters[start + gains + output], parameters[start + offsets + output]);
            let (mut by_gain, mut by_offset) = (0.0_f32, 0.0_f32);
            for y in 0..rows {
                let at = (output * rows + y) * STRIDE;
                let sums = &self.sums[layer][at..at + rows];
                let back = &back[at..at + rows];
                let at = (output * (rows + 4) + y + 2) * STRIDE + 2;
                let slopes = &mut self.slopes[layer][at..at + rows];
                // Lanes of their own, so that the sums are vectors.
                let (mut gain_lanes, mut offset_lanes) = ([0.0_f32; 16], [0.0_f32; 16]);
                let chunks = slopes.chunks_mut(16).zip(sums.chunks(16)).zip(back.chunks(16));
                for ((slopes, sums), back) in chunks {
                    let lanes = gain_lanes.iter_mut().zip(&mut offset_lanes);
                    for (((slope, &sum), &back), lane) in slopes.iter_mut().zip(sums).zip(back).zip(lanes) {
                        let slope_of_z = if sum * gain + offset < 0.0 { back * leak } else { back };
                        *lane.0 += slope_of_z * sum;
                        *lane.1 += slope_of_z;
                        *slope = slope_of_z * gain;
                    }
                }
                by_gain += gain_lanes.iter().sum::<f32>();
                by_offset += offset_lanes.iter().sum::<f32>();
            }
            gradient[start + gains + output] += by_gain;
            gradient[start + offsets + output] += by_offset;
        }
    }

    /// From the gradient of a layer's sums to that of what it was given, into `back`; its weights on the way.
    fn through_weights(
        &mut self,
        shape: &Shape,
        parameters: &[f32],
        layer: usize,
        back: &mut [f32],
        gradient: &mut [f32],
    ) {
        let rows = rows_after(layer);
        let (inputs, outputs) = (shape.channels[layer], shape.channels[layer + 1]);
        let weight_gradient = WeightGradient {
            input: if layer == 0 { &self.input } else { &self.active[layer - 1] },
            input_rows: rows + 2,
            inputs,
            gradient: &self.slopes[layer],
            gradient_rows: rows + 4,
            first: 2 * STRIDE + 2,
            outputs,
            rows,
        };
        weight_gradient.add_to(&mut gradient[shape.weights(layer)]);
        if layer > 0 {
            let mirrored = transposed(&parameters[shape.weights(layer)], inputs, outputs);
            let convolution = Convolution {
                input: &self.slopes[layer],
                input_rows: rows + 4,
                inputs: outputs,
                weights: &mirrored,
                outputs: inputs,
                rows: rows + 2,
            };
            convolution.run(back, rows + 2, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn patch(random: &mut Random, set: usize, temporal_layer: usize) -> Patch {
        let mut samples = || -> Arc<[i16]> {
            (0..SITE_CHANNELS * PATCH * PATCH).map(|_| (random.normal() * 2000.0) as i16).collect()
        };
        Patch { decoded: samples(), source: samples(), temporal_layer, set, weight: 1e-3, chroma: 0.5 }
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        let mut random = Random::new(3);
        let shape = Shape::new(&[5, 8], 2);
        let mut parameters: Vec<f32> = (0..shape.len()).map(|_| random.normal() * 0.2).collect();
        for set in 0..2 {
            parameters[shape.set(set)].iter_mut().for_each(|value| *value = 1.0 + 0.3 * *value);
        }
        let mut workspace = Workspace::new(&shape).unwrap();
        for (set, kind) in [(0, 5), (1, 2)] {
            let patch = patch(&mut random, set, kind);
            let mut gradient = vec![0.0; shape.len()];
            let loss = workspace.add_gradient(&shape, &parameters, &patch, &mut gradient);
            let weighted = |workspace: &mut Workspace, parameters: &[f32]| {
                workspace.loss(&shape, parameters, &patch).0 / 4096.0 * f64::from(patch.weight)
            };
            assert!((weighted(&mut workspace, &parameters) / loss - 1.0).abs() < 1e-5);
            let (gains, offsets) = shape.gains(shape.layers() - 1, kind);
            let start = shape.set(set).start;
            let chosen =
                [0, 30, 269, 270, 500, 640, shape.weight_count() - 1, start, start + 7, start + gains]
                    .into_iter()
                    .chain([start + offsets + 5]);
            for at in chosen {
                let step = 3e-3;
                let mut moved = parameters.clone();
                moved[at] += step;
                let up = weighted(&mut workspace, &moved);
                moved[at] -= 2.0 * step;
                let down = weighted(&mut workspace, &moved);
                let expected = (up - down) / (2.0 * f64::from(step));
                let found = f64::from(gradient[at]);
                let scale = expected.abs().max(loss * 1e-3);
                assert!((found - expected).abs() < 0.02 * scale, "parameter {at}: {found}, not {expected}");
            }
            let other = shape.set(1 - set);
            assert!(gradient[other].iter().all(|&value| value == 0.0));
        }
    }
}
