//! The account of a photo: that of a clip of one scene of one frame, and what a photo has beside.

use std::collections::BTreeMap;

use super::quality::PhotoQuality;
use crate::bitstream::PhotoPacket;
use crate::defaults::ClassLimits;
use crate::error::Result;
use crate::frame::Frame;
use crate::report::{ProfileReport, QualityReport};
use crate::scene::Profiler;

/// Quality as reports have it.
pub(super) fn quality_report(quality: &PhotoQuality) -> QualityReport {
    QualityReport {
        psnr_y: quality.psnr_y,
        psnr_yuv: quality.psnr_yuv,
        psnr_rgb: quality.psnr_rgb,
        ssim_y: quality.ssim_y,
        ms_ssim_y: quality.ms_ssim_y,
        ssimulacra2: quality.ssimulacra2,
        vmaf: None,
        xpsnr_y: None,
        lossless_frames: u64::from(quality.is_lossless),
        worst_frame_psnr_y: quality.psnr_y,
        worst_frame: quality.psnr_y.map(|_| 0),
    }
}

/// The metrics that have a value, by name.
pub(super) fn by_name(quality: &PhotoQuality) -> BTreeMap<String, f64> {
    [
        ("psnr_rgb", quality.psnr_rgb),
        ("psnr_y", quality.psnr_y),
        ("ssim_y", quality.ssim_y),
        ("ms_ssim_y", quality.ms_ssim_y),
        ("ssimulacra2", quality.ssimulacra2),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?)))
    .collect()
}

/// What the picture looks like, of its 4:2:0.
pub(super) fn profile(yuv: &Frame, limits: ClassLimits) -> Result<ProfileReport> {
    let mut profiler = Profiler::with_limits(PhotoPacket::RATE, limits);
    profiler.push(yuv)?;
    Ok(ProfileReport::new(&profiler.finish()?))
}
