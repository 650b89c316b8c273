//! Runs one job a scene on a few threads and gives the results back in scene order.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::frame::VideoInfo;

/// Bytes that the base encoders of all scenes at work may take, by the estimate below.
const ENCODER_BYTES: usize = 1 << 30;

/// What one base encoder takes with the frames it holds back, at most (`docs/decisions/0003-av1-encoder.md`).
const ENCODER_BYTES_PER_PIXEL: usize = 470;

/// Scenes to encode at the same time: as many as threads and memory allow, two at most, as each uses all threads, or one a
/// device.
pub(super) fn scenes_at_once(info: &VideoInfo, threads: usize, devices: usize) -> usize {
    let fitting = ENCODER_BYTES / (ENCODER_BYTES_PER_PIXEL * info.width * info.height);
    fitting.min(threads).clamp(1, devices.max(2))
}

type Job<T> = Box<dyn FnOnce() -> Result<T> + Send>;

/// A fixed set of threads, jobs numbered by the order of submission, results by the same order.
pub(super) struct Workers<T> {
    jobs: Option<Sender<(u64, Job<T>)>>,
    results: Receiver<(u64, Result<T>)>,
    threads: Vec<JoinHandle<()>>,
    submitted: u64,
    delivered: u64,
    /// Results that came before their turn.
    early: BTreeMap<u64, Result<T>>,
}

impl<T: Send + 'static> Workers<T> {
    /// Starts `count` threads, at least one.
    ///
    /// # Errors
    ///
    /// `Io` when the system refuses a thread.
    pub(super) fn start(count: usize) -> Result<Self> {
        let (jobs, queue) = channel::<(u64, Job<T>)>();
        let (sender, results) = channel();
        let queue = Arc::new(Mutex::new(queue));
        let threads = (0..count.max(1))
            .map(|_| {
                let (queue, sender) = (Arc::clone(&queue), sender.clone());
                std::thread::Builder::new()
                    .name("neural-codec scene".into())
                    .spawn(move || work(&queue, &sender))
                    .map_err(Error::from)
            })
            .collect::<Result<_>>()?;
        Ok(Self { jobs: Some(jobs), results, threads, submitted: 0, delivered: 0, early: BTreeMap::new() })
    }

    /// Queues a job.
    pub(super) fn submit(&mut self, job: impl FnOnce() -> Result<T> + Send + 'static) {
        if let Some(jobs) = &self.jobs {
            // A send fails only when every thread is gone, which `next` reports.
            let _ = jobs.send((self.submitted, Box::new(job)));
            self.submitted += 1;
        }
    }

    /// Jobs submitted whose results were not yet given out.
    pub(super) fn in_flight(&self) -> u64 {
        self.submitted - self.delivered
    }

    /// The next result in order if it is there.
    pub(super) fn try_next(&mut self) -> Option<Result<T>> {
        while let Ok((index, result)) = self.results.try_recv() {
            self.early.insert(index, result);
        }
        self.deliver()
    }

    /// The next result in order, waiting for it a while; `None` when none came.
    pub(super) fn next_within(&mut self, patience: Duration) -> Option<Result<T>> {
        while self.in_flight() > 0 && !self.early.contains_key(&self.delivered) {
            match self.results.recv_timeout(patience) {
                Ok((index, result)) => _ = self.early.insert(index, result),
                Err(RecvTimeoutError::Timeout) => return None,
                Err(RecvTimeoutError::Disconnected) => {
                    let lost = Err(Error::internal("scene workers", "all threads ended early"));
                    self.early.insert(self.delivered, lost);
                }
            }
        }
        self.deliver()
    }

    fn deliver(&mut self) -> Option<Result<T>> {
        let result = self.early.remove(&self.delivered)?;
        self.delivered += 1;
        Some(result)
    }
}

impl<T> Drop for Workers<T> {
    fn drop(&mut self) {
        self.jobs = None;
        for thread in self.threads.drain(..) {
            // A thread never panics: `work` catches what its jobs do.
            let _ = thread.join();
        }
    }
}

fn work<T>(queue: &Mutex<Receiver<(u64, Job<T>)>>, results: &Sender<(u64, Result<T>)>) {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((index, job)) = next else { return };
        let result = catch_unwind(AssertUnwindSafe(job)).unwrap_or_else(|panic| {
            let reason = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("panic");
            Err(Error::internal("scene worker", reason))
        });
        if results.send((index, result)).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn results_come_in_the_order_of_submission() {
        let mut workers = Workers::start(3).unwrap();
        for i in 0..20_u64 {
            workers.submit(move || {
                std::thread::sleep(std::time::Duration::from_millis((20 - i) % 7));
                Ok(i)
            });
        }
        for i in 0..20 {
            assert_eq!(workers.next_within(LONG).unwrap().unwrap(), i);
        }
        assert!(workers.next_within(LONG).is_none());
    }

    #[test]
    fn a_panic_in_a_job_is_an_error_of_that_job_alone() {
        let mut workers = Workers::start(1).unwrap();
        workers.submit(|| panic!("on purpose"));
        workers.submit(|| Ok(1));
        assert!(matches!(workers.next_within(LONG), Some(Err(Error::Internal { .. }))));
        assert_eq!(workers.next_within(LONG).unwrap().unwrap(), 1);
    }
}
