//! The C interface of dav1d, a library loaded at run time.
//!
//! Only fields that lie at the same place since dav1d 1.0 are touched; what follows them is room to spare.

use std::ffi::{c_int, c_void};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::version::Version;
use crate::error::Result;
use crate::loader::{Finder, file_of, load, symbol, text};

/// Environment variable that names the library file to use, before any other.
pub const DECODER_VARIABLE: &str = "NEURAL_CODEC_DAV1D";

/// Names under which systems install the library, newest first.
const SONAMES: [&str; 2] = ["libdav1d.so.7", "libdav1d.so.6"];

const REMEDY: &str = "install the system package (Debian: apt install libdav1d6), or set NEURAL_CODEC_DAV1D to the \
                      libdav1d file in the av.libs folder of the PyPI package `av`";

/// `Dav1dSettings`: the head, and room for the rest.
#[repr(C)]
pub(super) struct Settings {
    pub(super) threads: c_int,
    pub(super) max_frame_delay: c_int,
    pub(super) apply_grain: c_int,
    pub(super) operating_point: c_int,
    pub(super) all_layers: c_int,
    pub(super) frame_size_limit: u32,
    allocator: [*mut c_void; 3],
    logger: [*mut c_void; 2],
    tail: [u64; 64],
}

/// `Dav1dData`.
#[repr(C)]
pub(super) struct Data {
    pub(super) bytes: *const u8,
    pub(super) size: usize,
    reference: *mut c_void,
    /// Comes back with the picture that is shown by these bytes.
    pub(super) timestamp: i64,
    tail: [u64; 32],
}

/// `Dav1dPicture`: the head, and room for the rest.
#[repr(C)]
pub(super) struct Picture {
    headers: [*mut c_void; 2],
    pub(super) planes: [*const u8; 3],
    /// In bytes, of luma and of chroma.
    pub(super) strides: [isize; 2],
    pub(super) width: c_int,
    pub(super) height: c_int,
    pub(super) layout: c_int,
    pub(super) bits: c_int,
    pub(super) timestamp: i64,
    tail: [u64; 64],
}

/// `DAV1D_PIXEL_LAYOUT_I420`.
pub(super) const LAYOUT_420: c_int = 1;
/// `DAV1D_PIXEL_LAYOUT_I444`.
pub(super) const LAYOUT_444: c_int = 3;
/// `DAV1D_ERR(ENOMEM)`.
pub(super) const NO_MEMORY: c_int = -libc::ENOMEM;
/// `DAV1D_ERR(EAGAIN)`.
pub(super) const AGAIN: c_int = -libc::EAGAIN;

/// The entry points that are used.
#[derive(Debug, Clone, Copy)]
pub(super) struct Api {
    default_settings: unsafe extern "C" fn(*mut Settings),
    pub(super) open: unsafe extern "C" fn(*mut *mut c_void, *const Settings) -> c_int,
    pub(super) close: unsafe extern "C" fn(*mut *mut c_void),
    pub(super) data_create: unsafe extern "C" fn(*mut Data, usize) -> *mut u8,
    pub(super) data_unref: unsafe extern "C" fn(*mut Data),
    pub(super) send_data: unsafe extern "C" fn(*mut c_void, *mut Data) -> c_int,
    pub(super) get_picture: unsafe extern "C" fn(*mut c_void, *mut Picture) -> c_int,
    pub(super) picture_unref: unsafe extern "C" fn(*mut Picture),
}

impl Data {
    pub(super) const EMPTY: Self = Self {
        bytes: std::ptr::null(),
        size: 0,
        reference: std::ptr::null_mut(),
        timestamp: 0,
        tail: [0; 32],
    };
}

impl Picture {
    pub(super) const EMPTY: Self = Self {
        headers: [std::ptr::null_mut(); 2],
        planes: [std::ptr::null(); 3],
        strides: [0; 2],
        width: 0,
        height: 0,
        layout: 0,
        bits: 0,
        timestamp: 0,
        tail: [0; 64],
    };
}

impl Api {
    /// Settings as the library fills them in, but silent.
    #[allow(unsafe_code)]
    pub(super) fn settings(&self) -> Settings {
        let mut settings = Settings {
            threads: 0,
            max_frame_delay: 0,
            apply_grain: 0,
            operating_point: 0,
            all_layers: 0,
            frame_size_limit: 0,
            allocator: [std::ptr::null_mut(); 3],
            logger: [std::ptr::null_mut(); 2],
            tail: [0; 64],
        };
        // SAFETY: the structure is larger than that of any version that `Library` accepts.
        unsafe { (self.default_settings)(&mut settings) };
        settings.logger = [std::ptr::null_mut(); 2];
        settings
    }
}

/// A decoder library. Stays loaded until the process ends.
#[derive(Debug)]
pub(super) struct Library {
    pub(super) api: Api,
    /// As the library says it: "1.4.3".
    pub(super) version: String,
    pub(super) file: PathBuf,
    /// Keeps the entry points valid.
    _handle: libloading::Library,
}

pub(super) static FINDER: Finder<Library> = Finder {
    name: "dav1d",
    variable: DECODER_VARIABLE,
    sonames: &SONAMES,
    remedy: REMEDY,
    open: Library::open,
    suggested: Mutex::new(None),
    loaded: Mutex::new(None),
};

/// Suggests a dav1d file to try before the system's library, for the whole process; the last suggestion before the first
/// decode counts. `NEURAL_CODEC_DAV1D` comes before it.
///
/// For hosts that carry the library in a place no system knows of, such as a Python package.
pub fn suggest_decoder(path: &Path) {
    FINDER.suggest(path);
}

/// Version and file of the dav1d that decodes.
///
/// # Errors
///
/// `MissingLibrary` with what was tried.
pub fn decoder_version() -> Result<(String, PathBuf)> {
    Library::load().map(|library| (library.version.clone(), library.file.clone()))
}

impl Library {
    /// The library that `NEURAL_CODEC_DAV1D` names, else the one that was suggested, else the newest of the system.
    pub(super) fn load() -> Result<Arc<Self>> {
        FINDER.load()
    }

    #[allow(unsafe_code)]
    fn open(name: &Path) -> Result<Self, String> {
        // SAFETY: dav1d has no initializers beyond those of the C library; a file that is something else is the
        // caller's choice, as with any plug-in.
        let handle = unsafe { load(name) }?;
        // SAFETY: declared as `const char *dav1d_version(void)` in every release.
        let version = unsafe { text(&handle, c"dav1d_version") }?;
        if Version::parse(&version).is_none_or(|v| v.0 != 1) {
            return Err(format!("version {version} is not known, 1.x is"));
        }
        // SAFETY: each name has the type that the headers of 1.0 to 1.5 declare for it.
        let api = unsafe {
            Api {
                default_settings: symbol(&handle, c"dav1d_default_settings")?,
                open: symbol(&handle, c"dav1d_open")?,
                close: symbol(&handle, c"dav1d_close")?,
                data_create: symbol(&handle, c"dav1d_data_create")?,
                data_unref: symbol(&handle, c"dav1d_data_unref")?,
                send_data: symbol(&handle, c"dav1d_send_data")?,
                get_picture: symbol(&handle, c"dav1d_get_picture")?,
                picture_unref: symbol(&handle, c"dav1d_picture_unref")?,
            }
        };
        let file = file_of(api.open as *const c_void).unwrap_or_else(|| name.to_owned());
        Ok(Self { api, version, file, _handle: handle })
    }
}
