//! A base encoder that fails is tried again.

use crate::error::{Error, Result};

/// How often an attempt is retried because the base encoder stalls, or wrote what cannot be decoded.
const MOST_FAILURES: u32 = 2;

/// Does `once`, and again where the base encoder failed, with `on_failure` in between.
///
/// # Errors
///
/// Those of `once`.
pub(crate) fn with_retries<T>(
    mut once: impl FnMut() -> Result<T>,
    mut on_failure: impl FnMut(),
) -> Result<T> {
    for _ in 0..MOST_FAILURES {
        match once() {
            Err(Error::Stalled { .. } | Error::Corrupt { .. }) => on_failure(),
            done => return done,
        }
    }
    once()
}
