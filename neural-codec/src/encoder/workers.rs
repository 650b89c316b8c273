//! Runs one job a scene on a few threads and gives the results back in scene order.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::process;

type Job<T> = Box<dyn FnOnce() -> Result<T> + Send>;

/// Jobs with their numbers, for whichever thread comes first.
type Queue<T> = Mutex<Receiver<(u64, Job<T>)>>;

/// A fixed set of threads, jobs numbered by the order of submission, results by the same order.
pub(super) struct Workers<T> {
    jobs: Option<Sender<(u64, Job<T>)>>,
    queue: Arc<Queue<T>>,
    results: Receiver<(u64, Result<T>)>,
    /// What each thread sends its results to.
    sender: Sender<(u64, Result<T>)>,
    threads: Vec<JoinHandle<()>>,
    /// Threads that are started when there is work for them.
    most_threads: usize,
    submitted: u64,
    delivered: u64,
    /// Results that came before their turn.
    early: BTreeMap<u64, Result<T>>,
}

impl<T: Send + 'static> Workers<T> {
    /// Workers of at most `count` threads, at least one; each is started by the first job that finds the others at work.
    pub(super) fn new(count: usize) -> Self {
        let (jobs, queue) = channel::<(u64, Job<T>)>();
        let (sender, results) = channel();
        Self {
            jobs: Some(jobs),
            queue: Arc::new(Mutex::new(queue)),
            results,
            sender,
            threads: Vec::new(),
            most_threads: count.max(1),
            submitted: 0,
            delivered: 0,
            early: BTreeMap::new(),
        }
    }

    /// Queues a job.
    ///
    /// # Errors
    ///
    /// `OutOfMemory` when the system refuses the first thread; with fewer threads than wanted, jobs wait.
    pub(super) fn submit(&mut self, job: impl FnOnce() -> Result<T> + Send + 'static) -> Result<()> {
        let at_work = self.in_flight() - self.early.len() as u64;
        if self.threads.len() < self.most_threads && at_work >= self.threads.len() as u64 {
            let (queue, sender) = (Arc::clone(&self.queue), self.sender.clone());
            let thread = std::thread::Builder::new().name("neural-codec scene".into());
            match thread.spawn(move || work(&queue, &sender)) {
                Ok(thread) => self.threads.push(thread),
                Err(error) if self.threads.is_empty() => return Err(Error::no_thread(error)),
                Err(_) => {}
            }
        }
        if let Some(jobs) = &self.jobs {
            // The queue lives as long as its sender.
            let _ = jobs.send((self.submitted, Box::new(job)));
            self.submitted += 1;
        }
        Ok(())
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
                // A thread ends only with the workers, which hold a sender.
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return None,
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
        if process::is_forked() {
            // The threads are the parent's, and what they share with this process may be locked for ever.
            std::mem::forget((self.jobs.take(), std::mem::take(&mut self.threads)));
            return;
        }
        self.jobs = None;
        for thread in self.threads.drain(..) {
            // A thread never panics: `work` catches what its jobs do.
            let _ = thread.join();
        }
    }
}

fn work<T>(queue: &Queue<T>, results: &Sender<(u64, Result<T>)>) {
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
        let mut workers = Workers::new(3);
        for i in 0..20_u64 {
            workers
                .submit(move || {
                    std::thread::sleep(std::time::Duration::from_millis((20 - i) % 7));
                    Ok(i)
                })
                .unwrap();
        }
        for i in 0..20 {
            assert_eq!(workers.next_within(LONG).unwrap().unwrap(), i);
        }
        assert!(workers.next_within(LONG).is_none());
    }

    #[test]
    fn a_panic_in_a_job_is_an_error_of_that_job_alone() {
        let mut workers = Workers::new(1);
        workers.submit(|| panic!("on purpose")).unwrap();
        workers.submit(|| Ok(1)).unwrap();
        assert!(matches!(workers.next_within(LONG), Some(Err(Error::Internal { .. }))));
        assert_eq!(workers.next_within(LONG).unwrap().unwrap(), 1);
    }

    #[test]
    fn threads_start_with_the_work_and_are_no_more_than_it_needs() {
        let mut workers = Workers::new(3);
        assert!(workers.threads.is_empty());
        for i in 0..5 {
            workers.submit(move || Ok(i)).unwrap();
            assert_eq!(workers.next_within(LONG).unwrap().unwrap(), i);
        }
        assert_eq!(workers.threads.len(), 1);
    }
}
