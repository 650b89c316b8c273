//! Whole numbers of pixels or latents side by side, as the networks of a decoder compute them.
//!
//! Loops go over copies, lane by lane, without `map`, whose closure is compiled by itself for the least of instruction sets.

use std::hint::black_box;

use super::plan::WEIGHT_BITS;

/// Values whose networks are computed together.
pub(super) const LANES: usize = 16;

/// One value for each.
pub(super) type Lanes = [i32; LANES];

/// Half of a unit of what weights are multiplied with, for the shift that rounds.
pub(super) const HALF: i32 = 1 << (WEIGHT_BITS - 1);

/// Adds `weights[i] input[i]` over all i to each lane, modulo 2^32.
#[inline(always)]
pub(super) fn add_products(sums: &mut Lanes, weights: &[i32], input: &[Lanes]) {
    let mut local = *sums;
    for (&weight, input) in weights.iter().zip(input) {
        // Otherwise several weights at once, as sums may be reordered: for AVX-512 with gathers, which took twice as long as AVX2.
        let (weight, input) = (black_box(weight), *input);
        for lane in 0..LANES {
            local[lane] = local[lane].wrapping_add(weight.wrapping_mul(input[lane]));
        }
    }
    *sums = local;
}

/// Sums over so many bits, rounded down and bounded.
#[inline(always)]
pub(super) fn narrowed(sums: &Lanes, bits: u32, least: i32) -> Lanes {
    let mut narrowed = *sums;
    for value in &mut narrowed {
        *value = (*value >> bits).clamp(least, 32767);
    }
    narrowed
}

/// The same, rounded to the nearest, over the bits of a weight.
#[inline(always)]
pub(super) fn rounded(sums: &Lanes, least: i32) -> Lanes {
    let mut sums = *sums;
    for sum in &mut sums {
        *sum = sum.wrapping_add(HALF);
    }
    narrowed(&sums, WEIGHT_BITS, least)
}
