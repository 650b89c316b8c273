//! What the library says about itself, and the texts it gives away.

use std::ffi::c_char;

use crate::handle::{call_without_handle, last_message};
use crate::pointer::take_text;
use crate::status::NCODEC_OK;

/// Version of this header; that of the library in use is ncodec_version().
pub const NCODEC_VERSION_MAJOR: i32 = 0;
/// See NCODEC_VERSION_MAJOR.
pub const NCODEC_VERSION_MINOR: i32 = 1;
/// See NCODEC_VERSION_MAJOR.
pub const NCODEC_VERSION_PATCH: i32 = 0;

/// Number of the binary interface of this header. A library whose ncodec_abi_version() is another cannot be used.
pub const NCODEC_ABI_VERSION: i32 = 1;

const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");

/// The library's version, such as "0.1.0". Ownership: a static text; never free it. Threads: any.
#[unsafe(no_mangle)]
#[allow(unsafe_code)] // The exported name.
pub extern "C" fn ncodec_version() -> *const c_char {
    VERSION.as_ptr().cast()
}

/// The library's NCODEC_ABI_VERSION; it changes when a program must be compiled anew. Threads: any.
#[unsafe(no_mangle)]
#[allow(unsafe_code)] // The exported name.
pub extern "C" fn ncodec_abi_version() -> i32 {
    NCODEC_ABI_VERSION
}

/// The message of the last call on this thread that failed and had no handle to keep its message; empty when
/// none did. Such calls are those that take no handle, those that close one, cancel it or ask for the place of its error, and all
/// calls when their handle is NULL.
///
/// Ownership: the library's, valid until the next such failure on this thread. Threads: each has its own.
#[unsafe(no_mangle)]
#[allow(unsafe_code)] // The exported name.
pub extern "C" fn ncodec_last_error() -> *const c_char {
    last_message()
}

/// Frees a text that a call gave through a char **. NULL is fine. Threads: any.
#[unsafe(no_mangle)]
#[allow(unsafe_code)]
pub unsafe extern "C" fn ncodec_string_free(text: *mut c_char) {
    call_without_handle(|| {
        // SAFETY: the header asks for NULL or a text that a call gave and that was not freed yet.
        unsafe { take_text(text) };
        Ok(NCODEC_OK)
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_has_the_version_of_the_package() {
        let header = format!("{NCODEC_VERSION_MAJOR}.{NCODEC_VERSION_MINOR}.{NCODEC_VERSION_PATCH}");
        assert_eq!(header, env!("CARGO_PKG_VERSION"));
    }
}
