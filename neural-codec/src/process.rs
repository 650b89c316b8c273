//! The process that the library runs in. A child of `fork` has none of its threads, and would wait for them for ever.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::error::{Error, Result};

/// The process that first used the library; 0 before.
static OWNER: AtomicU32 = AtomicU32::new(0);

/// Remembers the process that first used the library, and refuses a child that was forked after that.
///
/// Every object of the library asks this at every call that can fail; closing works in a child too, and leaves what the
/// parent's threads hold.
///
/// # Errors
///
/// `WrongOrder` in a process forked after another had used the library.
pub fn check(call: &'static str) -> Result<()> {
    let this = std::process::id();
    let owner = OWNER.compare_exchange(0, this, Ordering::Relaxed, Ordering::Relaxed);
    match owner {
        Err(owner) if owner != this => Err(Error::WrongOrder {
            call,
            reason:
                "this process was forked after neural_codec had started threads; start it anew (in Python: \
                     multiprocessing's start method \"spawn\" or \"forkserver\")"
                    .into(),
        }),
        _ => Ok(()),
    }
}

/// Whether this process was forked after another had used the library.
pub(crate) fn is_forked() -> bool {
    let owner = OWNER.load(Ordering::Relaxed);
    owner != 0 && owner != std::process::id()
}
