//! One coding of a scene or a part of it by the base encoder, as data: size and quality of every frame.

use serde::{Deserialize, Serialize};

use crate::frame::{BitDepth, FrameHash};
use crate::metrics::{Comparison, FrameMetrics};
use crate::scene::HeldFrames;

/// What an attempt is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AttemptKind {
    /// To find out size and quality; source frames stay.
    Probe,
    /// To be stored; source frames stay, as there may be another.
    Store,
    /// To be stored, and what it decodes to is kept too, for a filter, where all of it fits in memory.
    StoreDecoded,
    /// To be stored; source frames are released once they are measured.
    StoreAndRelease,
}

impl AttemptKind {
    /// Whether temporal units and hashes are kept.
    pub(crate) fn is_stored(self) -> bool {
        self != Self::Probe
    }
}

/// Frames of the base layer, one after the other.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CodedFrames {
    /// The quantizer that each was given, 0 to 63.
    pub(crate) quantizers: Vec<u8>,
    /// Bytes of each.
    pub(crate) sizes: Vec<u64>,
}

impl CodedFrames {
    /// Bytes of all frames.
    pub(crate) fn bytes(&self) -> u64 {
        self.sizes.iter().sum()
    }
}

/// A run of frames as coded, and how well.
#[derive(Debug)]
pub(crate) struct EncodeAttempt {
    /// One temporal unit a frame that is coded; none of a probe.
    pub(crate) units: Vec<Vec<u8>>,
    /// The frames of these units.
    pub(crate) base: CodedFrames,
    /// Hash of each frame that is shown; none of a probe.
    pub(crate) hashes: Vec<FrameHash>,
    /// When each is shown, those that show the one before again among them.
    pub(crate) timestamps: Vec<i64>,
    /// Distortion of each of these against the source.
    pub(crate) frames: Vec<FrameMetrics>,
    /// Distortion of all of them.
    pub(crate) comparison: Comparison,
    /// What it decodes to, at the depth of the base layer, where a filter is to see it and it fits in memory.
    pub(crate) decoded: Option<HeldFrames>,
}

/// One frame of an attempt that still runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CodedFrame {
    pub(crate) metrics: FrameMetrics,
    pub(crate) bytes: u64,
}

impl EncodeAttempt {
    /// Bytes of all units.
    pub(crate) fn bytes(&self) -> u64 {
        self.base.bytes()
    }

    /// Sum of squared errors of the luma samples, on the scale of 8 bits.
    pub(crate) fn squared_error(&self, depth: BitDepth) -> f64 {
        self.squared_error_of(self.frames.len(), depth)
    }

    /// The same of the first frames alone.
    pub(crate) fn squared_error_of(&self, frames: usize, depth: BitDepth) -> f64 {
        let scale = f64::from(1_u32 << (2 * (depth.bits() - 8)));
        self.frames.iter().take(frames).map(|frame| frame.planes[0].sum as f64).sum::<f64>() / scale
    }

    /// The frame with the least luma PSNR in dB, lossless frames aside: its index here, and that PSNR.
    pub(crate) fn worst(&self) -> Option<(u64, f64)> {
        let measured =
            self.frames.iter().enumerate().filter_map(|(i, frame)| Some((i as u64, frame.psnr_y?)));
        measured.min_by(|a, b| a.1.total_cmp(&b.1))
    }
}
