//! The frames of a scene's base layer, decoded a little ahead of who takes them. Rank 5, between the stream and the filter.
//!
//! While a frame is filtered, shifted and hashed, the next ones are decoded on a thread of their own.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use crate::base::Av1Decoder;
use crate::bitstream::BaseLayer;
use crate::error::{Error, Result};
use crate::frame::Frame;

/// Frames that may wait for who takes them.
const AHEAD: usize = 2;

/// Gives the frames of a base layer, first to last.
pub(super) struct BaseFrames {
    /// `None` once the last frame or an error was given.
    frames: Option<Receiver<Result<Option<Frame>>>>,
    thread: Option<JoinHandle<()>>,
}

impl BaseFrames {
    /// Starts to decode. Errors: `Io` where the system refuses a thread.
    pub(super) fn start(layer: BaseLayer, decoder: Av1Decoder) -> Result<Self> {
        let (sender, frames) = sync_channel(AHEAD);
        let decoding = Decoding { layer, decoder, units_sent: 0, drained: false };
        let thread = std::thread::Builder::new()
            .name("neural-codec base layer".into())
            .spawn(move || decode_all(decoding, &sender))?;
        Ok(Self { frames: Some(frames), thread: Some(thread) })
    }

    /// The next frame; `None` after the last, and after an error. Errors: as [`Av1Decoder`].
    pub(super) fn next(&mut self) -> Result<Option<Frame>> {
        let Some(frames) = &self.frames else { return Ok(None) };
        let next = frames
            .recv()
            .unwrap_or_else(|_| Err(Error::internal("thread of the base layer", "it ended early")));
        if !matches!(next, Ok(Some(_))) {
            self.frames = None;
        }
        next
    }
}

impl Drop for BaseFrames {
    fn drop(&mut self) {
        // Nobody listens any more, which ends the thread at its next frame.
        self.frames = None;
        if let Some(thread) = self.thread.take() {
            // What a panic cost was told by `next`.
            let _ = thread.join();
        }
    }
}

fn decode_all(mut decoding: Decoding, frames: &SyncSender<Result<Option<Frame>>>) {
    loop {
        let next = decoding.next();
        let is_last = !matches!(next, Ok(Some(_)));
        if frames.send(next).is_err() || is_last {
            return;
        }
    }
}

/// A base layer in the middle of being decoded.
struct Decoding {
    layer: BaseLayer,
    decoder: Av1Decoder,
    units_sent: usize,
    drained: bool,
}

impl Decoding {
    fn next(&mut self) -> Result<Option<Frame>> {
        loop {
            if let Some(frame) = self.decoder.receive()? {
                return Ok(Some(frame));
            }
            if let Some(unit) = self.layer.unit(self.units_sent) {
                self.decoder.send(unit)?;
                self.units_sent += 1;
            } else if !self.drained {
                self.decoder.finish()?;
                self.drained = true;
            } else {
                return Ok(None);
            }
        }
    }
}
