//! What measuring gives: values per frame, and per scene or clip.

use serde::{Deserialize, Serialize};

use super::metric::Metric;
use super::psnr::SquaredError;

/// Distortion of one frame.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FrameMetrics {
    /// Squared error of Y, U and V, or of R, G and B.
    pub planes: [SquaredError; 3],
    /// PSNR of the luma plane in decibels; `None` where nothing differs, and for RGB.
    pub psnr_y: Option<f64>,
    /// SSIM of the luma plane; `None` where not measured, too small, or RGB.
    pub ssim_y: Option<f64>,
    /// MS-SSIM of the luma plane; `None` where not measured, too small, or RGB.
    pub ms_ssim_y: Option<f64>,
    /// SSIMULACRA 2; `None` where not measured.
    pub ssimulacra2: Option<f64>,
    /// VMAF; `None` where not measured, too small, or RGB.
    pub vmaf: Option<f64>,
    /// XPSNR of the luma plane in decibels; `None` where nothing differs, where not measured, and for RGB.
    pub xpsnr_y: Option<f64>,
}

impl FrameMetrics {
    /// The value of a metric.
    pub fn value(&self, metric: Metric) -> Option<f64> {
        match metric {
            Metric::PsnrY => self.psnr_y,
            Metric::SsimY => self.ssim_y,
            Metric::MsSsimY => self.ms_ssim_y,
            Metric::Ssimulacra2 => self.ssimulacra2,
            Metric::Vmaf => self.vmaf,
            Metric::XpsnrY => self.xpsnr_y,
        }
    }

    /// Mean squared error of one plane (0 is Y or R). Panics: when `plane` is over 2.
    pub fn mse(&self, plane: usize) -> f64 {
        self.planes[plane].mse()
    }
}

/// Distortion of a scene or clip; the field's name fixes the definition.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Metrics {
    /// Number of frames compared.
    pub frames: u64,
    /// Frames whose luma (for RGB: whose three planes) does not differ at all; they are not in `psnr_y`.
    pub lossless_frames: u64,
    /// Mean over frames of the PSNR of the luma plane, lossless frames left out. Units: decibels.
    pub psnr_y: Option<f64>,
    /// PSNR of the mean squared error over all samples of all planes and frames, FFmpeg's "average":
    /// at 4:2:0 luma weighs 4/6, U and V 1/6 each. Units: decibels.
    pub psnr_yuv: Option<f64>,
    /// PSNR of the mean squared error over R, G, B and all frames. Units: decibels.
    pub psnr_rgb: Option<f64>,
    /// Mean over frames of the SSIM of the luma plane.
    pub ssim_y: Option<f64>,
    /// Mean over frames of the MS-SSIM of the luma plane.
    pub ms_ssim_y: Option<f64>,
    /// Mean over frames of SSIMULACRA 2.
    pub ssimulacra2: Option<f64>,
    /// Mean over frames of VMAF.
    pub vmaf: Option<f64>,
    /// XPSNR of the luma plane, of the mean root of the weighted error. Units: decibels.
    pub xpsnr_y: Option<f64>,
    /// Why each value that is `None` is.
    pub undefined: Vec<Undefined>,
}

/// Why a metric has no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Undefined {
    /// Name of the field of [`Metrics`].
    pub metric: &'static str,
    /// Why it is `None`.
    pub reason: &'static str,
}
