//! A stage of decoding on a thread of its own, a little ahead of who takes its frames.
//!
//! ```text
//! AV1 decoder -> Ahead -> filter -> Ahead -> depth, hash
//! ```
//! So that every stage has work while another waits; frames come in order and errors in their place.

use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;

use crate::error::{Error, Result};
use crate::process;

/// Frames that may wait for who takes them.
const FRAMES: usize = 2;

/// The frames that a stage makes, first to last, with whatever else it knows of them.
pub(super) struct Ahead<T> {
    /// `None` once the last frame or an error was given.
    frames: Option<Receiver<Result<Option<T>>>>,
    thread: Option<JoinHandle<()>>,
}

impl<T: Send + 'static> Ahead<T> {
    /// Starts a stage that makes its next frame when called, and `None` after the last.
    ///
    /// # Errors
    ///
    /// `OutOfMemory` where the system refuses a thread.
    pub(super) fn start(mut make: impl FnMut() -> Result<Option<T>> + Send + 'static) -> Result<Self> {
        let (sender, frames) = sync_channel(FRAMES);
        let all = move || {
            loop {
                let next = make();
                let is_last = !matches!(next, Ok(Some(_)));
                if sender.send(next).is_err() || is_last {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("neural-codec frames".into()).spawn(all);
        let thread = thread.map_err(Error::no_thread)?;
        Ok(Self { frames: Some(frames), thread: Some(thread) })
    }

    /// The next frame; `None` after the last, and after an error.
    ///
    /// # Errors
    ///
    /// Those of the stage.
    pub(super) fn next(&mut self) -> Result<Option<T>> {
        process::check("decode_frame")?;
        let Some(frames) = &self.frames else { return Ok(None) };
        let next = frames
            .recv()
            .unwrap_or_else(|_| Err(Error::internal("a thread of the decoder", "it ended early")));
        if !matches!(next, Ok(Some(_))) {
            self.frames = None;
        }
        next
    }
}

impl<T> Drop for Ahead<T> {
    fn drop(&mut self) {
        if process::is_forked() {
            // The thread is the parent's, and what waits for it may be locked for ever.
            std::mem::forget((self.frames.take(), self.thread.take()));
            return;
        }
        // Nobody listens any more, which ends the thread at its next frame.
        self.frames = None;
        if let Some(thread) = self.thread.take() {
            // What a panic cost was told by `next`.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Color, Frame, PixelFormat};

    fn frame(timestamp: i64) -> Frame {
        Frame::new(16, 16, PixelFormat::YUV420_8, Color::default()).unwrap().with_timestamp(timestamp)
    }

    #[test]
    fn frames_come_in_order_and_then_no_more() {
        let mut number = 0;
        let mut first = Ahead::start(move || {
            number += 1;
            Ok((number <= 20).then(|| frame(number)))
        })
        .unwrap();
        let mut second = Ahead::start(move || {
            Ok(first.next()?.map(|frame| frame.clone().with_timestamp(2 * frame.timestamp)))
        })
        .unwrap();
        for number in 1..=20 {
            assert_eq!(second.next().unwrap().unwrap().timestamp, 2 * number);
        }
        assert!(second.next().unwrap().is_none() && second.next().unwrap().is_none());
    }

    #[test]
    fn an_error_comes_in_its_place_and_ends_the_stage() {
        let mut number = 0;
        let mut stage = Ahead::start(move || {
            number += 1;
            if number < 3 { Ok(Some(frame(number))) } else { Err(Error::Cancelled) }
        })
        .unwrap();
        assert!(stage.next().unwrap().is_some() && stage.next().unwrap().is_some());
        assert!(matches!(stage.next(), Err(Error::Cancelled)));
        assert!(stage.next().unwrap().is_none());
    }

    #[test]
    fn a_panic_is_an_error_and_an_endless_stage_ends_when_it_is_dropped() {
        let mut broken = Ahead::<Frame>::start(|| panic!("on purpose")).unwrap();
        assert!(matches!(broken.next(), Err(Error::Internal { .. })));
        let mut endless = Ahead::start(|| Ok(Some(frame(0)))).unwrap();
        assert!(endless.next().unwrap().is_some());
        drop(endless);
    }
}
