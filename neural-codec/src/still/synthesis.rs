//! From latents to samples in whole numbers: upsampling, then synthesis. The last stage of decoding.

use rayon::prelude::*;

use super::lanes::{HALF, LANES, add_products, narrowed};
use super::plan::{LATENT_BITS, Layer, Plan, SAMPLE_BITS, WEIGHT_BITS};
use crate::error::Result;
use crate::memory;
use crate::simd::simd_body;

/// Rows that one thread computes at a time.
const BAND: usize = 32;

fn rounded(sum: i32) -> i16 {
    (sum.wrapping_add(HALF) >> WEIGHT_BITS).clamp(-32768, 32767) as i16
}

/// Latents of all levels at the picture's resolution, in 1/256. Shape: `[level][height][width]`.
pub(crate) fn upsample(plan: &Plan, parameters: &[i32], latents: &[Vec<i16>]) -> Result<Vec<Vec<i16>>> {
    let mut planes: Vec<Vec<i16>> = Vec::new();
    for level in (0..plan.levels).rev() {
        let index = plan.latents_of(level);
        let grid = plan.grids[index];
        if level + 1 < plan.levels {
            let below = plan.grids[plan.latents_of(level + 1)];
            let taps = &parameters[plan.taps[level].clone()];
            let taps = [taps[0], taps[1], taps[2], taps[3]];
            let doubled = planes
                .par_iter()
                .map(|plane| double(plane, (below.width, below.height), (grid.width, grid.height), taps));
            planes = doubled.collect::<Result<_>>()?;
        }
        let own = latents[index].iter().map(|&value| value << LATENT_BITS);
        planes.insert(0, memory::collected("upsampled latents", own)?);
    }
    Ok(planes)
}

/// A plane of twice the size: down first, then across; outside, the nearest sample counts.
fn double(
    from: &[i16],
    (width, height): (usize, usize),
    to: (usize, usize),
    taps: [i32; 4],
) -> Result<Vec<i16>> {
    let mut output = memory::filled("upsampled latents", to.0 * to.1, 0_i16)?;
    let mut tall = vec![0_i16; width + 4];
    let mut evens = vec![0_i16; width];
    let mut odds = vec![0_i16; width];
    for (y, row) in output.chunks_exact_mut(to.0).enumerate() {
        let line = |offset: isize| {
            let at = (y / 2).saturating_add_signed(offset).min(height - 1);
            &from[at * width..][..width]
        };
        let lines = if y % 2 == 0 {
            [line(-2), line(-1), line(0), line(1)]
        } else {
            [line(2), line(1), line(0), line(-1)]
        };
        combine(lines, taps, &mut tall[2..width + 2]);
        let (first, last) = (tall[2], tall[width + 1]);
        tall[..2].fill(first);
        tall[width + 2..].fill(last);
        let shifted = |by: usize| &tall[by..][..width];
        combine([shifted(0), shifted(1), shifted(2), shifted(3)], taps, &mut evens);
        combine([shifted(4), shifted(3), shifted(2), shifted(1)], taps, &mut odds);
        for ((pair, &even), &odd) in row.chunks_mut(2).zip(&evens).zip(&odds) {
            pair[0] = even;
            if let Some(second) = pair.get_mut(1) {
                *second = odd;
            }
        }
    }
    Ok(output)
}

simd_body! {
    /// The weighted sum of four rows.
    fn combine(rows: [&[i16]; 4], taps: [i32; 4], output: &mut [i16]) { combine_body(rows, taps, output) }
}

#[inline(always)]
fn combine_body(rows: [&[i16]; 4], taps: [i32; 4], output: &mut [i16]) {
    let [a, b, c, d] = rows;
    for ((((output, &a), &b), &c), &d) in output.iter_mut().zip(a).zip(b).zip(c).zip(d) {
        let sum = taps[0]
            .wrapping_mul(i32::from(a))
            .wrapping_add(taps[1].wrapping_mul(i32::from(b)))
            .wrapping_add(taps[2].wrapping_mul(i32::from(c)))
            .wrapping_add(taps[3].wrapping_mul(i32::from(d)));
        *output = rounded(sum);
    }
}

/// Three planes of samples from upsampled latents.
pub(crate) fn synthesize(
    plan: &Plan,
    parameters: &[i32],
    planes: &[Vec<i16>],
    depth: u8,
) -> Result<[Vec<u16>; 3]> {
    let (width, height) = (plan.width, plan.height);
    let mut colors = memory::filled("samples", width * height * 3, 0_i16)?;
    // Interleaved by row, so that a band of rows is one slice: `[height][3][width]`.
    colors.par_chunks_mut(BAND * 3 * width).enumerate().for_each(|(band, rows)| {
        for (row, output) in rows.chunks_exact_mut(3 * width).enumerate() {
            mix_row(plan, parameters, planes, band * BAND + row, output);
        }
    });
    for (layer, least) in [(&plan.synthesis[3], 0), (&plan.synthesis[4], -32768)] {
        let mut next = memory::filled("samples", width * height * 3, 0_i16)?;
        next.par_chunks_mut(BAND * 3 * width).enumerate().for_each(|(band, rows)| {
            let mut padded = vec![0_i32; 9 * (width + 2 + LANES)];
            for (row, output) in rows.chunks_exact_mut(3 * width).enumerate() {
                let y = band * BAND + row;
                convolve_row(layer, parameters, (&colors, width, height, y), (&mut padded, least), output);
            }
        });
        colors = next;
    }
    let greatest = (1_i32 << depth) - 1;
    let mut samples = [(); 3].map(|()| Vec::new());
    for (color, samples) in samples.iter_mut().enumerate() {
        *samples = memory::reserved("samples", width * height)?;
        for row in colors.chunks_exact(3 * width) {
            samples.extend(row[color * width..][..width].iter().map(|&value| {
                let value = i32::from(value).clamp(0, 1 << SAMPLE_BITS);
                ((value * greatest + (1 << (SAMPLE_BITS - 1))) >> SAMPLE_BITS) as u16
            }));
        }
    }
    Ok(samples)
}

simd_body! {
    /// The 1x1 layers of one row.
    fn mix_row(plan: &Plan, parameters: &[i32], planes: &[Vec<i16>], y: usize, output: &mut [i16]) {
        mix_row_body(plan, parameters, planes, y, output)
    }
}

#[inline(always)]
fn mix_row_body(plan: &Plan, parameters: &[i32], planes: &[Vec<i16>], y: usize, output: &mut [i16]) {
    let width = plan.width;
    let [first, second, stabilizer, ..] = &plan.synthesis;
    let mut hidden = [[0; LANES]; 64];
    for left in (0..width).step_by(LANES) {
        let count = (width - left).min(LANES);
        let mut inputs = [[0; LANES]; 9];
        for (input, plane) in inputs.iter_mut().zip(planes) {
            for (value, &sample) in input.iter_mut().zip(&plane[y * width + left..][..count]) {
                *value = i32::from(sample);
            }
        }
        let inputs = &inputs[..first.inputs];
        for (o, hidden) in hidden[..first.outputs].iter_mut().enumerate() {
            let bias = parameters[first.biases.start + o] << LATENT_BITS;
            let mut sums = [bias.wrapping_add(1 << (LATENT_BITS - 1)); LANES];
            add_products(&mut sums, &parameters[first.weights.clone()][o * first.inputs..], inputs);
            *hidden = narrowed(&sums, LATENT_BITS, 0);
        }
        for o in 0..3 {
            let mut sums = [0; LANES];
            add_products(&mut sums, &parameters[stabilizer.weights.clone()][o * stabilizer.inputs..], inputs);
            let bias = parameters[second.biases.start + o] << SAMPLE_BITS;
            for sum in &mut sums {
                *sum = (*sum << (SAMPLE_BITS - LATENT_BITS)).wrapping_add(bias);
            }
            let weights = &parameters[second.weights.clone()][o * second.inputs..];
            add_products(&mut sums, weights, &hidden[..second.inputs]);
            for (output, &sum) in output[o * width + left..][..count].iter_mut().zip(&sums) {
                *output = rounded(sum);
            }
        }
    }
}

simd_body! {
    /// A 3x3 residual layer of one row; outside, the nearest sample counts.
    fn convolve_row(
        layer: &Layer, parameters: &[i32], from: (&[i16], usize, usize, usize), scratch: (&mut [i32], i32), output: &mut [i16],
    ) {
        convolve_row_body(layer, parameters, from, scratch, output)
    }
}

#[inline(always)]
fn convolve_row_body(
    layer: &Layer,
    parameters: &[i32],
    (from, width, height, y): (&[i16], usize, usize, usize),
    (padded, least): (&mut [i32], i32),
    output: &mut [i16],
) {
    let stride = width + 2 + LANES;
    for channel in 0..3 {
        for dy in 0..3 {
            let row = (y + dy).saturating_sub(1).min(height - 1);
            let from = &from[(row * 3 + channel) * width..][..width];
            let line = &mut padded[(channel * 3 + dy) * stride..][..stride];
            for (value, &sample) in line[1..].iter_mut().zip(from) {
                *value = i32::from(sample);
            }
            line[0] = line[1];
            line[width + 1] = line[width];
        }
    }
    for left in (0..width).step_by(LANES) {
        let count = (width - left).min(LANES);
        for o in 0..3 {
            let mut sums = [parameters[layer.biases.start + o] << SAMPLE_BITS; LANES];
            let weights = &parameters[layer.weights.clone()][o * 27..][..27];
            for (line, weights) in padded.chunks_exact(stride).zip(weights.chunks_exact(3)) {
                for (dx, &weight) in weights.iter().enumerate() {
                    let mut shifted = [0; LANES];
                    shifted.copy_from_slice(&line[left + dx..][..LANES]);
                    add_products(&mut sums, &[weight], &[shifted]);
                }
            }
            let centers = &padded[(o * 3 + 1) * stride + left + 1..][..LANES];
            for ((output, &sum), &center) in
                output[o * width + left..][..count].iter_mut().zip(&sums).zip(centers)
            {
                *output = rounded(sum.wrapping_add(center << WEIGHT_BITS)).max(least as i16);
            }
        }
    }
}
