//! The frames of one scene, written once by the cutter and read by whoever encodes the scene.
//!
//! A scene can be read while it is still growing. What does not fit the memory budget either makes the writer
//! wait or goes to a temporary file, by how the scene will be read. A frame that shows the one before again is kept as its
//! timestamp alone, where the scene may be coded so.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use xxhash_rust::xxh3::xxh3_64;

use super::memory_budget::{MemoryBudget, Share};
use super::profile::Profile;
use super::shows::{Show, shows};
use super::spill::SpilledFrame;
use crate::error::{Error, Result};
use crate::frame::{Frame, FrameHash};
use crate::repeats::{RepeatChoice, Repeats};
use crate::threads::lock;

/// How often a scene is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Once, first to last, while it is written: the writer waits for the reader.
    Once,
    /// As often as planning needs: frames beyond the budget are kept on disk.
    Repeated,
}

#[derive(Debug)]
enum Slot {
    Memory { frame: Arc<Frame>, share: Option<Share> },
    Disk(SpilledFrame),
    Released,
}

#[derive(Debug, Default)]
struct State {
    slots: Vec<Slot>,
    /// When the frame of each slot is shown.
    times: Vec<Vec<i64>>,
    /// The frames that are coded, once the scene is complete.
    coded: Vec<Show>,
    /// The frame of the last slot, where the next is compared with it.
    last: Option<Arc<Frame>>,
    /// No frame will follow.
    closed: bool,
    /// Nobody will read any more.
    abandoned: bool,
    /// What analysis found out, once the scene is complete.
    profile: Option<Profile>,
    /// Hash of the frames and timestamps so far, where they are hashed.
    hash: u64,
}

/// The frames of one scene; shared through an `Arc` by one writer and one reader.
#[derive(Debug)]
pub(crate) struct SceneFrames {
    reading: Reading,
    is_hashed: bool,
    /// Whether frames that show the one before again are no frames of their own.
    has_repeats: bool,
    budget: Arc<MemoryBudget>,
    state: Mutex<State>,
    changed: Condvar,
}

impl SceneFrames {
    /// An empty scene. Its frames may be hashed as they come, for [`wait_for_hash`](Self::wait_for_hash). One that may have repeats is not read
    /// before it is complete, so it is no scene to be read once.
    pub(crate) fn new(
        reading: Reading,
        budget: Arc<MemoryBudget>,
        is_hashed: bool,
        repeats: RepeatChoice,
    ) -> Arc<Self> {
        let has_repeats = repeats == RepeatChoice::Auto;
        let (state, changed) = (Mutex::default(), Condvar::new());
        Arc::new(Self { reading, is_hashed, has_repeats, budget, state, changed })
    }

    /// Appends a frame.
    ///
    /// # Errors
    ///
    /// `Io` when it has to go to disk and the disk is full.
    pub(crate) fn push(&self, frame: Arc<Frame>) -> Result<()> {
        let last = if self.has_repeats { lock(&self.state).last.clone() } else { None };
        let is_repeat = last.is_some_and(|last| last.shows_the_same(&frame));
        let share = match self.reading {
            _ if is_repeat => None,
            Reading::Once => Some(self.budget.take(frame.byte_len())),
            Reading::Repeated => self.budget.try_take(frame.byte_len()),
        };
        // Readers need not wait for the hash.
        let hash = self.is_hashed.then(|| (FrameHash::of(&frame), frame.timestamp));
        let mut state = lock(&self.state);
        if let Some((frame, timestamp)) = hash {
            let rules = u64::from(self.has_repeats).to_le_bytes();
            let parts = [state.hash.to_le_bytes(), frame.0.to_le_bytes(), timestamp.to_le_bytes(), rules];
            state.hash = xxh3_64(parts.as_flattened());
        }
        let timestamp = frame.timestamp;
        if is_repeat && let Some(times) = state.times.last_mut() {
            times.push(timestamp);
            return Ok(());
        }
        if self.has_repeats {
            state.last = Some(Arc::clone(&frame));
        }
        let slot = if state.abandoned {
            Slot::Released
        } else if share.is_some() {
            Slot::Memory { frame, share }
        } else {
            Slot::Disk(self.budget.spill().keep(&frame)?)
        };
        state.slots.push(slot);
        state.times.push(vec![timestamp]);
        self.changed.notify_all();
        Ok(())
    }

    /// Says that no frame will follow, and what analysis found out about those that came.
    pub(crate) fn close(&self, profile: Option<Profile>) {
        let mut state = lock(&self.state);
        (state.closed, state.profile, state.last) = (true, profile, None);
        let times: Vec<usize> = state.times.iter().map(Vec::len).collect();
        state.coded = shows(&times);
        drop(state);
        self.changed.notify_all();
    }

    /// Says that no frame will be read any more: frees what is held, and lets the writer go on.
    pub(crate) fn abandon(&self) {
        let mut state = lock(&self.state);
        state.abandoned = true;
        state.slots.iter_mut().for_each(|slot| *slot = Slot::Released);
        state.last = None;
    }

    /// Waits until the scene is complete and gives its profile; none where its writer gave up.
    pub(crate) fn wait_for_profile(&self) -> Option<Profile> {
        self.wait_for_end().profile.clone()
    }

    /// Waits until the scene is complete and gives the hash of its frames and their timestamps; 0 where they are not
    /// hashed.
    pub(crate) fn wait_for_hash(&self) -> u64 {
        self.wait_for_end().hash
    }

    /// Waits until the scene is complete and gives how many of its frames are to be coded, and how often each of them is shown again.
    pub(crate) fn wait_for_repeats(&self) -> (u64, Repeats) {
        let state = self.wait_for_end();
        let again = state.coded.iter().map(|show| show.times.len() as u32 - 1).collect();
        (state.coded.len() as u64, Repeats::new(again))
    }

    /// When frame `index` is shown, in order.
    ///
    /// # Errors
    ///
    /// `Internal` past the last.
    pub(crate) fn times(&self, index: u64) -> Result<Vec<i64>> {
        let state = self.wait_for_frame(index);
        let found = self.show(&state, index).and_then(|show| state.times.get(show.picture)?.get(show.times));
        found.map(<[i64]>::to_vec).ok_or_else(|| Error::internal("scene frames", format!("no frame {index}")))
    }

    /// What frame `index` shows, as far as it is there: where there may be repeats, what is coded, else every frame.
    fn show(&self, state: &State, index: u64) -> Option<Show> {
        let picture = index as usize;
        match self.has_repeats {
            true => state.coded.get(picture).cloned(),
            false => (picture < state.slots.len()).then_some(Show { picture, times: 0..1 }),
        }
    }

    /// Waits until frame `index` is there, or it is known that there is none; for the whole scene where what is coded hangs on it.
    fn wait_for_frame(&self, index: u64) -> MutexGuard<'_, State> {
        let mut state = lock(&self.state);
        while (self.has_repeats || index >= state.slots.len() as u64) && !state.closed {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state
    }

    fn wait_for_end(&self) -> MutexGuard<'_, State> {
        let mut state = lock(&self.state);
        while !state.closed {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state
    }

    /// Frame `index` of the scene, waiting for it if need be; `None` past the last.
    ///
    /// # Errors
    ///
    /// `Io` when it cannot be read back, `Internal` when it was released.
    pub(crate) fn get(&self, index: u64) -> Result<Option<Arc<Frame>>> {
        let mut state = self.wait_for_frame(index);
        let Some(Show { picture, .. }) = self.show(&state, index) else { return Ok(None) };
        match state.slots.get_mut(picture) {
            Some(Slot::Memory { frame, share }) => {
                if self.reading == Reading::Once {
                    *share = None;
                }
                Ok(Some(Arc::clone(frame)))
            }
            Some(Slot::Disk(spilled)) => spilled.read().map(|frame| Some(Arc::new(frame))),
            _ => Err(Error::internal("scene frames", format!("frame {index} is read after its release"))),
        }
    }

    /// Whether frames are gone once they are read.
    pub(crate) fn is_passing(&self) -> bool {
        self.reading == Reading::Once
    }

    /// Frees frame `index`, which cannot be read again.
    pub(crate) fn release(&self, index: u64) {
        let mut state = lock(&self.state);
        let [slot, next] = [index, index + 1].map(|index| self.show(&state, index).map(|show| show.picture));
        // The next frame may show it too.
        if let Some(slot) = slot.filter(|_| next != slot).and_then(|slot| state.slots.get_mut(slot)) {
            *slot = Slot::Released;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Color, PixelFormat, Planes};

    fn frame(value: u8, format: PixelFormat) -> Arc<Frame> {
        let mut frame = Frame::new(6, 5, format, Color::default()).unwrap().with_timestamp(i64::from(value));
        match frame.planes_mut() {
            Planes::U8(p) => p.iter_mut().for_each(|p| p.samples_mut().fill(value)),
            Planes::U16(p) => p.iter_mut().for_each(|p| p.samples_mut().fill(u16::from(value) * 4 + 1)),
        }
        Arc::new(frame)
    }

    /// A scene that has room for a byte.
    fn scene(reading: Reading) -> Arc<SceneFrames> {
        SceneFrames::new(reading, MemoryBudget::new(1), false, RepeatChoice::Off)
    }

    fn on_disk(scene: &SceneFrames) -> usize {
        lock(&scene.state).slots.iter().filter(|slot| matches!(slot, Slot::Disk(_))).count()
    }

    #[test]
    fn frames_read_back_from_disk_are_those_written() {
        for format in [PixelFormat::YUV420_8, PixelFormat::YUV420_10] {
            let scene = self::scene(Reading::Repeated);
            (0..5).for_each(|i| scene.push(frame(i, format)).unwrap());
            scene.close(None);
            assert_eq!(on_disk(&scene), 4);
            for _ in 0..2 {
                for i in [4, 0, 3, 1, 2] {
                    assert_eq!(scene.get(u64::from(i)).unwrap(), Some(frame(i, format)));
                }
            }
            assert_eq!(scene.get(5).unwrap(), None);
        }
    }

    #[test]
    fn frames_that_show_the_one_before_again_are_kept_once() {
        let of = |repeats| {
            let scene = SceneFrames::new(Reading::Repeated, MemoryBudget::new(1000), true, repeats);
            for (value, timestamp) in [(7, 0), (7, 3), (7, 5), (8, 6), (7, 9), (7, 10)] {
                let frame = frame(value, PixelFormat::YUV420_8);
                scene.push(Arc::new((*frame).clone().with_timestamp(timestamp))).unwrap();
            }
            scene.close(None);
            scene
        };
        let (scene, all) = (of(RepeatChoice::Auto), of(RepeatChoice::Off));
        assert_eq!(scene.wait_for_repeats(), (3, Repeats::new(vec![2, 0, 1])));
        let times = |scene: &SceneFrames| (0..3).map(|i| scene.times(i).unwrap()).collect::<Vec<_>>();
        assert_eq!(times(&scene), [vec![0, 3, 5], vec![6], vec![9, 10]]);
        assert!(scene.times(3).is_err());
        let timestamps: Vec<_> = (0..3).map(|i| scene.get(i).unwrap().unwrap().timestamp).collect();
        assert_eq!((timestamps, scene.get(3).unwrap()), (vec![0, 6, 9], None));
        assert_eq!(
            (all.wait_for_repeats(), times(&all)),
            ((6, Repeats::default()), vec![vec![0], vec![3], vec![5]])
        );
        assert_ne!(scene.wait_for_hash(), all.wait_for_hash());
    }

    #[test]
    fn a_scene_read_once_never_uses_the_disk() {
        let scene = self::scene(Reading::Once);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                (0..20).for_each(|i| scene.push(frame(i, PixelFormat::YUV420_8)).unwrap());
                scene.close(None);
            });
            for i in 0..20 {
                assert_eq!(scene.get(u64::from(i)).unwrap(), Some(frame(i, PixelFormat::YUV420_8)));
                scene.release(u64::from(i));
            }
            assert_eq!(scene.get(20).unwrap(), None);
        });
        assert_eq!(on_disk(&scene), 0);
        assert!(scene.get(3).is_err());
    }

    #[test]
    fn an_abandoned_scene_does_not_hold_its_writer() {
        let scene = self::scene(Reading::Once);
        scene.push(frame(0, PixelFormat::YUV420_8)).unwrap();
        std::thread::scope(|scope| {
            let writer =
                scope.spawn(|| (1..50).try_for_each(|i| scene.push(frame(i, PixelFormat::YUV420_8))));
            scene.abandon();
            assert!(writer.join().unwrap().is_ok());
        });
    }
}
