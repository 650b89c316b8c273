//! The quantizers of the frames of one coding: given before, or steered by what was measured of the first.

use std::sync::Arc;
use std::sync::mpsc::Receiver;

use super::attempt::CodedFrame;
use super::params::EncodeParams;
use super::steering::Steering;
use crate::error::{Error, Result};
use crate::metrics::FrameMetrics;

/// The quantizers of the frames, by their number in the coding.
pub(super) struct Course {
    /// Empty where the encoder chooses.
    quantizers: Vec<u8>,
    steering: Option<Arc<Steering>>,
    /// The quantizer of the scene for each frame sent.
    sent: Vec<f64>,
    /// That of the next.
    value: f64,
    measured: Vec<CodedFrame>,
    metrics: Receiver<FrameMetrics>,
}

impl Course {
    pub(super) fn new(params: &EncodeParams, metrics: Receiver<FrameMetrics>) -> Self {
        let steering = params.steering.clone();
        Self {
            quantizers: params.frame_quantizers.clone(),
            value: steering.as_ref().map_or(0.0, |steering| steering.start),
            steering,
            sent: Vec::new(),
            measured: Vec::new(),
            metrics,
        }
    }

    /// How many frames are to be measured before this one is sent; none where nothing hangs on it.
    pub(super) fn due(&self, index: u64) -> Option<u64> {
        self.steering.as_ref().and_then(|steering| steering.due(index))
    }

    /// Moves the quantizers of the frames to come by what the first `count` turned out to be. `sizes`: bytes of the first frames, at least
    /// of those.
    pub(super) fn turn(&mut self, count: u64, sizes: &[u64]) -> Result<()> {
        let Some(steering) = &self.steering else { return Ok(()) };
        while (self.measured.len() as u64) < count {
            let metrics =
                self.metrics.recv().map_err(|_| Error::internal("measuring", "the thread has ended"))?;
            let bytes = sizes.get(self.measured.len()).copied();
            let bytes = bytes.ok_or_else(|| Error::internal("steering", "a frame before its bytes"))?;
            self.measured.push(CodedFrame { metrics, bytes });
        }
        self.value = steering.turn(&self.sent, &self.measured);
        self.quantizers = steering.quantizers(self.value);
        Ok(())
    }

    /// The quantizer of the next frame, which is this one.
    pub(super) fn next(&mut self, index: u64) -> Option<u8> {
        if self.steering.is_some() {
            self.sent.push(self.value);
        }
        self.quantizers.get(index as usize).copied()
    }
}
