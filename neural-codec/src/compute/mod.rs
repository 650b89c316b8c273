//! Where work runs: instruction sets of the CPU, and GPUs. Rank 0, above errors alone.

pub mod cuda;
mod device;
pub mod simd;

pub use device::Device;
pub(crate) use device::FEWEST_SAMPLES;
pub use simd::InstructionSet;
