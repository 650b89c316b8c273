//! Several GPUs, or a fake driver for two: scenes are spread over them, and the bytes are those of the CPU.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first error")]

mod fake_driver;
mod support;

use std::sync::{Mutex, MutexGuard, PoisonError};

use fake_driver::{FakeDriver, fake_driver, is_real};
use neural_codec::device::Device;
use neural_codec::encoder::{Hooks, encode};
use neural_codec::error::Error;
use neural_codec::frame::{AnyFrame, GpuFrame, PixelFormat};
use neural_codec::metrics::{Comparison, Measures};
use neural_codec::report::Report;
use neural_codec::settings::{self, Devices, Settings};
use support::Clip;

/// Two devices for one test at a time; `None` where a real GPU is under test, of which there may be one.
fn alone() -> Option<(MutexGuard<'static, ()>, &'static FakeDriver)> {
    static GATE: Mutex<()> = Mutex::new(());
    let guard = GATE.lock().unwrap_or_else(PoisonError::into_inner);
    if is_real() {
        return None;
    }
    fake_driver().devices(2);
    Some((guard, fake_driver()))
}

/// Four scenes whose frames are large enough for a GPU.
fn encoded(device: &str) -> Result<(Vec<u8>, Report), Error> {
    let mut settings = Settings::default();
    for (name, value) in [("effort", "0"), ("strategies", "av1"), ("quantizer", "50"), ("device", device)] {
        settings.set(name, value)?;
    }
    let mut clip = Clip::new(640, 360, PixelFormat::YUV420_8, 28, 7);
    let mut bytes = Vec::new();
    let report = encode(&mut clip, &mut bytes, &settings, Hooks::default())?;
    Ok((bytes, report))
}

#[test]
fn scenes_are_spread_over_devices_and_the_bytes_are_those_of_the_cpu() {
    let Some((_guard, fake_driver)) = alone() else { return };
    let (on_cpu, report) = encoded("cpu").unwrap();
    assert_eq!(report.scenes.len(), 4);
    let before = [0, 1].map(|device| fake_driver.launches_on(device));
    let (on_both, report) = encoded("cuda:0,1").unwrap();
    assert!(on_both == on_cpu);
    // Five kernels measure a frame; the second device has half of the scenes, and the first one all analysis as well.
    let launched = [0, 1].map(|device| fake_driver.launches_on(device) - before[usize::from(device > 0)]);
    assert!(launched[1] >= 14 * 4 && launched[0] > launched[1], "{launched:?}");
    assert!(report.notes[0].contains("on cuda:0 (fake driver), cuda:1 (fake driver)"), "{:?}", report.notes);
    assert!(!report.notes.iter().any(|note| note.contains("on the CPU")), "{:?}", report.notes);
}

#[test]
fn a_device_that_is_lost_leaves_its_scenes_to_the_cpu_and_the_other_goes_on() {
    let Some((_guard, fake_driver)) = alone() else { return };
    let (on_cpu, _) = encoded("cpu").unwrap();
    drop(Device::cuda_each([0, 1]).unwrap());
    fake_driver.lose(1);
    let before = fake_driver.launches_on(0);
    let (bytes, report) = encoded("cuda:0,1").unwrap();
    assert!(bytes == on_cpu && fake_driver.launches_on(0) > before);
    let fallbacks = report.notes.iter().filter(|note| note.contains("on the CPU: device cuda:1"));
    assert_eq!(fallbacks.count(), 1, "{:?}", report.notes);
    assert!(!report.notes.iter().any(|note| note.contains("device cuda:0")), "{:?}", report.notes);
}

#[test]
fn the_setting_opens_each_device_once_in_rising_order() {
    let Some(_alone) = alone() else { return };
    let named = |device: settings::DeviceChoice, samples: usize| -> Vec<String> {
        device.open_each(samples).unwrap().iter().map(Device::to_string).collect()
    };
    let both = settings::DeviceChoice::CudaEach(Devices::new(&[1, 0]).unwrap());
    assert_eq!(named(both, 1), ["cuda:0 (fake driver)", "cuda:1 (fake driver)"]);
    assert_eq!(both.open(1).unwrap().to_string(), "cuda:0 (fake driver)");
    assert_eq!(named(settings::DeviceChoice::Auto, 1), ["cpu"]);
    assert_eq!(named(settings::DeviceChoice::Auto, 640 * 360), ["cuda:0 (fake driver)"]);
    assert_eq!(named(settings::DeviceChoice::Cuda(1), 1), ["cuda:1 (fake driver)"]);
}

#[test]
fn one_device_that_is_not_there_is_refused_by_name() {
    let Some(_alone) = alone() else { return };
    let refused = encoded("cuda:0,7");
    assert!(matches!(refused, Err(Error::Device { device, .. }) if device == "cuda:7"));
}

#[test]
fn frames_on_one_device_are_measured_there_whatever_lies_on_the_other() {
    let Some((_guard, fake_driver)) = alone() else { return };
    let devices = Device::cuda_each([0, 1]).unwrap();
    let gpus = [0, 1].map(|index| devices[index].gpu().unwrap().clone());
    let frames = [1, 2].map(|scene| Clip::new(64, 48, PixelFormat::YUV420_8, 2, scene).frame(1));
    let there = |gpu: usize, frame: usize| GpuFrame::upload(&gpus[gpu], &frames[frame]).unwrap();
    let mut comparison = Comparison::new(PixelFormat::YUV420_8, Measures::SSIM);
    let expected = comparison.push(&frames[0], &frames[1]).unwrap();
    let before = fake_driver.launches_on(0);
    assert_eq!(comparison.push_gpu_frames(&there(1, 0), &there(1, 1)).unwrap(), expected);
    assert_eq!(fake_driver.launches_on(0), before);
    let [first, second] = gpus.each_ref().map(|gpu| gpu.upload(&[1_u8, 2, 3]).unwrap());
    for address in [second.address(), 0, 64] {
        // SAFETY: an address that is not this device's is refused before anything is read.
        #[allow(unsafe_code)]
        let refused = unsafe { gpus[0].copy_foreign::<u8>(address, 3) };
        assert!(matches!(refused, Err(Error::InvalidArgument { .. })), "{address}");
    }
    // SAFETY: three bytes lie there.
    #[allow(unsafe_code)]
    let ours = unsafe { gpus[0].copy_foreign::<u8>(first.address(), 3) }.unwrap();
    assert_eq!(gpus[0].download(&ours).unwrap(), [1, 2, 3]);
    let refused = comparison.push_gpu_frames(&there(0, 0), &there(1, 1));
    assert!(matches!(refused, Err(Error::InvalidArgument { .. })));
    assert_eq!(AnyFrame::from(there(1, 0)).into_host().unwrap(), frames[0]);
}
