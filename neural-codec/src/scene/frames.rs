//! The frames of one scene, written once by the cutter and read by whoever encodes the scene. Rank 2.
//!
//! A scene is read while it is still growing. Frames that nobody has read count against a memory budget, and the
//! writer waits where it is used up.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use super::memory_budget::{MemoryBudget, Share, lock};
use crate::error::{Error, Result};
use crate::frame::Frame;

#[derive(Debug)]
enum Slot {
    /// A frame, and its share of the budget until it is read.
    Held {
        frame: Arc<Frame>,
        share: Option<Share>,
    },
    Released,
}

#[derive(Debug, Default)]
struct State {
    slots: Vec<Slot>,
    /// No frame will follow.
    closed: bool,
    /// Nobody will read any more.
    abandoned: bool,
}

/// The frames of one scene; shared through an `Arc` by one writer and one reader.
#[derive(Debug)]
pub(crate) struct SceneFrames {
    budget: Arc<MemoryBudget>,
    state: Mutex<State>,
    changed: Condvar,
}

impl SceneFrames {
    pub(crate) fn new(budget: Arc<MemoryBudget>) -> Arc<Self> {
        Arc::new(Self { budget, state: Mutex::default(), changed: Condvar::new() })
    }

    /// Appends a frame, waiting while unread frames use the budget up.
    pub(crate) fn push(&self, frame: Arc<Frame>) {
        let share = Some(self.budget.take(frame.byte_len()));
        let mut state = lock(&self.state);
        let slot = if state.abandoned { Slot::Released } else { Slot::Held { frame, share } };
        state.slots.push(slot);
        self.changed.notify_all();
    }

    /// Says that no frame will follow.
    pub(crate) fn close(&self) {
        lock(&self.state).closed = true;
        self.changed.notify_all();
    }

    /// Says that no frame will be read any more: frees what is held, and lets the writer go on.
    pub(crate) fn abandon(&self) {
        let mut state = lock(&self.state);
        state.abandoned = true;
        state.slots.iter_mut().for_each(|slot| *slot = Slot::Released);
    }

    /// Frame `index` of the scene, waiting for it if need be; `None` past the last.
    ///
    /// Errors: `Internal` when it was released.
    pub(crate) fn get(&self, index: u64) -> Result<Option<Arc<Frame>>> {
        let mut state = lock(&self.state);
        while index >= state.slots.len() as u64 && !state.closed {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        match state.slots.get_mut(index as usize) {
            None => Ok(None),
            Some(Slot::Held { frame, share }) => {
                *share = None;
                Ok(Some(Arc::clone(frame)))
            }
            Some(Slot::Released) => {
                Err(Error::internal("scene frames", format!("frame {index} is read after its release")))
            }
        }
    }

    /// Frees frame `index`, which cannot be read again.
    pub(crate) fn release(&self, index: u64) {
        if let Some(slot) = lock(&self.state).slots.get_mut(index as usize) {
            *slot = Slot::Released;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Color, PixelFormat};

    fn frame(timestamp: i64) -> Arc<Frame> {
        let frame = Frame::new(6, 5, PixelFormat::YUV420_8, Color::default()).unwrap();
        Arc::new(frame.with_timestamp(timestamp))
    }

    #[test]
    fn a_scene_is_read_while_it_grows_in_memory_for_one_frame() {
        let scene = SceneFrames::new(MemoryBudget::new(1));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                (0..20).for_each(|i| scene.push(frame(i)));
                scene.close();
            });
            for i in 0..20 {
                assert_eq!(scene.get(i as u64).unwrap(), Some(frame(i)));
                scene.release(i as u64);
            }
            assert_eq!(scene.get(20).unwrap(), None);
        });
        assert!(scene.get(3).is_err());
    }

    #[test]
    fn an_abandoned_scene_does_not_hold_its_writer() {
        let scene = SceneFrames::new(MemoryBudget::new(1));
        scene.push(frame(0));
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| (1..50).for_each(|i| scene.push(frame(i))));
            scene.abandon();
            writer.join().unwrap();
        });
    }
}
