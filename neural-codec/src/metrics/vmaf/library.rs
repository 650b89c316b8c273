//! The C interface of libvmaf. Only fields that lie at the same place since 2.0 are touched; what follows them is room to spare.

use std::ffi::{c_char, c_int, c_uint, c_void};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::error::Result;
use crate::loader::{Finder, file_of, load, symbol, text};

/// Environment variable that names the library file to use, before any other.
pub const VMAF_VARIABLE: &str = "NEURAL_CODEC_VMAF";

/// Names under which systems install the library, newest first; 2.x is `libvmaf.so.1`.
const SONAMES: [&str; 3] = ["libvmaf.so.3", "libvmaf.so.1", "libvmaf.so"];

const REMEDY: &str = "install the system package where there is one (Debian 13: apt install libvmaf3; Debian 12 has none), or set \
                      NEURAL_CODEC_VMAF to the libvmaf file in the av.libs folder of the wheel of the PyPI package `av` 19 (pip \
                      download --no-deps --only-binary=:all: --python-version 312 av==19.0.2)";

/// `VmafConfiguration`, with the field that 2.0 to 2.2 do not read.
#[repr(C)]
pub(super) struct Configuration {
    pub(super) log_level: c_int,
    pub(super) threads: c_uint,
    pub(super) subsample: c_uint,
    pub(super) cpu_mask: u64,
    pub(super) gpu_mask: u64,
}

/// `VmafModelConfig`.
#[repr(C)]
pub(super) struct ModelConfig {
    pub(super) name: *const c_char,
    pub(super) flags: u64,
}

/// `VmafPicture`: the head, and room for the rest.
#[repr(C)]
pub(super) struct Picture {
    pub(super) format: c_int,
    pub(super) bits: c_uint,
    pub(super) widths: [c_uint; 3],
    pub(super) heights: [c_uint; 3],
    /// In bytes.
    pub(super) strides: [isize; 3],
    pub(super) data: [*mut c_void; 3],
    tail: [u64; 32],
}

/// `VMAF_PIX_FMT_YUV400P`: the model looks at luma alone.
pub(super) const LUMA_ALONE: c_int = 4;

impl Picture {
    pub(super) const EMPTY: Self = Self {
        format: 0,
        bits: 0,
        widths: [0; 3],
        heights: [0; 3],
        strides: [0; 3],
        data: [std::ptr::null_mut(); 3],
        tail: [0; 32],
    };
}

/// The entry points that are used; handles are contexts and models.
#[derive(Debug, Clone, Copy)]
pub(super) struct Api {
    pub(super) init: unsafe extern "C" fn(*mut *mut c_void, Configuration) -> c_int,
    pub(super) close: unsafe extern "C" fn(*mut c_void) -> c_int,
    pub(super) model_load: unsafe extern "C" fn(*mut *mut c_void, *mut ModelConfig, *const c_char) -> c_int,
    pub(super) model_destroy: unsafe extern "C" fn(*mut c_void),
    pub(super) use_features: unsafe extern "C" fn(*mut c_void, *mut c_void) -> c_int,
    pub(super) picture_alloc: unsafe extern "C" fn(*mut Picture, c_int, c_uint, c_uint, c_uint) -> c_int,
    pub(super) picture_unref: unsafe extern "C" fn(*mut Picture) -> c_int,
    pub(super) read_pictures: unsafe extern "C" fn(*mut c_void, *mut Picture, *mut Picture, c_uint) -> c_int,
    pub(super) score_at: unsafe extern "C" fn(*mut c_void, *mut c_void, *mut f64, c_uint) -> c_int,
}

/// A libvmaf. Stays loaded until the process ends.
#[derive(Debug)]
pub(super) struct Library {
    pub(super) api: Api,
    version: String,
    file: PathBuf,
    /// Keeps the entry points valid.
    _handle: libloading::Library,
}

static FINDER: Finder<Library> = Finder {
    name: "libvmaf",
    variable: VMAF_VARIABLE,
    sonames: &SONAMES,
    remedy: REMEDY,
    open: Library::open,
    suggested: Mutex::new(None),
    loaded: Mutex::new(None),
};

/// Suggests a libvmaf file to try before the system's library, for the whole process; the last suggestion before the first use
/// counts. `NEURAL_CODEC_VMAF` comes before it.
///
/// For hosts that carry the library in a place no system knows of, such as a Python package.
pub fn suggest_vmaf(path: &Path) {
    FINDER.suggest(path);
}

/// Version and file of the libvmaf that measures VMAF.
///
/// # Errors
///
/// `MissingLibrary` with what was tried and the remedy.
pub fn vmaf_version() -> Result<(String, PathBuf)> {
    Library::load().map(|library| (library.version.clone(), library.file.clone()))
}

impl Library {
    /// The library that `NEURAL_CODEC_VMAF` names, else the one that was suggested, else the newest of the system.
    pub(super) fn load() -> Result<Arc<Self>> {
        FINDER.load()
    }

    #[allow(unsafe_code)]
    fn open(name: &Path) -> Result<Self, String> {
        // SAFETY: libvmaf has no initializers beyond those of the C library; a file that is something else is the caller's
        // choice, as with any plug-in.
        let handle = unsafe { load(name) }?;
        // SAFETY: declared as `const char *vmaf_version(void)` in every release since 2.0.
        let version = unsafe { text(&handle, c"vmaf_version") }?;
        if !["2", "3"].contains(&version.trim_start_matches('v').split('.').next().unwrap_or_default()) {
            return Err(format!("version {version} is not known, 2.x and 3.x are"));
        }
        // SAFETY: each name has the type that the headers of 2.0 to 3.2 declare for it.
        let api = unsafe {
            Api {
                init: symbol(&handle, c"vmaf_init")?,
                close: symbol(&handle, c"vmaf_close")?,
                model_load: symbol(&handle, c"vmaf_model_load")?,
                model_destroy: symbol(&handle, c"vmaf_model_destroy")?,
                use_features: symbol(&handle, c"vmaf_use_features_from_model")?,
                picture_alloc: symbol(&handle, c"vmaf_picture_alloc")?,
                picture_unref: symbol(&handle, c"vmaf_picture_unref")?,
                read_pictures: symbol(&handle, c"vmaf_read_pictures")?,
                score_at: symbol(&handle, c"vmaf_score_at_index")?,
            }
        };
        let file = file_of(api.close as *const c_void).unwrap_or_else(|| name.to_owned());
        Ok(Self { api, version, file, _handle: handle })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn a_missing_library_is_an_error_that_names_file_and_remedy() {
        for name in ["/nonsense/libvmaf.so", "libc.so.6"] {
            let error = FINDER.find(Some(Path::new(name))).unwrap_err();
            assert!(matches!(error, Error::MissingLibrary { .. }));
            for part in [name, "apt install", "PyPI", VMAF_VARIABLE] {
                assert!(error.to_string().contains(part), "{error} does not name {part}");
            }
        }
    }
}
