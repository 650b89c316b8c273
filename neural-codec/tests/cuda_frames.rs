//! Frames that lie on a GPU, or on the fake driver for one: measured there without a copy, and encoded to the same bytes.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first error")]

mod fake_driver;
mod support;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fake_driver::{device, fake_driver, is_real};
use neural_codec::decoder::{ClipMetrics, compare_with_device};
use neural_codec::device::Device;
use neural_codec::encoder::{Hooks, encode};
use neural_codec::error::Error;
use neural_codec::frame::Samples;
use neural_codec::frame::{AnyFrame, Color, Frame, GpuFrame, PixelFormat, VideoInfo};
use neural_codec::gpu::Gpu;
use neural_codec::media::FrameSource;
use neural_codec::metrics::{Comparison, Measures};
use neural_codec::scene::{FrameAnalyzer, Profiler};
use neural_codec::settings::Settings;
use support::Clip;

/// The device for one test at a time, healthy.
fn alone() -> (MutexGuard<'static, ()>, Arc<Gpu>) {
    static GATE: Mutex<()> = Mutex::new(());
    let guard = GATE.lock().unwrap_or_else(PoisonError::into_inner);
    if !is_real() {
        fake_driver().fail(c"", -1, 0);
        fake_driver().leave_memory(1 << 32);
    }
    (guard, device().gpu().unwrap().clone())
}

/// A clip whose frames lie on a GPU.
struct There {
    clip: Clip,
    gpu: Arc<Gpu>,
    /// Frames uploaded before anything is counted.
    ready: Vec<GpuFrame>,
}

impl There {
    fn new(mut clip: Clip, gpu: &Arc<Gpu>) -> Self {
        let mut ready = Vec::new();
        while let Some(frame) = clip.next_frame().unwrap() {
            ready.push(GpuFrame::upload(gpu, &frame).unwrap());
        }
        ready.reverse();
        Self { clip, gpu: gpu.clone(), ready }
    }
}

impl FrameSource for There {
    fn info(&self) -> &VideoInfo {
        self.clip.info()
    }

    fn next_frame(&mut self) -> neural_codec::Result<Option<Frame>> {
        self.next_any_frame()?.map(AnyFrame::into_host).transpose()
    }

    fn next_any_frame(&mut self) -> neural_codec::Result<Option<AnyFrame>> {
        assert!(Arc::ptr_eq(&self.gpu, device().gpu().unwrap()));
        Ok(self.ready.pop().map(AnyFrame::from))
    }
}

fn clip(format: PixelFormat, scene: u64) -> Clip {
    Clip::new(192, 180, format, 4, scene)
}

fn compared(
    reference: &mut dyn FrameSource,
    clip: &mut dyn FrameSource,
) -> neural_codec::Result<ClipMetrics> {
    compare_with_device(&Device::cpu(), reference, clip, Measures::MS_SSIM)
}

#[test]
fn frames_on_a_gpu_compare_as_on_the_host_and_stay_there() {
    let (_guard, gpu) = alone();
    for format in [PixelFormat::YUV420_8, PixelFormat::YUV420_10, PixelFormat::RGB_8] {
        let expected = compared(&mut clip(format, 4), &mut clip(format, 2)).unwrap();
        let mut sources = [4, 2].map(|scene| There::new(clip(format, scene), &gpu));
        let [reference, other] = &mut sources;
        let copied = || if is_real() { (0, 0) } else { fake_driver().copied() };
        let before = copied();
        assert_eq!(compared(reference, other).unwrap(), expected, "{format}");
        let after = copied();
        // The first pair of a kind is checked on the CPU, of RGB the first frame that becomes YUV too; sums of the others are small.
        let frame = clip(format, 4).frame(0).byte_len() as i32;
        let pair = if format == PixelFormat::RGB_8 { 4 * frame } else { 2 * frame };
        assert_eq!(after.0, before.0, "{format}");
        assert!(after.1 - before.1 < pair + pair / 4, "{format}: {} of {pair}", after.1 - before.1);
    }
}

#[test]
fn one_clip_on_the_gpu_compares_with_one_of_another_format_on_the_host() {
    let (_guard, gpu) = alone();
    let (rgb, yuv) = (PixelFormat::RGB_8, PixelFormat::YUV420_8);
    let expected = compared(&mut clip(rgb, 4), &mut clip(yuv, 2)).unwrap();
    assert_eq!(compared(&mut There::new(clip(rgb, 4), &gpu), &mut clip(yuv, 2)).unwrap(), expected);
    assert_eq!(compared(&mut clip(rgb, 4), &mut There::new(clip(yuv, 2), &gpu)).unwrap(), expected);
    if is_real() {
        return;
    }
    // Where the GPU has no room, the host measures.
    let mut sources = [There::new(clip(rgb, 4), &gpu), There::new(clip(yuv, 2), &gpu)];
    fake_driver().leave_memory(10_000);
    let [reference, other] = &mut sources;
    assert_eq!(compared(reference, other).unwrap(), expected);
    fake_driver().leave_memory(1 << 32);
}

#[test]
fn frames_on_a_gpu_encode_to_the_bytes_of_those_on_the_host() {
    let (_guard, gpu) = alone();
    let mut settings = Settings::default();
    for (name, value) in [("effort", "0"), ("strategies", "av1"), ("quantizer", "50"), ("device", "cpu")] {
        settings.set(name, value).unwrap();
    }
    let encoded = |source: &mut dyn FrameSource| {
        let mut bytes = Vec::new();
        encode(source, &mut bytes, &settings, Hooks::default()).unwrap();
        bytes
    };
    for format in [PixelFormat::RGB_8, PixelFormat::YUV420_10] {
        let on_gpu = encoded(&mut There::new(clip(format, 2), &gpu));
        assert!(on_gpu == encoded(&mut clip(format, 2)), "{format}");
    }
}

#[test]
fn frames_on_the_gpu_that_looks_at_them_are_not_copied_to_it() {
    let (_guard, gpu) = alone();
    if is_real() {
        return;
    }
    for format in [PixelFormat::RGB_8, PixelFormat::YUV420_10] {
        // Frames of this size are measured on the CPU, but looked at where they lie.
        let mut analyzer = FrameAnalyzer::with_device(&Device::cuda(0).unwrap());
        let source = clip(format, 2);
        let frames: Vec<Frame> = (0..4).map(|index| source.frame(index)).collect();
        let there: Vec<GpuFrame> =
            frames.iter().map(|frame| GpuFrame::upload(&gpu, frame).unwrap()).collect();
        let (copied, launches) = (fake_driver().copied().0, fake_driver().launches());
        let mut profilers = [0, 1].map(|_| Profiler::new(source.info().frame_rate));
        for (frame, there) in frames.iter().zip(&there) {
            let features = analyzer.analyze_any(frame, Some(there)).unwrap();
            profilers[0].push_features(frame, features);
            profilers[1].push(frame).unwrap();
        }
        let [found, expected] = profilers.map(|profiler| profiler.finish().unwrap());
        assert_eq!(found, expected, "{format}");
        assert!(fake_driver().copied().0 == copied && fake_driver().launches() > launches, "{format}");
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let (_guard, gpu) = alone();
    let frame = |format, scene| GpuFrame::upload(&gpu, &clip(format, scene).frame(0)).unwrap();
    let mut comparison = Comparison::new(PixelFormat::YUV420_8, Measures::PSNR);
    let refused = comparison.push_gpu_frames(&frame(PixelFormat::YUV420_8, 2), &frame(PixelFormat::RGB_8, 2));
    assert!(matches!(refused, Err(Error::InvalidArgument { .. })));
    let wide = |value: u16| {
        let planes = [5 * 3, 3 * 2, 3 * 2].map(|len| {
            let mut samples = vec![7; len];
            samples[len - 1] = value;
            Samples::U16(gpu.upload(&samples).unwrap())
        });
        GpuFrame::from_planes(&gpu, (5, 3), planes, PixelFormat::YUV420_10, Color::default())
    };
    assert_eq!(wide(1023).unwrap().download().unwrap().width(), 5);
    assert!(matches!(wide(1024), Err(Error::InvalidArgument { .. })));
    let planes = [5, 3, 3].map(|len| Samples::U8(gpu.upload(&vec![0; len]).unwrap()));
    let short = GpuFrame::from_planes(&gpu, (5, 3), planes, PixelFormat::YUV420_8, Color::default());
    assert!(matches!(short, Err(Error::InvalidArgument { .. })));
}

#[test]
#[allow(unsafe_code)]
fn memory_of_others_is_copied_and_left_to_them() {
    let (_guard, gpu) = alone();
    let theirs = gpu.upload(&[3_u8, 1, 4, 1, 5]).unwrap();
    let before = if is_real() { 0 } else { fake_driver().allocations() };
    // SAFETY: the address is that of five bytes of a buffer which outlives the copy.
    let ours = unsafe { gpu.copy_foreign::<u8>(theirs.address(), 5) }.unwrap();
    assert_eq!(gpu.download(&ours).unwrap(), [3, 1, 4, 1, 5]);
    drop(ours);
    assert_eq!(if is_real() { 0 } else { fake_driver().allocations() }, before);
    assert_eq!(gpu.download(&theirs).unwrap(), [3, 1, 4, 1, 5]);
}
