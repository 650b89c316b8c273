//! Instruction sets, chosen at run time.
//!
//! A hot loop is written once as safe Rust and compiled once per instruction set by `simd_body!`.
//! No body uses `mul_add` and every reduction names its lanes, so all versions give identical results. Where others' values have
//! products in them that were rounded together with a sum, `fused_body!` compiles a body that uses `mul_add` alone: it gives the same
//! everywhere too, slowly where no instruction does it.

use std::sync::atomic::{AtomicU8, Ordering};

use crate::error::{Error, Result};

/// Environment variable that names the set to use: `baseline`, `avx2` or `avx512`. Read once.
pub const INSTRUCTION_SET_VARIABLE: &str = "NEURAL_CODEC_SIMD";

/// An instruction set that a hot loop was compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum InstructionSet {
    /// What the target guarantees: SSE2 on x86-64, NEON on AArch64.
    Baseline = 0,
    /// AVX2 with FMA available (never used for results).
    Avx2 = 1,
    /// AVX-512 F, BW, DQ, VL.
    Avx512 = 2,
}

/// 0 = not yet decided, else 1 + the set.
static CHOSEN: AtomicU8 = AtomicU8::new(0);

impl InstructionSet {
    /// All sets that this machine can run, slowest first.
    pub fn available() -> Vec<Self> {
        [Self::Baseline, Self::Avx2, Self::Avx512].into_iter().filter(|set| set.is_supported()).collect()
    }

    /// Its name, as the variable has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }

    /// The set that [`INSTRUCTION_SET_VARIABLE`] names, `None` where it is not set or empty. Every encode and decode checks it.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for a name that is unknown or a set that this machine cannot run.
    pub fn named() -> Result<Option<Self>> {
        Self::of_text(&std::env::var(INSTRUCTION_SET_VARIABLE).unwrap_or_default())
    }

    fn of_text(text: &str) -> Result<Option<Self>> {
        let available = Self::available();
        match available.iter().find(|set| set.name() == text) {
            Some(&set) => Ok(Some(set)),
            None if text.is_empty() => Ok(None),
            None => {
                let names: Vec<_> = available.iter().map(|set| set.name()).collect();
                Err(Error::invalid(INSTRUCTION_SET_VARIABLE, format!("one of {}", names.join(", ")), text))
            }
        }
    }

    /// The set that hot loops use: the one that the variable names or that was [`force`](Self::force)d, else the fastest.
    pub fn current() -> Self {
        match CHOSEN.load(Ordering::Relaxed) {
            1 => Self::Baseline,
            2 => Self::Avx2,
            3 => Self::Avx512,
            _ => {
                let best = Self::available().pop().unwrap_or(Self::Baseline);
                // A wrong name is told by who can tell it.
                let set = Self::named().ok().flatten().unwrap_or(best);
                CHOSEN.store(1 + set as u8, Ordering::Relaxed);
                set
            }
        }
    }

    /// Makes the whole process use this set; for tests and benches. Returns false if the machine lacks it.
    pub fn force(self) -> bool {
        let supported = self.is_supported();
        if supported {
            CHOSEN.store(1 + self as u8, Ordering::Relaxed);
        }
        supported
    }

    /// Whether this machine can run it.
    pub fn is_supported(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        {
            match self {
                Self::Baseline => true,
                Self::Avx2 => is_x86_feature_detected!("avx2"),
                Self::Avx512 => {
                    is_x86_feature_detected!("avx512f")
                        && is_x86_feature_detected!("avx512bw")
                        && is_x86_feature_detected!("avx512dq")
                        && is_x86_feature_detected!("avx512vl")
                }
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        {
            self == Self::Baseline
        }
    }
}

/// Compiles a function body once per instruction set and calls the one that is current.
///
/// ```ignore
/// simd_body! {
///     /// Sum of squared differences of two rows.
///     pub fn squared_error(a: &[u8], b: &[u8]) -> u64 { squared_error_body(a, b) }
/// }
/// #[inline(always)]
/// fn squared_error_body(a: &[u8], b: &[u8]) -> u64 { ... }
/// ```
/// The body must be `#[inline(always)]`, or it is not recompiled. Not generic: write one per sample type.
macro_rules! simd_body {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? { $body:expr }) => {
        $(#[$meta])*
        #[allow(clippy::too_many_arguments)]
        $vis fn $name($($arg: $ty),*) $(-> $ret)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2")]
                fn avx2($($arg: $ty),*) $(-> $ret)? { $body }
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
                fn avx512($($arg: $ty),*) $(-> $ret)? { $body }
                match $crate::simd::InstructionSet::current() {
                    $crate::simd::InstructionSet::Baseline => {}
                    // SAFETY: `current` returns a set only after run-time detection found every feature of it.
                    #[allow(unsafe_code)]
                    $crate::simd::InstructionSet::Avx2 => return unsafe { avx2($($arg),*) },
                    // SAFETY: as above.
                    #[allow(unsafe_code)]
                    $crate::simd::InstructionSet::Avx512 => return unsafe { avx512($($arg),*) },
                }
            }
            $body
        }
    };
}
pub(crate) use simd_body;

/// As `simd_body!`, a body that uses `mul_add`: compiled with the instruction for it too, which is called where the machine has it.
macro_rules! fused_body {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) { $body:expr }) => {
        $(#[$meta])*
        $vis fn $name($($arg: $ty),*) {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2,fma")]
                fn fused($($arg: $ty),*) { $body }
                let is_wide = $crate::simd::InstructionSet::current() != $crate::simd::InstructionSet::Baseline;
                if is_wide && is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                    // SAFETY: run-time detection found both features.
                    #[allow(unsafe_code)]
                    return unsafe { fused($($arg),*) };
                }
            }
            $body
        }
    };
}
pub(crate) use fused_body;

#[cfg(test)]
mod tests {
    use super::*;

    simd_body! {
        fn dot(a: &[i16], b: &[i16]) -> i64 { dot_body(a, b) }
    }
    #[inline(always)]
    fn dot_body(a: &[i16], b: &[i16]) -> i64 {
        a.iter().zip(b).map(|(&a, &b)| i64::from(a) * i64::from(b)).sum()
    }

    #[test]
    fn the_variable_names_what_the_machine_can_run() {
        for set in InstructionSet::available() {
            assert_eq!(InstructionSet::of_text(set.name()).unwrap(), Some(set));
        }
        assert_eq!(InstructionSet::of_text("").unwrap(), None);
        let error = InstructionSet::of_text("sse9").unwrap_err().to_string();
        assert!(error.starts_with("NEURAL_CODEC_SIMD: expected one of baseline"), "{error}");
    }

    #[test]
    fn every_instruction_set_gives_the_same_result() {
        let a: Vec<i16> = (0..1000).map(|i| (i * 37 % 1999) as i16).collect();
        let b: Vec<i16> = (0..1000).map(|i| (i * 91 % 1777 - 800) as i16).collect();
        let expected = dot_body(&a, &b);
        for set in InstructionSet::available() {
            assert!(set.force());
            assert_eq!(dot(&a, &b), expected, "{set:?}");
        }
    }
}
