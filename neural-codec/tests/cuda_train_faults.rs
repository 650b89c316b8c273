//! Training on a GPU that fails, has little memory or no graphs: the same result, or the CPU's.
//!
//! On the fake driver alone, because a real GPU does not fail when it is told to.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first error")]

mod fake_driver;
mod training;

use fake_driver::{device, fake_driver, is_real};
use neural_codec::device::Device;
use neural_codec::filter::train::{Judge, Rates, Rule, Schedule, Shape, Trainer, starting_parameters};
use neural_codec::progress::CancelToken;
use training::{alone, too_bright};

const LAUNCH_FAILED: i32 = 719;
const CAPTURE_UNSUPPORTED: i32 = 900;

/// Loss and parameters after some steps over patches of two sets.
fn trained(device: &Device, steps: usize, batch: usize) -> (Option<f64>, Vec<f32>) {
    let shape = Shape::new(&[4], 2);
    let patches = too_bright(2);
    let mut parameters = starting_parameters(&shape, 1);
    let schedule = Schedule { steps, batch, rates: Rates { weights: 2e-3, gains: 1e-2 }, seed: 4 };
    let mut trainer = Trainer::new(&shape, &patches, device);
    let loss = trainer.run(&mut parameters, &schedule, Rule::Free, &CancelToken::new()).unwrap();
    (loss, parameters)
}

#[test]
fn steps_after_the_first_are_one_launch_each_and_give_the_same_without_graphs() {
    let (_guard, device) = alone();
    if is_real() {
        return;
    }
    let counted = || {
        let (launches, replays) = (fake_driver().launches(), fake_driver().replays());
        let found = trained(&device, 10, 1);
        assert_eq!(fake_driver().graphs(), 0);
        (found, fake_driver().launches() - launches, fake_driver().replays() - replays)
    };
    let (found, launches, replays) = counted();
    // Begin, gather, two layers, loss, two layers back, total, Adam.
    assert_eq!((launches, replays), (10 * (1 + 1 + 2 + 1 + 5 + 1 + 1), 9));
    for (call, after) in [
        (c"cuStreamBeginCapture_v2", 0),
        (c"cuLaunchKernel", launches / 10 + 3),
        (c"cuStreamEndCapture", 0),
        (c"cuGraphInstantiateWithFlags", 0),
    ] {
        fake_driver().fail(call, after, CAPTURE_UNSUPPORTED);
        assert!(counted() == (found.clone(), launches, 0), "{call:?}");
    }
    assert_eq!(device.notes(), Vec::<String>::new());
}

#[test]
fn a_batch_that_memory_is_too_short_for_is_taken_in_parts_and_then_to_the_cpu() {
    let (_guard, _) = alone();
    if is_real() {
        return;
    }
    let (cpu_loss, on_cpu) = trained(&Device::cpu(), 10, 5);
    for (kilobytes, parts) in [(0, 0), (1500, 0), (2300, 3), (3200, 2), (4600, 1)] {
        let device = device();
        fake_driver().leave_memory(kilobytes << 10);
        let before = fake_driver().launches();
        let (loss, parameters) = trained(&device, 10, 5);
        fake_driver().leave_memory(1 << 32);
        assert_eq!(fake_driver().allocations(), 0);
        // Nine kernels go over a part, three over a batch.
        let launches = if parts == 0 { 0 } else { 10 * (3 + 9 * parts) };
        assert_eq!(fake_driver().launches() - before, launches, "{kilobytes} KB");
        if parts == 0 {
            assert!(loss == cpu_loss && parameters == on_cpu);
            assert!(device.notes()[0].contains("out of memory"), "{:?}", device.notes());
            continue;
        }
        assert!((loss.unwrap() / cpu_loss.unwrap() - 1.0).abs() < 1e-5, "{parts}: {loss:?} {cpu_loss:?}");
        let apart = parameters.iter().zip(&on_cpu).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(apart < 1e-5, "{parts}: {apart}");
        assert_eq!(device.notes(), Vec::<String>::new());
    }
}

#[test]
fn a_device_lost_at_any_call_costs_time_and_nothing_else() {
    let (_guard, _) = alone();
    if is_real() {
        return;
    }
    let on_cpu = trained(&Device::cpu(), 3, 1);
    for (call, least) in [
        (c"cuLaunchKernel", 24),
        (c"cuGraphLaunch", 2),
        (c"cuStreamCreate", 1),
        (c"cuMemcpyHtoDAsync_v2", 9),
        (c"cuMemcpyDtoHAsync_v2", 3),
        (c"cuStreamSynchronize", 5),
    ] {
        let mut calls = 0;
        loop {
            let device = device();
            fake_driver().fail(call, calls, LAUNCH_FAILED);
            let found = trained(&device, 3, 1);
            fake_driver().fail(c"", -1, 0);
            assert_eq!((fake_driver().allocations(), fake_driver().graphs()), (0, 0), "{call:?} {calls}");
            if !device.gpu().unwrap().is_lost() {
                break;
            }
            assert!(found == on_cpu, "{call:?} {calls}");
            assert_eq!(device.notes().len(), 1, "{call:?} {calls}: {:?}", device.notes());
            assert!(
                device.notes()[0].starts_with("training on the CPU: device cuda:0"),
                "{:?}",
                device.notes()
            );
            calls += 1;
        }
        assert!(calls >= least, "{call:?} was made {calls} times");
    }
}

#[test]
fn networks_are_judged_in_parts_where_memory_is_short_and_on_the_cpu_where_the_device_is_lost() {
    let (_guard, _) = alone();
    if is_real() {
        return;
    }
    let shape = Shape::new(&[4], 2);
    let parameters = starting_parameters(&shape, 1);
    let judged = |device: &Device| Judge::new(&shape, too_bright(2), device).error_left(&parameters).unwrap();
    let on_cpu = judged(&Device::cpu());
    for (kilobytes, parts) in [(0, 0), (1500, 0), (2200, 4), (3500, 2), (6000, 1)] {
        let device = device();
        fake_driver().leave_memory(kilobytes << 10);
        let before = fake_driver().launches();
        let left = judged(&device);
        fake_driver().leave_memory(1 << 32);
        assert_eq!(fake_driver().allocations(), 0);
        // Gather, two layers and loss, without a network and with it.
        assert_eq!(fake_driver().launches() - before, 2 * 4 * parts, "{kilobytes} KB");
        assert!((left / on_cpu - 1.0).abs() < 1e-5 && (parts > 0 || left == on_cpu), "{left} {on_cpu}");
        assert_eq!(device.notes().len(), usize::from(parts == 0), "{:?}", device.notes());
    }
    for call in [c"cuLaunchKernel", c"cuStreamCreate", c"cuMemcpyDtoHAsync_v2", c"cuStreamSynchronize"] {
        for calls in 0..2 {
            let device = device();
            fake_driver().fail(call, calls, LAUNCH_FAILED);
            let left = judged(&device);
            fake_driver().fail(c"", -1, 0);
            assert!(left == on_cpu || !device.gpu().unwrap().is_lost(), "{call:?} {calls}");
            assert_eq!(fake_driver().allocations(), 0, "{call:?} {calls}");
        }
    }
}

#[test]
fn a_second_device_trains_as_the_first_and_by_itself() {
    let (_guard, first) = alone();
    if is_real() {
        return;
    }
    fake_driver().devices(2);
    let second = Device::cuda(1).unwrap().for_every_size();
    let launches = [0, 1].map(|device| fake_driver().launches_on(device));
    let on_second = trained(&second, 10, 1);
    assert_eq!(fake_driver().launches_on(0), launches[0]);
    assert!(fake_driver().launches_on(1) > launches[1]);
    assert!(trained(&first, 10, 1) == on_second);
    assert_eq!((first.notes(), second.notes()), (vec![], vec![]));
    fake_driver().devices(1);
}
