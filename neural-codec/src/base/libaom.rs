//! The C interface of libaom, a library loaded at run time: the encoder of still pictures of 4:4:4, which SVT-AV1 has none of.
//!
//! Source: `aom_encoder.h`, `aom_image.h` and `aomcx.h` of releases 3.2 to 3.14. Of the configuration only fields are touched that lie at
//! the same place in all of them; everything else is set by name.

use std::ffi::{c_char, c_int, c_long, c_uint, c_void};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::version::Version;
use crate::error::Result;
use crate::loader::{Finder, file_of, load, symbol, text};

/// Environment variable that names the library file to use, before any other.
pub const AOM_VARIABLE: &str = "NEURAL_CODEC_AOM";

/// Names under which systems install the library, newest first.
const SONAMES: [&str; 1] = ["libaom.so.3"];

const REMEDY: &str = "install the system package (Debian: apt install libaom3), or set NEURAL_CODEC_AOM to a libaom of version 3.2 or newer";

/// `AOM_CODEC_OK`.
pub(super) const OK: c_int = 0;
/// `AOM_CODEC_MEM_ERROR`.
pub(super) const NO_MEMORY: c_int = 2;
/// `AOM_CODEC_ABI_MISMATCH`.
pub(super) const OTHER_INTERFACE: c_int = 3;
/// `AOM_USAGE_ALL_INTRA`.
pub(super) const ALL_INTRA: c_uint = 2;
/// `AOM_Q`: constant quality.
pub(super) const CONSTANT_QUALITY: c_int = 3;
/// `AOM_IMG_FMT_I44416`.
pub(super) const PLANAR_444: c_int = 0x906;
/// `AV1E_SET_COLOR_RANGE`, whose argument 1 is full range.
pub(super) const SET_COLOR_RANGE: c_int = 52;
/// `AOM_CODEC_USE_HIGHBITDEPTH`.
pub(super) const HIGH_BIT_DEPTH: c_long = 0x40000;
/// `AOM_CODEC_CX_FRAME_PKT`.
pub(super) const FRAME_PACKET: c_int = 0;

/// Values of `AOM_ENCODER_ABI_VERSION` that are asked for in turn: 29 from release 3.2 on, and what may follow it.
pub(super) const INTERFACES: std::ops::Range<c_int> = 25..40;

/// `aom_codec_ctx_t`, which takes 56 bytes, and room.
#[repr(C, align(16))]
pub(super) struct Context(pub(super) [u64; 32]);

/// `aom_codec_enc_cfg_t`: the fields that it begins with, and room for what follows.
#[repr(C)]
pub(super) struct Configuration {
    pub(super) usage: c_uint,
    pub(super) threads: c_uint,
    pub(super) profile: c_uint,
    pub(super) width: c_uint,
    pub(super) height: c_uint,
    /// Frames that will come; one makes the shorter headers of a still picture.
    pub(super) limit: c_uint,
    forced_size: [c_uint; 2],
    pub(super) bit_depth: c_int,
    pub(super) input_bit_depth: c_uint,
    pub(super) timebase: [c_int; 2],
    error_resilient: u32,
    pass: c_int,
    pub(super) lag: c_uint,
    drop_threshold: c_uint,
    /// Mode, denominator and denominator of key frames of resizing, the same of super-resolution, and its two thresholds.
    scaling: [c_uint; 8],
    pub(super) rate_control: c_int,
    tail: [u64; 512],
}

impl Configuration {
    pub(super) const EMPTY: Self = Self {
        usage: 0,
        threads: 0,
        profile: 0,
        width: 0,
        height: 0,
        limit: 0,
        forced_size: [0; 2],
        bit_depth: 0,
        input_bit_depth: 0,
        timebase: [0; 2],
        error_resilient: 0,
        pass: 0,
        lag: 0,
        drop_threshold: 0,
        scaling: [0; 8],
        rate_control: 0,
        tail: [0; 512],
    };

    /// Whether what the library filled in has the defaults of a known layout: 30 frames a second, eight bits, no scaling (eighths, so 8 is
    /// none).
    pub(super) fn is_known(&self) -> bool {
        let [_, size, key_size, _, wide, key_wide, ..] = self.scaling;
        (self.timebase, self.bit_depth, self.input_bit_depth) == ([1, 30], 8, 8)
            && [size, key_size, wide, key_wide] == [8; 4]
    }
}

/// `aom_image_t`: what is filled in by `aom_img_wrap`, and room.
#[repr(C, align(16))]
pub(super) struct Image {
    head: [c_int; 9],
    pub(super) bit_depth: c_uint,
    tail: [u64; 64],
}

impl Image {
    pub(super) const EMPTY: Self = Self { head: [0; 9], bit_depth: 0, tail: [0; 64] };
}

/// `aom_codec_cx_pkt_t`: what a packet with a frame begins with.
#[repr(C)]
pub(super) struct Packet {
    pub(super) kind: c_int,
    pub(super) data: *const u8,
    pub(super) len: usize,
}

/// The entry points that are used.
#[derive(Debug, Clone, Copy)]
pub(super) struct Api {
    pub(super) interface: unsafe extern "C" fn() -> *const c_void,
    pub(super) defaults: unsafe extern "C" fn(*const c_void, *mut Configuration, c_uint) -> c_int,
    pub(super) init:
        unsafe extern "C" fn(*mut Context, *const c_void, *const Configuration, c_long, c_int) -> c_int,
    pub(super) set_option: unsafe extern "C" fn(*mut Context, *const c_char, *const c_char) -> c_int,
    pub(super) control: unsafe extern "C" fn(*mut Context, c_int, ...) -> c_int,
    pub(super) wrap: unsafe extern "C" fn(*mut Image, c_int, c_uint, c_uint, c_uint, *mut u8) -> *mut Image,
    pub(super) encode:
        unsafe extern "C" fn(*mut Context, *const Image, i64, std::ffi::c_ulong, c_long) -> c_int,
    pub(super) packet: unsafe extern "C" fn(*mut Context, *mut *const c_void) -> *const Packet,
    pub(super) destroy: unsafe extern "C" fn(*mut Context) -> c_int,
}

/// A libaom. Stays loaded until the process ends.
#[derive(Debug)]
pub struct Libaom {
    pub(super) api: Api,
    version: Version,
    file: PathBuf,
    /// Keeps the entry points valid.
    _handle: libloading::Library,
}

static FINDER: Finder<Libaom> = Finder {
    name: "libaom",
    variable: AOM_VARIABLE,
    sonames: &SONAMES,
    remedy: REMEDY,
    open: Libaom::open,
    suggested: Mutex::new(None),
    loaded: Mutex::new(None),
};

/// Suggests a libaom file to try before the system's library, for the whole process; the last suggestion before the first use counts.
/// `NEURAL_CODEC_AOM` comes before it.
///
/// For hosts that carry the library in a place no system knows of, such as a Python package.
pub fn suggest_aom(path: &Path) {
    FINDER.suggest(path);
}

/// Version and file of the libaom that codes photos.
///
/// # Errors
///
/// `MissingLibrary` with what was tried and the remedy.
pub fn aom_version() -> Result<(String, PathBuf)> {
    Libaom::load().map(|library| (library.version.to_string(), library.file.clone()))
}

impl Libaom {
    /// The library that `NEURAL_CODEC_AOM` names, else the one that was suggested, else that of the system.
    ///
    /// # Errors
    ///
    /// `MissingLibrary` with what was tried and the remedy.
    pub fn load() -> Result<Arc<Self>> {
        FINDER.load()
    }

    /// Version that the library says it is.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Whether it tunes for what people see.
    pub fn has_perception(&self) -> bool {
        self.version >= Version(3, 12, 0)
    }

    #[allow(unsafe_code)]
    fn open(name: &Path) -> Result<Self, String> {
        // SAFETY: libaom has no initializers beyond those of the C library; a file that is something else is the caller's choice, as with
        // any plug-in.
        let handle = unsafe { load(name) }?;
        // SAFETY: declared as `const char *aom_codec_version_str(void)` in every release.
        let version = unsafe { text(&handle, c"aom_codec_version_str") }?;
        let version = Version::parse(&version)
            .filter(|found| matches!(found, Version(3, 2.., _)))
            .ok_or_else(|| format!("version {version} is not known, 3.2 and newer are"))?;
        // SAFETY: each name has the type that the headers of 3.2 to 3.14 declare for it.
        let api = unsafe {
            Api {
                interface: symbol(&handle, c"aom_codec_av1_cx")?,
                defaults: symbol(&handle, c"aom_codec_enc_config_default")?,
                init: symbol(&handle, c"aom_codec_enc_init_ver")?,
                set_option: symbol(&handle, c"aom_codec_set_option")?,
                control: symbol(&handle, c"aom_codec_control")?,
                wrap: symbol(&handle, c"aom_img_wrap")?,
                encode: symbol(&handle, c"aom_codec_encode")?,
                packet: symbol(&handle, c"aom_codec_get_cx_data")?,
                destroy: symbol(&handle, c"aom_codec_destroy")?,
            }
        };
        let file = file_of(api.destroy as *const c_void).unwrap_or_else(|| name.to_owned());
        Ok(Self { api, version, file, _handle: handle })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn a_missing_library_is_an_error_that_names_file_and_remedy() {
        for name in ["/nonsense/libaom.so", "libc.so.6"] {
            let error = FINDER.find(Some(Path::new(name))).unwrap_err();
            assert!(matches!(error, Error::MissingLibrary { .. }));
            for part in [name, "apt install", AOM_VARIABLE] {
                assert!(error.to_string().contains(part), "{error} does not name {part}");
            }
        }
    }
}
