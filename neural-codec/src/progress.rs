//! Progress and cancellation of long work.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A stage of a scene's way into the stream; see `docs/ARCHITECTURE.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Stage {
    /// A part of the scene at a fast preset, and as it will be stored.
    Locate,
    /// The whole scene at a fast or a middle preset.
    Pilot,
    /// The whole scene as it is stored.
    Store,
    /// A filter over what is stored.
    Filter,
    /// A photo as a neural still.
    Still,
}

impl Stage {
    /// The name in a report.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Locate => "locate",
            Self::Pilot => "pilot",
            Self::Store => "store",
            Self::Filter => "filter",
            Self::Still => "still",
        }
    }
}

/// How far an encode or decode has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Progress {
    /// Frames finished.
    pub frames_done: u64,
    /// Frames of the whole clip, where the source declares it.
    pub frames_total: Option<u64>,
    /// Scenes finished.
    pub scenes_done: u32,
    /// Bytes of stream written or read.
    pub bytes: u64,
    /// What an encode began last; none before the first attempt, and of other work.
    pub stage: Option<Stage>,
    /// Attempts that an encode has begun, over all scenes.
    pub attempts: u64,
    /// Frames coded by all attempts, those that look for a quantizer included: it moves also while `frames_done` does not.
    pub frames_coded: u64,
}

/// Called now and then with how far the work is; breaking cancels it. The one shape of a progress callback.
pub type OnProgress<'a> = Box<dyn FnMut(Progress) -> ControlFlow<()> + 'a>;

/// A flag that any thread may raise to stop work at the next frame.
///
/// ```
/// # use neural_codec::{encoder::Hooks, progress::CancelToken};
/// let cancel = CancelToken::new();
/// let hooks = Hooks::default().with_cancel(cancel.clone());
/// cancel.cancel(); // from any thread
/// assert!(hooks.cancel.check().is_err());
/// # Ok::<(), neural_codec::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct CancelToken {
    is_raised: Arc<AtomicBool>,
    /// What raises this one too.
    outer: Option<Arc<CancelToken>>,
}

impl CancelToken {
    /// A token that is not raised.
    pub fn new() -> Self {
        Self::default()
    }

    /// A token that is raised with this one, and may be without it.
    pub(crate) fn child(&self) -> Self {
        Self { is_raised: Arc::default(), outer: Some(Arc::new(self.clone())) }
    }

    /// Asks the work to stop.
    pub fn cancel(&self) {
        self.is_raised.store(true, Ordering::Relaxed);
    }

    /// Whether somebody asked.
    pub fn is_cancelled(&self) -> bool {
        self.is_raised.load(Ordering::Relaxed)
            || self.outer.as_ref().is_some_and(|outer| outer.is_cancelled())
    }

    /// # Errors
    ///
    /// `Cancelled` once somebody asked.
    pub fn check(&self) -> Result<()> {
        if self.is_cancelled() { Err(Error::Cancelled) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_of_a_raised_token_is_raised() {
        let token = CancelToken::new();
        let clone = token.clone();
        assert!(clone.check().is_ok() && !clone.is_cancelled());
        token.cancel();
        assert!(matches!(clone.check(), Err(Error::Cancelled)) && clone.is_cancelled());
    }

    #[test]
    fn a_child_is_raised_with_its_token_and_not_the_other_way_round() {
        let token = CancelToken::new();
        let (first, second) = (token.child(), token.child());
        first.cancel();
        assert!(first.is_cancelled() && !second.is_cancelled() && !token.is_cancelled());
        token.cancel();
        assert!(second.is_cancelled() && token.child().is_cancelled());
    }
}
