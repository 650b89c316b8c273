//! Frames of a clip analyzed one after the other, on the CPU or on a GPU.

use std::sync::Arc;

use super::features::{FrameFeatures, next_number};
use super::on_device;
use crate::device::Device;
use crate::error::Result;
use crate::frame::{BitDepth, Frame, GpuFrame, Layout, PixelFormat};
use crate::scene::ScenePicture;

/// Analyzes the frames of a clip one after the other, on a device.
///
/// ```
/// use neural_codec::device::Device;
/// use neural_codec::scene::{FrameAnalyzer, CutDetector, CutSettings, Profiler};
/// # use neural_codec::frame::{Color, Frame, PixelFormat, Rational};
///
/// let rate = Rational::new(25, 1)?;
/// let mut analyzer = FrameAnalyzer::with_device(&Device::auto());
/// let mut detector = CutDetector::new(CutSettings::new(rate))?;
/// let mut profiler = Profiler::new(rate);
/// for _ in 0..10 {
///     let frame = Frame::new(64, 48, PixelFormat::YUV420_8, Color::default())?;
///     let features = analyzer.analyze(&frame)?;
///     detector.push_features(&features);
///     profiler.push_features(&frame, features);
/// }
/// assert_eq!(detector.finish(), [0]);
/// assert_eq!(profiler.finish()?.frames, 10);
/// # Ok::<(), neural_codec::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct FrameAnalyzer {
    device: Device,
    before: Option<Before>,
}

/// The frame before, where a GPU analyzed it.
#[derive(Debug)]
struct Before {
    features: FrameFeatures,
    picture: ScenePicture,
    shape: (usize, usize, PixelFormat),
}

impl FrameAnalyzer {
    /// One that works on a device, and on the CPU for small frames.
    pub fn with_device(device: &Device) -> Self {
        Self { device: device.clone(), before: None }
    }

    /// Analyzes the next frame.
    ///
    /// # Errors
    ///
    /// None that a valid frame can cause.
    pub fn analyze(&mut self, frame: &Frame) -> Result<FrameFeatures> {
        self.analyze_any(frame, None)
    }

    /// As [`analyze`](Self::analyze), of a frame that may be resident on the device already: `resident` holds the same samples.
    pub fn analyze_any(&mut self, frame: &Frame, resident: Option<&GpuFrame>) -> Result<FrameFeatures> {
        let resident = resident.filter(|resident| {
            let is_here = self.device.gpu().is_some_and(|gpu| Arc::ptr_eq(gpu, resident.gpu()));
            is_here
                && resident.format() == frame.format()
                && resident.sizes()[0] == (frame.width(), frame.height())
        });
        // A frame in the GPU's memory costs no copy, however small.
        let samples = if resident.is_some() { usize::MAX } else { frame.width() * frame.height() };
        let shape = (frame.width(), frame.height(), frame.format());
        let before = self.before.take().filter(|before| before.shape == shape);
        let features_before = before.as_ref().map(|before| &before.features);
        let what = kind(frame.format(), before.is_some());
        let number = next_number();
        let mut kept = None;
        let features = self.device.verified(
            what,
            samples,
            |gpu| {
                let known = before.as_ref().map(|before| &before.picture);
                let picture = match resident {
                    Some(resident) => on_device::picture_of_gpu_frame(resident, known)?,
                    None => on_device::picture(gpu, frame, known)?,
                };
                let measurements = gpu.measurements(&picture)?;
                kept = Some(picture);
                let thumbnail = on_device::thumbnail(&measurements)?;
                let pair = on_device::pair(&measurements, &thumbnail, features_before);
                Ok(FrameFeatures {
                    number,
                    thumbnail,
                    detail: Some(on_device::detail(&measurements, frame)),
                    pair,
                })
            },
            || Ok(FrameFeatures { number, ..FrameFeatures::new(frame)? }.measured(frame, features_before)),
        )?;
        let Some(features) = features else { return FrameFeatures::new(frame) };
        self.before = kept.map(|picture| Before { features: features.clone(), picture, shape });
        Ok(features)
    }
}

/// The kind of work, each of which is compared with the CPU's once.
fn kind(format: PixelFormat, is_pair: bool) -> &'static str {
    match (format.depth, format.layout == Layout::Rgb, is_pair) {
        (BitDepth::Eight, false, false) => "scene analysis",
        (BitDepth::Eight, false, true) => "scene analysis of pairs",
        (BitDepth::Eight, true, false) => "scene analysis of RGB",
        (BitDepth::Eight, true, true) => "scene analysis of pairs of RGB",
        (BitDepth::Ten, false, false) => "scene analysis of 10 bits",
        (BitDepth::Ten, false, true) => "scene analysis of pairs of 10 bits",
        (BitDepth::Ten, true, false) => "scene analysis of RGB of 10 bits",
        (BitDepth::Ten, true, true) => "scene analysis of pairs of RGB of 10 bits",
    }
}
