//! How much a decoded photo differs from its source, in RGB and in luma.

use crate::bitstream::PhotoPacket;
use crate::error::Result;
use crate::frame::{Color, Frame, Layout, PixelFormat, VideoInfo, convert};
use crate::metrics::{ClipMeasurer, Measures, Metric, ssimulacra2};

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

/// A source that decoded photos are measured against.
pub(super) struct PhotoMeasurer<'a> {
    source: &'a Frame,
    /// The source as a clip of one frame.
    pub(super) info: VideoInfo,
    /// The 4:2:0 that an encode of a clip makes of it, whose luma counts.
    pub(super) yuv: Frame,
}

impl<'a> PhotoMeasurer<'a> {
    /// For a picture of RGB.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`.
    pub(super) fn new(source: &'a Frame) -> Result<Self> {
        let (width, height) = (source.width(), source.height());
        let info = VideoInfo {
            color: source.color(),
            ..VideoInfo::new(width, height, source.format(), PhotoPacket::RATE)
        };
        Ok(Self { source, info, yuv: yuv_of(source)? })
    }

    /// Measures `decoded`, RGB of the source's format; in luma too where `with_luma` says.
    ///
    /// # Errors
    ///
    /// Those of the metrics; `OutOfMemory`.
    pub(super) fn measure(
        &self,
        decoded: &Frame,
        measures: Measures,
        with_luma: bool,
    ) -> Result<PhotoQuality> {
        let mut of_rgb = ClipMeasurer::new(&self.info, Measures::PSNR)?;
        of_rgb.push(self.source, decoded)?;
        let rgb = of_rgb.finish()?.comparison.finish();
        let mut quality = PhotoQuality {
            psnr_rgb: rgb.psnr_rgb,
            is_lossless: rgb.lossless_frames == 1,
            ..PhotoQuality::default()
        };
        if measures.has(Metric::Ssimulacra2) {
            quality.ssimulacra2 = Some(ssimulacra2(self.source, decoded)?);
        }
        if with_luma {
            let info = VideoInfo { format: self.yuv.format(), ..self.info };
            let mut of_luma = ClipMeasurer::new(&info, luma_alone(measures))?;
            of_luma.push(&self.yuv, &yuv_of(decoded)?)?;
            let luma = of_luma.finish()?.comparison.finish();
            (quality.psnr_y, quality.psnr_yuv) = (luma.psnr_y, luma.psnr_yuv);
            (quality.ssim_y, quality.ms_ssim_y) = (luma.ssim_y, luma.ms_ssim_y);
        }
        Ok(quality)
    }
}

/// The 4:2:0 that an encode of a clip makes of RGB.
fn yuv_of(picture: &Frame) -> Result<Frame> {
    let format = PixelFormat { layout: Layout::Yuv420, ..picture.format() };
    let color = Color::default().resolve_for_conversion(format.layout, picture.width(), picture.height());
    convert(picture, format, color)
}

/// Those of the measures that are about luma.
fn luma_alone(measures: Measures) -> Measures {
    [Metric::SsimY, Metric::MsSsimY]
        .into_iter()
        .filter(|metric| measures.has(*metric))
        .fold(Measures::PSNR, Measures::with)
}
