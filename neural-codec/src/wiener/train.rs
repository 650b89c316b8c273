//! Finds the weights of a scene and runs them over its frames.

use std::collections::VecDeque;
use std::sync::Arc;

use super::classes::classes;
use super::code::{MAX_WEIGHT, WienerWeights};
use super::equations::EquationSums;
use super::groups::group;
use super::luma::Luma;
use super::scene::{Beside, Neighbors, beside, filtered};
use super::taps::{Aligned, PAIRS, Reach};
use crate::error::Result;
use crate::frame::Frame;
use crate::memory;

/// What a scene's weights are to be worth.
pub(crate) struct WienerPlan {
    /// How far in time its weights reach.
    pub(crate) reach: Reach,
    /// Frames of the scene.
    pub(crate) frames: usize,
    /// Luma samples of each.
    pub(crate) frame_samples: usize,
    /// The share of the scene's squared error that a byte is worth.
    pub(crate) byte_price: f64,
    /// Luma samples that the weights are solved from, about.
    pub(crate) samples: usize,
    /// How much the four samples around count against themselves, which least squares blur. Units: 1/256.
    pub(crate) sharpening: i16,
}

/// The next frame of the scene, from the first on: its source, and what it decodes to.
type NextPair<'a> = &'a mut dyn FnMut() -> Result<(Arc<Frame>, Arc<Frame>)>;

/// A scene's weights, and what they need to be run.
pub(crate) struct TrainedWiener {
    pub(crate) weights: WienerWeights,
    neighbors: Vec<Neighbors>,
}

/// Solves for the weights of a scene; none where nothing is worth its bytes.
///
/// # Errors
///
/// `OutOfMemory`, and those of `next`.
pub(crate) fn train_wiener(plan: &WienerPlan, next: NextPair<'_>) -> Result<Option<TrainedWiener>> {
    let mut sums = EquationSums::new(plan.reach)?;
    let mut neighbors = memory::reserved("motion of a Wiener filter", plan.frames)?;
    // So many rows of blocks of every frame, others in each.
    let every = (plan.frame_samples * plan.frames).div_ceil(plan.samples).max(1);
    let step = step_of(every);
    in_a_row(plan.reach, plan.frames, next, |index, source, _, luma, beside| {
        let found = Neighbors::find(luma, beside)?;
        let aligned = Aligned { frame: luma, neighbors: &found.align(luma, beside)? };
        let classes = classes(luma, &aligned.neighbors[0], &aligned.neighbors[1])?;
        sums.add(source, &aligned, &classes, (index * step % every, every))?;
        neighbors.push(found);
        Ok(())
    })?;
    let classes = sums.finish();
    let error: f64 = classes.iter().map(|class| class.error()).sum();
    let weights = group(plan.reach, &classes, plan.byte_price * error / 8.0);
    Ok(weights.map(|weights| TrainedWiener { weights: sharpened(weights, plan.sharpening), neighbors }))
}

/// By how many rows the first one looked at moves from frame to frame: some five eighths of `every`, and prime to it, so that all
/// come up.
fn step_of(every: usize) -> usize {
    let common_divisor = |step: usize| {
        let (mut a, mut b) = (every, step);
        while b > 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    (every * 5 / 8 + 1..).find(|&step| common_divisor(step) == 1).unwrap_or(1)
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
    /// `OutOfMemory`, and those of `next` and `each`.
    pub(crate) fn run(
        &self,
        next: NextPair<'_>,
        mut each: impl FnMut(&Frame, Frame) -> Result<()>,
    ) -> Result<()> {
        in_a_row(self.weights.reach, self.neighbors.len(), next, |index, source, decoded, luma, beside| {
            each(source, filtered(&self.weights, decoded, luma, &self.neighbors[index], beside)?)
        })
    }
}

/// Calls for every frame with its number, its source, what it decodes to, the luma of that, and those of the frames beside it.
fn in_a_row(
    reach: Reach,
    frames: usize,
    next: NextPair<'_>,
    mut each: impl FnMut(usize, &Frame, &Frame, &Luma, &Beside<'_>) -> Result<()>,
) -> Result<()> {
    let mut load = || -> Result<_> {
        let (source, decoded) = next()?;
        let luma = Luma::of(&decoded)?;
        Ok((source, decoded, luma))
    };
    let (mut before, mut held) = (VecDeque::new(), VecDeque::new());
    for index in 0..frames {
        let known = frames.min(index + 1 + reach.frames());
        while index + held.len() < known {
            held.push_back(load()?);
        }
        let Some((source, decoded, luma)) = held.pop_front() else { break };
        let beside = beside(reach, before.iter(), held.iter().map(|(_, _, luma)| luma));
        each(index, &source, &decoded, &luma, &beside)?;
        before.push_front(luma);
        before.truncate(reach.frames());
    }
    Ok(())
}
