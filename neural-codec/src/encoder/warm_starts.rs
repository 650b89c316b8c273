//! Which scenes a scene starts warm from, and the wait for them.
//!
//! ```text
//! scene        0   1   2   3     4       ...  12
//! begins from  -   -   0   0 1   0 1 2   ...  3 4 5 6 7 8 9 10
//! ```
//! The set depends on the scene's number alone, never on threads, devices or timing: two scenes are at work at a time, so the
//! nearest is passed over, and a scene waits for the others. The stream carries every scene's filter as a whole, so that a
//! scene decodes by itself (docs/decisions/0010-filters-along-a-clip.md).

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::Result;
use crate::filter::train::{TrainedFilter, WarmStart};
use crate::progress::CancelToken;

/// How many scenes before it a scene starts warm from.
const MEMORY: usize = 8;

/// How far back the nearest of them is.
const DISTANCE: usize = 2;

/// How often a scene that waits checks whether it was cancelled.
const POLL: Duration = Duration::from_millis(100);

/// Numbers of the scenes that scene `index` starts warm from.
pub(super) fn warm_start_scenes(index: u32) -> Range<u32> {
    let end = (index + 1).saturating_sub(DISTANCE as u32);
    end.saturating_sub(MEMORY as u32)..end
}

/// The last scenes of a clip, in order.
#[derive(Debug, Default)]
pub(super) struct WarmStarts {
    scenes: VecDeque<Arc<Slot>>,
}

/// One scene's place among them.
#[derive(Debug)]
pub(super) struct WarmStartPlace {
    own: Arc<Slot>,
    earlier: Vec<Arc<Slot>>,
}

impl WarmStarts {
    /// The place of the next scene.
    pub(super) fn next_scene(&mut self) -> WarmStartPlace {
        let own = Arc::new(Slot::default());
        self.scenes.push_back(Arc::clone(&own));
        if self.scenes.len() > DISTANCE + MEMORY {
            self.scenes.pop_front();
        }
        let before = self.scenes.len().saturating_sub(DISTANCE);
        WarmStartPlace { own, earlier: self.scenes.iter().take(before).cloned().collect() }
    }
}

impl WarmStartPlace {
    /// What earlier scenes left; waits for those that are not done.
    ///
    /// # Errors
    ///
    /// `Cancelled`.
    pub(super) fn wait(&self, cancel: &CancelToken) -> Result<WarmStart> {
        let mut filters = Vec::new();
        for slot in &self.earlier {
            filters.extend(slot.wait(cancel)?);
        }
        Ok(WarmStart { filters })
    }

    /// Leaves this to later scenes; only the first call counts.
    pub(super) fn leave(&self, trained: Option<TrainedFilter>) {
        let mut state = self.own.lock();
        if !state.is_done {
            *state = State { trained, is_done: true };
        }
        self.own.changed.notify_all();
    }
}

impl Drop for WarmStartPlace {
    /// Later scenes must not wait for one that failed.
    fn drop(&mut self) {
        self.leave(None);
    }
}

/// What one scene leaves.
#[derive(Debug, Default)]
struct Slot {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    trained: Option<TrainedFilter>,
    is_done: bool,
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, cancel: &CancelToken) -> Result<Option<TrainedFilter>> {
        let mut state = self.lock();
        while !state.is_done {
            cancel.check()?;
            state = self.changed.wait_timeout(state, POLL).unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(state.trained.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::filter::{NetworkSize, SceneNetwork};

    fn some(quantizer: u16) -> Option<TrainedFilter> {
        Some(TrainedFilter {
            network: SceneNetwork::base(NetworkSize::M, quantizer).unwrap(),
            error_left: 0.9,
        })
    }

    fn quantizers(place: &WarmStartPlace) -> Vec<u16> {
        let start = place.wait(&CancelToken::new()).unwrap();
        start.filters.iter().map(|filter| filter.network.quantizer).collect()
    }

    #[test]
    fn a_scene_begins_from_those_some_places_before_it_and_no_more_than_eight() {
        let mut row = WarmStarts::default();
        for scene in 0..20_u16 {
            let place = row.next_scene();
            // Every third scene has no filter.
            let expected: Vec<u16> =
                warm_start_scenes(scene.into()).filter(|at| at % 3 != 0).map(|at| at as u16 + 100).collect();
            assert!(expected.iter().all(|at| at + 2 <= scene + 100 && at + 9 >= scene + 100));
            assert_eq!(quantizers(&place), expected, "scene {scene}");
            if scene % 3 != 0 {
                place.leave(some(scene + 100));
                place.leave(some(50));
            }
        }
    }

    #[test]
    fn a_scene_waits_for_those_at_work_until_it_is_cancelled_or_they_fail() {
        let mut row = WarmStarts::default();
        let (first, second, third, fourth) =
            (row.next_scene(), row.next_scene(), row.next_scene(), row.next_scene());
        let cancel = CancelToken::new();
        cancel.cancel();
        assert!(matches!(third.wait(&cancel), Err(Error::Cancelled)));
        let waiting = std::thread::spawn(move || quantizers(&third));
        std::thread::sleep(Duration::from_millis(20));
        assert!(!waiting.is_finished());
        first.leave(some(90));
        assert_eq!(waiting.join().unwrap(), [90]);
        drop(second);
        assert_eq!(quantizers(&fourth), [90]);
    }
}
