//! What lies over the base layer of a scene, at work on its frames.
//!
//! ```text
//! BaseStage -> Ahead -> Filtering -> Ahead -> depth, hash
//! ```

use super::ahead::Ahead;
use crate::bitstream::NeuralFilter;
use crate::device::Device;
use crate::error::Result;
use crate::filter::SceneFilter;
use crate::frame::{Frame, GpuFrame};
use crate::wiener::{WienerFilter, weights_of};

/// A decoded frame, and where a GPU made it and it is wanted, the same picture in the GPU's memory.
pub(super) struct Decoded {
    pub(super) frame: Frame,
    pub(super) resident: Option<GpuFrame>,
}

impl Decoded {
    /// A frame that is on the host alone.
    pub(super) fn on_host(frame: Frame) -> Self {
        Self { frame, resident: None }
    }
}

/// What lies over the base layer.
pub(super) enum Layer {
    Network(Box<SceneFilter>),
    Wiener(Box<WienerFilter>),
}

impl Layer {
    /// `open` gives the device, where a network needs one.
    ///
    /// # Errors
    ///
    /// `Corrupt` naming the field that cannot be, `Unsupported` for a profile that this version lacks, and those of `open`.
    pub(super) fn new<'a>(packet: &NeuralFilter, open: impl FnOnce() -> Result<&'a Device>) -> Result<Self> {
        if let Some(weights) = weights_of(packet)? {
            return Ok(Self::Wiener(Box::new(WienerFilter::new(weights))));
        }
        SceneFilter::with_device(packet, open()?).map(|filter| Self::Network(Box::new(filter)))
    }

    /// How many frames after it a frame depends on.
    pub(super) fn looks_ahead(&self) -> usize {
        match self {
            Self::Network(_) => 0,
            Self::Wiener(filter) => filter.reach().frames(),
        }
    }

    /// Multiplications a luma pixel, where no block is left out.
    pub(super) fn macs_per_pixel(&self) -> f64 {
        match self {
            Self::Network(filter) => filter.macs_per_pixel(),
            Self::Wiener(filter) => filter.reach().taps() as f64,
        }
    }
}

/// Decoded frames on their way through a filter.
pub(super) struct Filtering {
    pub(super) base: Ahead<Decoded>,
    pub(super) layer: Layer,
    /// Frames that the scene is said to have, less those that came.
    pub(super) frames_left: usize,
    /// Whether the scene has all the frames that the filter is for.
    pub(super) is_whole: bool,
    /// Whether frames are wanted on the GPU too.
    pub(super) keeps: bool,
}

impl Filtering {
    /// Frames that are too few or too many are left to the caller, who knows their place.
    pub(super) fn next(&mut self) -> Result<Option<Decoded>> {
        let filter = match &mut self.layer {
            Layer::Wiener(filter) => {
                while let Some(decoded) = self.base.next()? {
                    if let Some(frame) = filter.push(decoded.frame)? {
                        return Ok(Some(Decoded::on_host(frame)));
                    }
                }
                return Ok(filter.finish()?.map(Decoded::on_host));
            }
            Layer::Network(filter) => filter,
        };
        let Some(decoded) = self.base.next()? else {
            if self.frames_left == 0 && self.is_whole {
                filter.finish()?;
            }
            return Ok(None);
        };
        let Some(left) = self.frames_left.checked_sub(1) else { return Ok(Some(decoded)) };
        self.frames_left = left;
        let (frame, resident) = filter.next(&decoded.frame)?;
        Ok(Some(Decoded { frame, resident: resident.filter(|_| self.keeps) }))
    }
}
