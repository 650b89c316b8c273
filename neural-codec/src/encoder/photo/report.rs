//! The account of a photo: that of a clip of one scene of one frame, and what a photo has beside.

use std::collections::BTreeMap;

use super::quality::PhotoQuality;
use crate::bitstream::{PhotoCode, PhotoPacket};
use crate::error::Result;
use crate::frame::{Color, Frame, Layout, PixelFormat, Rational, VideoInfo, convert};
use crate::report::{PhotoReport, ProfileReport, QualityReport};
use crate::scene::Profiler;

/// The rate that a picture is said to have, as a clip of one frame.
pub(super) const RATE: Rational = Rational { num: 25, den: 1 };

/// What is said about a stored photo in a file of so many bytes.
pub(super) fn photo_report(photo: &PhotoPacket, bytes: u64) -> PhotoReport {
    let coded = match &photo.code {
        PhotoCode::Av1 { unit, .. } => unit,
        PhotoCode::Neural(code) => code,
    };
    PhotoReport {
        coding: photo.code.name().into(),
        bits_per_pixel: bytes as f64 * 8.0 / (f64::from(photo.width) * f64::from(photo.height)),
        coded_bytes: coded.len() as u64,
        macs_per_pixel: photo.macs_per_pixel,
        is_gray: photo.is_gray,
        icc_bytes: photo.tags.icc.len() as u64,
        exif_bytes: photo.tags.exif.len() as u64,
        xmp_bytes: photo.tags.xmp.len() as u64,
        alpha_bytes: photo.alpha.len() as u64,
    }
}

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

/// What the picture looks like.
pub(super) fn profile(source: &Frame) -> Result<ProfileReport> {
    let format = PixelFormat { layout: Layout::Yuv420, ..source.format() };
    let color = Color::default().resolve_for_conversion(format.layout, source.width(), source.height());
    let mut profiler = Profiler::new(RATE);
    profiler.push(&convert(source, format, color)?)?;
    Ok(ProfileReport::new(&profiler.finish()?))
}

/// A picture as a clip.
pub(super) fn info_of(frame: &Frame) -> VideoInfo {
    VideoInfo { color: frame.color(), ..VideoInfo::new(frame.width(), frame.height(), frame.format(), RATE) }
}
