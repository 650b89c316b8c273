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

    /// What they did so far; what the whole process did where they are not known.
    fn work(&self) -> Work {
        let work = self.0.get().and_then(|numbers| work_of(numbers));
        work.unwrap_or_else(|| Work { time: ProcessTime::now().as_duration(), is_at_it: false })
    }
}

/// What threads did and do.
#[derive(Debug, Clone, Copy)]
struct Work {
    /// Processor time that they took.
    time: Duration,
    /// Whether one runs, would if it got a processor, or waits for a disk.
    is_at_it: bool,
}

/// Threads that are looked at now and then.
#[derive(Debug)]
pub(super) struct Activity<'a> {
    threads: &'a Threads,
    looked: Instant,
    /// What they had done then.
    work: Work,
}

impl<'a> Activity<'a> {
    /// Looks for the first time.
    pub(super) fn of(threads: &'a Threads) -> Self {
        Self { threads, looked: Instant::now(), work: threads.work() }
    }

    /// Whether the threads did next to nothing since it was looked at them last, and do nothing now.
    pub(super) fn was_idle(&mut self) -> bool {
        let before = std::mem::replace(self, Self::of(self.threads));
        let took = self.looked.duration_since(before.looked).as_secs_f64();
        // Less than before: threads have ended, or became known, which is something.
        let used = self.work.time.checked_sub(before.work.time);
        // Where others leave a thread no processor it uses none, and yet there is something that it would do.
        !self.work.is_at_it && used.is_some_and(|used| used.as_secs_f64() < IDLE_SHARE * took)
    }
}

/// All threads of this process.
#[cfg(target_os = "linux")]
fn numbers() -> Vec<u32> {
    let entries = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// What those of some threads do that have not ended; nothing is known where there is none, or one cannot be looked at.
#[cfg(target_os = "linux")]
fn work_of(numbers: &[u32]) -> Option<Work> {
    let (mut ticks, mut is_at_it, mut seen) = (0, false, 0);
    for number in numbers {
        let stat = match std::fs::read_to_string(format!("/proc/self/task/{number}/stat")) {
            Ok(stat) => stat,
            Err(error) if has_ended(&error) => continue,
            Err(_) => return None,
        };
        // The second field is the name in brackets, which may hold any; the third is the state; 14 and 15 are the time in it and in the system
        // (proc(5)).
        let (_, after) = stat.rsplit_once(')')?;
        let mut fields = after.split_ascii_whitespace();
        is_at_it |= matches!(fields.next()?, "R" | "D");
        let mut times = fields.skip(10).map(|field| field.parse::<u64>().ok());
        ticks += times.next()?? + times.next()??;
        seen += 1;
    }
    let time = Duration::from_secs_f64(ticks as f64 / ticks_a_second()? as f64);
    (seen > 0).then_some(Work { time, is_at_it })
}

/// Whether a thread could not be looked at because it is no more.
#[cfg(target_os = "linux")]
fn has_ended(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ESRCH)
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
fn work_of(_: &[u32]) -> Option<Work> {
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
