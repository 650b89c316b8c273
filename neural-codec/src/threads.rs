//! How many threads work, work on so many, and what they share.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Result};

/// The most threads that may be asked for.
pub(crate) const MOST_THREADS: usize = 256;

/// The threads that are meant by a number: by 0 as many as there are processors, up to the most that may be asked for.
pub(crate) fn thread_count(asked: usize) -> usize {
    match asked {
        0 => std::thread::available_parallelism().map_or(1, |n| n.get().min(MOST_THREADS)),
        n => n,
    }
}

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

/// A lock that survives a panic elsewhere, for what a panic leaves as it was.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
