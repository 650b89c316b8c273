//! The kernel of AVX2.

#![allow(clippy::needless_range_loop)]

use std::arch::x86_64::*;

use super::super::packed::Group;
use super::Row;
use super::body::kernel_body;
use crate::filter::GAIN_BITS;

const LANES: usize = 8;
/// With six outputs, 12 of 16 registers hold sums.
const VECTORS: usize = 2;

kernel_body! { #[target_feature(enable = "avx2")] }

#[target_feature(enable = "avx2")]
#[inline]
fn dot(sums: __m256i, activations: __m256i, weights: i32) -> __m256i {
    _mm256_add_epi32(sums, _mm256_madd_epi16(activations, splat(weights)))
}

#[target_feature(enable = "avx2")]
#[inline]
fn splat(value: i32) -> __m256i {
    _mm256_set1_epi32(value)
}

#[target_feature(enable = "avx2")]
#[inline]
fn load(from: &[i16]) -> __m256i {
    let from = from[..2 * LANES].as_ptr();
    // SAFETY: the slice was just found to hold a whole vector; the address need not be aligned.
    #[allow(unsafe_code)]
    unsafe {
        _mm256_loadu_si256(from.cast())
    }
}

#[target_feature(enable = "avx2")]
#[inline]
fn store(values: __m256i, to: &mut [i16]) {
    let to = to[..2 * LANES].as_mut_ptr();
    // SAFETY: the slice was just found to hold a whole vector; the address need not be aligned.
    #[allow(unsafe_code)]
    unsafe {
        _mm256_storeu_si256(to.cast(), values);
    }
}

/// Packing takes four lanes of the first and four of the second by turns; the bytes are then interleaved.
#[target_feature(enable = "avx2")]
#[inline]
fn join([first, second]: [__m256i; 2], shift: [i32; 2]) -> __m256i {
    let first = _mm256_sra_epi32(first, _mm_cvtsi32_si128(shift[0]));
    let second = _mm256_sra_epi32(second, _mm_cvtsi32_si128(shift[1]));
    let order = _mm_setr_epi8(0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15);
    _mm256_shuffle_epi8(_mm256_packs_epi32(first, second), _mm256_broadcastsi128_si256(order))
}

#[target_feature(enable = "avx2")]
#[inline]
fn leak(values: __m256i) -> __m256i {
    _mm256_max_epi16(values, _mm256_srai_epi16::<3>(values))
}
