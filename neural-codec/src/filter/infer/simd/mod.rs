//! Kernels: one row of one layer, for each instruction set.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod avx512vnni;
#[cfg(target_arch = "x86_64")]
mod body;
mod portable;
mod row;
#[cfg(target_arch = "x86_64")]
mod sse2;

pub(super) use self::row::Row;

use crate::simd::InstructionSet;

/// A way to compute a row of a layer; all give the same result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kernel {
    /// Plain Rust.
    Portable,
    /// SSE2: products of pairs summed, then added.
    Sse2,
    /// AVX2: products of pairs summed, then added.
    Avx2,
    /// AVX-512 BW: products of pairs summed, then added.
    Avx512,
    /// AVX-512 VNNI: products of pairs added in one instruction.
    Avx512Vnni,
}

impl Kernel {
    /// All kernels, slowest first.
    const ALL: [Self; 5] = [Self::Portable, Self::Sse2, Self::Avx2, Self::Avx512, Self::Avx512Vnni];

    /// All kernels that this machine can run, slowest first.
    pub fn available() -> Vec<Self> {
        Self::ALL.into_iter().filter(|kernel| kernel.is_supported()).collect()
    }

    /// The fastest kernel of the current instruction set.
    pub fn current() -> Self {
        let set = InstructionSet::current();
        let fits = |kernel: &Self| kernel.instruction_set() == set && kernel.is_supported();
        Self::ALL.into_iter().rfind(fits).unwrap_or(Self::Portable)
    }

    /// The instruction set it belongs to.
    pub fn instruction_set(self) -> InstructionSet {
        match self {
            Self::Portable | Self::Sse2 => InstructionSet::Baseline,
            Self::Avx2 => InstructionSet::Avx2,
            Self::Avx512 | Self::Avx512Vnni => InstructionSet::Avx512,
        }
    }

    /// Whether this machine can run it.
    pub fn is_supported(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        if self == Self::Avx512Vnni && !is_x86_feature_detected!("avx512vnni") {
            return false;
        }
        self.instruction_set().is_supported() && (self != Self::Sse2 || cfg!(target_arch = "x86_64"))
    }

    /// Outputs whose sums it holds in registers together, an even number.
    pub(super) fn group(self) -> usize {
        match self {
            Self::Portable | Self::Sse2 => 4,
            Self::Avx2 => 6,
            Self::Avx512 | Self::Avx512Vnni => 8,
        }
    }

    /// Makes a row. The machine must support the kernel.
    pub(super) fn convolve(self, row: &mut Row<'_>) {
        match self {
            Self::Portable => portable::convolve(row),
            // SAFETY: SSE2 is part of x86-64.
            #[cfg(target_arch = "x86_64")]
            #[allow(unsafe_code)]
            Self::Sse2 => unsafe { sse2::convolve(row) },
            // SAFETY: a filter is made only for a kernel whose features run-time detection has found.
            #[cfg(target_arch = "x86_64")]
            #[allow(unsafe_code)]
            Self::Avx2 => unsafe { avx2::convolve(row) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            #[allow(unsafe_code)]
            Self::Avx512 => unsafe { avx512::convolve(row) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            #[allow(unsafe_code)]
            Self::Avx512Vnni => unsafe { avx512vnni::convolve(row) },
            #[cfg(not(target_arch = "x86_64"))]
            _ => portable::convolve(row),
        }
    }
}
