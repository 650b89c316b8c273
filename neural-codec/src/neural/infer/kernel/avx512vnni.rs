//! The kernel of AVX-512 with VNNI. Rank 3, used by the kernels.

#![allow(clippy::needless_range_loop)]

use std::arch::x86_64::*;

use super::super::packed::Group;
use super::Row;
use super::avx512::{LANES, VECTORS, join, leak, load, splat, store};
use super::body::kernel_body;
use crate::neural::GAIN_BITS;

kernel_body! { #[target_feature(enable = "avx512f,avx512bw,avx512vnni")] }

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
#[inline]
fn dot(sums: __m512i, activations: __m512i, weights: i32) -> __m512i {
    _mm512_dpwssd_epi32(sums, activations, splat(weights))
}
