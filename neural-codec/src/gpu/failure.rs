//! What the driver says, as errors that name the remedy.

use cudarc::driver::DriverError;
use cudarc::driver::sys::CUresult;

use crate::error::Error;

/// The oldest driver interface that takes the embedded machine code: CUDA 12.0, which drivers from 525 on serve.
///
/// Machine code made by a compiler of CUDA 12 runs on all of them; PTX that it wrote needs a driver no older than itself (570).
/// Source: "CUDA Compatibility", minor version compatibility.
pub(crate) const OLDEST_DRIVER: i32 = 12_000;

/// The oldest compute capability that kernels are compiled for: Turing.
pub(crate) const OLDEST_CAPABILITY: (i32, i32) = (7, 5);

/// An [`Error::Device`] of the CUDA device `index`.
pub(crate) fn device_error(index: u32, reason: impl Into<String>) -> Error {
    Error::Device { device: format!("cuda:{index}"), reason: reason.into() }
}

pub(crate) fn no_driver(index: u32) -> Error {
    device_error(
        index,
        "the library of the NVIDIA driver (libcuda.so.1) is not found: install driver 525 or newer, or use device=cpu",
    )
}

/// For a driver that lacks a function which every one of CUDA 12 has.
pub(crate) fn lacking_driver(index: u32) -> Error {
    device_error(
        index,
        "its driver lacks functions: install driver 525 or newer (CUDA 12.0), or use device=cpu",
    )
}

pub(crate) fn old_driver(index: u32, version: i32) -> Error {
    let (major, minor) = (version / 1000, version % 1000 / 10);
    device_error(
        index,
        format!(
            "its driver serves CUDA {major}.{minor}: install driver 525 or newer (CUDA 12.0), or use device=cpu"
        ),
    )
}

pub(crate) fn old_device(index: u32, (major, minor): (i32, i32)) -> Error {
    let (least_major, least_minor) = OLDEST_CAPABILITY;
    device_error(
        index,
        format!(
            "compute capability {major}.{minor} is below {least_major}.{least_minor}: use another GPU or device=cpu"
        ),
    )
}

pub(crate) fn no_such_device(index: u32, count: i32) -> Error {
    let found = match count {
        0 => "the driver finds no GPU".to_owned(),
        1 => "there is one GPU, cuda:0".to_owned(),
        _ => format!("there are {count} GPUs, cuda:0 to cuda:{}", count - 1),
    };
    device_error(index, format!("{found}: use one that is there, or device=cpu"))
}

pub(crate) fn forked(index: u32) -> Error {
    device_error(
        index,
        "it was opened before a fork, after which CUDA does not work: start processes anew (spawn)",
    )
}

pub(crate) fn lost(index: u32) -> Error {
    device_error(index, "it failed before and is disabled: start the process anew, or use device=cpu")
}

/// Whether a device can be used after a call failed: where there was no memory, or launches could not be taken down.
pub(crate) fn leaves_device_usable(error: DriverError) -> bool {
    let taking_down = CUresult::CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED as u32
        ..=CUresult::CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD as u32;
    error.0 == CUresult::CUDA_ERROR_OUT_OF_MEMORY || taking_down.contains(&(error.0 as u32))
}

/// A failed call. `what` the memory was for and how many bytes, where it was an allocation.
pub(crate) fn failed(index: u32, error: DriverError, what: &'static str, bytes: u64) -> Error {
    let remedy = match error.0 {
        CUresult::CUDA_ERROR_OUT_OF_MEMORY => return Error::OutOfMemory { what, bytes },
        CUresult::CUDA_ERROR_NO_DEVICE => return no_such_device(index, 0),
        CUresult::CUDA_ERROR_NOT_INITIALIZED => return forked(index),
        // There is no machine code for this GPU, and the driver cannot make it.
        CUresult::CUDA_ERROR_UNSUPPORTED_PTX_VERSION
        | CUresult::CUDA_ERROR_SYSTEM_DRIVER_MISMATCH
        | CUresult::CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE => "install driver 570 or newer",
        CUresult::CUDA_ERROR_DEVICE_UNAVAILABLE => {
            "another process holds the GPU alone (exclusive mode): end it"
        }
        _ => "start the process anew and see `nvidia-smi` and the system's log",
    };
    let text = match (error.error_name(), error.error_string()) {
        (Ok(name), Ok(text)) => format!("{} ({})", text.to_string_lossy(), name.to_string_lossy()),
        _ => format!("error {}", error.0 as u32),
    };
    device_error(index, format!("{what}: {text}: {remedy}, or use device=cpu"))
}
