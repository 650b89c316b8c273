//! The entropy model in whole numbers: latents in the order of coding, each with its distribution.
//!
//! Comes before upsampling and synthesis in a decoder; after training in an encoder. Latents of a grid are coded by
//! diagonals `x + 4 y`, upwards, those of one diagonal from the top down: all of a diagonal depend on earlier ones only,
//! and lie side by side here, so that their networks are computed together.

use super::lanes::{HALF, LANES, Lanes, add_products, rounded};
use super::laplace::{Laplace, LatentCoder};
use super::plan::{FEATURE_LEVELS, Grid, LATENT_BITS, Layer, NEIGHBORS, Plan, REACH, WEIGHT_BITS};
use crate::error::Result;
use crate::memory;
use crate::simd::simd_body;

/// Columns that a row lies behind the one above.
const SKEW: usize = 4;

/// Diagonals that are kept; more than a neighbor lies behind.
const RING: usize = 32;

/// Codes all latents; a reader's are filled in. Shape: a grid's latents are `[height][width]`.
///
/// # Errors
///
/// `OutOfMemory`, and what the coder says.
pub(crate) fn code_latents(
    plan: &Plan,
    parameters: &[i32],
    bounds: &[(i32, i32)],
    latents: &mut [Vec<i16>],
    coder: &mut impl LatentCoder,
) -> Result<()> {
    for (index, grid) in plan.grids.iter().enumerate() {
        let (least, greatest) = bounds[index];
        if least == greatest {
            latents[index].fill(least as i16);
            continue;
        }
        let features = features_of(plan, parameters, grid, latents)?;
        let bounded = (index, grid, (least, greatest));
        code_grid(plan, parameters, bounded, &features, &mut latents[index], coder)?;
    }
    Ok(())
}

fn code_grid(
    plan: &Plan,
    parameters: &[i32],
    (index, grid, bounds): (usize, &Grid, (i32, i32)),
    features: &[i16],
    latents: &mut [i16],
    coder: &mut impl LatentCoder,
) -> Result<()> {
    let (width, height) = (grid.width, grid.height);
    let row = REACH + height + LANES;
    let mut ring = memory::filled("latents of a grid", RING * row, 0_i16)?;
    let half_width = width.div_ceil(2);
    let mut context = vec![[0; LANES]; plan.context()];
    // The first row that a diagonal crosses, and the last, which is the one before where it crosses none.
    let rows_of = |diagonal: usize| {
        let first = (diagonal + 1).saturating_sub(width).div_ceil(SKEW);
        (first, (diagonal / SKEW).min(height - 1))
    };
    for diagonal in 0..width + SKEW * (height - 1) {
        if let Some(before) = diagonal.checked_sub(RING) {
            // What lies there: the rest is zeros still.
            let (first, last) = rows_of(before);
            ring[diagonal % RING * row + REACH..][first..last + 1].fill(0);
        }
        let (first, last) = rows_of(diagonal);
        for top in (first..=last).step_by(LANES) {
            let count = (last + 1 - top).min(LANES);
            for (lanes, (dx, dy)) in context.iter_mut().zip(&NEIGHBORS[..plan.neighbors]) {
                let at = (diagonal + RING).wrapping_add_signed((dx + SKEW as i32 * dy) as isize) % RING;
                let from = &ring[at * row + (REACH + top).wrapping_add_signed(*dy as isize)..][..LANES];
                for (lane, &value) in lanes.iter_mut().zip(from) {
                    *lane = i32::from(value) << LATENT_BITS;
                }
            }
            for lane in 0..if features.is_empty() { 0 } else { count } {
                let (x, y) = (diagonal - SKEW * (top + lane), top + lane);
                let at = (y / 2 * half_width + x / 2) * plan.features;
                for (lanes, &value) in context[plan.neighbors..].iter_mut().zip(&features[at..]) {
                    lanes[lane] = i32::from(value);
                }
            }
            let [means, log_scales] = distributions(plan, parameters, &context);
            for lane in 0..count {
                let (x, y) = (diagonal - SKEW * (top + lane), top + lane);
                coder.at(index, y * width + x);
                let model = Laplace::new(means[lane], log_scales[lane], bounds);
                let value = coder.latent(model, i32::from(latents[y * width + x]))? as i16;
                latents[y * width + x] = value;
                ring[diagonal % RING * row + REACH + y] = value;
            }
        }
    }
    Ok(())
}

simd_body! {
    /// Mean and logarithm of the scale plus 4, both in 1/256, of some latents.
    fn distributions(plan: &Plan, parameters: &[i32], context: &[Lanes]) -> [Lanes; 2] {
        distributions_body(plan, parameters, context)
    }
}

#[inline(always)]
fn distributions_body(plan: &Plan, parameters: &[i32], context: &[Lanes]) -> [Lanes; 2] {
    let mut first = [[0; LANES]; 32];
    let mut second = [[0; LANES]; 32];
    let d = context.len();
    residual(&plan.arm[0], parameters, context, &mut first[..d]);
    residual(&plan.arm[1], parameters, &first[..d], &mut second[..d]);
    let mut output = [[0; LANES]; 2];
    for (o, output) in output.iter_mut().enumerate() {
        let mut sums = [parameters[plan.arm[2].biases.start + o] << LATENT_BITS; LANES];
        add_products(&mut sums, &parameters[plan.arm[2].weights.clone()][o * d..][..d], &second[..d]);
        add_products(&mut sums, &parameters[plan.arm[3].weights.clone()][o * d..][..d], context);
        *output = rounded(&sums, -32768);
    }
    output
}

/// `output = max(0, weights input + biases + input)`.
#[inline(always)]
fn residual(layer: &Layer, parameters: &[i32], input: &[Lanes], output: &mut [Lanes]) {
    let weights = &parameters[layer.weights.clone()];
    let biases = &parameters[layer.biases.clone()];
    let rows = weights.chunks_exact(input.len()).zip(biases);
    for ((output, input_of_row), (row, &bias)) in output.iter_mut().zip(input).zip(rows) {
        let mut sums = *input_of_row;
        for sum in &mut sums {
            *sum = (*sum << WEIGHT_BITS).wrapping_add(bias << LATENT_BITS);
        }
        add_products(&mut sums, row, input);
        *output = rounded(&sums, 0);
    }
}

/// Features of a grid's context at half its resolution. Shape: `[height][width][features]`, none for coarse grids.
fn features_of(plan: &Plan, parameters: &[i32], grid: &Grid, latents: &[Vec<i16>]) -> Result<Vec<i16>> {
    if grid.hyper || grid.level >= FEATURE_LEVELS {
        return Ok(Vec::new());
    }
    let layer = &plan.feature_layers[grid.level];
    let (width, height) = (grid.width.div_ceil(2), grid.height.div_ceil(2));
    let mut features = memory::filled("features of a grid", width * height * plan.features, 0_i16)?;
    for (y, row) in features.chunks_exact_mut(width * plan.features).enumerate() {
        feature_row(plan, (parameters, layer), (grid.level, y), latents, row);
    }
    Ok(features)
}

simd_body! {
    fn feature_row(plan: &Plan, layer: (&[i32], &Layer), at: (usize, usize), latents: &[Vec<i16>], row: &mut [i16]) {
        feature_row_body(plan, layer, at, latents, row)
    }
}

#[inline(always)]
fn feature_row_body(
    plan: &Plan,
    (parameters, layer): (&[i32], &Layer),
    (level, y): (usize, usize),
    latents: &[Vec<i16>],
    row: &mut [i16],
) {
    let width = row.len() / plan.features;
    let sources = plan.feature_sources(level);
    for left in (0..width).step_by(LANES) {
        let count = (width - left).min(LANES);
        let mut inputs = [[0; LANES]; 16];
        for (input, (grid, values)) in inputs.iter_mut().zip(plan.grids[sources.clone()].iter().zip(latents))
        {
            let shift = grid.level - level - 1;
            let from = &values[(y >> shift) * grid.width..][..grid.width];
            for (lane, value) in input[..count].iter_mut().enumerate() {
                *value = i32::from(from[(left + lane) >> shift]) << LATENT_BITS;
            }
        }
        let inputs = &inputs[..layer.inputs];
        for output in 0..layer.outputs {
            let mut sums = [parameters[layer.biases.start + output] << LATENT_BITS; LANES];
            let weights = &parameters[layer.weights.clone()][output * layer.inputs..][..layer.inputs];
            add_products(&mut sums, weights, inputs);
            for (lane, sum) in sums[..count].iter().enumerate() {
                let value = (sum.wrapping_add(HALF) >> WEIGHT_BITS).clamp(-32768, 32767);
                row[(left + lane) * plan.features + output] = value as i16;
            }
        }
    }
}

/// Latents to be changed, or to be coded: a coder takes them as its own.
///
/// # Errors
///
/// `OutOfMemory`.
pub(super) fn copies(latents: &[Vec<i16>]) -> Result<Vec<Vec<i16>>> {
    latents.iter().map(|grid| memory::copied("latents", grid)).collect()
}
