//! A GPU that fails: the CPU takes over with the same result and says so; nothing hangs and nothing leaks.
//!
//! On the fake driver alone, because a real GPU does not fail when it is told to.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first error")]

mod fake_driver;

use std::sync::{Mutex, MutexGuard, PoisonError};

use fake_driver::{FakeDriver, fake_driver, is_real};
use neural_codec::Error;
use neural_codec::device::Device;
use neural_codec::filter::{Filter, SceneNetwork};
use neural_codec::frame::{Color, Frame, PixelFormat, Rational};
use neural_codec::metrics::{Comparison, Measures};
use neural_codec::scene::{FrameAnalyzer, Profiler};

const OUT_OF_MEMORY: i32 = 2;
const INSUFFICIENT_DRIVER: i32 = 35;
const LAUNCH_FAILED: i32 = 719;

/// The fake driver for one test at a time, healthy; `None` where a real GPU is under test.
fn alone() -> Option<(MutexGuard<'static, ()>, &'static FakeDriver)> {
    static GATE: Mutex<()> = Mutex::new(());
    let guard = GATE.lock().unwrap_or_else(PoisonError::into_inner);
    if is_real() {
        return None;
    }
    let fake_driver = fake_driver();
    fake_driver.fail(c"", -1, 0);
    fake_driver.leave_memory(1 << 32);
    fake_driver.corrupt(false);
    Some((guard, fake_driver))
}

fn frame(level: usize) -> Frame {
    let mut frame = Frame::new(70, 50, PixelFormat::YUV420_8, Color::default()).unwrap();
    neural_codec::with_planes!(frame.planes_mut(), planes => for plane in planes.iter_mut() {
        for (at, sample) in plane.samples_mut().iter_mut().enumerate() {
            *sample = (at * level % 200) as _;
        }
    });
    frame
}

fn opened() -> Device {
    Device::cuda(0).unwrap().for_every_size()
}

/// Measures and filters on a device, and checks both against the CPU.
fn assert_right(device: &Device) {
    let (source, decoded) = (frame(3), frame(7));
    let measure = |device: &Device| {
        let mut comparison = Comparison::new(source.format(), Measures::SSIM).with_device(device);
        comparison.push(&source, &decoded).unwrap()
    };
    assert_eq!(measure(device), measure(&Device::cpu()));
    let network = SceneNetwork::base(neural_codec::filter::NetworkSize::M, 160).unwrap().network().unwrap();
    let filter = |device: &Device| Filter::with_device(&network, device).apply(&decoded, 1, None).unwrap();
    assert_eq!(filter(device), filter(&Device::cpu()));
}

#[test]
fn a_device_lost_at_any_call_costs_time_and_nothing_else() {
    let Some((_guard, fake_driver)) = alone() else { return };
    for call in [c"cuLaunchKernel", c"cuMemcpyHtoDAsync_v2", c"cuMemcpyDtoHAsync_v2", c"cuStreamSynchronize"]
    {
        let mut calls = 0;
        loop {
            let device = opened();
            fake_driver.fail(call, calls, LAUNCH_FAILED);
            assert_right(&device);
            if !device.gpu().unwrap().is_lost() {
                break;
            }
            calls += 1;
            let notes = device.notes();
            assert_eq!(notes.len(), 1, "{notes:?}");
            assert!(
                notes[0].contains("on the CPU: device cuda:0: ") && notes[0].contains("LAUNCH_FAILED"),
                "{notes:?}"
            );
            fake_driver.fail(c"", -1, 0);
            drop(device);
            assert_eq!(fake_driver.allocations(), 0);
        }
        assert!(calls >= 7, "{call:?} was made {calls} times");
    }
    fake_driver.fail(c"", -1, 0);
    // A new connection begins anew.
    let device = opened();
    assert_right(&device);
    assert!(device.notes().is_empty());
}

/// The profile of frames that a device looked at.
fn profile(device: &Device) -> neural_codec::scene::Profile {
    let mut analyzer = FrameAnalyzer::with_device(device);
    let mut profiler = Profiler::new(Rational { num: 25, den: 1 });
    for level in 1..4 {
        let frame = frame(level);
        let features = analyzer.analyze(&frame).unwrap();
        profiler.push_features(&frame, features);
    }
    profiler.finish().unwrap()
}

#[test]
fn analysis_goes_on_where_the_device_is_lost_or_full() {
    let Some((_guard, fake_driver)) = alone() else { return };
    let expected = profile(&Device::cpu());
    let mut calls = 0;
    loop {
        let device = opened();
        fake_driver.fail(c"cuLaunchKernel", calls, LAUNCH_FAILED);
        assert_eq!(profile(&device), expected);
        if !device.gpu().unwrap().is_lost() {
            break;
        }
        calls += 1;
        let notes = device.notes();
        assert!(notes.len() == 1 && notes[0].starts_with("scene analysis"), "{notes:?}");
        fake_driver.fail(c"", -1, 0);
        drop(device);
        assert_eq!(fake_driver.allocations(), 0);
    }
    // Five launches for the first frame, seven for each of the others.
    assert_eq!(calls, 19);
    fake_driver.fail(c"", -1, 0);
    for bytes in [0, 3_000, 8_000, 20_000] {
        let device = opened();
        fake_driver.leave_memory(bytes);
        assert_eq!(profile(&device), expected);
        fake_driver.leave_memory(1 << 32);
        assert!(!device.gpu().unwrap().is_lost() && !device.notes().is_empty(), "{:?}", device.notes());
        assert_eq!(fake_driver.allocations(), 0);
    }
}

#[test]
fn exhausted_memory_is_the_cpus_turn_and_the_device_stays() {
    let Some((_guard, fake_driver)) = alone() else { return };
    for bytes in [0, 5_000, 20_000, 60_000] {
        let device = opened();
        fake_driver.leave_memory(bytes);
        assert_right(&device);
        let notes = device.notes();
        assert!(!notes.is_empty() && notes[0].contains("out of memory"), "{notes:?}");
        assert!(!device.gpu().unwrap().is_lost());
        assert_eq!(fake_driver.allocations(), 0);
        fake_driver.leave_memory(1 << 32);
        let launches = fake_driver.launches();
        assert_right(&device);
        assert!(fake_driver.launches() > launches);
    }
}

#[test]
fn a_device_whose_first_results_are_not_the_cpus_is_left_alone() {
    let Some((_guard, fake_driver)) = alone() else { return };
    // Lost on purpose, so that the next connection has nothing proven yet.
    fake_driver.fail(c"cuLaunchKernel", 0, LAUNCH_FAILED);
    assert_right(&opened());
    fake_driver.fail(c"", -1, 0);
    let device = opened();
    fake_driver.corrupt(true);
    assert_right(&device);
    let notes = device.notes();
    assert!(device.gpu().unwrap().is_lost() && notes.len() == 1, "{notes:?}");
    assert!(
        notes[0].starts_with("metrics with SSIM on the CPU: cuda:0 (fake driver) gives other values"),
        "{notes:?}"
    );
    fake_driver.corrupt(false);
    assert!(Device::cuda(0).is_err(), "what was wrong once is not asked again");
}

#[test]
fn a_device_that_other_work_lost_is_told() {
    let Some((_guard, fake_driver)) = alone() else { return };
    let (first, second) = (opened(), opened());
    fake_driver.fail(c"cuLaunchKernel", 0, LAUNCH_FAILED);
    assert_right(&first);
    fake_driver.fail(c"", -1, 0);
    assert_right(&second);
    assert_right(&second);
    let notes = second.notes();
    assert!(
        notes.len() == 1 && notes[0].starts_with("All further work on the CPU: device cuda:0"),
        "{notes:?}"
    );
    assert_eq!(first.notes().len(), 1, "{:?}", first.notes());
}

#[test]
fn a_gpu_that_cannot_be_opened_is_told_where_any_device_will_do() {
    let Some((_guard, fake_driver)) = alone() else { return };
    // Lost, so that the next is opened anew.
    fake_driver.fail(c"cuLaunchKernel", 0, LAUNCH_FAILED);
    assert_right(&opened());
    fake_driver.fail(c"cuDevicePrimaryCtxRetain", 0, OUT_OF_MEMORY);
    let device = Device::auto();
    fake_driver.fail(c"", -1, 0);
    assert_eq!(device, Device::cpu());
    let notes = device.notes();
    assert!(notes.len() == 1 && notes[0].starts_with("All work on the CPU: out of memory"), "{notes:?}");
}

#[test]
fn a_device_that_cannot_be_opened_names_the_remedy() {
    let Some((_guard, fake_driver)) = alone() else { return };
    let reason = |result: Result<Device, Error>| match result.map(|_| ()) {
        Err(Error::Device { reason, .. }) => reason,
        other => panic!("{other:?}"),
    };
    // One that is open stays open; after it is lost, the next call opens anew.
    fake_driver.fail(c"cuLaunchKernel", 0, LAUNCH_FAILED);
    assert_right(&opened());
    fake_driver.fail(c"", -1, 0);
    let no_such = reason(Device::cuda(1));
    assert!(no_such.contains("there is one GPU, cuda:0"), "{no_such}");
    fake_driver.fail(c"cuInit", 0, INSUFFICIENT_DRIVER);
    assert!(reason(Device::cuda(0)).contains("device=cpu"));
    fake_driver.fail(c"cuDevicePrimaryCtxRetain", 0, OUT_OF_MEMORY);
    assert!(matches!(Device::cuda(0), Err(Error::OutOfMemory { .. })));
    fake_driver.fail(c"cuInit", 0, INSUFFICIENT_DRIVER);
    assert_eq!(Device::auto(), Device::cpu());
}

#[test]
fn small_frames_stay_on_the_cpu_unless_asked() {
    let Some((_guard, fake_driver)) = alone() else { return };
    let launches = |device: &Device| {
        let before = fake_driver.launches();
        assert_right(device);
        fake_driver.launches() - before
    };
    assert_eq!(launches(&Device::cuda(0).unwrap()), 0);
    assert_eq!(launches(&opened()), 9);
}

#[test]
fn a_child_by_fork_gets_an_error_that_says_so() {
    let Some(_alone) = alone() else { return };
    let device = opened();
    let gpu = device.gpu().unwrap();
    // SAFETY: the child asks the device alone, which takes no lock that another thread may hold, and ends at once.
    #[allow(unsafe_code)]
    let status = unsafe {
        match libc::fork() {
            0 => {
                let refused = matches!(gpu.upload(&[1_u8]), Err(Error::Device { reason, .. }) if reason.contains("fork"));
                libc::_exit(if refused { 7 } else { 1 })
            }
            child => {
                let mut status = 0;
                assert_eq!(libc::waitpid(child, &raw mut status, 0), child);
                status
            }
        }
    };
    assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 7, "{status}");
    assert!(gpu.upload(&[1_u8]).is_ok());
}
