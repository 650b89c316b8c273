//! Finds the weights of a scene and runs them over its frames.

use std::sync::Arc;

use super::classes::classes;
use super::code::{MAX_WEIGHT, WienerWeights};
use super::equations::EquationSums;
use super::groups::group;
use super::luma::Luma;
use super::scene::{Neighbors, filtered};
use super::taps::{Aligned, PAIRS};
use crate::error::Result;
use crate::frame::Frame;
use crate::memory;

/// What a scene's weights are to be worth.
pub(crate) struct WienerPlan {
    /// Frames of the scene.
    pub(crate) frames: usize,
    /// The share of the scene's squared error that a byte is worth.
    pub(crate) byte_price: f64,
    /// Luma samples that the weights are solved from, about.
    pub(crate) samples: usize,
    /// How much the four samples around count against themselves, which least squares blur. Units: 1/256.
    pub(crate) sharpening: i16,
}

/// A frame of the scene: its source, and what it decodes to.
type Pair<'a> = &'a dyn Fn(usize) -> Result<(Arc<Frame>, Arc<Frame>)>;

/// A scene's weights, and what they need to be run.
pub(crate) struct TrainedWiener {
    pub(crate) weights: WienerWeights,
    neighbors: Vec<Neighbors>,
}

/// Solves for the weights of a scene; none where nothing is worth its bytes. `pair` gives the source and the decoded frame of a number.
///
/// # Errors
///
/// `OutOfMemory`, and those of `pair`.
pub(crate) fn train_wiener(plan: &WienerPlan, pair: Pair<'_>) -> Result<Option<TrainedWiener>> {
    let mut sums = EquationSums::new()?;
    let mut neighbors = memory::reserved("motion of a Wiener filter", plan.frames)?;
    Row::default().each(plan.frames, pair, |index, source, decoded, lumas| {
        let [before, frame, after] = lumas;
        let Some(frame) = frame else { return Ok(()) };
        let found = Neighbors::find(frame, before, after)?;
        let samples = decoded.width() * decoded.height();
        // So many rows of blocks of every frame, others in each.
        let every = (samples * plan.frames).div_ceil(plan.samples.max(1)).max(1);
        let step = step_of(every);
        let [earlier, later] = found.align(frame, before, after)?;
        let classes = classes(frame, &earlier, &later)?;
        let aligned = Aligned { frame, neighbors: [&earlier, &later] };
        sums.add(source, &aligned, &classes, (index * step % every, every))?;
        neighbors.push(found);
        Ok(())
    })?;
    let classes = sums.finish();
    let error: f64 = classes.iter().map(|class| class.error()).sum();
    let weights = group(&classes, plan.byte_price * error / 8.0);
    Ok(weights.map(|weights| TrainedWiener { weights: sharpened(weights, plan.sharpening), neighbors }))
}

/// By how many rows the first one looked at moves from frame to frame: some five eighths of `every`, and prime to it, so that all
/// come up.
fn step_of(every: usize) -> usize {
    let divides = |step: usize| {
        let (mut a, mut b) = (every, step);
        while b > 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    (every * 5 / 8 + 1..).find(|&step| divides(step) == 1).unwrap_or(1)
}

/// The same weights, the samples left, right, above and below counted so much less, in units of 1/256.
fn sharpened(mut weights: WienerWeights, less: i16) -> WienerWeights {
    for set in &mut weights.weights {
        for (weight, pair) in set.iter_mut().zip(PAIRS) {
            if matches!(pair, (1, 0) | (0, 1)) {
                *weight = (*weight - less).max(-(MAX_WEIGHT as i16));
            }
        }
    }
    weights
}

impl TrainedWiener {
    /// Runs the filter over the scene: calls with the source and the filtered frame of each.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`, and those of `pair` and `each`.
    pub(crate) fn run(
        &self,
        pair: Pair<'_>,
        mut each: impl FnMut(&Frame, Frame) -> Result<()>,
    ) -> Result<()> {
        Row::default().each(self.neighbors.len(), pair, |index, source, decoded, [before, frame, after]| {
            let Some(frame) = frame else { return Ok(()) };
            let neighbors = &self.neighbors[index];
            each(source, filtered(&self.weights, decoded, frame, neighbors, (before, after))?)
        })
    }
}

/// Three frames in a row.
#[derive(Default)]
struct Row {
    lumas: [Option<Luma>; 3],
}

impl Row {
    /// Calls for every frame with its number, its source, what it decodes to, and the luma of that and of the frames before and after it.
    fn each(
        &mut self,
        frames: usize,
        pair: Pair<'_>,
        mut each: impl FnMut(usize, &Frame, &Frame, [Option<&Luma>; 3]) -> Result<()>,
    ) -> Result<()> {
        let mut next = None;
        for index in 0..frames {
            let (source, decoded) = match next.take() {
                Some(pair) => pair,
                None => {
                    let first = pair(index)?;
                    self.lumas[2] = Some(Luma::of(&first.1)?);
                    first
                }
            };
            self.lumas.rotate_left(1);
            self.lumas[2] = None;
            if index + 1 < frames {
                let following = pair(index + 1)?;
                self.lumas[2] = Some(Luma::of(&following.1)?);
                next = Some(following);
            }
            let [before, frame, after] = &self.lumas;
            each(index, &source, &decoded, [before.as_ref(), frame.as_ref(), after.as_ref()])?;
        }
        Ok(())
    }
}
