//! The most multiplications of 16 bits that a core does: sums that stay in registers.

use neural_codec::filter::Kernel;

/// Steps of the loop.
const STEPS: u64 = 100_000;
/// Sums at once, enough to hide the latency of an instruction.
const SUMS: usize = 12;

/// Multiplications of one run.
pub(crate) fn multiplications(kernel: Kernel) -> u64 {
    let lanes = match kernel {
        Kernel::Portable => 0,
        Kernel::Sse2 => 8,
        Kernel::Avx2 => 16,
        Kernel::Avx512 | Kernel::Avx512Vnni => 32,
    };
    STEPS * SUMS as u64 * lanes
}

/// The loop with the instructions of a kernel, where it has its own.
pub(crate) fn of(kernel: Kernel) -> Option<fn()> {
    #[cfg(target_arch = "x86_64")]
    return x86::of(kernel);
    #[cfg(not(target_arch = "x86_64"))]
    return None;
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;
    use std::hint::black_box;

    use super::{Kernel, STEPS, SUMS};

    macro_rules! peak {
        ($name:ident, $features:literal, $splat:ident, |$sum:ident, $a:ident| $step:expr) => {
            #[target_feature(enable = $features)]
            fn $name() {
                let $a = black_box($splat(3));
                let mut sums = [black_box($splat(1)); SUMS];
                for _ in 0..STEPS {
                    for $sum in &mut sums {
                        *$sum = $step;
                    }
                }
                black_box(sums);
            }
        };
    }

    peak!(sse2, "sse2", _mm_set1_epi32, |sum, a| _mm_add_epi32(_mm_madd_epi16(*sum, a), a));
    peak!(avx2, "avx2", _mm256_set1_epi32, |sum, a| _mm256_add_epi32(_mm256_madd_epi16(*sum, a), a));
    peak!(avx512, "avx512f,avx512bw", _mm512_set1_epi32, |sum, a| _mm512_add_epi32(
        _mm512_madd_epi16(*sum, a),
        a
    ));
    peak!(vnni, "avx512f,avx512vnni", _mm512_set1_epi32, |sum, a| _mm512_dpwssd_epi32(*sum, a, a));

    pub(super) fn of(kernel: Kernel) -> Option<fn()> {
        if !kernel.is_supported() {
            return None;
        }
        #[allow(unsafe_code)]
        match kernel {
            Kernel::Portable => None,
            // SAFETY: the machine was just found to have the features of the kernel, those of the loop.
            Kernel::Sse2 => Some(|| unsafe { sse2() }),
            // SAFETY: as above.
            Kernel::Avx2 => Some(|| unsafe { avx2() }),
            // SAFETY: as above.
            Kernel::Avx512 => Some(|| unsafe { avx512() }),
            // SAFETY: as above.
            Kernel::Avx512Vnni => Some(|| unsafe { vnni() }),
        }
    }
}
