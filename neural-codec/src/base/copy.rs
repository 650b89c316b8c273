//! One loaded copy of SVT-AV1: its entry points, version and file.

use std::ffi::{c_char, c_void};
use std::fmt;
use std::path::{Path, PathBuf};

use super::abi::{Api, BufferLayout, InitHandle};
use super::version::Version;
use crate::loader::{file_of, load, symbol, text};

/// Code and tables of the library, for one instance.
pub(super) struct LoadedCopy {
    pub(super) api: Api,
    /// Keeps the entry points of `api` valid.
    handle: libloading::Library,
}

impl fmt::Debug for LoadedCopy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.handle.fmt(f)
    }
}

impl LoadedCopy {
    #[allow(unsafe_code)]
    pub(super) fn load(name: &Path) -> Result<(Self, Version), String> {
        // SAFETY: SVT-AV1 has no initializers beyond those of the C library; a file that is something else is
        // the caller's choice, as with any plug-in.
        let handle = unsafe { load(name) }?;
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
        Ok((Self { api, handle }, version))
    }

    /// The file that the system's loader chose for the name.
    pub(super) fn file(&self) -> Option<PathBuf> {
        file_of(self.api.deinit as *const c_void)
    }
}

#[allow(unsafe_code)]
fn read_version(handle: &libloading::Library) -> Result<Version, String> {
    // SAFETY: declared as `const char *svt_av1_get_version(void)` in every release since 0.9.
    let version = unsafe { text(handle, c"svt_av1_get_version") }?;
    Version::parse(&version).ok_or_else(|| format!("cannot read the version {version:?}"))
}

/// Stops the library from writing to standard error.
///
/// Version 4 takes a callback. Older ones only read the variable `SVT_LOG`, once, when the first encoder is
/// made: level -2 lies below the one of fatal errors. A value that the caller set stays unchanged.
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
