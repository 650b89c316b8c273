//! Synthesis in floats: the distortion and its gradient by the upsampled latents.
//!
//! The 1x1 layers are those of [`mixing`](super::mixing); here are the 3x3 layers behind them, and the way through all.

use rayon::prelude::*;

use super::colors::{BAND, Colors, ROOM};
use super::lanes::{LANES, Lanes, Sums, add_scaled, add_sums, fused, keep_positive_row, trained};
use super::mixing::{Mixer, mix, mix_backward};
use super::planes::Plane;
use crate::error::Result;
use crate::still::plan::{Layer, Plan};

/// What synthesis gives for one set of latents.
pub(super) struct Distortion {
    /// Sum over pixels of the mean over colors of squared errors; 1.0 is the full range.
    pub(super) error: f64,
    /// By the upsampled latents.
    pub(super) by_planes: Vec<Plane>,
}

/// Distortion, its gradient by the parameters (added) and by the planes.
pub(super) fn distortion(
    plan: &Plan,
    parameters: &[f32],
    planes: &[Plane],
    target: &Colors,
    gradient: &mut [f32],
) -> Result<Distortion> {
    let (width, height) = (plan.width, plan.height);
    let mixer = Mixer::new(plan, parameters);
    let mut mixed = Colors::new(width, height)?;
    let stride = mixed.stride;
    mixed.bands().for_each(|(band, rows)| {
        for (row, output) in rows.chunks_exact_mut(3 * stride).enumerate() {
            mix(&mixer, planes, band * BAND + row, output);
        }
        Colors::extend_edges(stride, width, rows);
    });
    let layers = [&plan.synthesis[3], &plan.synthesis[4]];
    let packed = layers.map(|layer| pack_taps(&parameters[layer.weights.clone()], false));
    let turned = layers.map(|layer| pack_taps(&parameters[layer.weights.clone()], true));

    let mut sharpened = Colors::new(width, height)?;
    sharpened.bands().for_each(|(band, rows)| {
        for (row, output) in rows.chunks_exact_mut(3 * stride).enumerate() {
            let lines = around(&mixed, band * BAND + row);
            let biases = &parameters[layers[0].biases.clone()];
            convolve(&lines, &packed[0], biases, (width, true), output);
        }
        Colors::extend_edges(stride, width, rows);
    });
    // The gradient of the last layer's output takes its place.
    let mut by_output = Colors::new(width, height)?;
    let error: Vec<f64> = by_output
        .bands()
        .map(|(band, rows)| {
            let mut error = 0.0;
            for (row, output) in rows.chunks_exact_mut(3 * stride).enumerate() {
                let y = band * BAND + row;
                let biases = &parameters[layers[1].biases.clone()];
                convolve(&around(&sharpened, y), &packed[1], biases, (width, false), output);
                for channel in 0..3 {
                    let wanted = &target.row(y, channel)[ROOM..ROOM + width];
                    let output = &mut output[channel * stride + ROOM..][..width];
                    error += f64::from(differ(wanted, output)) / 3.0;
                }
            }
            error
        })
        .collect();
    let by_sharpened = layer_backward(layers[1], &turned[1], (&sharpened, true), &by_output, gradient)?;
    let by_mixed = layer_backward(layers[0], &turned[0], (&mixed, false), &by_sharpened, gradient)?;
    let by_planes = mix_backward(plan, &mixer, planes, &by_mixed, gradient)?;
    Ok(Distortion { error: error.iter().sum(), by_planes })
}

trained! {
    /// Squared errors of a row, which becomes its gradient of a third of them.
    fn differ(wanted: &[f32], output: &mut [f32]) -> f32 { differ_body }
}

#[inline(always)]
fn differ_body<const FUSED: bool>(wanted: &[f32], output: &mut [f32]) -> f32 {
    let mut sums = [0.0_f32; LANES];
    for (output, wanted) in output.chunks_mut(LANES).zip(wanted.chunks(LANES)) {
        for ((value, wanted), sum) in output.iter_mut().zip(wanted).zip(&mut sums) {
            let difference = *value - wanted;
            *sum = fused::<FUSED>(difference, difference, *sum);
            *value = difference * (2.0 / 3.0);
        }
    }
    sums.iter().sum()
}

/// Rows above, at and below, of each channel; outside, the nearest.
fn around(from: &Colors, y: usize) -> [&[f32]; 9] {
    std::array::from_fn(|at| from.row((y + at % 3).saturating_sub(1).min(from.height - 1), at / 3))
}

/// Weights as [`add_taps`] reads them: `[line][dx][output]`. Turned: the outputs' gradient comes in, the inputs' goes out.
fn pack_taps(weights: &[f32], turned: bool) -> [[[f32; 3]; 3]; 9] {
    let mut packed = [[[0.0; 3]; 3]; 9];
    for (o, weights) in weights.chunks_exact(27).enumerate() {
        for (i, weights) in weights.chunks_exact(9).enumerate() {
            for (tap, &weight) in weights.iter().enumerate() {
                if turned {
                    packed[o * 3 + 2 - tap / 3][2 - tap % 3][i] = weight;
                } else {
                    packed[i * 3 + tap / 3][tap % 3][o] = weight;
                }
            }
        }
    }
    packed
}

trained! {
    /// `output = lines + taps lines + biases` for one row, kept positive where asked.
    fn convolve(
        lines: &[&[f32]; 9], packed: &[[[f32; 3]; 3]; 9], biases: &[f32], how: (usize, bool), output: &mut [f32],
    ) { convolve_body }
}

#[inline(always)]
fn convolve_body<const FUSED: bool>(
    lines: &[&[f32]; 9],
    packed: &[[[f32; 3]; 3]; 9],
    biases: &[f32],
    (width, positive): (usize, bool),
    output: &mut [f32],
) {
    let stride = output.len() / 3;
    for left in (0..width).step_by(LANES) {
        let mut sums = [[0.0; LANES]; 3];
        for (channel, sums) in sums.iter_mut().enumerate() {
            let center = &lines[channel * 3 + 1][ROOM + left..][..LANES];
            for (sum, center) in sums.iter_mut().zip(center) {
                *sum = center + biases[channel];
            }
        }
        add_taps::<FUSED>(lines, packed, ROOM - 1 + left, &mut sums);
        for (channel, sums) in sums.iter().enumerate() {
            let count = (width - left).min(LANES);
            for (to, &sum) in output[channel * stride + ROOM + left..][..count].iter_mut().zip(sums) {
                *to = if positive { sum.max(0.0) } else { sum };
            }
        }
    }
}

#[inline(always)]
fn add_taps<const FUSED: bool>(
    lines: &[&[f32]; 9],
    packed: &[[[f32; 3]; 3]; 9],
    left: usize,
    sums: &mut [Lanes; 3],
) {
    let mut local = *sums;
    for (line, weights) in lines.iter().zip(packed) {
        for (dx, weights) in weights.iter().enumerate() {
            let from = &line[left + dx..left + dx + LANES];
            for (sum, &weight) in local.iter_mut().zip(weights) {
                for (sum, &value) in sum.iter_mut().zip(from) {
                    *sum = fused::<FUSED>(weight, value, *sum);
                }
            }
        }
    }
    *sums = local;
}

/// The gradient by a residual layer's input; that by its parameters is added.
fn layer_backward(
    layer: &Layer,
    turned: &[[[f32; 3]; 3]; 9],
    (input, positive): (&Colors, bool),
    by_output: &Colors,
    gradient: &mut [f32],
) -> Result<Colors> {
    let (width, height, stride) = (input.width, input.height, input.stride);
    let mut by_input = Colors::new(width, height)?;
    let nothing = vec![0.0; stride];
    let sums: Vec<Vec<Sums>> = by_input
        .bands()
        .map(|(band, rows)| {
            let mut sums = vec![[0.0; 8]; 84];
            let mut spread = vec![0.0; 3 * stride];
            for (row, output) in rows.chunks_exact_mut(3 * stride).enumerate() {
                let y = band * BAND + row;
                let line_of = |y: isize, channel: usize| {
                    if y < 0 || y >= height as isize {
                        nothing.as_slice()
                    } else {
                        by_output.row(y as usize, channel)
                    }
                };
                // What an edge row was repeated into is its gradient, too.
                let mut from = vec![y as isize];
                if y == 0 {
                    from.push(-1);
                }
                if y == height - 1 {
                    from.push(height as isize);
                }
                for channel in 0..3 {
                    output[channel * stride..][..stride].copy_from_slice(by_output.row(y, channel));
                }
                for y in from {
                    let lines = std::array::from_fn(|at| line_of(y + at as isize % 3 - 1, at / 3));
                    spread_taps(&lines, turned, width, &mut spread);
                    for (to, from) in output.chunks_exact_mut(stride).zip(spread.chunks_exact(stride)) {
                        add_scaled(&from[ROOM..ROOM + width], 1.0, &mut to[ROOM..ROOM + width]);
                        to[ROOM] += from[ROOM - 1];
                        to[ROOM + width - 1] += from[ROOM + width];
                    }
                }
                if positive {
                    for channel in 0..3 {
                        keep_positive_row(input.row(y, channel), &mut output[channel * stride..][..stride]);
                    }
                }
                let gradients = [0, 1, 2].map(|channel| by_output.row(y, channel));
                taps_gradient(&around(input, y), &gradients, width, &mut sums);
                for channel in output.chunks_exact_mut(stride) {
                    channel[..ROOM].fill(0.0);
                    channel[ROOM + width..].fill(0.0);
                }
            }
            sums
        })
        .collect();
    for sums in &sums {
        add_sums(&sums[..81], &mut gradient[layer.weights.clone()]);
        add_sums(&sums[81..], &mut gradient[layer.biases.clone()]);
    }
    Ok(by_input)
}

trained! {
    /// The gradient by one row of the extended input: a column more on both sides.
    fn spread_taps(lines: &[&[f32]; 9], turned: &[[[f32; 3]; 3]; 9], width: usize, output: &mut [f32]) { spread_body }
}

#[inline(always)]
fn spread_body<const FUSED: bool>(
    lines: &[&[f32]; 9],
    turned: &[[[f32; 3]; 3]; 9],
    width: usize,
    output: &mut [f32],
) {
    let stride = output.len() / 3;
    // From the column left of the first to the one right of the last.
    let mut left = ROOM - 1;
    while left < ROOM + width + 1 {
        let start = left.min(stride - LANES - 2);
        let mut sums = [[0.0; LANES]; 3];
        add_taps::<FUSED>(lines, turned, start - 1, &mut sums);
        for (channel, sums) in sums.iter().enumerate() {
            output[channel * stride + start..][..LANES].copy_from_slice(sums);
        }
        left += LANES;
    }
}

trained! {
    /// Adds the gradient of taps `[output][input][3][3]` and biases from one row.
    fn taps_gradient(lines: &[&[f32]; 9], gradients: &[&[f32]; 3], width: usize, sums: &mut [Sums]) { taps_body }
}

#[inline(always)]
fn taps_body<const FUSED: bool>(
    lines: &[&[f32]; 9],
    gradients: &[&[f32]; 3],
    width: usize,
    sums: &mut [Sums],
) {
    for (line, values) in lines.iter().enumerate() {
        let mut tile = [[[0.0_f32; 8]; 3]; 3];
        for left in (ROOM..ROOM + width).step_by(8) {
            for (gradient, tile) in gradients.iter().zip(&mut tile) {
                let gradient = &gradient[left..left + 8];
                for (dx, tile) in tile.iter_mut().enumerate() {
                    let values = &values[left + dx - 1..left + dx + 7];
                    for lane in 0..8 {
                        tile[lane] = fused::<FUSED>(gradient[lane], values[lane], tile[lane]);
                    }
                }
            }
        }
        for (o, tile) in tile.iter().enumerate() {
            for (dx, tile) in tile.iter().enumerate() {
                for (sum, value) in sums[o * 27 + line * 3 + dx].iter_mut().zip(tile) {
                    *sum += value;
                }
            }
        }
    }
    for (gradient, sum) in gradients.iter().zip(&mut sums[81..]) {
        for left in (ROOM..ROOM + width).step_by(8) {
            for (sum, value) in sum.iter_mut().zip(&gradient[left..left + 8]) {
                *sum += value;
            }
        }
    }
}
