//! A bound on the bytes of source frames held in memory by all scenes together, and the disk for those beyond it.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use super::spill::Spill;
use crate::threads::lock;

/// Counts bytes against a limit; waits or refuses when they do not fit.
#[derive(Debug)]
pub(crate) struct MemoryBudget {
    used: Mutex<usize>,
    freed: Condvar,
    limit: usize,
    spill: Arc<Spill>,
}

impl MemoryBudget {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { used: Mutex::new(0), freed: Condvar::new(), limit, spill: Arc::default() })
    }

    /// Where frames wait that do not fit.
    pub(super) fn spill(&self) -> &Arc<Spill> {
        &self.spill
    }

    /// Takes `bytes` at once if they fit; a budget in which nothing is used fits anything.
    pub(crate) fn try_take(self: &Arc<Self>, bytes: usize) -> Option<Share> {
        let mut used = lock(&self.used);
        (*used == 0 || *used + bytes <= self.limit).then(|| {
            *used += bytes;
            Share { bytes, budget: Arc::clone(self) }
        })
    }

    /// Takes `bytes`, waiting until they fit.
    pub(crate) fn take(self: &Arc<Self>, bytes: usize) -> Share {
        let mut used = lock(&self.used);
        while *used != 0 && *used + bytes > self.limit {
            used = self.freed.wait(used).unwrap_or_else(PoisonError::into_inner);
        }
        *used += bytes;
        Share { bytes, budget: Arc::clone(self) }
    }
}

/// Bytes taken from a budget, given back when dropped.
#[derive(Debug)]
pub(crate) struct Share {
    bytes: usize,
    budget: Arc<MemoryBudget>,
}

impl Drop for Share {
    fn drop(&mut self) {
        *lock(&self.budget.used) -= self.bytes;
        self.budget.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let budget = MemoryBudget::new(10);
        let first = budget.try_take(6).unwrap();
        assert!(budget.try_take(6).is_none());
        let waiting = std::thread::scope(|scope| {
            let thread = scope.spawn(|| budget.take(6));
            drop(first);
            thread.join().unwrap()
        });
        assert!(budget.try_take(5).is_none());
        drop(waiting);
        assert!(budget.try_take(10).is_some());
    }

    #[test]
    fn one_item_over_the_limit_passes_alone() {
        let budget = MemoryBudget::new(10);
        let large = budget.try_take(100);
        assert!(large.is_some());
        assert!(budget.try_take(1).is_none());
    }
}
