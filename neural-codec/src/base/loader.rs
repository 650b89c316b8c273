//! Loads a library by name so that it meets no namesake of its own symbols.

use std::path::Path;

/// Loads a library whose calls to itself stay within itself.
///
/// FFmpeg is linked to SVT-AV1 and dav1d of its own, often of another version. In a program that links FFmpeg, those would
/// answer calls that a second copy makes to its own exported functions, and crash on its structures.
///
/// # Safety
/// The file's initializers run: it has to be a library whose initializers are sound.
#[allow(unsafe_code)]
pub(super) unsafe fn load(name: &Path) -> Result<libloading::Library, String> {
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

/// Whether the process runs under AddressSanitizer, which ends it where a library is bound to itself.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code)]
fn is_sanitized() -> bool {
    // SAFETY: looks up a name; nothing is called.
    unsafe { !libc::dlsym(libc::RTLD_DEFAULT, c"__asan_init".as_ptr()).is_null() }
}
