//! Seconds and processor seconds by stage of an encode.
//!
//! Encoders and decoders work on threads of their own, which no clock of a single thread counts. So the processor
//! time of the whole process is split: whatever passes while several stages are at work is shared among them
//! equally. What runs on one known thread is counted by that thread's clock and kept out of the rest. The sum over
//! all stages is never more than the process used.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cpu_time::{ProcessTime, ThreadTime};

/// What one stage took in all.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Spent {
    /// How many times it ran.
    pub(crate) runs: u64,
    pub(crate) seconds: f64,
    pub(crate) cpu_seconds: f64,
}

/// The stages of one encode, from any thread.
pub(crate) struct StageClock {
    /// Processor time of the process so far.
    now: Box<dyn Fn() -> Duration + Send + Sync>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Processor time up to which everything is shared out.
    shared_until: Duration,
    /// Processor time since then that is counted elsewhere.
    elsewhere: Duration,
    /// Shares of the stages at work, in processor seconds.
    at_work: BTreeMap<u64, f64>,
    next: u64,
    spent: BTreeMap<&'static str, Spent>,
}

impl State {
    /// Shares out what has passed.
    fn share(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.shared_until).saturating_sub(self.elsewhere).as_secs_f64();
        let count = self.at_work.len() as f64;
        self.at_work.values_mut().for_each(|share| *share += passed / count);
        (self.shared_until, self.elsewhere) = (now, Duration::ZERO);
    }

    fn add(&mut self, stage: &'static str, seconds: f64, cpu_seconds: f64) {
        let spent = self.spent.entry(stage).or_default();
        spent.runs += 1;
        spent.seconds += seconds;
        spent.cpu_seconds += cpu_seconds;
    }
}

/// A stage at work.
pub(crate) struct Running {
    clock: Arc<StageClock>,
    stage: &'static str,
    id: u64,
    start: Instant,
}

impl StageClock {
    /// A clock of this process.
    pub(crate) fn new() -> Arc<Self> {
        let start = ProcessTime::now();
        Self::reading(move || start.elapsed())
    }

    fn reading(now: impl Fn() -> Duration + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { now: Box::new(now), state: Mutex::default() })
    }

    fn with<T>(&self, change: impl FnOnce(&mut State, Duration) -> T) -> T {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Read inside the lock, so that time never runs backwards.
        let now = (self.now)();
        change(&mut state, now)
    }

    /// Begins a stage whose work is on several threads.
    pub(crate) fn begin(self: &Arc<Self>, stage: &'static str) -> Running {
        let id = self.with(|state, now| {
            state.share(now);
            state.next += 1;
            state.at_work.insert(state.next, 0.0);
            state.next
        });
        Running { clock: Arc::clone(self), stage, id, start: Instant::now() }
    }

    /// Runs a stage that works on this thread alone.
    pub(crate) fn alone<T>(&self, stage: &'static str, work: impl FnOnce() -> T) -> T {
        let (start, cpu_start) = (Instant::now(), ThreadTime::now());
        let done = work();
        let cpu = cpu_start.elapsed();
        self.with(|state, _| {
            state.elsewhere += cpu;
            state.add(stage, start.elapsed().as_secs_f64(), cpu.as_secs_f64());
        });
        done
    }

    /// Processor seconds of the process since the clock was made.
    pub(crate) fn cpu_seconds(&self) -> f64 {
        (self.now)().as_secs_f64()
    }

    /// What each stage took so far.
    pub(crate) fn spent(&self) -> BTreeMap<&'static str, Spent> {
        self.with(|state, _| state.spent.clone())
    }
}

impl Running {
    /// Ends the stage: its seconds and processor seconds.
    pub(crate) fn end(self) -> (f64, f64) {
        let seconds = self.start.elapsed().as_secs_f64();
        let cpu = self.clock.with(|state, now| {
            state.share(now);
            let cpu = state.at_work.remove(&self.id).unwrap_or_default();
            state.add(self.stage, seconds, cpu);
            cpu
        });
        (seconds, cpu)
    }
}

impl Drop for Running {
    /// A stage that fails takes no share any more.
    fn drop(&mut self) {
        self.clock.with(|state, now| {
            state.share(now);
            state.at_work.remove(&self.id);
        });
    }
}

impl std::fmt::Debug for StageClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StageClock").field("spent", &self.spent()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// A clock whose processor time is set by hand, in seconds.
    fn by_hand() -> (Arc<StageClock>, Arc<AtomicU64>) {
        let hand = Arc::new(AtomicU64::new(0));
        let read = Arc::clone(&hand);
        (StageClock::reading(move || Duration::from_secs(read.load(Ordering::Relaxed))), hand)
    }

    #[test]
    fn stages_at_work_together_share_equally() {
        let (clock, hand) = by_hand();
        let first = clock.begin("store");
        hand.store(4, Ordering::Relaxed);
        let second = clock.begin("pilot");
        hand.store(10, Ordering::Relaxed);
        assert_eq!(first.end().1, 4.0 + 3.0);
        hand.store(11, Ordering::Relaxed);
        assert_eq!(second.end().1, 3.0 + 1.0);
        hand.store(20, Ordering::Relaxed);
        let sum: f64 = clock.spent().values().map(|spent| spent.cpu_seconds).sum();
        assert_eq!(sum, 11.0, "what passes while nothing is at work belongs to no stage");
    }

    #[test]
    fn what_a_thread_counts_by_itself_is_not_counted_twice() {
        let (clock, hand) = by_hand();
        let stage = clock.begin("store");
        let spin = || {
            let start = ThreadTime::now();
            while start.elapsed() < Duration::from_millis(20) {}
        };
        clock.alone("profile", spin);
        hand.store(1, Ordering::Relaxed);
        let profile = clock.spent()["profile"].cpu_seconds;
        assert!(profile >= 0.02);
        assert!((stage.end().1 + profile - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_stage_that_fails_takes_no_share() {
        let (clock, hand) = by_hand();
        let failing = clock.begin("locate");
        let other = clock.begin("store");
        hand.store(2, Ordering::Relaxed);
        drop(failing);
        hand.store(5, Ordering::Relaxed);
        assert_eq!(other.end().1, 1.0 + 3.0);
        assert!(!clock.spent().contains_key("locate"));
    }
}
