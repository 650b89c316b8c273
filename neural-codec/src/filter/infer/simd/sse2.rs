//! The kernel of SSE2, which every x86-64 has.

#![allow(clippy::needless_range_loop)]

use std::arch::x86_64::*;

use super::super::packed::Group;
use super::Row;
use super::body::kernel_body;
use crate::filter::GAIN_BITS;

const LANES: usize = 4;
/// With four outputs, 8 of 16 registers hold sums; products need a copy each.
const VECTORS: usize = 2;

kernel_body! { #[target_feature(enable = "sse2")] }

#[target_feature(enable = "sse2")]
#[inline]
fn dot(sums: __m128i, activations: __m128i, weights: i32) -> __m128i {
    _mm_add_epi32(sums, _mm_madd_epi16(activations, splat(weights)))
}

#[target_feature(enable = "sse2")]
#[inline]
fn splat(value: i32) -> __m128i {
    _mm_set1_epi32(value)
}

#[target_feature(enable = "sse2")]
#[inline]
fn load(from: &[i16]) -> __m128i {
    let from = from[..2 * LANES].as_ptr();
    // SAFETY: the slice was just found to hold a whole vector; the address need not be aligned.
    #[allow(unsafe_code)]
    unsafe {
        _mm_loadu_si128(from.cast())
    }
}

#[target_feature(enable = "sse2")]
#[inline]
fn store(values: __m128i, to: &mut [i16]) {
    let to = to[..2 * LANES].as_mut_ptr();
    // SAFETY: the slice was just found to hold a whole vector; the address need not be aligned.
    #[allow(unsafe_code)]
    unsafe {
        _mm_storeu_si128(to.cast(), values);
    }
}

#[target_feature(enable = "sse2")]
#[inline]
fn join([first, second]: [__m128i; 2], shift: [i32; 2]) -> __m128i {
    let first = _mm_sra_epi32(first, _mm_cvtsi32_si128(shift[0]));
    let second = _mm_sra_epi32(second, _mm_cvtsi32_si128(shift[1]));
    let packed = _mm_packs_epi32(first, second);
    _mm_unpacklo_epi16(packed, _mm_srli_si128::<8>(packed))
}

#[target_feature(enable = "sse2")]
#[inline]
fn leak(values: __m128i) -> __m128i {
    _mm_max_epi16(values, _mm_srai_epi16::<3>(values))
}
