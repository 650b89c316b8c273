//! Statuses: the numbers that calls return, and which error is which number.

use std::ffi::{CStr, c_char};

use neural_codec::Error;

/// The call did what was asked.
pub const NCODEC_OK: i32 = 0;
/// Nothing to give or no room to take right now; not an error. The call says what to do first.
pub const NCODEC_AGAIN: i32 = 1;
/// Everything was given; not an error.
pub const NCODEC_END: i32 = 2;
/// An argument or setting is not usable; the message names it.
pub const NCODEC_ERROR_INVALID_ARGUMENT: i32 = -1;
/// The call cannot be made now.
pub const NCODEC_ERROR_WRONG_ORDER: i32 = -2;
/// The bytes are not a valid stream, or are damaged.
pub const NCODEC_ERROR_CORRUPT: i32 = -3;
/// The bytes end too early.
pub const NCODEC_ERROR_TRUNCATED: i32 = -4;
/// The stream was written by a newer version of the format.
pub const NCODEC_ERROR_UNSUPPORTED_VERSION: i32 = -5;
/// A valid request that this build or this machine cannot serve.
pub const NCODEC_ERROR_UNSUPPORTED_FEATURE: i32 = -6;
/// A limit of the settings or of the format is exceeded.
pub const NCODEC_ERROR_LIMIT_EXCEEDED: i32 = -7;
/// Memory could not be allocated.
pub const NCODEC_ERROR_OUT_OF_MEMORY: i32 = -8;
/// A compute device failed or is not there.
pub const NCODEC_ERROR_DEVICE: i32 = -9;
/// The work was cancelled, by ncodec_encoder_cancel or by a progress callback.
pub const NCODEC_ERROR_CANCELLED: i32 = -10;
/// The operating system refused to read or write.
pub const NCODEC_ERROR_IO: i32 = -11;
/// A library that is loaded at run time, such as SVT-AV1, is not there; the message says how to get it.
pub const NCODEC_ERROR_MISSING_LIBRARY: i32 = -12;
/// An earlier call on this handle failed inside the library; only its error calls and its close are left.
pub const NCODEC_ERROR_POISONED: i32 = -13;
/// The library or a component of it failed; the fault is not the caller's.
pub const NCODEC_ERROR_INTERNAL: i32 = -14;

/// The number of an error.
pub(crate) fn status_of(error: &Error) -> i32 {
    match error {
        Error::InvalidArgument { .. } => NCODEC_ERROR_INVALID_ARGUMENT,
        Error::WrongOrder { .. } => NCODEC_ERROR_WRONG_ORDER,
        Error::Corrupt { .. } => NCODEC_ERROR_CORRUPT,
        Error::Truncated { .. } => NCODEC_ERROR_TRUNCATED,
        Error::UnsupportedVersion { .. } => NCODEC_ERROR_UNSUPPORTED_VERSION,
        Error::Unsupported { .. } => NCODEC_ERROR_UNSUPPORTED_FEATURE,
        Error::LimitExceeded { .. } => NCODEC_ERROR_LIMIT_EXCEEDED,
        Error::OutOfMemory { .. } => NCODEC_ERROR_OUT_OF_MEMORY,
        Error::Device { .. } => NCODEC_ERROR_DEVICE,
        Error::Cancelled => NCODEC_ERROR_CANCELLED,
        Error::Io { .. } => NCODEC_ERROR_IO,
        Error::MissingLibrary { .. } => NCODEC_ERROR_MISSING_LIBRARY,
        _ => NCODEC_ERROR_INTERNAL,
    }
}

fn name(status: i32) -> &'static CStr {
    match status {
        NCODEC_OK => c"ok",
        NCODEC_AGAIN => c"again",
        NCODEC_END => c"end",
        NCODEC_ERROR_INVALID_ARGUMENT => c"invalid argument",
        NCODEC_ERROR_WRONG_ORDER => c"wrong order",
        NCODEC_ERROR_CORRUPT => c"corrupt",
        NCODEC_ERROR_TRUNCATED => c"truncated",
        NCODEC_ERROR_UNSUPPORTED_VERSION => c"unsupported version",
        NCODEC_ERROR_UNSUPPORTED_FEATURE => c"unsupported feature",
        NCODEC_ERROR_LIMIT_EXCEEDED => c"limit exceeded",
        NCODEC_ERROR_OUT_OF_MEMORY => c"out of memory",
        NCODEC_ERROR_DEVICE => c"device",
        NCODEC_ERROR_CANCELLED => c"cancelled",
        NCODEC_ERROR_IO => c"input or output",
        NCODEC_ERROR_MISSING_LIBRARY => c"missing library",
        NCODEC_ERROR_POISONED => c"poisoned",
        NCODEC_ERROR_INTERNAL => c"internal",
        _ => c"unknown status",
    }
}

/// A short name for any status, `unknown status` for numbers that are none.
///
/// Ownership: a static text; never free it. Threads: any.
#[unsafe(no_mangle)]
#[allow(unsafe_code)] // The exported name.
pub extern "C" fn ncodec_status_name(status: i32) -> *const c_char {
    name(status).as_ptr()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_a_name_of_its_own() {
        let names: std::collections::HashSet<_> = (-14..=2).map(name).collect();
        assert_eq!(names.len(), 17);
        assert!(!names.contains(name(3)) && name(3) == name(i32::MIN));
    }
}
