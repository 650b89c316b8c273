//! Whether the threads of one encoder instance do anything, whatever else the process does.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use cpu_time::ProcessTime;

/// Threads that use less than this share of one core do next to nothing.
const IDLE_SHARE: f64 = 0.02;

/// The threads that an instance started, by their number in the system; none where the system does not tell. Those that others started in the same
/// moment may be among them.
#[derive(Debug, Clone, Default)]
pub(super) struct Threads(Arc<OnceLock<Vec<u32>>>);

impl Threads {
    /// Does what starts them.
    pub(super) fn started_by<T>(&self, start: impl FnOnce() -> T) -> T {
        let before = numbers();
        let done = start();
        let new = numbers().into_iter().filter(|number| !before.contains(number)).collect();
        // A second start would be of the same instance, whose threads are known.
        let _ = self.0.set(new);
        done
    }

    /// Processor time that they took so far; that of the whole process where they are not known.
    fn processor_time(&self) -> Duration {
        let numbers = self.0.get().filter(|numbers| !numbers.is_empty());
        let time = numbers.and_then(|numbers| time_of(numbers));
        time.unwrap_or_else(|| ProcessTime::now().as_duration())
    }
}

/// Threads that are looked at now and then.
#[derive(Debug)]
pub(super) struct Activity<'a> {
    threads: &'a Threads,
    looked: Instant,
    /// Processor time that they had taken then.
    used: Duration,
}

impl<'a> Activity<'a> {
    /// Looks for the first time.
    pub(super) fn of(threads: &'a Threads) -> Self {
        Self { threads, looked: Instant::now(), used: threads.processor_time() }
    }

    /// Whether the threads did next to nothing since it was looked at them last.
    pub(super) fn was_idle(&mut self) -> bool {
        let before = std::mem::replace(self, Self::of(self.threads));
        let took = self.looked.duration_since(before.looked).as_secs_f64();
        // Less than before: threads have ended, or became known, which is something.
        let used = self.used.checked_sub(before.used);
        used.is_some_and(|used| used.as_secs_f64() < IDLE_SHARE * took)
    }
}

/// All threads of this process.
#[cfg(target_os = "linux")]
fn numbers() -> Vec<u32> {
    let entries = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Processor time of those of some threads that have not ended.
#[cfg(target_os = "linux")]
fn time_of(numbers: &[u32]) -> Option<Duration> {
    let mut time = 0;
    for number in numbers {
        let Ok(stat) = std::fs::read_to_string(format!("/proc/self/task/{number}/stat")) else { continue };
        // The second field is the name in brackets, which may hold any; 14 and 15 are the time in it and in the system (proc(5)).
        let (_, after) = stat.rsplit_once(')')?;
        let mut ticks = after.split_ascii_whitespace().skip(11).map(|field| field.parse::<u64>().ok());
        time += ticks.next()?? + ticks.next()??;
    }
    Some(Duration::from_secs_f64(time as f64 / ticks_a_second()? as f64))
}

#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
fn ticks_a_second() -> Option<u64> {
    // SAFETY: the call takes a number and touches no memory.
    u64::try_from(unsafe { libc::sysconf(libc::_SC_CLK_TCK) }).ok().filter(|&ticks| ticks > 0)
}

#[cfg(not(target_os = "linux"))]
fn numbers() -> Vec<u32> {
    Vec::new()
}

#[cfg(not(target_os = "linux"))]
fn time_of(_: &[u32]) -> Option<Duration> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    fn spin(time: Duration) {
        let start = Instant::now();
        while start.elapsed() < time {
            std::hint::black_box(start.elapsed());
        }
    }

    #[test]
    fn work_of_the_threads_that_were_started_counts_and_that_of_others_does_not() {
        const A_WHILE: Duration = Duration::from_millis(200);
        let (begin, begun) = channel::<()>();
        let (done, is_done) = channel();
        let threads = Threads::default();
        let thread = threads.started_by(|| {
            std::thread::spawn(move || {
                begun.recv().unwrap();
                spin(A_WHILE);
                done.send(()).unwrap();
                begun.recv().unwrap_err();
            })
        });
        let mut activity = Activity::of(&threads);
        spin(A_WHILE);
        assert!(activity.was_idle());
        begin.send(()).unwrap();
        is_done.recv().unwrap();
        assert!(!activity.was_idle());
        drop(begin);
        thread.join().unwrap();
        // Where nothing is known the process is looked at.
        let unknown = Threads::default();
        let mut activity = Activity::of(&unknown);
        spin(A_WHILE);
        assert!(!activity.was_idle());
    }
}
