//! Distortion between source and decoded pictures, measured as defined in each file.
//!
//! ```text
//! source, decoded -> Comparison -> FrameMetrics per frame -> Metrics of a scene or clip
//! ```
//! Frames are paired by index, never resized or cut; a value that is not defined is `None`, never 0 or 100.
//! Values depend on the samples alone: not on the instruction set, the device, the thread count, or where a clip was split.

mod bd_rate;
mod comparable;
mod comparison;
mod difference;
mod gaussian;
mod gpu;
mod halve;
mod measures;
mod ms_ssim;
mod on_device;
mod psnr;
mod report;
mod ssim;
mod sum;

pub use bd_rate::{RatePoint, bd_rate};
pub use comparable::Comparable;
pub use comparison::Comparison;
pub use measures::Measures;
pub use ms_ssim::{MS_SSIM_SMALLEST_SIDE, ms_ssim};
pub use psnr::{SquaredError, squared_error};
pub use report::{FrameMetrics, Metrics, Undefined};
pub use ssim::{SSIM_SMALLEST_SIDE, ssim};
