//! Vectors of floats for the training kernels, one type an instruction set.
//!
//! A kernel is written once over [`Vector`] and inlined into one function an instruction set. Results may differ between
//! sets in the last bit (fused or not), which training may; nothing that a decoder runs is computed here.

/// A few floats that one instruction works on.
pub(super) trait Vector: Copy {
    /// How many.
    const LANES: usize;
    /// All lanes 0.
    fn zero() -> Self;
    /// The same value in all lanes.
    fn splat(value: f32) -> Self;
    /// The first `LANES` values. Panics: when there are fewer.
    fn load(from: &[f32]) -> Self;
    /// Writes the first `LANES` values. Panics: when there are fewer.
    fn store(self, to: &mut [f32]);
    /// `a * b + self`.
    fn add_product(self, a: Self, b: Self) -> Self;
    /// Sum of all lanes.
    fn sum(self) -> f32;
}

/// Plain Rust, for every machine.
#[derive(Clone, Copy)]
pub(super) struct Portable([f32; 8]);

impl Vector for Portable {
    const LANES: usize = 8;
    #[inline(always)]
    fn zero() -> Self {
        Self([0.0; 8])
    }
    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self([value; 8])
    }
    #[inline(always)]
    fn load(from: &[f32]) -> Self {
        let mut lanes = [0.0; 8];
        lanes.copy_from_slice(&from[..8]);
        Self(lanes)
    }
    #[inline(always)]
    fn store(self, to: &mut [f32]) {
        to[..8].copy_from_slice(&self.0);
    }
    #[inline(always)]
    fn add_product(mut self, a: Self, b: Self) -> Self {
        for ((sum, a), b) in self.0.iter_mut().zip(a.0).zip(b.0) {
            *sum += a * b;
        }
        self
    }
    #[inline(always)]
    fn sum(self) -> f32 {
        self.0.iter().sum()
    }
}

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
mod x86 {
    use std::arch::x86_64::*;

    use super::Vector;

    /// Eight floats; only inside functions compiled for AVX2 and FMA.
    #[derive(Clone, Copy)]
    pub(in super::super) struct Avx2(__m256);

    /// Sixteen floats; only inside functions compiled for AVX-512 F.
    #[derive(Clone, Copy)]
    pub(in super::super) struct Avx512(__m512);

    impl Vector for Avx2 {
        const LANES: usize = 8;
        #[inline(always)]
        fn zero() -> Self {
            // SAFETY: callers are compiled for AVX2 and FMA and run only where they were found.
            Self(unsafe { _mm256_setzero_ps() })
        }
        #[inline(always)]
        fn splat(value: f32) -> Self {
            // SAFETY: as in `zero`.
            Self(unsafe { _mm256_set1_ps(value) })
        }
        #[inline(always)]
        fn load(from: &[f32]) -> Self {
            let from = &from[..8];
            // SAFETY: as in `zero`; the slice has eight values, and the load needs no alignment.
            Self(unsafe { _mm256_loadu_ps(from.as_ptr()) })
        }
        #[inline(always)]
        fn store(self, to: &mut [f32]) {
            let to = &mut to[..8];
            // SAFETY: as in `load`.
            unsafe { _mm256_storeu_ps(to.as_mut_ptr(), self.0) }
        }
        #[inline(always)]
        fn add_product(self, a: Self, b: Self) -> Self {
            // SAFETY: as in `zero`.
            Self(unsafe { _mm256_fmadd_ps(a.0, b.0, self.0) })
        }
        #[inline(always)]
        fn sum(self) -> f32 {
            let mut lanes = [0.0; 8];
            self.store(&mut lanes);
            lanes.iter().sum()
        }
    }

    impl Vector for Avx512 {
        const LANES: usize = 16;
        #[inline(always)]
        fn zero() -> Self {
            // SAFETY: callers are compiled for AVX-512 F and run only where it was found.
            Self(unsafe { _mm512_setzero_ps() })
        }
        #[inline(always)]
        fn splat(value: f32) -> Self {
            // SAFETY: as in `zero`.
            Self(unsafe { _mm512_set1_ps(value) })
        }
        #[inline(always)]
        fn load(from: &[f32]) -> Self {
            let from = &from[..16];
            // SAFETY: as in `zero`; the slice has sixteen values, and the load needs no alignment.
            Self(unsafe { _mm512_loadu_ps(from.as_ptr()) })
        }
        #[inline(always)]
        fn store(self, to: &mut [f32]) {
            let to = &mut to[..16];
            // SAFETY: as in `load`.
            unsafe { _mm512_storeu_ps(to.as_mut_ptr(), self.0) }
        }
        #[inline(always)]
        fn add_product(self, a: Self, b: Self) -> Self {
            // SAFETY: as in `zero`.
            Self(unsafe { _mm512_fmadd_ps(a.0, b.0, self.0) })
        }
        #[inline(always)]
        fn sum(self) -> f32 {
            // SAFETY: as in `zero`.
            unsafe { _mm512_reduce_add_ps(self.0) }
        }
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) use x86::{Avx2, Avx512};
