//! The CUDA back end: a GPU, its memory, and one safe call a kernel. Rank 0.
//!
//! ```text
//! Gpu::open -> driver, device, machine code      (gpu, failure, kernels)
//! Gpu       -> buffers, launches                 (memory, one file a family of kernels)
//! ```
//! The driver is loaded at run time; without one, nothing here runs and everything else does. Kernels are in `kernels/*.cu`;
//! what they compute is the CPU's to the last bit, unless a file says otherwise.

mod convert;
mod convert_shape;
mod failure;
mod filter;
mod gpu;
mod kernels;
mod landing;
mod memory;
mod metrics;
mod pool;
mod queue;
mod scene;
mod scene_figures;
mod scene_shape;
mod staging;
mod train;

pub use convert::{Samples, Size};
pub use convert_shape::{ConvertAffine, ConvertDown, ConvertSum, ConvertToRgb, ConvertUp};
pub use filter::{FilterLayer, FilterPlanes, GpuFilter};
pub use gpu::Gpu;
pub use kernels::{KERNELS, options, source};
pub use memory::{Buffer, DeviceSample};
pub use metrics::tiles;
pub use scene::{ScenePicture, ScenePlanes};
pub use scene_figures::{SceneFigures, SceneMatch, ScenePair};
pub use train::{
    GpuJudge, GpuTrainer, TrainLayer, TrainPatch, TrainPlan, TrainPoint, TrainRates, TrainRule, TrainShape,
};
