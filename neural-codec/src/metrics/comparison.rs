//! The accumulator that frames are pushed into, one pair after the other.

use std::sync::Arc;

use super::comparable::Comparable;
use super::metric::{Measures, Metric};
use super::ms_ssim::{MS_SSIM_SMALLEST_SIDE, ms_ssim_and_ssim};
use super::on_device;
use super::psnr::{SquaredError, squared_error};
use super::report::{FrameMetrics, Metrics, Undefined};
use super::ssim::{SSIM_SMALLEST_SIDE, ssim};
use super::ssimulacra2::ssimulacra2;
use super::sum::ExactMean;
use super::xpsnr::RootMeanDistortion;
use crate::device::Device;
use crate::error::{Error, Result};
use crate::frame::{BitDepth, Frame, GpuFrame, Layout, PixelFormat, Plane, Planes};

/// Measures a scene or clip frame by frame, in memory that does not grow with its length.
///
/// Sums are exact: comparisons of parts, merged in any order, finish with the same [`Metrics`] as one
/// comparison over all frames. The picture size is that of the first frame.
///
/// A comparison looks at pairs of frames; VMAF and XPSNR, which look along time too, are a
/// [`ClipMeasurer`](super::ClipMeasurer)'s.
///
/// ```
/// use neural_codec::frame::{Color, Frame, PixelFormat};
/// use neural_codec::metrics::{Comparison, Measures};
///
/// let source = Frame::new(64, 48, PixelFormat::YUV420_8, Color::default())?;
/// let mut comparison = Comparison::new(source.format(), Measures::SSIM);
/// comparison.push(&source, &source.clone())?;
/// let metrics = comparison.finish();
/// assert_eq!(metrics.psnr_y, None); // no error, so no ratio to it
/// assert_eq!(metrics.ssim_y, Some(1.0));
/// # Ok::<(), neural_codec::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    format: PixelFormat,
    measures: Measures,
    device: Device,
    size: Option<(usize, usize)>,
    frames: u64,
    lossless_frames: u64,
    squared_error: SquaredError,
    psnr_y: ExactMean,
    ssim_y: ExactMean,
    ms_ssim_y: ExactMean,
    ssimulacra2: ExactMean,
    vmaf: ExactMean,
    xpsnr_y: RootMeanDistortion,
}

impl Comparison {
    /// An empty comparison of frames of `format`.
    pub fn new(format: PixelFormat, measures: Measures) -> Self {
        Self {
            format,
            measures,
            device: Device::cpu(),
            size: None,
            frames: 0,
            lossless_frames: 0,
            squared_error: SquaredError::default(),
            psnr_y: ExactMean::default(),
            ssim_y: ExactMean::default(),
            ms_ssim_y: ExactMean::default(),
            ssimulacra2: ExactMean::default(),
            vmaf: ExactMean::default(),
            xpsnr_y: RootMeanDistortion::default(),
        }
    }

    /// The same comparison, with frames to come measured on a device; the values are those of the CPU.
    #[must_use]
    pub fn with_device(self, device: &Device) -> Self {
        Self { device: device.clone(), ..self }
    }

    /// The comparison of frames of one size that were measured before.
    pub(crate) fn of_frames(
        format: PixelFormat,
        measures: Measures,
        size: (usize, usize),
        frames: &[FrameMetrics],
    ) -> Self {
        let mut comparison = Self { size: Some(size), ..Self::new(format, measures) };
        frames.iter().for_each(|frame| comparison.take_in(frame));
        comparison
    }

    /// Measures one pair of frames and takes it in.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` when the frames differ in size or format from each other, from the format given
    /// or from the frames before; the comparison is then as if the call had not been made.
    pub fn push(&mut self, source: &Frame, decoded: &Frame) -> Result<FrameMetrics> {
        self.check_shape("source frame", source)?;
        let size = (source.width(), source.height());
        if !source.same_shape(decoded) {
            return Err(Error::invalid("decoded frame", shape(self.format, size), shape_of(decoded)));
        }
        let mut frame = match (source.planes(), decoded.planes()) {
            (Planes::U8(source), Planes::U8(decoded)) => self.measure(source, decoded)?,
            (Planes::U16(source), Planes::U16(decoded)) => self.measure(source, decoded)?,
            _ => return Err(Error::invalid("decoded frame", "the source's sample type", "another")),
        };
        if self.measures.has(Metric::Ssimulacra2) {
            frame.ssimulacra2 = Some(ssimulacra2(source, decoded)?);
        }
        self.size = Some(size);
        self.take_in(&frame);
        Ok(frame)
    }

    /// As [`push`](Self::push), of frames that are resident on one GPU: they are measured there, whatever the comparison's device.
    /// SSIMULACRA 2 is not.
    ///
    /// # Errors
    ///
    /// Those of `push`; `InvalidArgument` for frames on different GPUs; `Device` where the GPU is lost, and the
    /// frames with it.
    pub fn push_gpu_frames(&mut self, source: &GpuFrame, decoded: &GpuFrame) -> Result<FrameMetrics> {
        let size = (source.width(), source.height());
        let expected = shape(self.format, self.size.unwrap_or(size));
        for (name, frame) in [("source frame", source), ("decoded frame", decoded)] {
            let found = shape(frame.format(), (frame.width(), frame.height()));
            if found != expected {
                return Err(Error::invalid(name, expected, found));
            }
        }
        if !Arc::ptr_eq(source.gpu(), decoded.gpu()) {
            return Err(Error::invalid("decoded frame", "the GPU of the source", "another"));
        }
        let measures = (!self.is_rgb()).then_some(self.measures);
        let frame = self.device.at(source.gpu()).agreed(
            self.kind(size),
            usize::MAX,
            |_| on_device::measure_gpu_frames(source, decoded, measures),
            || self.measure_downloaded(source, decoded),
        )?;
        self.size = Some(size);
        self.take_in(&frame);
        Ok(frame)
    }

    fn measure_downloaded(&self, source: &GpuFrame, decoded: &GpuFrame) -> Result<FrameMetrics> {
        match (source.download()?.planes(), decoded.download()?.planes()) {
            (Planes::U8(source), Planes::U8(decoded)) => self.measure_on_cpu(source, decoded),
            (Planes::U16(source), Planes::U16(decoded)) => self.measure_on_cpu(source, decoded),
            _ => Err(Error::internal("metrics", "frames of different sample types")),
        }
    }

    /// The kind of work, each of which is compared with the CPU's once: other kernels run for each.
    fn kind(&self, size: (usize, usize)) -> &'static str {
        let is_eight = self.format.depth == BitDepth::Eight;
        let has = |metric: Metric| !self.is_rgb() && self.measures.has(metric) && metric.is_defined(size);
        match (has(Metric::MsSsimY), has(Metric::SsimY), is_eight) {
            (true, _, true) => "metrics with MS-SSIM",
            (true, _, false) => "metrics of 10 bits with MS-SSIM",
            (false, true, true) => "metrics with SSIM",
            (false, true, false) => "metrics of 10 bits with SSIM",
            (false, false, true) => "metrics",
            (false, false, false) => "metrics of 10 bits",
        }
    }

    /// Takes in the frames of another part of the clip.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` when the other measured another size, format or choice of metrics.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        if (self.format, self.measures) != (other.format, other.measures) {
            let text = |c: &Self| format!("{:?} of {}", c.measures, c.format);
            return Err(Error::invalid("comparison", text(self), text(other)));
        }
        if let (Some(expected), Some(found)) = (self.size, other.size)
            && expected != found
        {
            return Err(Error::invalid(
                "comparison",
                shape(self.format, expected),
                shape(self.format, found),
            ));
        }
        self.size = self.size.or(other.size);
        self.frames += other.frames;
        self.lossless_frames += other.lossless_frames;
        self.squared_error += other.squared_error;
        self.psnr_y.merge(&other.psnr_y);
        self.ssim_y.merge(&other.ssim_y);
        self.ms_ssim_y.merge(&other.ms_ssim_y);
        self.ssimulacra2.merge(&other.ssimulacra2);
        self.vmaf.merge(&other.vmaf);
        self.xpsnr_y.merge(&other.xpsnr_y);
        Ok(())
    }

    /// The values over all frames so far; more may follow.
    pub fn finish(&self) -> Metrics {
        let average = self.squared_error.psnr(self.format.depth);
        let rgb = self.is_rgb();
        let mut metrics = Metrics {
            frames: self.frames,
            lossless_frames: self.lossless_frames,
            psnr_y: self.psnr_y.value(),
            psnr_yuv: average.filter(|_| !rgb),
            psnr_rgb: average.filter(|_| rgb),
            ssim_y: self.ssim_y.value(),
            ms_ssim_y: self.ms_ssim_y.value(),
            ssimulacra2: self.ssimulacra2.value(),
            vmaf: self.vmaf.value(),
            xpsnr_y: self.xpsnr_y.decibels(),
            undefined: Vec::new(),
        };
        metrics.undefined = self.undefined(&metrics);
        metrics
    }

    fn check_shape(&self, name: &str, frame: &Frame) -> Result<()> {
        let size = self.size.unwrap_or((frame.width(), frame.height()));
        if frame.format() != self.format || (frame.width(), frame.height()) != size {
            return Err(Error::invalid(name, shape(self.format, size), shape_of(frame)));
        }
        Ok(())
    }

    fn is_rgb(&self) -> bool {
        self.format.layout == Layout::Rgb
    }

    fn measure<T: Comparable>(
        &self,
        source: &[Plane<T>; 3],
        decoded: &[Plane<T>; 3],
    ) -> Result<FrameMetrics> {
        let measures = (!self.is_rgb()).then_some(self.measures);
        let depth = self.format.depth;
        self.device.agreed(
            self.kind((source[0].width(), source[0].height())),
            source[0].samples().len(),
            |gpu| on_device::measure(gpu, source, decoded, depth, measures),
            || self.measure_on_cpu(source, decoded),
        )
    }

    fn measure_on_cpu<T: Comparable>(
        &self,
        source: &[Plane<T>; 3],
        decoded: &[Plane<T>; 3],
    ) -> Result<FrameMetrics> {
        let mut planes = [SquaredError::default(); 3];
        for (error, (source, decoded)) in planes.iter_mut().zip(source.iter().zip(decoded)) {
            *error = squared_error(source, decoded)?;
        }
        let mut frame = FrameMetrics { planes, ..FrameMetrics::default() };
        if self.is_rgb() {
            return Ok(frame);
        }
        let depth = self.format.depth;
        let (source, decoded) = (&source[0], &decoded[0]);
        let side = source.width().min(source.height());
        frame.psnr_y = planes[0].psnr(depth);
        if self.measures.has(Metric::MsSsimY) && side >= MS_SSIM_SMALLEST_SIDE {
            let (ms_ssim, ssim) = ms_ssim_and_ssim(source, decoded, depth)?;
            (frame.ms_ssim_y, frame.ssim_y) = (Some(ms_ssim), Some(ssim));
        } else if self.measures.has(Metric::SsimY) && side >= SSIM_SMALLEST_SIDE {
            frame.ssim_y = Some(ssim(source, decoded, depth)?);
        }
        Ok(frame)
    }

    fn take_in(&mut self, frame: &FrameMetrics) {
        let lossless = if self.is_rgb() { &frame.planes[..] } else { &frame.planes[..1] };
        self.frames += 1;
        self.lossless_frames += u64::from(lossless.iter().all(|plane| plane.sum == 0));
        self.squared_error += frame.planes.into_iter().sum();
        let means = [
            (&mut self.psnr_y, frame.psnr_y),
            (&mut self.ssim_y, frame.ssim_y),
            (&mut self.ms_ssim_y, frame.ms_ssim_y),
            (&mut self.ssimulacra2, frame.ssimulacra2),
            (&mut self.vmaf, frame.vmaf),
        ];
        for (mean, value) in means {
            if let Some(value) = value {
                mean.add(value);
            }
        }
        if self.measures.has(Metric::XpsnrY) {
            self.xpsnr_y.add(frame.xpsnr_y);
        }
    }

    fn undefined(&self, metrics: &Metrics) -> Vec<Undefined> {
        let side = self.size.map_or(0, |(width, height)| width.min(height));
        // Whether it is defined for RGB and for YUV, and what asks for it.
        let rows = [
            ("psnr_y", metrics.psnr_y, (false, true), Metric::PsnrY),
            ("psnr_yuv", metrics.psnr_yuv, (false, true), Metric::PsnrY),
            ("psnr_rgb", metrics.psnr_rgb, (true, false), Metric::PsnrY),
            ("ssim_y", metrics.ssim_y, (false, true), Metric::SsimY),
            ("ms_ssim_y", metrics.ms_ssim_y, (false, true), Metric::MsSsimY),
            ("ssimulacra2", metrics.ssimulacra2, (true, true), Metric::Ssimulacra2),
            ("vmaf", metrics.vmaf, (false, true), Metric::Vmaf),
            ("xpsnr_y", metrics.xpsnr_y, (false, true), Metric::XpsnrY),
        ];
        let undefined = rows.into_iter().filter(|(_, value, ..)| value.is_none());
        let reasons = undefined.map(|(metric, _, (of_rgb, of_yuv), asked_by)| {
            let reason = match () {
                () if !of_yuv && !self.is_rgb() => "the frames are not RGB",
                () if !of_rgb && self.is_rgb() => "the frames are RGB",
                () if !self.measures.has(asked_by) => "not asked for",
                () if self.frames == 0 => "no frames",
                () if side < asked_by.smallest_side() => "the picture is too small",
                () => "nothing differs",
            };
            Undefined { metric, reason }
        });
        reasons.collect()
    }
}

fn shape(format: PixelFormat, (width, height): (usize, usize)) -> String {
    format!("{format} of {width}x{height}")
}

fn shape_of(frame: &Frame) -> String {
    shape(frame.format(), (frame.width(), frame.height()))
}
