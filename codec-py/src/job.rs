//! Long work on a thread of its own, and the events that tell Python how it goes.
//!
//! Python polls in short waits, so that its signal handlers run in between: Ctrl-C is answered whatever the work does.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use neural_codec::progress::{CancelToken, Progress, Stage};
use neural_codec::{Error, Result};
use pyo3::prelude::*;

use crate::errors::{caught, check_process, copied, python_bytes, to_python};

/// What work tells.
enum Event {
    Bytes(Vec<u8>),
    Progress(Progress),
    /// What of a source is lost, as JSON.
    Lost(String),
    /// The result as JSON.
    Done(Result<String>),
}

/// The worker's end of the channel. What it sends after Python has gone is dropped.
#[derive(Clone)]
pub(crate) struct Reporter {
    events: Sender<Event>,
    pub(crate) cancel: CancelToken,
}

impl Reporter {
    pub(crate) fn progress(&self, progress: Progress) {
        let _ = self.events.send(Event::Progress(progress));
    }

    pub(crate) fn bytes(&self, bytes: Vec<u8>) {
        let _ = self.events.send(Event::Bytes(bytes));
    }

    pub(crate) fn lost(&self, json: String) {
        let _ = self.events.send(Event::Lost(json));
    }
}

impl Write for Reporter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let bytes_sent = copied("bytes of the stream", bytes).map_err(|_| io::ErrorKind::OutOfMemory)?;
        let _ = self.events.send(Event::Bytes(bytes_sent));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Work in progress.
#[pyclass(frozen, module = "neural_codec._native")]
pub(crate) struct Job {
    events: Mutex<Receiver<Event>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    cancel: CancelToken,
}

impl Job {
    /// Starts work on a thread of its own; its result is the text of the last event.
    pub(crate) fn start(
        py: Python<'_>,
        work: impl FnOnce(Reporter) -> Result<String> + Send + 'static,
    ) -> PyResult<Self> {
        let (sender, events) = channel();
        let reporter = Reporter { events: sender.clone(), cancel: CancelToken::new() };
        let cancel = reporter.cancel.clone();
        let thread = std::thread::Builder::new()
            .name("neural-codec job".into())
            .spawn(move || {
                let result = caught(|| work(reporter));
                let _ = sender.send(Event::Done(result));
            })
            .map_err(|error| to_python(py, Error::no_thread(error)))?;
        Ok(Self { events: Mutex::new(events), thread: Mutex::new(Some(thread)), cancel })
    }
}

impl Drop for Job {
    /// Work that nobody waits for any more ends: what it would have written does not appear.
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

#[pymethods]
impl Job {
    /// The next event, waiting at most `seconds`: `("bytes", bytes)`, `("progress", (frames, total, scenes, bytes))`,
    /// `("lost", json)` or `("done", json)`.
    ///
    /// # Errors
    ///
    /// What the work met, once.
    fn poll<'py>(
        &self,
        py: Python<'py>,
        seconds: f64,
    ) -> PyResult<Option<(&'static str, Bound<'py, PyAny>)>> {
        check_process(py)?;
        let patience = Duration::from_secs_f64(seconds.clamp(0.0, 1.0));
        let event = match py.detach(|| lock(&self.events).recv_timeout(patience)) {
            Ok(event) => event,
            Err(RecvTimeoutError::Timeout) => return Ok(None),
            Err(RecvTimeoutError::Disconnected) => {
                let reason = "the work has ended".into();
                return Err(to_python(py, Error::WrongOrder { call: "poll", reason }));
            }
        };
        Ok(Some(match event {
            Event::Bytes(bytes) => ("bytes", python_bytes(py, &bytes)?.into_any()),
            Event::Progress(at) => {
                let stage = at.stage.map(Stage::name);
                let found = (at.frames_done, at.frames_total, at.scenes_done, at.bytes);
                let value = (found, stage, at.attempts, at.frames_coded);
                ("progress", value.into_pyobject(py)?.into_any())
            }
            Event::Lost(json) => ("lost", json.into_pyobject(py)?.into_any()),
            Event::Done(Ok(json)) => ("done", json.into_pyobject(py)?.into_any()),
            Event::Done(Err(error)) => return Err(to_python(py, error)),
        }))
    }

    /// Cancels the work and waits at most `seconds` for its thread; says whether that has ended. In a forked child there is
    /// none, and nothing is cancelled.
    fn close(&self, py: Python<'_>, seconds: f64) -> bool {
        if check_process(py).is_err() {
            return true;
        }
        self.cancel.cancel();
        py.detach(|| {
            let end = Instant::now() + Duration::from_secs_f64(seconds.clamp(0.0, 60.0));
            let mut thread = lock(&self.thread);
            while let Some(handle) = thread.take() {
                if handle.is_finished() {
                    // Its panics were caught and told.
                    let _ = handle.join();
                } else if Instant::now() >= end {
                    *thread = Some(handle);
                    return false;
                } else {
                    *thread = Some(handle);
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
            true
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
