//! What is loaded into a GPU: machine code for its kind where there is some and the driver takes it, else PTX.
//!
//! On the fake driver alone, which can pretend to be another GPU with another driver.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first error")]

mod fake_driver;

use fake_driver::{FakeDriver, fake_driver, is_real};
use neural_codec::Error;
use neural_codec::device::Device;

/// What every driver of CUDA 12 serves at least, and what the PTX needs.
const OLDEST: i32 = 12_000;
const NEWER: i32 = 13_000;

const NO_BINARY_FOR_GPU: i32 = 209;
const UNSUPPORTED_PTX: i32 = 222;

/// Opens a device of a capability anew: modules loaded from PTX and from machine code, or why it cannot be had.
fn opened(fake_driver: &FakeDriver, capability: (i32, i32), driver: i32) -> Result<(i32, i32), String> {
    fake_driver.pretend(capability, driver);
    let before = fake_driver.loaded();
    let device = Device::cuda(0).map_err(|error| match error {
        Error::Device { reason, .. } => reason,
        other => panic!("{other:?}"),
    });
    let after = fake_driver.loaded();
    if let Ok(gpu) = &device {
        let gpu = gpu.gpu().unwrap();
        assert_eq!(gpu.download(&gpu.upload(&[1_u8, 2, 3]).unwrap()).unwrap(), [1, 2, 3]);
        // The next one is opened anew.
        fake_driver.lose(0);
        assert!(gpu.synchronize().is_err());
    }
    fake_driver.devices(1);
    device.map(|_| (after.0 - before.0, after.1 - before.1))
}

#[test]
fn a_gpu_gets_machine_code_of_its_own_kind_else_ptx_and_old_drivers_are_named() {
    if is_real() {
        return;
    }
    let fake_driver = fake_driver();
    for capability in [(7, 5), (8, 0), (8, 6), (8, 9), (9, 0), (10, 0), (10, 3), (12, 0), (12, 1)] {
        assert_eq!(opened(fake_driver, capability, OLDEST), Ok((0, 1)), "{capability:?}");
    }
    for capability in [(11, 0), (13, 0)] {
        assert_eq!(opened(fake_driver, capability, NEWER), Ok((1, 0)), "{capability:?}");
    }
    // Machine code that the driver does not take costs nothing but the time to make it.
    fake_driver.fail(c"cuModuleLoadData", 0, NO_BINARY_FOR_GPU);
    assert_eq!(opened(fake_driver, (9, 0), NEWER), Ok((1, 0)));

    let reason = |capability, driver| opened(fake_driver, capability, driver).unwrap_err();
    fake_driver.fail(c"cuModuleLoadData", 0, UNSUPPORTED_PTX);
    let no_code = reason((13, 0), OLDEST);
    assert!(no_code.contains("driver 570 or newer") && no_code.contains("device=cpu"), "{no_code}");
    let old = reason((9, 0), 11_080);
    assert!(old.contains("serves CUDA 11.8: install driver 525 or newer"), "{old}");
    let weak = reason((7, 0), NEWER);
    assert!(weak.contains("compute capability 7.0 is below 7.5"), "{weak}");
    assert_eq!(opened(fake_driver, (9, 0), NEWER), Ok((0, 1)));
}
