//! The kernel of AVX-512 without VNNI.

#![allow(clippy::needless_range_loop)]

use std::arch::x86_64::*;

use super::super::packed::Group;
use super::Row;
use super::body::kernel_body;
use crate::filter::GAIN_BITS;

pub(super) const LANES: usize = 16;
/// With eight outputs, 24 of 32 registers hold sums.
pub(super) const VECTORS: usize = 3;

kernel_body! { #[target_feature(enable = "avx512f,avx512bw")] }

#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn dot(sums: __m512i, activations: __m512i, weights: i32) -> __m512i {
    _mm512_add_epi32(sums, _mm512_madd_epi16(activations, splat(weights)))
}

#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
pub(super) fn splat(value: i32) -> __m512i {
    _mm512_set1_epi32(value)
}

#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
pub(super) fn load(from: &[i16]) -> __m512i {
    let from = from[..2 * LANES].as_ptr();
    // SAFETY: the slice was just found to hold a whole vector; the address need not be aligned.
    #[allow(unsafe_code)]
    unsafe {
        _mm512_loadu_si512(from.cast())
    }
}

#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
pub(super) fn store(values: __m512i, to: &mut [i16]) {
    let to = to[..2 * LANES].as_mut_ptr();
    // SAFETY: the slice was just found to hold a whole vector; the address need not be aligned.
    #[allow(unsafe_code)]
    unsafe {
        _mm512_storeu_si512(to.cast(), values);
    }
}

/// Packing takes four lanes of the first and four of the second by turns; the bytes are then interleaved.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
pub(super) fn join([first, second]: [__m512i; 2], shift: [i32; 2]) -> __m512i {
    let first = _mm512_sra_epi32(first, _mm_cvtsi32_si128(shift[0]));
    let second = _mm512_sra_epi32(second, _mm_cvtsi32_si128(shift[1]));
    let order = _mm_setr_epi8(0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15);
    _mm512_shuffle_epi8(_mm512_packs_epi32(first, second), _mm512_broadcast_i32x4(order))
}

#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
pub(super) fn leak(values: __m512i) -> __m512i {
    _mm512_max_epi16(values, _mm512_srai_epi16::<3>(values))
}
