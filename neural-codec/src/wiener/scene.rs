//! A scene's filter at work on decoded frames, in the current pool of rayon: neighbors side by side, then bands of rows.

use std::collections::VecDeque;

use rayon::prelude::*;

use super::apply::apply;
use super::classes::classes;
use super::code::WienerWeights;
use super::luma::Luma;
use super::motion::Vectors;
use super::taps::{Aligned, Reach};
use crate::error::{Error, Result};
use crate::frame::Frame;
use crate::memory;

/// The frames before and after a frame, then those farther away, as far as they are there.
pub(super) type Beside<'a> = Vec<Option<&'a Luma>>;

/// The frames beside one that the weights reach, `before` and `after` being those on either side, the nearest first.
pub(super) fn beside<'a>(
    reach: Reach,
    mut before: impl Iterator<Item = &'a Luma>,
    mut after: impl Iterator<Item = &'a Luma>,
) -> Beside<'a> {
    (0..reach.frames()).flat_map(|_| [before.next(), after.next()]).collect()
}

/// Where the blocks of a frame lie in those beside it.
pub(super) struct Neighbors(Vec<Option<Vectors>>);

impl Neighbors {
    /// Looks for them.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`.
    pub(super) fn find(frame: &Luma, beside: &Beside<'_>) -> Result<Self> {
        let find = |other: &Option<&Luma>| other.map(|other| Vectors::find(frame, other)).transpose();
        beside.par_iter().map(find).collect::<Result<_>>().map(Self)
    }

    /// All as the frame shows them; one that is not there is the frame itself.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`.
    pub(super) fn align(&self, frame: &Luma, beside: &Beside<'_>) -> Result<Vec<Vec<u16>>> {
        let align = |(vectors, other): (&Option<Vectors>, &Option<&Luma>)| -> Result<Vec<u16>> {
            let mut aligned = memory::copied("luma of a Wiener filter", &frame.samples)?;
            if let (Some(vectors), Some(other)) = (vectors, other) {
                vectors.align(other, &mut aligned);
            }
            Ok(aligned)
        };
        self.0.par_iter().zip(beside).map(align).collect()
    }
}

/// Filters the frames of a scene, first to last; each comes out once those after it that the weights reach are in.
pub struct WienerFilter {
    weights: WienerWeights,
    /// The frames before, the nearest first.
    before: VecDeque<Luma>,
    /// Frames that wait for those after them, first to last.
    held: VecDeque<(Frame, Luma)>,
}

impl WienerFilter {
    /// A filter at the beginning of its scene.
    pub fn new(weights: WienerWeights) -> Self {
        Self { weights, before: VecDeque::new(), held: VecDeque::new() }
    }

    /// How far in time the weights reach.
    pub fn reach(&self) -> Reach {
        self.weights.reach
    }

    /// Takes a frame and gives one before it, filtered; none while too few are in.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for a frame of another size or format than those before it, `OutOfMemory`.
    pub fn push(&mut self, frame: Frame) -> Result<Option<Frame>> {
        if let Some((held, _)) = self.held.back()
            && !held.same_shape(&frame)
        {
            let text = |frame: &Frame| format!("{}x{}, {}", frame.width(), frame.height(), frame.format());
            return Err(Error::invalid("frame", text(held), text(&frame)));
        }
        let luma = Luma::of(&frame)?;
        self.held.push_back((frame, luma));
        if self.held.len() > self.weights.reach.frames() { self.next() } else { Ok(None) }
    }

    /// The next of the last frames, filtered; none after the last.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`.
    pub fn finish(&mut self) -> Result<Option<Frame>> {
        let next = self.next()?;
        if self.held.is_empty() {
            self.before.clear();
        }
        Ok(next)
    }

    /// The first of those that wait, filtered.
    fn next(&mut self) -> Result<Option<Frame>> {
        let Some((frame, luma)) = self.held.pop_front() else { return Ok(None) };
        let beside = beside(self.reach(), self.before.iter(), self.held.iter().map(|(_, luma)| luma));
        let filtered = filtered(&self.weights, &frame, &luma, &Neighbors::find(&luma, &beside)?, &beside)?;
        self.before.push_front(luma);
        self.before.truncate(self.reach().frames());
        Ok(Some(filtered))
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
    beside: &Beside<'_>,
) -> Result<Frame> {
    let aligned = Aligned { frame: luma, neighbors: &neighbors.align(luma, beside)? };
    let classes = classes(luma, &aligned.neighbors[0], &aligned.neighbors[1])?;
    apply(frame, &aligned, &classes, weights)
}
