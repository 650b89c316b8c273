//! The kernel in plain Rust, which compilers turn into vectors. Rank 3, used by the kernels.

#![allow(clippy::needless_range_loop)]

use super::super::packed::Group;
use super::Row;
use super::body::kernel_body;
use crate::neural::GAIN_BITS;

const LANES: usize = 8;
const VECTORS: usize = 1;

type Sums = [i32; LANES];
type Activations = [i16; 2 * LANES];

kernel_body! {}

#[inline(always)]
fn splat(value: i32) -> Sums {
    [value; LANES]
}

#[inline(always)]
fn load(from: &[i16]) -> Activations {
    let mut values = [0; 2 * LANES];
    values.copy_from_slice(&from[..2 * LANES]);
    values
}

#[inline(always)]
fn store(values: Activations, to: &mut [i16]) {
    to[..2 * LANES].copy_from_slice(&values);
}

#[inline(always)]
fn dot(mut sums: Sums, activations: Activations, weights: i32) -> Sums {
    let (first, second) = (i32::from(weights as i16), weights >> 16);
    for i in 0..LANES {
        sums[i] += i32::from(activations[2 * i]) * first + i32::from(activations[2 * i + 1]) * second;
    }
    sums
}

#[inline(always)]
fn join(sums: [Sums; 2], shift: [i32; 2]) -> Activations {
    let mut pairs = [0; 2 * LANES];
    for i in 0..LANES {
        pairs[2 * i] = clamp16(sums[0][i] >> shift[0]);
        pairs[2 * i + 1] = clamp16(sums[1][i] >> shift[1]);
    }
    pairs
}

#[inline(always)]
fn leak(values: Activations) -> Activations {
    values.map(|value| value.max(value >> 3))
}

#[inline(always)]
fn clamp16(value: i32) -> i16 {
    value.clamp(i16::MIN.into(), i16::MAX.into()) as i16
}
