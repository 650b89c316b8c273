//! Loads a C library by name so that it meets no namesake of its own symbols, and looks its entry points up. What is loaded so
//! (SVT-AV1, dav1d, libvmaf) is needed neither to build nor to start.

use std::ffi::{CStr, OsStr, c_void};
use std::path::{Path, PathBuf};

/// Loads a library whose calls to itself stay within itself.
///
/// FFmpeg is linked to SVT-AV1 and dav1d of its own, often of another version. In a program that links FFmpeg, those would
/// answer calls that a second copy makes to its own exported functions, and crash on its structures.
///
/// # Safety
/// The file's initializers run: it has to be a library whose initializers are sound.
#[allow(unsafe_code)]
pub(crate) unsafe fn load(name: &Path) -> Result<libloading::Library, String> {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        let flags = libc::RTLD_NOW | libc::RTLD_LOCAL | if is_sanitized() { 0 } else { libc::RTLD_DEEPBIND };
        // SAFETY: the contract is this function's own.
        let library = unsafe { libloading::os::unix::Library::open(Some(name), flags) };
        library.map(Into::into).map_err(|error| error.to_string())
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    {
        // SAFETY: the contract is this function's own.
        unsafe { libloading::Library::new(name) }.map_err(|error| error.to_string())
    }
}

/// Looks an entry point up.
///
/// # Safety
/// `T` is the function pointer type of that entry point.
#[allow(unsafe_code)]
pub(crate) unsafe fn symbol<T: Copy>(handle: &libloading::Library, name: &CStr) -> Result<T, String> {
    // SAFETY: passed on to the caller.
    unsafe { handle.get::<T>(name) }.map(|s| *s).map_err(|e| e.to_string())
}

/// The file that holds the code at an address: what the system's loader chose for a name.
#[allow(unsafe_code)]
pub(crate) fn file_of(code: *const c_void) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStrExt;

    let mut info = std::mem::MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: the address is only compared with those of loaded files, and `info` has room for the answer.
    if unsafe { libc::dladdr(code, info.as_mut_ptr()) } == 0 {
        return None;
    }
    // SAFETY: the call succeeded, so that `info` is filled in.
    let name = unsafe { info.assume_init() }.dli_fname;
    if name.is_null() {
        return None;
    }
    // SAFETY: the loader keeps the name while the library is loaded.
    let name = unsafe { CStr::from_ptr(name) };
    std::fs::canonicalize(OsStr::from_bytes(name.to_bytes())).ok()
}

/// Whether the process runs under AddressSanitizer, which ends it where a library is bound to itself.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code)]
fn is_sanitized() -> bool {
    // SAFETY: looks up a name; nothing is called.
    unsafe { !libc::dlsym(libc::RTLD_DEFAULT, c"__asan_init".as_ptr()).is_null() }
}
