//! Finds and loads SVT-AV1 at run time, so that nothing needs it to build or to decode.

use std::collections::BTreeMap;
use std::ffi::{CStr, OsStr, OsString, c_char, c_void};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::abi::{Api, BufferLayout, InitHandle};
use crate::error::{Error, Result};

/// Environment variable that names the library file to use, before any other.
pub const LIBRARY_VARIABLE: &str = "NEURAL_CODEC_SVTAV1";

/// Names under which systems install the library, newest first.
const SONAMES: [&str; 4] =
    ["libSvtAv1Enc.so.4", "libSvtAv1Enc.so.3", "libSvtAv1Enc.so.2", "libSvtAv1Enc.so.1"];

const REMEDY: &str = "install the system package (Debian: apt install libsvtav1enc1), or the PyPI package `av` \
                      and set NEURAL_CODEC_SVTAV1 to the libSvtAv1Enc file in its av.libs folder";

/// Version of a library: major, minor, patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32, pub u32);

impl Version {
    /// Reads "v1.4.1" and "v1.4.1-12-gabcdef".
    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.trim_start_matches('v').split(['.', '-']).map(|n| n.parse().ok());
        let mut next = || numbers.next().flatten();
        Some(Self(next()?, next()?, next().unwrap_or(0)))
    }

    /// The layout of the structures, or `None` for a version that is not known.
    fn buffer_layout(self) -> Option<BufferLayout> {
        match self {
            Self(1, 0..=4, _) => Some(BufferLayout::V1_0),
            Self(1 | 2, ..) => Some(BufferLayout::V1_5),
            Self(3 | 4, ..) => Some(BufferLayout::V3_0),
            _ => None,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// A loaded SVT-AV1. Stays loaded until the process ends.
pub struct Library {
    pub(super) api: Api,
    version: Version,
    name: PathBuf,
    /// Keeps the entry points of `api` valid.
    _handle: libloading::Library,
}

impl fmt::Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SVT-AV1 {} ({})", self.version, self.name.display())
    }
}

/// Every library loaded so far, by the name it was asked for.
static LOADED: Mutex<BTreeMap<PathBuf, Arc<Library>>> = Mutex::new(BTreeMap::new());

/// A file to try before the system's library.
static SUGGESTED: Mutex<Option<OsString>> = Mutex::new(None);

impl Library {
    /// Loads the library that `NEURAL_CODEC_SVTAV1` names, else `path`, else the one that was
    /// [suggested](Self::suggest), else the newest that the system has.
    ///
    /// Errors: `MissingLibrary` with what was tried; a file that was named is never replaced by another.
    pub fn load(path: Option<&Path>) -> Result<Arc<Self>> {
        Self::load_named(std::env::var_os(LIBRARY_VARIABLE), path)
    }

    /// Suggests a file to try before the system's library, for the whole process; the last suggestion counts.
    ///
    /// For hosts that carry the library in a place no system knows of, such as a Python package.
    pub fn suggest(path: &Path) {
        *SUGGESTED.lock().unwrap_or_else(PoisonError::into_inner) = Some(path.as_os_str().to_owned());
    }

    fn load_named(variable: Option<OsString>, path: Option<&Path>) -> Result<Arc<Self>> {
        let variable = variable.filter(|v| !v.is_empty());
        let named = variable.as_deref().or(path.map(Path::as_os_str));
        let suggested = SUGGESTED.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let candidates: Vec<&OsStr> = match named {
            Some(name) => vec![name],
            None => suggested.as_deref().into_iter().chain(SONAMES.iter().map(OsStr::new)).collect(),
        };
        let mut tried = Vec::new();
        for candidate in candidates {
            match Self::load_one(Path::new(candidate)) {
                Ok(library) => return Ok(library),
                Err(reason) => tried.push(reason),
            }
        }
        Err(Error::MissingLibrary {
            name: "SVT-AV1",
            remedy: format!("tried {}; {REMEDY}", tried.join("; ")),
        })
    }

    /// Version that the library says it is.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The name under which it was loaded.
    pub fn name(&self) -> &Path {
        &self.name
    }

    fn load_one(name: &Path) -> Result<Arc<Self>, String> {
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(library) = loaded.get(name) {
            return Ok(library.clone());
        }
        let library = Arc::new(Self::open(name).map_err(|reason| format!("{}: {reason}", name.display()))?);
        loaded.insert(name.to_owned(), library.clone());
        Ok(library)
    }

    #[allow(unsafe_code)]
    fn open(name: &Path) -> Result<Self, String> {
        // SAFETY: SVT-AV1 has no initialisers beyond those of the C library; a file that is something else is
        // the caller's choice, as with any plug-in.
        let handle = unsafe { libloading::Library::new(name) }.map_err(|e| e.to_string())?;
        let version = read_version(&handle)?;
        let layout = version
            .buffer_layout()
            .ok_or_else(|| format!("version {version} is not known, 1.0 to 4.x are"))?;
        silence(&handle);
        // SAFETY: each name has the type that the header of this version declares for it.
        let api = unsafe {
            Api {
                layout,
                init_handle: match layout {
                    BufferLayout::V3_0 => InitHandle::Plain(symbol(&handle, c"svt_av1_enc_init_handle")?),
                    _ => InitHandle::WithAppData(symbol(&handle, c"svt_av1_enc_init_handle")?),
                },
                parse_parameter: symbol(&handle, c"svt_av1_enc_parse_parameter")?,
                set_parameter: symbol(&handle, c"svt_av1_enc_set_parameter")?,
                init: symbol(&handle, c"svt_av1_enc_init")?,
                send_picture: symbol(&handle, c"svt_av1_enc_send_picture")?,
                get_packet: symbol(&handle, c"svt_av1_enc_get_packet")?,
                release_out_buffer: symbol(&handle, c"svt_av1_enc_release_out_buffer")?,
                deinit: symbol(&handle, c"svt_av1_enc_deinit")?,
                deinit_handle: symbol(&handle, c"svt_av1_enc_deinit_handle")?,
            }
        };
        Ok(Self { api, version, name: name.to_owned(), _handle: handle })
    }
}

/// Looks an entry point up.
///
/// # Safety
/// `T` is the function pointer type of that entry point.
#[allow(unsafe_code)]
unsafe fn symbol<T: Copy>(handle: &libloading::Library, name: &CStr) -> Result<T, String> {
    // SAFETY: passed on to the caller.
    unsafe { handle.get::<T>(name) }.map(|s| *s).map_err(|e| e.to_string())
}

#[allow(unsafe_code)]
fn read_version(handle: &libloading::Library) -> Result<Version, String> {
    // SAFETY: declared as `const char *svt_av1_get_version(void)` in every release since 0.9.
    let get: unsafe extern "C" fn() -> *const c_char = unsafe { symbol(handle, c"svt_av1_get_version")? };
    // SAFETY: it takes nothing and returns a constant string.
    let text = unsafe { CStr::from_ptr(get()) }.to_string_lossy();
    Version::parse(&text).ok_or_else(|| format!("cannot read the version {text:?}"))
}

/// Stops the library from writing to standard error.
///
/// Version 4 takes a callback. Older ones only read the variable `SVT_LOG`, once, when the first encoder is
/// made: level -2 lies below the one of fatal errors. A value that the caller set is left alone.
#[allow(unsafe_code)]
fn silence(handle: &libloading::Library) {
    type Callback = extern "C" fn(*mut c_void, i32, *const c_char, *const c_char, *mut c_void);
    type SetCallback = unsafe extern "C" fn(Callback, *mut c_void);
    extern "C" fn ignore(_: *mut c_void, _: i32, _: *const c_char, _: *const c_char, _: *mut c_void) {}

    // SAFETY: the type is the one declared by 4.0, the first release to have the function; the last argument
    // of the callback is a `va_list`, which C passes in one register and `ignore` does not look at.
    if let Ok(set) = unsafe { symbol::<SetCallback>(handle, c"svt_av1_set_log_callback") } {
        // SAFETY: `ignore` lives for ever and needs no context.
        unsafe { set(ignore, std::ptr::null_mut()) };
    } else if std::env::var_os("SVT_LOG").is_none() {
        // SAFETY: Rust code reads the environment under the lock that this call takes. C code that reads it at
        // this moment in another thread would race: the decision page tells callers to load the library early.
        unsafe { std::env::set_var("SVT_LOG", "-2") };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_library_is_an_error_that_names_file_and_remedy() {
        let error = Library::load_named(Some("/nonsense/libSvtAv1Enc.so".into()), None).unwrap_err();
        assert!(matches!(error, Error::MissingLibrary { .. }));
        for part in ["/nonsense/libSvtAv1Enc.so", "apt install", "PyPI", LIBRARY_VARIABLE] {
            assert!(error.to_string().contains(part), "{error} does not name {part}");
        }
    }

    #[test]
    fn the_variable_wins_over_the_path() {
        let error =
            Library::load_named(Some("/a/nowhere.so".into()), Some(Path::new("/b/nowhere.so"))).unwrap_err();
        assert!(error.to_string().contains("/a/nowhere.so"));
        assert!(!error.to_string().contains("/b/nowhere.so"));
    }

    #[test]
    fn a_library_that_is_not_svt_av1_is_an_error() {
        let error = Library::load_named(None, Some(Path::new("libc.so.6"))).unwrap_err();
        assert!(matches!(error, Error::MissingLibrary { .. }), "{error}");
        assert!(error.to_string().contains("libc.so.6"), "{error}");
    }

    #[test]
    fn a_suggestion_is_tried_first_and_replaced_by_the_system_library() {
        Library::suggest(Path::new("/c/nowhere.so"));
        match Library::load_named(None, None) {
            Ok(library) => assert_ne!(library.name(), Path::new("/c/nowhere.so")),
            Err(error) => assert!(error.to_string().contains("tried /c/nowhere.so"), "{error}"),
        }
    }

    #[test]
    fn versions_choose_their_layout() {
        let layout = |text| Version::parse(text).unwrap().buffer_layout();
        assert_eq!(layout("v1.4.1"), Some(BufferLayout::V1_0));
        assert_eq!(layout("v1.5.0-rc1"), Some(BufferLayout::V1_5));
        assert_eq!(layout("v2.2.1-3-gabcdef-dirty"), Some(BufferLayout::V1_5));
        assert_eq!(layout("v4.1.0"), Some(BufferLayout::V3_0));
        assert_eq!(layout("v0.9.1"), None);
        assert_eq!(layout("v5.0.0"), None);
        assert_eq!(Version::parse("unknown"), None);
    }
}
