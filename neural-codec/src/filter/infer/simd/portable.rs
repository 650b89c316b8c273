//! The kernel in plain Rust, whose loops compilers turn into vectors.

use super::super::packed::{Group, Scale};
use super::Row;
use crate::filter::{GAIN_BITS, TAPS};

/// Sites whose sums are kept together, in the first-level cache.
const SITES: usize = 64;

type Sums = [i32; SITES];

/// Makes a row.
pub(super) fn convolve(row: &mut Row<'_>) {
    for x in row.sites.clone().step_by(SITES) {
        for group in &row.layer.groups {
            for pair in 0..group.outputs / 2 {
                let sums = [0, 1].map(|half| sums(row, group, 2 * pair + half, x));
                let first = 2 * ((group.first_pair + pair) * row.stride + x);
                let output = &mut row.output[first..][..2 * SITES];
                finish(&sums, &group.scales[row.temporal_layer][pair], row.layer.leaky, output);
            }
        }
    }
}

/// The sums of an output of a group, from site `x`.
fn sums(row: &Row<'_>, group: &Group, output: usize, x: usize) -> Sums {
    let mut sums = [group.start[output]; SITES];
    for (tap, weights) in group.weights.chunks_exact(group.outputs).enumerate() {
        let (pair, dy, dx) = (tap / TAPS, tap % TAPS / 3, tap % 3);
        let first = 2 * (pair * row.stride + x + dx - 1);
        add(&mut sums, &row.inputs[dy][first..][..2 * SITES], weights[output]);
    }
    sums
}

/// Adds the products of pairs of activations with a pair of weights.
#[inline(never)]
fn add(sums: &mut Sums, activations: &[i16], weights: i32) {
    let weights = [weights as i16, (weights >> 16) as i16];
    for (sum, pair) in sums.iter_mut().zip(activations.chunks_exact(2)) {
        *sum += i32::from(pair[0]) * i32::from(weights[0]) + i32::from(pair[1]) * i32::from(weights[1]);
    }
}

/// From the sums of two outputs to pairs of activations.
fn finish(sums: &[Sums; 2], scale: &Scale, leaky: bool, output: &mut [i16]) {
    let gain = [i32::from(scale.gain[0] as i16), scale.gain[1] >> 16];
    for half in 0..2 {
        for (to, &sum) in output.chunks_exact_mut(2).zip(&sums[half]) {
            let z = clamp16(sum >> scale.shift[half]);
            let z = clamp16((z * gain[half] + scale.offset[half]) >> GAIN_BITS);
            to[half] = if leaky { z.max(z >> 3) } else { z } as i16;
        }
    }
}

fn clamp16(value: i32) -> i32 {
    value.clamp(i16::MIN.into(), i16::MAX.into())
}
