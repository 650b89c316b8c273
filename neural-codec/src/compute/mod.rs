//! Where work runs: instruction sets of the CPU, later devices. Rank 0.

pub mod simd;

pub use simd::InstructionSet;
