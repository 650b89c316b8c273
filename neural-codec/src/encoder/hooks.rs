//! What the caller of a long call may hook into it.

use std::ops::{ControlFlow, Range};

use crate::error::Result;
use crate::lost::Lost;
use crate::media::Container;
use crate::progress::{CancelToken, OnProgress, Progress};

/// What the caller of a long call may hook into it.
#[derive(Default)]
#[non_exhaustive]
pub struct Hooks<'a> {
    /// Called on the caller's thread now and then; breaking cancels.
    pub on_progress: Option<OnProgress<'a>>,
    /// Cancels from any thread.
    pub cancel: CancelToken,
    /// Scenes to use instead of detected ones: contiguous ranges of frames from 0. More come out where the base encoder fails at a constant
    /// quantizer; notes of the report tell.
    pub scenes: Option<Vec<Range<u64>>>,
    /// Called before the first frame is coded with what of the source will not be in the output, where there is any.
    pub on_lost: Option<OnLost<'a>>,
    /// What the output cannot hold, where the caller knows.
    pub(super) lost_by_output: Vec<Lost>,
    /// The file that the stream is put into, where it is.
    pub(super) container: Option<Container>,
}

/// Is told what is lost.
pub type OnLost<'a> = Box<dyn FnMut(&[Lost]) + 'a>;

impl<'a> Hooks<'a> {
    /// Reports progress to a callback, on the caller's thread; breaking cancels.
    #[must_use]
    pub fn with_progress(self, on_progress: impl FnMut(Progress) -> ControlFlow<()> + 'a) -> Self {
        Self { on_progress: Some(Box::new(on_progress)), ..self }
    }

    /// Uses a token that another thread may raise.
    #[must_use]
    pub fn with_cancel(self, cancel: CancelToken) -> Self {
        Self { cancel, ..self }
    }

    /// Uses these scenes instead of detected ones.
    #[must_use]
    pub fn with_scenes(self, scenes: Vec<Range<u64>>) -> Self {
        Self { scenes: Some(scenes), ..self }
    }

    /// Tells a callback what of the source will not be in the output, before the first frame is coded.
    #[must_use]
    pub fn with_lost(self, on_lost: impl FnMut(&[Lost]) + 'a) -> Self {
        Self { on_lost: Some(Box::new(on_lost)), ..self }
    }

    /// Reports to the caller how far the work is.
    ///
    /// # Errors
    ///
    /// `Cancelled` when the caller says so.
    pub(crate) fn report(&mut self, progress: Progress) -> Result<()> {
        if let Some(callback) = &mut self.on_progress
            && callback(progress).is_break()
        {
            self.cancel.cancel();
        }
        self.cancel.check()
    }
}
