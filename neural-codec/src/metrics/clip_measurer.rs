//! Measures a run of frames, one pair after the other: metrics of pairs, and those that look along time.

use super::comparison::Comparison;
use super::metric::{Measures, Metric};
use super::report::FrameMetrics;
use super::vmaf::{VMAF_SMALLEST_SIDE, VmafRun};
use super::xpsnr::Xpsnr;
use crate::device::Device;
use crate::error::Result;
use crate::frame::{Frame, GpuFrame, Layout, Planes, VideoInfo};

/// Measures consecutive frames of a scene or clip.
///
/// VMAF and XPSNR look at the frames before: those that came first into this measurer have none.
///
/// ```
/// use neural_codec::frame::{Color, Frame, PixelFormat, Rational, VideoInfo};
/// use neural_codec::metrics::{ClipMeasurer, Measures, Metric};
///
/// let info = VideoInfo::new(64, 48, PixelFormat::YUV420_8, Rational::new(25, 1)?);
/// let source = Frame::new(64, 48, info.format, Color::default())?;
/// let mut measurer = ClipMeasurer::new(&info, Measures::SSIM.with(Metric::XpsnrY))?;
/// measurer.push(&source, &source.clone())?;
/// let measured = measurer.finish()?;
/// assert_eq!(measured.frames[0].xpsnr_y, None); // no error, so no ratio to it
/// # Ok::<(), neural_codec::Error>(())
/// ```
#[derive(Debug)]
pub struct ClipMeasurer {
    info: VideoInfo,
    measures: Measures,
    comparison: Comparison,
    xpsnr: Option<Xpsnr>,
    vmaf: Option<VmafRun>,
    frames: Vec<FrameMetrics>,
}

/// What was measured.
#[derive(Debug)]
pub struct Measured {
    /// Values of each frame.
    pub frames: Vec<FrameMetrics>,
    /// All of them together.
    pub comparison: Comparison,
}

impl ClipMeasurer {
    /// A measurer of frames as `info` says; only the metrics in `measures` take time.
    ///
    /// # Errors
    ///
    /// `MissingLibrary` with the remedy, where VMAF is asked for and libvmaf is not to be had.
    pub fn new(info: &VideoInfo, measures: Measures) -> Result<Self> {
        let is_rgb = info.format.layout == Layout::Rgb;
        let has_vmaf =
            measures.has(Metric::Vmaf) && !is_rgb && info.width.min(info.height) >= VMAF_SMALLEST_SIDE;
        let has_xpsnr = measures.has(Metric::XpsnrY) && !is_rgb;
        Ok(Self {
            info: *info,
            measures,
            comparison: Comparison::new(info.format, measures),
            xpsnr: has_xpsnr.then(|| Xpsnr::new(info.format.depth, info.frame_rate)),
            vmaf: if has_vmaf { Some(VmafRun::new(info)?) } else { None },
            frames: Vec::new(),
        })
    }

    /// The same measurer, with frames to come measured on a device as far as it can; the values are those of the CPU.
    #[must_use]
    pub fn with_device(self, device: &Device) -> Self {
        Self { comparison: self.comparison.with_device(device), ..self }
    }

    /// Measures one pair of frames. The VMAF of a frame is known when all are: `finish` has it.
    ///
    /// # Errors
    ///
    /// As [`Comparison::push`]; what libvmaf reports.
    pub fn push(&mut self, source: &Frame, decoded: &Frame) -> Result<FrameMetrics> {
        let frame = self.comparison.push(source, decoded)?;
        self.along_time(frame, source, decoded)
    }

    /// Measures one pair that is shown so many times in a row; what it is the first time. What looks at pairs alone finds the same each time.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    pub(crate) fn push_shown(
        &mut self,
        source: &Frame,
        decoded: &Frame,
        times: usize,
    ) -> Result<FrameMetrics> {
        let first = self.push(source, decoded)?;
        for _ in 1..times {
            self.along_time(first, source, decoded)?;
        }
        Ok(first)
    }

    /// Adds what looks along time to the metrics of a pair.
    fn along_time(
        &mut self,
        mut frame: FrameMetrics,
        source: &Frame,
        decoded: &Frame,
    ) -> Result<FrameMetrics> {
        if let Some(xpsnr) = &mut self.xpsnr {
            frame.xpsnr_y = match (source.planes(), decoded.planes()) {
                (Planes::U8([source, ..]), Planes::U8([decoded, ..])) => xpsnr.push(source, decoded)?,
                (Planes::U16([source, ..]), Planes::U16([decoded, ..])) => xpsnr.push(source, decoded)?,
                // The comparison takes no such pair.
                _ => None,
            };
        }
        if let Some(vmaf) = &mut self.vmaf {
            vmaf.push(source, decoded)?;
        }
        self.frames.push(frame);
        Ok(frame)
    }

    /// As [`push`](Self::push), of frames that are resident on one GPU; metrics that no GPU measures are not taken.
    ///
    /// # Errors
    ///
    /// As [`Comparison::push_gpu_frames`].
    pub(crate) fn push_gpu_frames(&mut self, source: &GpuFrame, decoded: &GpuFrame) -> Result<FrameMetrics> {
        let frame = self.comparison.push_gpu_frames(source, decoded)?;
        self.frames.push(frame);
        Ok(frame)
    }

    /// Pairs that were measured.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether there was none.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// All that was measured.
    ///
    /// # Errors
    ///
    /// What libvmaf reports.
    pub fn finish(mut self) -> Result<Measured> {
        if let Some(vmaf) = self.vmaf.take() {
            let scores = vmaf.finish()?;
            self.frames.iter_mut().zip(scores).for_each(|(frame, score)| frame.vmaf = Some(score));
        }
        let size = (self.info.width, self.info.height);
        let comparison = Comparison::of_frames(self.info.format, self.measures, size, &self.frames);
        Ok(Measured { frames: self.frames, comparison })
    }
}
