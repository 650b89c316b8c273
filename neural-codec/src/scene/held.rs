//! What a scene decodes to, in memory as long as all of it fits.
//!
//! Unlike [`SceneFrames`](super::SceneFrames) nothing goes to disk: decoding once more takes less time than writing and reading.

use std::sync::Arc;

use super::memory_budget::{MemoryBudget, Share};
use crate::frame::Frame;

/// Decoded frames of a scene, first to last.
#[derive(Debug)]
pub(crate) struct HeldFrames {
    budget: Arc<MemoryBudget>,
    frames: Vec<(Arc<Frame>, Share)>,
}

impl HeldFrames {
    pub(crate) fn new(budget: Arc<MemoryBudget>) -> Self {
        Self { budget, frames: Vec::new() }
    }

    /// These frames and one more; none at all where it does not fit the budget.
    pub(crate) fn with(mut self, frame: &Arc<Frame>) -> Option<Self> {
        let share = self.budget.try_take(frame.byte_len())?;
        self.frames.push((Arc::clone(frame), share));
        Some(self)
    }

    /// Frame `index`; none past the last.
    pub(crate) fn get(&self, index: usize) -> Option<Arc<Frame>> {
        self.frames.get(index).map(|(frame, _)| Arc::clone(frame))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Color, PixelFormat};

    #[test]
    fn all_frames_are_held_or_none_and_give_their_memory_back() {
        let frame = Arc::new(Frame::new(16, 16, PixelFormat::YUV420_8, Color::default()).unwrap());
        let budget = MemoryBudget::new(2 * frame.byte_len());
        let held = HeldFrames::new(Arc::clone(&budget)).with(&frame).unwrap().with(&frame).unwrap();
        assert!(held.get(1).is_some() && held.get(2).is_none());
        assert!(budget.try_take(1).is_none());
        assert!(held.with(&frame).is_none());
        assert!(budget.try_take(2 * frame.byte_len()).is_some());
    }
}
