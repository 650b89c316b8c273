//! Copies to a GPU, or to the fake driver for one, and back: every value, whatever way it went.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first error")]

mod fake_driver;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fake_driver::{device, fake_driver, is_real};
use neural_codec::Error;
use neural_codec::gpu::{DeviceSample, Gpu};

const OUT_OF_MEMORY: i32 = 2;
const LAUNCH_FAILED: i32 = 719;

/// Bytes from which on copies go through pinned memory, and those of a piece of it.
const STAGED: usize = 64 << 10;
const PIECE: usize = 4 << 20;

/// The GPU for one test at a time, opened anew on the fake driver.
fn alone() -> (MutexGuard<'static, ()>, Arc<Gpu>) {
    static GATE: Mutex<()> = Mutex::new(());
    let guard = GATE.lock().unwrap_or_else(PoisonError::into_inner);
    if !is_real() {
        fake_driver().fail(c"", -1, 0);
        lose();
    }
    (guard, device().gpu().unwrap().clone())
}

/// Loses the device, so that the next one is opened anew.
fn lose() {
    fake_driver().fail(c"cuMemAllocAsync", 0, LAUNCH_FAILED);
    assert!(device().gpu().unwrap().upload(&[1_u8]).is_err());
    fake_driver().fail(c"", -1, 0);
}

/// Values that differ from any shifted copy of themselves.
fn values<T: From<u8>>(len: usize, seed: usize) -> Vec<T> {
    (0..len).map(|at| ((at ^ (at >> 8) ^ (at >> 16) ^ seed) as u8).into()).collect()
}

fn assert_returns<T: DeviceSample + From<u8> + PartialEq>(gpu: &Gpu, len: usize) {
    let sent = values::<T>(len, 1);
    assert!(gpu.download(&gpu.upload(&sent).unwrap()).unwrap() == sent, "{len} of {}", T::SUFFIX);
}

#[test]
fn what_is_uploaded_comes_back_for_every_size() {
    let (_guard, gpu) = alone();
    for len in [1, STAGED - 1, STAGED, STAGED + 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 5] {
        assert_returns::<u8>(&gpu, len);
    }
    assert_returns::<u16>(&gpu, PIECE + 7);
    assert_returns::<f32>(&gpu, PIECE + 7);
    assert_returns::<f64>(&gpu, PIECE / 8);
}

#[test]
fn copies_that_follow_one_another_keep_apart_and_their_source_may_change_at_once() {
    let (_guard, gpu) = alone();
    let mut source = values::<u8>(2 * PIECE + PIECE / 2, 0);
    let expected: Vec<Vec<u8>> = (0..5).map(|seed| values(source.len() - seed * STAGED, seed)).collect();
    let buffers: Vec<_> = expected
        .iter()
        .map(|values| {
            source[..values.len()].copy_from_slice(values);
            let buffer = gpu.upload(&source[..values.len()]).unwrap();
            source.fill(0xee);
            gpu.copy(&buffer).unwrap()
        })
        .collect();
    for (buffer, values) in buffers.iter().zip(&expected) {
        assert!(gpu.download(buffer).unwrap() == *values);
    }
}

#[test]
fn without_pinned_memory_copies_go_the_plain_way() {
    let (_guard, gpu) = alone();
    if is_real() {
        return;
    }
    fake_driver().fail(c"cuMemHostAlloc", 1, OUT_OF_MEMORY);
    assert_returns::<u8>(&gpu, PIECE + 1);
    // It was not asked for again.
    fake_driver().fail(c"cuMemHostAlloc", 0, LAUNCH_FAILED);
    assert_returns::<u8>(&gpu, PIECE + 1);
    // Nor is there any for the way back.
    drop(gpu);
    fake_driver().fail(c"", -1, 0);
    lose();
    let gpu = device().gpu().unwrap().clone();
    let sent = gpu.upload(&values::<u8>(PIECE + 1, 1)).unwrap();
    for calls in [0, 1] {
        fake_driver().fail(c"cuMemHostAlloc", calls, OUT_OF_MEMORY);
        assert!(gpu.download(&sent).unwrap() == values::<u8>(PIECE + 1, 1));
    }
}

#[test]
fn what_comes_back_is_what_was_asked_for_before_and_keeps_apart_from_what_comes_after() {
    let (_guard, gpu) = alone();
    let [first, second] = [1, 2].map(|seed| gpu.upload(&values::<u16>(PIECE + 11, seed)).unwrap());
    let mut found = vec![0_u16; PIECE + 20];
    for (buffer, seed) in [(&first, 1), (&second, 2), (&first, 1)] {
        // More is under way at the time.
        let copy = gpu.copy(buffer).unwrap();
        let _unused = gpu.copy(&second).unwrap();
        gpu.download_to(&copy, &mut found).unwrap();
        assert!(found[..PIECE + 11] == values::<u16>(PIECE + 11, seed) && found[PIECE + 11..] == [0; 9]);
    }
}

#[test]
fn memory_that_is_short_is_an_error_that_leaves_the_device_usable() {
    let (_guard, gpu) = alone();
    if is_real() {
        return;
    }
    fake_driver().leave_memory(PIECE);
    let refused = gpu.upload(&values::<u8>(PIECE + 1, 1));
    assert!(
        matches!(refused, Err(Error::OutOfMemory { bytes, .. }) if bytes == PIECE as u64 + 1),
        "{refused:?}"
    );
    fake_driver().leave_memory(1 << 32);
    assert_returns::<u8>(&gpu, PIECE + 1);
    assert_eq!(fake_driver().allocations(), 0);
}

#[test]
fn a_device_lost_at_any_call_of_a_copy_back_is_an_error_and_leaks_nothing() {
    let calls = [c"cuMemcpyDtoHAsync_v2", c"cuEventSynchronize", c"cuEventRecord", c"cuStreamWaitEvent"];
    for (call, after) in calls.into_iter().flat_map(|call| [(call, 0), (call, 1)]) {
        let (_guard, gpu) = alone();
        if is_real() {
            return;
        }
        let sent = gpu.upload(&values::<u8>(3 * PIECE, 1)).unwrap();
        gpu.download(&sent).unwrap();
        fake_driver().fail(call, after, LAUNCH_FAILED);
        let refused = gpu.download(&sent);
        // It waits for the device once.
        if (call, after) == (c"cuStreamWaitEvent", 1) {
            assert!(refused.is_ok());
            continue;
        }
        assert!(matches!(refused, Err(Error::Device { .. })) && gpu.is_lost(), "{call:?}");
        drop(sent);
        assert_eq!(fake_driver().allocations(), 0, "{call:?}");
    }
}

#[test]
fn a_device_lost_at_any_call_of_a_copy_is_an_error_and_leaks_nothing() {
    for call in [
        c"cuMemAllocAsync",
        c"cuMemcpyHtoDAsync_v2",
        c"cuEventSynchronize",
        c"cuEventRecord",
        c"cuStreamWaitEvent",
    ] {
        let (_guard, gpu) = alone();
        if is_real() {
            return;
        }
        assert_returns::<u8>(&gpu, STAGED);
        fake_driver().fail(call, 0, LAUNCH_FAILED);
        let refused = gpu.upload(&values::<u8>(STAGED, 1));
        assert!(matches!(refused, Err(Error::Device { .. })) && gpu.is_lost(), "{call:?}: {refused:?}");
        assert_eq!(fake_driver().allocations(), 0, "{call:?}");
    }
}

#[test]
fn freed_memory_is_kept_for_the_next_buffer_and_never_less_than_another_asked_for() {
    let (_guard, gpu) = alone();
    if is_real() {
        return;
    }
    for (before, after) in [(0, 512), (100, 512), (700, 700)] {
        lose();
        fake_driver().kept_megabytes(before);
        assert!(!device().gpu().unwrap().is_lost());
        assert_eq!(fake_driver().kept_megabytes(-1), after);
    }
    // A driver without pools is one without that.
    lose();
    fake_driver().fail(c"cuMemPoolSetAttribute", 0, 801);
    fake_driver().kept_megabytes(0);
    assert_returns::<u8>(device().gpu().unwrap(), PIECE);
    assert_eq!(fake_driver().kept_megabytes(-1), 0);
    drop(gpu);
}
