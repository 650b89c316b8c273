//! Loads a C library by name so that it meets no namesake of its own symbols, and looks its entry points up. What is loaded so
//! (SVT-AV1, libaom, dav1d, libvmaf) is needed neither to build nor to start.

use std::ffi::{CStr, OsStr, c_char, c_void};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Error, Result as OrError};

/// A library that is looked for when it is first needed, and stays loaded until the process ends.
pub(crate) struct Finder<L> {
    /// In errors.
    pub(crate) name: &'static str,
    /// Environment variable that names the file to use, before any other.
    pub(crate) variable: &'static str,
    /// Names under which systems install it, newest first.
    pub(crate) sonames: &'static [&'static str],
    /// What to do where none is found.
    pub(crate) remedy: &'static str,
    /// Opens a file; the error says why it will not do.
    pub(crate) open: fn(&Path) -> Result<L, String>,
    /// A file to try before the system's library.
    pub(crate) suggested: Mutex<Option<PathBuf>>,
    pub(crate) loaded: Mutex<Option<Arc<L>>>,
}

impl<L> Finder<L> {
    /// A file to try before the system's library; the last one before the first use counts.
    pub(crate) fn suggest(&self, path: &Path) {
        *self.suggested.lock().unwrap_or_else(PoisonError::into_inner) = Some(path.to_owned());
    }

    /// The library that the variable names, else the one that was suggested, else the newest of the system.
    ///
    /// # Errors
    ///
    /// `MissingLibrary` with what was tried and the remedy.
    pub(crate) fn load(&self) -> OrError<Arc<L>> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(library) = &*loaded {
            return Ok(library.clone());
        }
        let variable = std::env::var_os(self.variable).filter(|v| !v.is_empty());
        let library = Arc::new(self.find(variable.as_deref().map(Path::new))?);
        *loaded = Some(library.clone());
        Ok(library)
    }

    /// As [`load`](Self::load), anew, and by `named` where there is such a name.
    pub(crate) fn find(&self, named: Option<&Path>) -> OrError<L> {
        let suggested = self.suggested.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let known = suggested.as_deref().into_iter().chain(self.sonames.iter().map(Path::new));
        let candidates = named.map_or_else(|| known.collect(), |name| vec![name]);
        let mut tried = Vec::new();
        for name in candidates {
            match (self.open)(name) {
                Ok(library) => return Ok(library),
                Err(reason) => tried.push(format!("{}: {reason}", name.display())),
            }
        }
        let remedy = format!("tried {}; {}", tried.join("; "), self.remedy);
        Err(Error::MissingLibrary { name: self.name, remedy })
    }
}

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

/// The text that an entry point gives, such as a version.
///
/// # Safety
/// It is declared as `const char *name(void)` and returns a constant string.
#[allow(unsafe_code)]
pub(crate) unsafe fn text(handle: &libloading::Library, name: &CStr) -> Result<String, String> {
    // SAFETY: the contract is this function's own.
    unsafe {
        let get: unsafe extern "C" fn() -> *const c_char = symbol(handle, name)?;
        Ok(CStr::from_ptr(get()).to_string_lossy().into_owned())
    }
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
