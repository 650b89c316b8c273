//! Distortion between source and decoded pictures, measured as defined in each file.
//!
//! ```text
//! source, decoded -> ClipMeasurer (Comparison, XPSNR, VMAF) -> FrameMetrics per frame -> Metrics, or a Pooling, of a scene or clip
//! ```
//! Frames are paired by index, never resized or cut; a value that is not defined is `None`, never 0 or 100.
//! Values depend on the samples alone: not on the instruction set, the device, the thread count, or where a clip was split; but
//! VMAF and XPSNR look at the frames before, of which the first of a run has none.

mod bd_rate;
mod clip_measurer;
mod comparable;
mod comparison;
mod difference;
mod gaussian;
mod gpu;
mod halve;
mod metric;
mod ms_ssim;
mod on_device;
mod pooling;
mod psnr;
mod report;
mod ssim;
mod ssimulacra2;
mod sum;
mod vmaf;
mod xpsnr;

pub use bd_rate::{RatePoint, bd_rate};
pub use clip_measurer::{ClipMeasurer, Measured};
pub use comparable::Comparable;
pub use comparison::Comparison;
pub use metric::{Measures, Metric};
pub use ms_ssim::{MS_SSIM_SMALLEST_SIDE, ms_ssim};
pub use psnr::{SquaredError, squared_error};
pub use report::{FrameMetrics, Metrics, Undefined};
pub use ssim::{SSIM_SMALLEST_SIDE, ssim};
pub use ssimulacra2::ssimulacra2;
pub use vmaf::{VMAF_SMALLEST_SIDE, VMAF_VARIABLE, suggest_vmaf, vmaf_version};
