//! Filters that scenes leave to the scenes after them.
//!
//! ```text
//! scene      0   1   2   3     4       ...  12
//! looks at   -   -   0   0 1   0 1 2   ...  3 4 5 6 7 8 9 10
//! ```
//! Two scenes may be at work at a time, or one a device, so the nearest are passed over, and a scene waits for those that it looks at: what it
//! learns does not depend on which was done first. The stream carries every scene's filter as a whole, so that a scene decodes by
//! itself (docs/decisions/0010-filters-along-a-clip.md).

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::error::Result;
use crate::filter::train::TrainedFilter;
use crate::progress::CancelToken;

/// How many scenes are looked at.
const MEMORY: usize = 8;

/// How often a scene that waits looks whether it was cancelled.
const POLL: Duration = Duration::from_millis(100);

/// The scenes of a clip in a row.
#[derive(Debug)]
pub(crate) struct WarmStarts {
    /// The last scenes.
    places: VecDeque<Arc<Place>>,
    /// How far back the next scene that it looks at is.
    distance: usize,
}

impl WarmStarts {
    /// For so many scenes that are coded at a time on devices of their own.
    pub(crate) fn new(devices: usize) -> Self {
        Self { places: VecDeque::new(), distance: devices.max(2) }
    }

    /// The place of the next scene.
    pub(crate) fn next_scene(&mut self) -> Arc<WarmStart> {
        let own = Arc::new(Place::default());
        self.places.push_back(Arc::clone(&own));
        if self.places.len() > self.distance + MEMORY {
            self.places.pop_front();
        }
        let before = self.places.len().saturating_sub(self.distance);
        let earlier = self.places.iter().take(before).cloned().collect();
        Arc::new(WarmStart { own, earlier })
    }
}

/// What a scene finds, and what it leaves.
#[derive(Debug, Default)]
pub(crate) struct WarmStart {
    own: Arc<Place>,
    earlier: Vec<Arc<Place>>,
}

impl WarmStart {
    /// Networks to begin with: those of earlier scenes, and that of this one, where it was coded before.
    ///
    /// Waits for scenes that are not done.
    ///
    /// # Errors
    ///
    /// `Cancelled`.
    pub(crate) fn found(&self, cancel: &CancelToken) -> Result<Vec<TrainedFilter>> {
        let mut found = Vec::new();
        for place in &self.earlier {
            found.extend(place.wait(cancel)?);
        }
        found.extend(self.own.lock().kept.clone());
        Ok(found)
    }

    /// Takes down what this scene has trained; the last of it is what scenes after it find.
    pub(crate) fn keep(&self, kept: TrainedFilter) {
        let mut own = self.own.lock();
        if !own.is_done {
            own.kept = Some(kept);
        }
    }

    /// Lets the scenes after this one go on at the end of its work, and after an error or a panic.
    pub(crate) fn publish_on_drop(&self) -> impl Drop + use<> {
        Leave(Arc::clone(&self.own))
    }
}

struct Leave(Arc<Place>);

impl Drop for Leave {
    fn drop(&mut self) {
        self.0.lock().is_done = true;
        self.0.changed.notify_all();
    }
}

/// What one scene leaves.
#[derive(Debug, Default)]
struct Place {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    kept: Option<TrainedFilter>,
    /// It does not change any more.
    is_done: bool,
}

impl Place {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, cancel: &CancelToken) -> Result<Option<TrainedFilter>> {
        let mut state = self.lock();
        while !state.is_done {
            cancel.check()?;
            state = self.changed.wait_timeout(state, POLL).unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(state.kept.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::filter::{NetworkSize, SceneNetwork};

    fn some(quantizer: u16) -> TrainedFilter {
        TrainedFilter { network: SceneNetwork::base(NetworkSize::M, quantizer).unwrap(), error_left: 0.9 }
    }

    /// The quantizers of what is found.
    fn found(scene: &WarmStart) -> Vec<u16> {
        let found = scene.found(&CancelToken::new()).unwrap();
        found.iter().map(|kept| kept.network.quantizer).collect()
    }

    #[test]
    fn a_scene_finds_what_those_some_places_before_it_kept_and_no_more_than_eight() {
        for (devices, distance) in [(1, 2), (2, 2), (4, 4)] {
            let mut row = WarmStarts::new(devices);
            for scene in 0..20_u16 {
                let filters = row.next_scene();
                let end = (scene + 1).saturating_sub(distance);
                // Every third scene has no filter.
                let expected: Vec<u16> =
                    (end.saturating_sub(8)..end).filter(|at| at % 3 != 0).map(|at| at + 100).collect();
                assert_eq!(found(&filters), expected, "scene {scene}");
                let _leave = filters.publish_on_drop();
                if scene % 3 != 0 {
                    filters.keep(some(50));
                    filters.keep(some(scene + 100));
                }
            }
        }
    }

    #[test]
    fn a_scene_finds_its_own_earlier_coding_and_what_it_left_stays() {
        let filters = WarmStarts::new(1).next_scene();
        assert!(found(&filters).is_empty());
        filters.keep(some(60));
        assert_eq!(found(&filters), [60]);
        drop(filters.publish_on_drop());
        filters.keep(some(70));
        assert_eq!(found(&filters), [60]);
    }

    #[test]
    fn a_scene_waits_for_those_at_work_until_it_is_cancelled() {
        let mut row = WarmStarts::new(1);
        let (first, _, third) = (row.next_scene(), row.next_scene(), row.next_scene());
        let cancel = CancelToken::new();
        cancel.cancel();
        assert!(matches!(third.found(&cancel), Err(Error::Cancelled)));
        let waiting = std::thread::spawn(move || found(&third));
        std::thread::sleep(Duration::from_millis(20));
        assert!(!waiting.is_finished());
        let leave = first.publish_on_drop();
        first.keep(some(90));
        drop(leave);
        assert_eq!(waiting.join().unwrap(), [90]);
    }
}
