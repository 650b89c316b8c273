//! Frames that Python pushes, as a source for a job on another thread.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use neural_codec::frame::{AnyFrame, Frame, VideoInfo};
use neural_codec::media::FrameSource;
use neural_codec::{Error, Result};
use pyo3::prelude::*;

use crate::errors::check_process;
use crate::pictures::frame_from_python;

/// Frames that may wait for the job.
const WAITING: usize = 4;

/// How long to wait before a full queue is tried again.
const NAP: Duration = Duration::from_millis(1);

/// The pushing end of a source.
#[pyclass(frozen, module = "neural_codec._native")]
pub(crate) struct Feeder {
    state: Mutex<State>,
    /// Whether no frame will follow; a feeder that is gone without having said so leaves a clip that is not whole.
    finished: Arc<AtomicBool>,
}

struct State {
    queue: Option<SyncSender<AnyFrame>>,
    /// The frame that waits for a place in the queue.
    waiting: Option<AnyFrame>,
    sent: i64,
}

/// The pulling end.
pub(crate) struct FedSource {
    info: VideoInfo,
    queue: Receiver<AnyFrame>,
    finished: Arc<AtomicBool>,
}

/// Both ends of a source of frames of `info`; timestamps count frames.
pub(crate) fn pair(info: VideoInfo) -> (FedSource, Feeder) {
    let (sender, queue) = sync_channel(WAITING);
    let state = State { queue: Some(sender), waiting: None, sent: 0 };
    let finished = Arc::new(AtomicBool::new(false));
    let feeder = Feeder { state: Mutex::new(state), finished: Arc::clone(&finished) };
    (FedSource { info, queue, finished }, feeder)
}

#[pymethods]
impl Feeder {
    /// Takes a frame; `flush` must have said true since the last one.
    fn put(&self, picture: &Bound<'_, PyAny>) -> PyResult<()> {
        check_process(picture.py())?;
        let frame = frame_from_python(picture)?;
        let mut state = self.lock();
        let timestamp = state.sent;
        state.sent += 1;
        state.waiting = Some(frame.with_timestamp(timestamp));
        Ok(())
    }

    /// Hands the frame on, waiting for a place for at most `seconds`. True when it is done, also when nobody
    /// takes frames any more: the job then says why.
    fn flush(&self, py: Python<'_>, seconds: f64) -> PyResult<bool> {
        check_process(py)?;
        let is_done = py.detach(|| {
            let end = Instant::now() + Duration::from_secs_f64(seconds.clamp(0.0, 1.0));
            while !self.lock().try_flush() {
                if Instant::now() >= end {
                    return false;
                }
                std::thread::sleep(NAP);
            }
            true
        });
        Ok(is_done)
    }

    /// Says that no frame will follow.
    fn finish(&self, py: Python<'_>) {
        // A forked child closes what is its parent's.
        if check_process(py).is_ok() {
            self.finished.store(true, Ordering::Release);
            self.lock().queue = None;
        }
    }
}

impl Feeder {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn try_flush(&mut self) -> bool {
        let (Some(queue), Some(frame)) = (&self.queue, self.waiting.take()) else { return true };
        match queue.try_send(frame) {
            Ok(()) | Err(TrySendError::Disconnected(_)) => true,
            Err(TrySendError::Full(frame)) => {
                self.waiting = Some(frame);
                false
            }
        }
    }
}

impl FrameSource for FedSource {
    fn info(&self) -> &VideoInfo {
        &self.info
    }

    fn next_frame(&mut self) -> Result<Option<Frame>> {
        self.next_any_frame()?.map(AnyFrame::into_host).transpose()
    }

    /// # Errors
    ///
    /// `Cancelled` where the feeder is gone before it was finished.
    fn next_any_frame(&mut self) -> Result<Option<AnyFrame>> {
        match self.queue.recv() {
            Ok(frame) => Ok(Some(frame)),
            Err(_) if self.finished.load(Ordering::Acquire) => Ok(None),
            Err(_) => Err(Error::Cancelled),
        }
    }
}
