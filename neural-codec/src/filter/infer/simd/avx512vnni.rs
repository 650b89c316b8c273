//! The kernel of AVX-512 with VNNI.

#![allow(clippy::needless_range_loop)]

use std::arch::asm;
use std::arch::x86_64::__m512i;

use super::super::packed::Group;
use super::Row;
use super::avx512::{LANES, VECTORS, join, leak, load, splat, store};
use super::body::kernel_body;
use crate::filter::GAIN_BITS;

kernel_body! { #[target_feature(enable = "avx512f,avx512bw,avx512vnni")] }

/// Written as an instruction since LLVM splits the intrinsic into a product and a sum, to shorten chains of them; here
/// it is the number of instructions that counts.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
#[inline]
fn dot(sums: __m512i, activations: __m512i, weights: i32) -> __m512i {
    let mut sums = sums;
    // SAFETY: the instruction touches nothing but its registers, and belongs to the features of this function.
    #[allow(unsafe_code)]
    unsafe {
        asm!(
            "vpdpwssd {sums}, {activations}, {weights}",
            sums = inout(zmm_reg) sums,
            activations = in(zmm_reg) activations,
            weights = in(zmm_reg) splat(weights),
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sums
}
