//! Work on so many threads.

use crate::error::{Error, Result};

/// Runs work on a pool of its own.
///
/// # Errors
///
/// Those of the work; `Io` where no thread can be had.
pub(crate) fn with_threads<T: Send>(threads: usize, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.map_err(|error| Error::no_thread(std::io::Error::other(error.to_string())))?;
    pool.install(work)
}
