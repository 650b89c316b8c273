//! A GPU: context, memory, streams and launches. It knows no stage of the codec.
//!
//! ```text
//! stage (frame, metrics, scene, filter) -> its own gpu.rs: one safe call a kernel -> here -> the driver
//! ```
//! Kernels lie beside the stage that launches them; together they are one module, whose machine code is embedded here.

mod context;
mod download_staging;
mod failure;
mod kernels;
mod memory;
mod pinned;
mod pool;
mod queue;
mod sample;
mod upload_staging;

pub use context::Gpu;
pub(crate) use context::covering;
pub(crate) use failure::lost;
pub use kernels::kernel_names;
pub use memory::Buffer;
pub(crate) use queue::{Queue, Replay};
pub use sample::DeviceSample;
