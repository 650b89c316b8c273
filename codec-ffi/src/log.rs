//! What an encoder has to say, told to a C callback. Silent without one.

#![allow(unsafe_code)] // The callback is the caller's.

use std::ffi::{CString, c_char, c_void};

use neural_codec::report::Report;

/// Something worth knowing: what was done, and why.
pub const NCODEC_LOG_INFO: i32 = 1;
/// Something the encoder could not do as asked, such as a target that cannot be met.
pub const NCODEC_LOG_WARNING: i32 = 2;

/// Told one message, on the thread that made the call. It must return: no longjmp, no exception. message is valid inside
/// the callback only.
pub type LogCallback =
    Option<unsafe extern "C" fn(level: i32, message: *const c_char, user_data: *mut c_void)>;

/// A caller's logger with what it asked to get back.
#[derive(Clone, Copy)]
pub(crate) struct Logger {
    callback: LogCallback,
    user_data: *mut c_void,
}

// SAFETY: as for `Listener`: the pointer is only handed back, on the thread that makes the call, and the header tells the
// caller that handles, and so this, may move between threads.
unsafe impl Send for Logger {}

impl Logger {
    pub(crate) const SILENT: Self = Self { callback: None, user_data: std::ptr::null_mut() };

    pub(crate) fn new(callback: LogCallback, user_data: *mut c_void) -> Self {
        Self { callback, user_data }
    }

    fn report(&self, level: i32, message: &str) {
        let Some(callback) = self.callback else { return };
        let message = CString::new(message.replace('\0', " ")).unwrap_or_default();
        // SAFETY: a function of this type by the header, with the pointer that came with it.
        unsafe { callback(level, message.as_ptr(), self.user_data) }
    }

    /// Tells what a finished encode notes about itself, and its sum.
    pub(crate) fn log_report(&self, report: &Report) {
        report.notes.iter().for_each(|note| self.report(NCODEC_LOG_INFO, note));
        let total = &report.total;
        if !total.target_met {
            self.report(
                NCODEC_LOG_WARNING,
                "the target cannot be met; the stream holds the closest there is",
            );
        }
        let (frames, scenes, bytes, seconds) =
            (total.frames, report.scenes.len(), total.bytes, total.seconds);
        let sum = format!("{frames} frames in {scenes} scenes, {bytes} bytes, {seconds:.1} s");
        self.report(NCODEC_LOG_INFO, &sum);
    }
}
