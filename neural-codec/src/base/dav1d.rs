//! libdav1d, found and loaded at run time: its entry points and the parts of its structures that are used.
//!
//! The structures are those of dav1d 1.x (`dav1d.h`, `data.h`, `picture.h`). Their beginnings did not change between
//! the interface versions 6 and 7; what follows differs, so each is given more room than any version needs.

use std::ffi::{CStr, OsStr, OsString, c_char, c_int, c_uint, c_void};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Error, Result};

/// Environment variable that names the decoder's library file to use, before any other.
pub const DECODER_LIBRARY_VARIABLE: &str = "NEURAL_CODEC_DAV1D";

/// Names under which systems install the library, newest first.
const SONAMES: [&str; 2] = ["libdav1d.so.7", "libdav1d.so.6"];

const REMEDY: &str = "install the system package (Debian: apt install libdav1d6), or the PyPI package `av` and set \
                      NEURAL_CODEC_DAV1D to the libdav1d file in its av.libs folder";

/// `DAV1D_ERR(EAGAIN)`.
pub(super) const AGAIN: c_int = -libc::EAGAIN;
/// `DAV1D_ERR(ENOMEM)`.
pub(super) const NO_MEMORY: c_int = -libc::ENOMEM;
/// `DAV1D_PIXEL_LAYOUT_I420`.
pub(super) const LAYOUT_I420: c_int = 1;

/// `Dav1dSettings`.
#[repr(C)]
pub(super) struct Settings {
    pub(super) n_threads: c_int,
    pub(super) max_frame_delay: c_int,
    pub(super) apply_grain: c_int,
    pub(super) operating_point: c_int,
    pub(super) all_layers: c_int,
    pub(super) frame_size_limit: c_uint,
    allocator: [*mut c_void; 3],
    logger_cookie: *mut c_void,
    /// Called with a format and its arguments; null for silence.
    pub(super) logger_callback: *mut c_void,
    room: [u64; 32],
}

/// `Dav1dData`.
#[repr(C)]
pub(super) struct Data {
    bytes: *const u8,
    pub(super) size: usize,
    room: [u64; 32],
}

/// `Dav1dPicture`.
#[repr(C)]
pub(super) struct Picture {
    headers: [*mut c_void; 2],
    pub(super) planes: [*mut c_void; 3],
    /// Bytes from row to row, of luma and of chroma.
    pub(super) strides: [isize; 2],
    pub(super) width: c_int,
    pub(super) height: c_int,
    pub(super) layout: c_int,
    pub(super) bits: c_int,
    room: [u64; 64],
}

macro_rules! zeroed {
    ($($ty:ident),*) => {$(
        impl $ty {
            pub(super) fn zeroed() -> Box<Self> {
                // SAFETY: integers, and raw pointers for which null is a value.
                #[allow(unsafe_code)]
                Box::new(unsafe { std::mem::zeroed() })
            }
        }
    )*};
}
zeroed!(Settings, Data, Picture);

/// `Dav1dContext`, opaque.
#[repr(C)]
pub(super) struct Context {
    _private: [u8; 0],
}

/// The entry points.
#[derive(Clone, Copy)]
pub(super) struct Api {
    pub(super) default_settings: unsafe extern "C" fn(*mut Settings),
    pub(super) open: unsafe extern "C" fn(*mut *mut Context, *const Settings) -> c_int,
    pub(super) data_create: unsafe extern "C" fn(*mut Data, usize) -> *mut u8,
    pub(super) data_unref: unsafe extern "C" fn(*mut Data),
    pub(super) send_data: unsafe extern "C" fn(*mut Context, *mut Data) -> c_int,
    pub(super) get_picture: unsafe extern "C" fn(*mut Context, *mut Picture) -> c_int,
    pub(super) picture_unref: unsafe extern "C" fn(*mut Picture),
    pub(super) close: unsafe extern "C" fn(*mut *mut Context),
}

/// A loaded libdav1d; stays loaded while a decoder uses it.
pub(super) struct Dav1d {
    pub(super) api: Api,
    /// Keeps the entry points valid.
    _handle: libloading::Library,
}

/// The library of the last successful search, by the name that was asked for.
static LOADED: Mutex<Option<(Option<OsString>, Arc<Dav1d>)>> = Mutex::new(None);

impl Dav1d {
    /// Loads the library that `NEURAL_CODEC_DAV1D` names, else the newest that the system has.
    ///
    /// Errors: `MissingLibrary` with what was tried; a file that was named is never replaced by another.
    pub(super) fn load() -> Result<Arc<Self>> {
        let named = std::env::var_os(DECODER_LIBRARY_VARIABLE).filter(|name| !name.is_empty());
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((name, library)) = &*loaded
            && *name == named
        {
            return Ok(Arc::clone(library));
        }
        let library = Arc::new(Self::search(named.as_deref())?);
        *loaded = Some((named, Arc::clone(&library)));
        Ok(library)
    }

    fn search(named: Option<&OsStr>) -> Result<Self> {
        let candidates = named.map_or_else(|| SONAMES.map(OsStr::new).to_vec(), |name| vec![name]);
        let mut tried = Vec::new();
        for name in candidates {
            match Self::open(Path::new(name)) {
                Ok(library) => return Ok(library),
                Err(reason) => tried.push(format!("{}: {reason}", name.display())),
            }
        }
        Err(Error::MissingLibrary { name: "dav1d", remedy: format!("tried {}; {REMEDY}", tried.join("; ")) })
    }

    #[allow(unsafe_code)]
    fn open(name: &Path) -> Result<Self, String> {
        // SAFETY: dav1d's initialisers only detect the processor; a file that is something else is the
        // caller's choice, as with any plug-in.
        let handle = unsafe { libloading::Library::new(name) }.map_err(|error| error.to_string())?;
        // SAFETY: each name has the type that the headers of dav1d 1.x declare for it.
        let (api, version) = unsafe {
            let version: unsafe extern "C" fn() -> *const c_char = symbol(&handle, c"dav1d_version")?;
            let api = Api {
                default_settings: symbol(&handle, c"dav1d_default_settings")?,
                open: symbol(&handle, c"dav1d_open")?,
                data_create: symbol(&handle, c"dav1d_data_create")?,
                data_unref: symbol(&handle, c"dav1d_data_unref")?,
                send_data: symbol(&handle, c"dav1d_send_data")?,
                get_picture: symbol(&handle, c"dav1d_get_picture")?,
                picture_unref: symbol(&handle, c"dav1d_picture_unref")?,
                close: symbol(&handle, c"dav1d_close")?,
            };
            (api, CStr::from_ptr(version()).to_string_lossy().into_owned())
        };
        if !version.starts_with("1.") {
            return Err(format!("version {version} is not known, 1.x is"));
        }
        Ok(Self { api, _handle: handle })
    }
}

/// Looks an entry point up.
///
/// # Safety
/// `T` is the function pointer type of that entry point.
#[allow(unsafe_code)]
unsafe fn symbol<T: Copy>(library: &libloading::Library, name: &CStr) -> Result<T, String> {
    // SAFETY: the caller vouches for the type.
    let symbol = unsafe { library.get::<T>(name.to_bytes_with_nul()) };
    symbol.map(|found| *found).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_or_foreign_library_is_an_error_that_names_file_and_remedy() {
        for name in ["/nonsense/libdav1d.so", "libc.so.6"] {
            let error = Dav1d::search(Some(OsStr::new(name))).err().unwrap();
            for part in [name, "apt install", DECODER_LIBRARY_VARIABLE] {
                assert!(error.to_string().contains(part), "{error} does not name {part}");
            }
        }
    }
}
