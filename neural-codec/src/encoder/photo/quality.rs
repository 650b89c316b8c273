//! How much a decoded photo differs from its source, in RGB and in luma.

use crate::error::Result;
use crate::frame::{Color, Frame, Layout, PixelFormat, Rational, VideoInfo, convert};
use crate::metrics::Metric;
use crate::metrics::{ClipMeasurer, Measures, ssimulacra2};

/// Distortion, by the definitions of `docs/GLOSSARY.md`; `None` where it is not measured, not defined, or nothing differs.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct PhotoQuality {
    pub(super) psnr_rgb: Option<f64>,
    pub(super) psnr_y: Option<f64>,
    pub(super) psnr_yuv: Option<f64>,
    pub(super) ssim_y: Option<f64>,
    pub(super) ms_ssim_y: Option<f64>,
    pub(super) ssimulacra2: Option<f64>,
    /// Whether no sample differs.
    pub(super) is_lossless: bool,
}

/// Measures `decoded` against `source`, both RGB of one format. Luma is that of the 4:2:0 that an encode of a clip makes of it, and is
/// measured where `with_luma` says.
///
/// # Errors
///
/// Those of the metrics; `OutOfMemory`.
pub(super) fn measure(
    source: &Frame,
    decoded: &Frame,
    measures: Measures,
    with_luma: bool,
) -> Result<PhotoQuality> {
    let rate = Rational { num: 25, den: 1 };
    let info = VideoInfo::new(source.width(), source.height(), source.format(), rate);
    let mut of_rgb = ClipMeasurer::new(&info, Measures::PSNR)?;
    of_rgb.push(source, decoded)?;
    let rgb = of_rgb.finish()?.comparison.finish();
    let mut quality = PhotoQuality {
        psnr_rgb: rgb.psnr_rgb,
        is_lossless: rgb.lossless_frames == 1,
        ..PhotoQuality::default()
    };
    if measures.has(Metric::Ssimulacra2) {
        quality.ssimulacra2 = Some(ssimulacra2(source, decoded)?);
    }
    if with_luma {
        let format = PixelFormat { layout: Layout::Yuv420, ..source.format() };
        let color = Color::default().resolve_for_conversion(format.layout, source.width(), source.height());
        let mut of_luma = ClipMeasurer::new(&VideoInfo { format, ..info }, luma_alone(measures))?;
        of_luma.push(&convert(source, format, color)?, &convert(decoded, format, color)?)?;
        let luma = of_luma.finish()?.comparison.finish();
        (quality.psnr_y, quality.psnr_yuv) = (luma.psnr_y, luma.psnr_yuv);
        (quality.ssim_y, quality.ms_ssim_y) = (luma.ssim_y, luma.ms_ssim_y);
    }
    Ok(quality)
}

/// Those of the measures that are about luma.
fn luma_alone(measures: Measures) -> Measures {
    [Metric::SsimY, Metric::MsSsimY]
        .into_iter()
        .filter(|metric| measures.has(*metric))
        .fold(Measures::PSNR, Measures::with)
}
