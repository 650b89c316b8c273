//! How much one clip differs from another.

use serde::Serialize;

use std::sync::Arc;

use crate::device::Device;
use crate::error::{Error, Result};
use crate::frame::{AnyFrame, BitDepth, Color, Layout, PixelFormat, VideoInfo};
use crate::gpu::Gpu;
use crate::media::FrameSource;
use crate::metrics::{ClipMeasurer, FrameMetrics, Measures, Metric, SquaredError};

/// Distortion of a clip against a reference, by the definitions of `docs/GLOSSARY.md`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ClipMetrics {
    /// Frames compared.
    pub frames: u64,
    /// Format in which they were compared: that of the second clip.
    pub pixel_format: String,
    /// Frames that do not differ.
    pub lossless_frames: u64,
    /// Mean over frames of luma PSNR in dB, lossless frames left out; null where there is none. The luma of RGB is that of
    /// the 4:2:0 that an encode makes of it, here and below.
    pub psnr_y: Option<f64>,
    /// PSNR in dB of the mean squared error over all samples of Y, U and V; null when lossless.
    pub psnr_yuv: Option<f64>,
    /// PSNR in dB of the mean squared error over R, G and B; null when lossless, and for YUV.
    pub psnr_rgb: Option<f64>,
    /// Mean over frames of luma SSIM; null for pictures smaller than its window.
    pub ssim_y: Option<f64>,
    /// Mean over frames of luma MS-SSIM; null where not asked for, and for small pictures.
    pub ms_ssim_y: Option<f64>,
    /// Mean over frames of SSIMULACRA 2; null where not asked for.
    pub ssimulacra2: Option<f64>,
    /// Mean over frames of VMAF; null where not asked for, for RGB, and for small pictures.
    pub vmaf: Option<f64>,
    /// XPSNR in dB of luma, of the mean root of the weighted error; null where not asked for, where nothing differs, and for RGB.
    pub xpsnr_y: Option<f64>,
}

/// Distortion of one frame, by the same definitions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct FrameDistortion {
    /// Luma PSNR in dB; null where nothing differs.
    pub psnr_y: Option<f64>,
    /// PSNR in dB of the mean squared error over all samples of Y, U and V; null when lossless.
    pub psnr_yuv: Option<f64>,
    /// PSNR in dB of the mean squared error over R, G and B; null when lossless, and for YUV.
    pub psnr_rgb: Option<f64>,
    /// Luma SSIM; null for pictures smaller than its window.
    pub ssim_y: Option<f64>,
    /// Luma MS-SSIM; null where not asked for, and for small pictures.
    pub ms_ssim_y: Option<f64>,
    /// SSIMULACRA 2; null where not asked for.
    pub ssimulacra2: Option<f64>,
    /// VMAF; null where not asked for, for RGB, and for small pictures.
    pub vmaf: Option<f64>,
    /// Luma XPSNR in dB; null where not asked for, where nothing differs, and for RGB.
    pub xpsnr_y: Option<f64>,
}

impl FrameDistortion {
    /// Of one frame, and of the YUV made of it where it is RGB.
    fn new(frame: &FrameMetrics, of_rgb: Option<&FrameMetrics>, depth: BitDepth, is_rgb: bool) -> Self {
        let psnr = |frame: &FrameMetrics| frame.planes.into_iter().sum::<SquaredError>().psnr(depth);
        let yuv = if is_rgb { of_rgb } else { Some(frame) };
        Self {
            psnr_y: yuv.and_then(|yuv| yuv.psnr_y),
            psnr_yuv: yuv.and_then(psnr),
            psnr_rgb: psnr(frame).filter(|_| is_rgb),
            ssim_y: yuv.and_then(|yuv| yuv.ssim_y),
            ms_ssim_y: yuv.and_then(|yuv| yuv.ms_ssim_y),
            ssimulacra2: frame.ssimulacra2,
            vmaf: yuv.and_then(|yuv| yuv.vmaf),
            xpsnr_y: yuv.and_then(|yuv| yuv.xpsnr_y),
        }
    }
}

/// As [`compare_with_device`], on a GPU where a usable one is there and frames are large enough for it.
pub fn compare(
    reference: &mut dyn FrameSource,
    clip: &mut dyn FrameSource,
    measures: Measures,
) -> Result<ClipMetrics> {
    let info = clip.info();
    let device = crate::settings::DeviceChoice::Auto.open(info.width * info.height)?;
    compare_with_device(&device, reference, clip, measures)
}

/// Measures `clip` against `reference`, frame by frame in order; timestamps play no part.
///
/// Where the formats differ, the reference is converted to the clip's, as an encode does.
/// `device`: where frames are converted and measured; the values do not depend on it.
///
/// # Errors
///
/// `InvalidArgument` for clips of different size or length; whatever reading reports.
pub fn compare_with_device(
    device: &Device,
    reference: &mut dyn FrameSource,
    clip: &mut dyn FrameSource,
    measures: Measures,
) -> Result<ClipMetrics> {
    compare_frames(device, reference, clip, measures, &mut |_| Ok(()))
}

/// As [`compare_with_device`], handing on the values of each frame as they are known: with VMAF, once all were read.
///
/// # Errors
///
/// As [`compare_with_device`]; what `on_frame` gives.
pub fn compare_frames(
    device: &Device,
    reference: &mut dyn FrameSource,
    clip: &mut dyn FrameSource,
    measures: Measures,
    on_frame: &mut dyn FnMut(FrameDistortion) -> Result<()>,
) -> Result<ClipMetrics> {
    let (source, info) = (*reference.info(), *clip.info());
    if (source.width, source.height) != (info.width, info.height) {
        let expected = format!("{}x{}", source.width, source.height);
        return Err(Error::invalid("second clip", expected, format!("{}x{}", info.width, info.height)));
    }
    let color = match info.color.matrix {
        Color::UNSPECIFIED | Color::IDENTITY => source.color,
        _ => info.color,
    };
    let yuv = color.resolve_for_conversion(info.format.layout, info.width, info.height);
    // The rate decides how XPSNR looks back; it is the reference's.
    let info = VideoInfo { frame_rate: source.frame_rate, ..info };
    let is_rgb = info.format.layout == Layout::Rgb;
    let mut measurer = ClipMeasurer::new(&info, measures)?.with_device(device);
    let mut of_rgb = if is_rgb { Some(OfRgb::new(device, &info, color, measures)?) } else { None };
    let is_known_late = measures.has(Metric::Vmaf);
    let mut frames = 0;
    loop {
        let frames_of_both = (reference.next_any_frame()?, clip.next_any_frame()?);
        reference.leave_packets();
        clip.leave_packets();
        match frames_of_both {
            (None, None) => break,
            (Some(expected), Some(found)) => {
                let (frame, pair) = push(&mut measurer, device, (expected, found), yuv, measures)?;
                let more = of_rgb.as_mut().map(|of_rgb| of_rgb.push(device, pair, measures)).transpose()?;
                if !is_known_late {
                    on_frame(FrameDistortion::new(&frame, more.as_ref(), info.format.depth, is_rgb))?;
                }
            }
            (first, _) => {
                let (longer, shorter) =
                    if first.is_some() { ("first", "second") } else { ("second", "first") };
                let found =
                    format!("the {shorter} clip ends after {frames} frames, the {longer} one continues");
                return Err(Error::invalid("clips", "the same number of frames", found));
            }
        }
        frames += 1;
    }
    let measured = measurer.finish()?;
    let of_rgb = of_rgb.map(|of_rgb| of_rgb.measurer.finish()).transpose()?;
    if is_known_late {
        for (index, frame) in measured.frames.iter().enumerate() {
            let more = of_rgb.as_ref().and_then(|of_rgb| of_rgb.frames.get(index));
            on_frame(FrameDistortion::new(frame, more, info.format.depth, is_rgb))?;
        }
    }
    let metrics = measured.comparison.finish();
    let yuv = of_rgb.map_or_else(|| metrics.clone(), |of_rgb| of_rgb.comparison.finish());
    Ok(ClipMetrics {
        frames: metrics.frames,
        pixel_format: info.format.name().into(),
        lossless_frames: metrics.lossless_frames,
        psnr_y: yuv.psnr_y,
        psnr_yuv: yuv.psnr_yuv,
        psnr_rgb: metrics.psnr_rgb,
        ssim_y: yuv.ssim_y,
        ms_ssim_y: yuv.ms_ssim_y,
        ssimulacra2: metrics.ssimulacra2,
        vmaf: yuv.vmaf,
        xpsnr_y: yuv.xpsnr_y,
    })
}

/// The comparison of RGB frames as the 4:2:0 that an encode makes of them: the metrics of luma are those of files.
struct OfRgb {
    measurer: ClipMeasurer,
    format: PixelFormat,
    color: Color,
}

impl OfRgb {
    fn new(device: &Device, info: &VideoInfo, color: Color, measures: Measures) -> Result<Self> {
        let format = PixelFormat { layout: Layout::Yuv420, ..info.format };
        let measurer = ClipMeasurer::new(&VideoInfo { format, ..*info }, measures)?.with_device(device);
        let color = color.resolve_for_conversion(format.layout, info.width, info.height);
        Ok(Self { measurer, format, color })
    }

    fn push(
        &mut self,
        device: &Device,
        (expected, found): (AnyFrame, AnyFrame),
        measures: Measures,
    ) -> Result<FrameMetrics> {
        let found = found.convert(device, self.format, self.color)?;
        Ok(push(&mut self.measurer, device, (expected, found), self.color, measures)?.0)
    }
}

/// Measures a pair of frames and gives it back: on a GPU where one of them is resident there and it has room, else on the device.
fn push(
    measurer: &mut ClipMeasurer,
    device: &Device,
    (expected, found): (AnyFrame, AnyFrame),
    yuv: Color,
    measures: Measures,
) -> Result<(FrameMetrics, (AnyFrame, AnyFrame))> {
    if let Some(gpu) = found.gpu().or(expected.gpu()).filter(|_| measures.fit_a_gpu()) {
        match push_resident(measurer, (device, gpu), (&expected, &found), yuv) {
            Ok(None) | Err(Error::OutOfMemory { .. }) => {}
            Ok(Some(frame)) => return Ok((frame, (expected, found))),
            Err(error) => return Err(error),
        }
    }
    let format = found.format();
    let expected = AnyFrame::Host(expected.into_host()?).convert(device, format, yuv)?.into_host()?;
    let found = found.into_host()?;
    let frame = measurer.push(&expected, &found)?;
    Ok((frame, (AnyFrame::Host(expected), AnyFrame::Host(found))))
}

/// Measures a pair of frames on a GPU; `None` where that cannot convert one to the format of the other.
fn push_resident(
    measurer: &mut ClipMeasurer,
    (device, gpu): (&Device, &Arc<Gpu>),
    (expected, found): (&AnyFrame, &AnyFrame),
    yuv: Color,
) -> Result<Option<FrameMetrics>> {
    let (mut expected_copy, mut found_copy) = (None, None);
    let (expected, found) =
        (expected.resident_on(gpu, &mut expected_copy)?, found.resident_on(gpu, &mut found_copy)?);
    let format = found.format();
    if expected.format() == format {
        return measurer.push_gpu_frames(expected, found).map(Some);
    }
    let converted = expected.convert_as_cpu(device, format, yuv)?;
    converted.map(|expected| measurer.push_gpu_frames(&expected, found)).transpose()
}
