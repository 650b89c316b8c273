//! A scene's filter at work on decoded frames.

use super::apply::apply;
use super::classes::classes;
use super::code::WienerWeights;
use super::luma::Luma;
use super::motion::Vectors;
use super::taps::{Aligned, TAPS};
use crate::error::{Error, Result};
use crate::frame::Frame;
use crate::memory;

/// The frames before and after a frame, as far as they are there.
pub(super) type Beside<'a> = [Option<&'a Luma>; 2];

/// Where the blocks of a frame lie in those beside it.
pub(super) struct Neighbors([Option<Vectors>; 2]);

impl Neighbors {
    /// Looks for them.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`.
    pub(super) fn find(frame: &Luma, [before, after]: Beside<'_>) -> Result<Self> {
        let find = |other: Option<&Luma>| other.map(|other| Vectors::find(frame, other)).transpose();
        Ok(Self([find(before)?, find(after)?]))
    }

    /// Both as the frame shows them; one that is not there is the frame itself.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`.
    pub(super) fn align(&self, frame: &Luma, [before, after]: Beside<'_>) -> Result<[Vec<u16>; 2]> {
        let align = |vectors: &Option<Vectors>, other: Option<&Luma>| -> Result<Vec<u16>> {
            let mut aligned = memory::copied("luma of a Wiener filter", &frame.samples)?;
            if let (Some(vectors), Some(other)) = (vectors, other) {
                vectors.align(other, &mut aligned);
            }
            Ok(aligned)
        };
        Ok([align(&self.0[0], before)?, align(&self.0[1], after)?])
    }
}

/// Filters the frames of a scene, first to last; each comes out once the one after it is in.
pub struct WienerFilter {
    weights: WienerWeights,
    before: Option<Luma>,
    held: Option<(Frame, Luma)>,
}

impl WienerFilter {
    /// A filter at the beginning of its scene.
    pub fn new(weights: WienerWeights) -> Self {
        Self { weights, before: None, held: None }
    }

    /// Multiplications a luma sample, where no block is left out.
    pub fn macs_per_pixel() -> f64 {
        TAPS as f64
    }

    /// Takes a frame and gives the one before it, filtered; none for the first.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for a frame of another size or format than those before it, `OutOfMemory`.
    pub fn push(&mut self, frame: Frame) -> Result<Option<Frame>> {
        if let Some((held, _)) = &self.held
            && !held.same_shape(&frame)
        {
            let text = |frame: &Frame| format!("{}x{}, {}", frame.width(), frame.height(), frame.format());
            return Err(Error::invalid("frame", text(held), text(&frame)));
        }
        let luma = Luma::of(&frame)?;
        let Some((held, held_luma)) = self.held.take() else {
            self.held = Some((frame, luma));
            return Ok(None);
        };
        let filtered = self.filtered(&held, &held_luma, Some(&luma))?;
        self.before = Some(held_luma);
        self.held = Some((frame, luma));
        Ok(Some(filtered))
    }

    /// The last frame, filtered; none where none is held.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`.
    pub fn finish(&mut self) -> Result<Option<Frame>> {
        let Some((held, luma)) = self.held.take() else { return Ok(None) };
        let filtered = self.filtered(&held, &luma, None)?;
        self.before = None;
        Ok(Some(filtered))
    }

    fn filtered(&self, frame: &Frame, luma: &Luma, after: Option<&Luma>) -> Result<Frame> {
        let beside = [self.before.as_ref(), after];
        filtered(&self.weights, frame, luma, &Neighbors::find(luma, beside)?, beside)
    }
}

/// A frame filtered, its neighbors found.
///
/// # Errors
///
/// `OutOfMemory`.
pub(super) fn filtered(
    weights: &WienerWeights,
    frame: &Frame,
    luma: &Luma,
    neighbors: &Neighbors,
    beside: Beside<'_>,
) -> Result<Frame> {
    let [before, after] = neighbors.align(luma, beside)?;
    let classes = classes(luma, &before, &after)?;
    apply(frame, &Aligned { frame: luma, neighbors: [&before, &after] }, &classes, weights)
}
