//! The first stage of a scene: temporal units in, frames of the base layer out, in step.
//!
//! ```text
//! units, all of them or as they come -> BaseStage -> Ahead -> filter -> ...
//! ```

use std::sync::mpsc::{Receiver, TryRecvError};

use crate::base::Av1Decoder;
use crate::bitstream::BaseLayer;
use crate::error::Result;
use crate::frame::Frame;

/// Where a scene's units come from.
pub(super) enum UnitSource {
    /// All of them are there; how many were taken.
    Whole(BaseLayer, usize),
    /// They come one by one, and end where nobody sends any more.
    Coming(Receiver<Vec<u8>>),
}

/// A base layer in the middle of being decoded.
pub(super) struct BaseStage {
    pub(super) units: UnitSource,
    pub(super) decoder: Av1Decoder,
    pub(super) drained: bool,
}

impl BaseStage {
    /// The next frame, `None` after the last. Where units come one by one, every frame is given before the next unit is waited for.
    ///
    /// # Errors
    ///
    /// Those of the decoder.
    pub(super) fn next(&mut self) -> Result<Option<Frame>> {
        loop {
            if let Some(frame) = self.decoder.receive()? {
                return Ok(Some(frame));
            }
            if self.drained {
                return Ok(None);
            }
            let sent = match &mut self.units {
                UnitSource::Whole(base, taken) => match base.unit(*taken) {
                    Some(unit) => {
                        self.decoder.send(unit)?;
                        *taken += 1;
                        true
                    }
                    None => false,
                },
                UnitSource::Coming(units) => {
                    let unit = match units.try_recv() {
                        Err(TryRecvError::Empty) => {
                            if let Some(frame) = self.decoder.receive_sent()? {
                                return Ok(Some(frame));
                            }
                            units.recv().ok()
                        }
                        unit => unit.ok(),
                    };
                    if let Some(unit) = &unit {
                        self.decoder.send(unit)?;
                    }
                    unit.is_some()
                }
            };
            if !sent {
                self.decoder.finish()?;
                self.drained = true;
            }
        }
    }
}
