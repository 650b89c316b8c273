//! Progress, reported to a C callback.

#![allow(unsafe_code)] // The callback is the caller's.

use std::ffi::{CStr, c_char, c_void};
use std::ops::ControlFlow;

use neural_codec::progress::{Progress, Stage};

/// How far an encode or decode has come.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct CProgress {
    /// Bytes of this struct as the library knows it; later versions may append fields.
    pub struct_size: u32,
    /// Scenes finished.
    pub scenes_done: u32,
    /// Frames finished.
    pub frames_done: u64,
    /// Frames of the whole clip, -1 while unknown.
    pub frames_total: i64,
    /// Bytes of stream written or read.
    pub bytes: u64,
    /// What an encode began last: "locate", "pilot", "store", "filter" or "still"; NULL before the first attempt, and of other work.
    /// It lives as long as the library.
    pub stage: *const c_char,
    /// Attempts that an encode has begun, over all scenes.
    pub attempts: u64,
    /// Frames coded by all attempts, those that look for a quantizer included.
    pub frames_coded: u64,
}

/// Told now and then how far the work is, on the thread that made the call. Non-zero cancels the work, and the call
/// is NCODEC_ERROR_CANCELLED. It must return: no longjmp, no exception. progress is valid inside the callback only.
pub type ProgressCallback =
    Option<unsafe extern "C" fn(progress: *const CProgress, user_data: *mut c_void) -> i32>;

/// A caller's callback with what it asked to get back.
#[derive(Clone, Copy)]
pub(crate) struct Listener {
    callback: ProgressCallback,
    user_data: *mut c_void,
}

// SAFETY: the pointer is never followed here, only handed back to the callback, which runs on the thread that makes
// the call; the header tells the caller that handles, and so this, may move between threads.
unsafe impl Send for Listener {}

impl Listener {
    pub(crate) fn new(callback: ProgressCallback, user_data: *mut c_void) -> Self {
        Self { callback, user_data }
    }

    /// Whether the caller wants to know.
    pub(crate) fn is_present(&self) -> bool {
        self.callback.is_some()
    }

    /// Breaks when the caller cancels.
    pub(crate) fn report(&self, progress: Progress) -> ControlFlow<()> {
        let Some(callback) = self.callback else { return ControlFlow::Continue(()) };
        let progress = CProgress {
            struct_size: size_of::<CProgress>() as u32,
            scenes_done: progress.scenes_done,
            frames_done: progress.frames_done,
            frames_total: progress.frames_total.and_then(|total| i64::try_from(total).ok()).unwrap_or(-1),
            bytes: progress.bytes,
            stage: progress.stage.map_or(std::ptr::null(), |stage| c_name(stage).as_ptr()),
            attempts: progress.attempts,
            frames_coded: progress.frames_coded,
        };
        // SAFETY: a function of this type by the header, with the pointer that came with it.
        match unsafe { callback(&raw const progress, self.user_data) } {
            0 => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        }
    }
}

fn c_name(stage: Stage) -> &'static CStr {
    match stage {
        Stage::Locate => c"locate",
        Stage::Pilot => c"pilot",
        Stage::Store => c"store",
        Stage::Filter => c"filter",
        Stage::Still => c"still",
        _ => c"other",
    }
}
