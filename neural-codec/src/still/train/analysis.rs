//! A first guess of the latents: a network that looks at the picture once, so that training need not begin at nothing.
//!
//! Comes before training. The network was trained together with the base networks (`base.rs`) on other pictures; what it
//! says is where training begins, so that nothing a decoder reads depends on its last bit.
//!
//! ```text
//! picture in blocks of 2x2 -> features of level 1 -> halved -> features of level 2 -> ... the last level
//! latents of a level  <-  features of the level and of all coarser ones
//! ```
//! Source: analysis transforms beside decoders of the Cool-chic family, Blard, Ladune et al. 2024 (here with a path from coarse to fine).

use rayon::prelude::*;

use super::colors::{Colors, ROOM};
use super::lanes::{LANES, fused, trained};
use crate::error::Result;
use crate::memory;
use crate::still::plan::{Grid, Plan};

/// Channels of features.
const CHANNELS: usize = 24;

/// Levels of the plan that the network was trained with. Coarser ones are left at zero.
const LEVELS: usize = 7;

/// Weights of the levels: those of the finest, those of the next, and those of all others.
const KINDS: usize = 3;

/// What latents are in steps where the network says 1.
const GAIN: f32 = 4.0;

/// What a head of a coarser level gives: latents and, where the level has a hyper grid, those of it.
const OUTPUTS: usize = 2;

/// Parameters as a file has them. Units: 2^-12.
pub(crate) struct AnalysisParameters {
    /// Features of all levels.
    pub(crate) trunk: &'static [u8],
    /// From features to latents; of one base network.
    pub(crate) heads: &'static [u8],
}

/// Planes of one size. Shape: `[height][channels][width]`.
struct Maps {
    width: usize,
    height: usize,
    channels: usize,
    values: Vec<f32>,
}

impl Maps {
    fn new(width: usize, height: usize, channels: usize) -> Result<Self> {
        let values = memory::filled("features of a still", width * height * channels, 0.0_f32)?;
        Ok(Self { width, height, channels, values })
    }

    fn row(&self, y: usize, channel: usize) -> &[f32] {
        &self.values[(y * self.channels + channel) * self.width..][..self.width]
    }
}

/// A 3x3 layer; outside of its input, the nearest value counts.
struct Layer {
    inputs: usize,
    outputs: usize,
    /// Shape: `[outputs / 4][3 inputs][3][4]`, filled up with zeros.
    packed: Vec<f32>,
    biases: Vec<f32>,
}

/// Takes layers from a file, one after the other.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take(&mut self, count: usize) -> Vec<f32> {
        let (now, rest) = self.0.split_at((2 * count).min(self.0.len()));
        self.0 = rest;
        let value = |pair: &[u8]| f32::from(i16::from_le_bytes([pair[0], pair[1]])) / 4096.0;
        now.chunks_exact(2).map(value).collect()
    }

    /// Weights `[outputs][inputs][3][3]`, then biases.
    fn layer(&mut self, inputs: usize, outputs: usize) -> Layer {
        let weights = self.take(9 * inputs * outputs);
        let biases = self.take(outputs);
        let mut packed = vec![0.0; outputs.div_ceil(4) * 4 * inputs * 9];
        for (o, weights) in weights.chunks_exact(9 * inputs).enumerate() {
            for (at, &weight) in weights.iter().enumerate() {
                packed[(o / 4 * inputs * 9 + at) * 4 + o % 4] = weight;
            }
        }
        Layer { inputs, outputs, packed, biases }
    }
}

impl Layer {
    fn run(&self, input: &Maps, rectified: bool) -> Result<Maps> {
        let mut output = Maps::new(input.width, input.height, self.outputs)?;
        let (width, stride) = (input.width, input.width.next_multiple_of(LANES) + 2);
        output.values.par_chunks_mut(width * self.outputs).enumerate().for_each(|(y, row)| {
            let mut lines = vec![0.0; 3 * self.inputs * stride];
            for (at, line) in lines.chunks_exact_mut(stride).enumerate() {
                let from = input.row((y + at % 3).saturating_sub(1).min(input.height - 1), at / 3);
                line[1..=width].copy_from_slice(from);
                (line[0], line[width + 1]) = (from[0], from[width - 1]);
            }
            convolve(&lines, (width, stride), (&self.packed, &self.biases), row);
            if rectified {
                row.iter_mut().for_each(|value| *value = value.max(0.0));
            }
        });
        Ok(output)
    }
}

trained! {
    /// One row of a layer. Shapes: lines `[inputs][3][stride]`, output `[outputs][width]`.
    fn convolve(lines: &[f32], size: (usize, usize), layer: (&[f32], &[f32]), output: &mut [f32]) { convolve_body }
}

#[inline(always)]
fn convolve_body<const FUSED: bool>(
    lines: &[f32],
    (width, stride): (usize, usize),
    (packed, biases): (&[f32], &[f32]),
    output: &mut [f32],
) {
    let of_four = lines.len() / stride * 12;
    for (four, weights) in packed.chunks_exact(of_four).enumerate() {
        for left in (0..width).step_by(LANES) {
            let mut sums = [[0.0_f32; LANES]; 4];
            for (line, weights) in lines.chunks_exact(stride).zip(weights.chunks_exact(12)) {
                for (dx, weights) in weights.chunks_exact(4).enumerate() {
                    let values = &line[left + dx..left + dx + LANES];
                    for (sum, &weight) in sums.iter_mut().zip(weights) {
                        for (sum, &value) in sum.iter_mut().zip(values) {
                            *sum = fused::<FUSED>(weight, value, *sum);
                        }
                    }
                }
            }
            let count = (width - left).min(LANES);
            for (o, sums) in sums.iter().enumerate() {
                if let Some(&bias) = biases.get(four * 4 + o) {
                    let to = &mut output[(four * 4 + o) * width + left..][..count];
                    to.iter_mut().zip(sums).for_each(|(to, sum)| *to = sum + bias);
                }
            }
        }
    }
}

/// The picture in blocks of 2x2: `[2][2][3]` channels at half the size, from -1 to 1.
fn in_blocks(colors: &Colors) -> Result<Maps> {
    let mut maps = Maps::new(colors.width.div_ceil(2), colors.height.div_ceil(2), 12)?;
    let width = maps.width;
    maps.values.par_chunks_mut(12 * width).enumerate().for_each(|(y, rows)| {
        for (channel, row) in rows.chunks_exact_mut(width).enumerate() {
            let (dy, dx, color) = (channel / 6, channel / 3 % 2, channel % 3);
            let from = &colors.row((2 * y + dy).min(colors.height - 1), color)[ROOM..][..colors.width];
            for (x, to) in row.iter_mut().enumerate() {
                *to = 2.0 * from[(2 * x + dx).min(colors.width - 1)] - 1.0;
            }
        }
    });
    Ok(maps)
}

/// Means of 2x2.
fn halved(maps: &Maps) -> Result<Maps> {
    let mut half = Maps::new(maps.width.div_ceil(2), maps.height.div_ceil(2), maps.channels)?;
    let (width, channels) = (half.width, maps.channels);
    half.values.par_chunks_mut(channels * width).enumerate().for_each(|(y, rows)| {
        for (channel, row) in rows.chunks_exact_mut(width).enumerate() {
            let [above, below] = [0, 1].map(|dy| maps.row((2 * y + dy).min(maps.height - 1), channel));
            for (x, to) in row.iter_mut().enumerate() {
                let (left, right) = (2 * x, (2 * x + 1).min(maps.width - 1));
                *to = 0.25 * (above[left] + above[right] + below[left] + below[right]);
            }
        }
    });
    Ok(half)
}

/// Adds what a function gives for every row and channel.
fn add(to: &mut Maps, from: impl Fn(usize, usize, usize) -> f32 + Sync) {
    let (width, channels) = (to.width, to.channels);
    to.values.par_chunks_mut(channels * width).enumerate().for_each(|(y, rows)| {
        for (channel, row) in rows.chunks_exact_mut(width).enumerate() {
            row.iter_mut().enumerate().for_each(|(x, to)| *to += from(y, channel, x));
        }
    });
}

/// A first guess of all latents of a plan. Shape: a grid's latents are `[height][width]`.
///
/// # Errors
///
/// `OutOfMemory`.
pub(crate) fn first_guess(
    plan: &Plan,
    parameters: &AnalysisParameters,
    colors: &Colors,
) -> Result<Vec<Vec<f32>>> {
    let mut trunk = Reader(parameters.trunk);
    let enter = trunk.layer(12, CHANNELS);
    let same: Vec<Layer> = (1..KINDS).map(|_| trunk.layer(CHANNELS, CHANNELS)).collect();
    let down: Vec<Layer> = (1..KINDS).map(|_| trunk.layer(CHANNELS, CHANNELS)).collect();
    let up: Vec<Layer> = (0..KINDS)
        .map(|kind| trunk.layer(if kind == 0 { CHANNELS } else { 2 * CHANNELS }, CHANNELS))
        .collect();
    let mut heads = Reader(parameters.heads);
    let finest = heads.layer(CHANNELS, 4);
    let others: Vec<Layer> = (1..LEVELS).map(|_| heads.layer(CHANNELS, OUTPUTS)).collect();

    let mut features = vec![enter.run(&in_blocks(colors)?, true)?];
    for level in 2..LEVELS {
        let kind = (level - 1).min(KINDS - 1);
        let mut next = down[kind - 1].run(&halved(&features[level - 2])?, true)?;
        let more = same[kind - 1].run(&next, true)?;
        add(&mut next, |y, channel, x| more.row(y, channel)[x]);
        features.push(next);
    }
    let zeros = |grid: &Grid| memory::filled("latents", grid.width * grid.height, 0.0);
    let mut latents: Vec<Vec<f32>> = plan.grids.iter().map(zeros).collect::<Result<_>>()?;
    let mut set = |level: usize, hyper: bool, outputs: &Maps, output: usize| {
        let grid = plan.grids.iter().position(|grid| grid.level == level && grid.hyper == hyper);
        if let Some(latents) = grid.map(|grid| &mut latents[grid]) {
            for (y, row) in latents.chunks_exact_mut(outputs.width).enumerate() {
                row.iter_mut().zip(outputs.row(y, output)).for_each(|(to, from)| *to = GAIN * from);
            }
        }
    };
    let mut coarser: Option<Maps> = None;
    for level in (1..LEVELS).rev() {
        let mut now = features.swap_remove(level - 1);
        if let Some(coarser) = coarser {
            let kind = (level - 1).min(KINDS - 1);
            let own = if kind == 0 { 0 } else { CHANNELS };
            let mut both = Maps::new(now.width, now.height, own + CHANNELS)?;
            add(&mut both, |y, channel, x| {
                let below = |channel: usize| coarser.row(y / 2, channel)[x / 2];
                match channel.checked_sub(own) {
                    Some(of_coarser) if own > 0 => below(of_coarser),
                    Some(channel) => now.row(y, channel)[x] + below(channel),
                    None => now.row(y, channel)[x],
                }
            });
            let more = up[kind].run(&both, true)?;
            add(&mut now, |y, channel, x| more.row(y, channel)[x]);
        }
        let outputs = others[level - 1].run(&now, false)?;
        set(level, false, &outputs, 0);
        set(level, true, &outputs, 1);
        coarser = Some(now);
    }
    if let Some(features) = coarser {
        let outputs = finest.run(&features, false)?;
        let grid = plan.latents_of(0);
        for (y, row) in latents[grid].chunks_exact_mut(plan.width).enumerate() {
            for (x, to) in row.iter_mut().enumerate() {
                *to = GAIN * outputs.row(y / 2, y % 2 * 2 + x % 2)[x / 2];
            }
        }
    }
    Ok(latents)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::still::base::{base_parameters, nearest};
    use crate::still::plan::{StillNetwork, in_floats};
    use crate::still::tests::waves;
    use crate::still::train::Trainer;

    #[test]
    fn a_guess_is_much_nearer_than_nothing_at_each_weight_of_rate() {
        // Sides that no level halves evenly.
        let colors = waves(75, 47).colors().unwrap();
        for lambda in [3e-4, 1e-3, 3e-3] {
            let plan = Plan::new(75, 47, StillNetwork::Medium).unwrap();
            let (number, analysis) = nearest(StillNetwork::Medium, lambda).unwrap();
            let start = base_parameters(&plan, StillNetwork::Medium, number).unwrap();
            let mut trainer = Trainer::new(plan, Some(&in_floats(&start)), lambda, 1).unwrap();
            let parameters = trainer.parameters.clone();
            let nothing = trainer.cost_of(&colors, &parameters).unwrap();
            trainer.begin_at(first_guess(&trainer.plan, &analysis, &colors).unwrap());
            let guess = trainer.cost_of(&colors, &parameters).unwrap();
            assert!(guess.error < 0.1 * nothing.error, "{lambda}: {guess:?}, not {nothing:?}");
            assert!(guess.bits < 2.0 * 75.0 * 47.0, "{lambda}: {guess:?}");
        }
    }

    #[test]
    fn files_have_the_layers_to_the_last_byte() {
        for lambda in [3e-4, 1e-3, 3e-3] {
            let (_, analysis) = nearest(StillNetwork::Medium, lambda).unwrap();
            let layer = |inputs: usize, outputs: usize| 2 * outputs * (9 * inputs + 1);
            let same = layer(CHANNELS, CHANNELS);
            let trunk = layer(12, CHANNELS) + 5 * same + 2 * layer(2 * CHANNELS, CHANNELS);
            assert_eq!(analysis.trunk.len(), trunk);
            assert_eq!(analysis.heads.len(), layer(CHANNELS, 4) + (LEVELS - 1) * layer(CHANNELS, OUTPUTS));
        }
    }
}
