//! Inference: a frame through a filter network, in integers, the same on every machine.
//!
//! ```text
//! frame -> sites -> layer 1 -> ... -> layer n -> residual -> frame
//!          rows of a strip, each passed on as soon as the three rows it needs are there
//! ```
//! [`reference`] has the definition; everything else here computes the same faster.

mod blocks;
mod filter;
mod gpu;
mod on_device;
mod packed;
pub mod reference;
mod samples;
mod simd;
mod strip;

#[cfg(test)]
mod tests;

pub use blocks::{BLOCK_SIDE, block_count};
pub use filter::Filter;
pub use gpu::{FilterLayer, FilterPlanes, GpuFilter};
pub(super) use samples::activation;
pub use simd::Kernel;
