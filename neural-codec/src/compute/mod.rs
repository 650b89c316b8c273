//! Where work runs: instruction sets of the CPU, later devices. Rank 1.

pub mod simd;

pub use simd::InstructionSet;
