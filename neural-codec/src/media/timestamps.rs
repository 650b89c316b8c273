//! Timestamps of one track, in order: believed where they rise, made up where they are missing.

/// Most units a timestamp may be away from 0; beyond it is taken for missing. Leaves room to add to.
const MAX_TIME: i64 = 1 << 60;

/// Most units that a frame or packet lasts where those after it have no timestamps.
const MAX_DURATION: i64 = 1 << 40;

/// Gives each frame or packet of one track a timestamp.
///
/// The rule, in the track's own units:
/// 1. A timestamp that is later than the last one is kept, however much later: a gap is a gap.
/// 2. A missing one becomes the last one plus the last one's duration; a missing first one becomes 0.
/// 3. Any other becomes the earliest that is allowed, and those that follow are not moved.
#[derive(Debug, Clone)]
pub(super) struct TimestampRepair {
    /// Least step from one to the next.
    step: i64,
    last: Option<(i64, i64)>,
    repaired: u64,
}

impl TimestampRepair {
    /// For frames: each later than the one before.
    pub(super) fn rising() -> Self {
        Self { step: 1, last: None, repaired: 0 }
    }

    /// For packets of sound, of which several may begin within one unit of a coarse clock.
    pub(super) fn not_falling() -> Self {
        Self { step: 0, last: None, repaired: 0 }
    }

    /// The timestamp to use for the next frame or packet, which lasts `duration` units as far as is known.
    pub(super) fn next(&mut self, found: Option<i64>, duration: i64) -> i64 {
        let found = found.filter(|time| time.abs() <= MAX_TIME);
        let timestamp = match (self.last, found) {
            (None, Some(first)) => first,
            (None, None) => {
                self.repaired += 1;
                0
            }
            (Some((last, _)), Some(found)) if found >= last.saturating_add(self.step) => found,
            (Some((last, lasted)), None) => {
                self.repaired += 1;
                last.saturating_add(lasted.max(self.step))
            }
            (Some((last, _)), Some(_)) => {
                self.repaired += 1;
                last.saturating_add(self.step)
            }
        };
        self.last = Some((timestamp, duration.clamp(0, MAX_DURATION)));
        timestamp
    }

    /// How many timestamps were made up or moved.
    pub(super) fn repaired(&self) -> u64 {
        self.repaired
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn repair(found: &[Option<i64>]) -> Vec<i64> {
        let mut repair = TimestampRepair::rising();
        found.iter().map(|&t| repair.next(t, 10)).collect()
    }

    #[test]
    fn good_timestamps_are_kept_whatever_their_spacing() {
        let good = [-20, -10, 0, 1, 500, 1500, 9_000_000];
        assert_eq!(repair(&good.map(Some)), good);
    }

    #[test]
    fn missing_ones_continue_at_the_known_duration() {
        assert_eq!(repair(&[None, None, Some(25), None, Some(50)]), [0, 10, 25, 35, 50]);
    }

    #[test]
    fn repeated_ones_do_not_move_those_that_follow() {
        assert_eq!(repair(&[Some(0), Some(10), Some(10), Some(20)]), [0, 10, 11, 20]);
        assert_eq!(repair(&[Some(0), Some(10), Some(5), Some(20)]), [0, 10, 11, 20]);
    }

    #[test]
    fn packets_that_share_a_unit_of_a_coarse_clock_do_not_drift() {
        let mut repair = TimestampRepair::not_falling();
        let found: Vec<i64> = (0..1000).map(|index| index * 5 / 6).collect();
        let times: Vec<i64> = found.iter().map(|&time| repair.next(Some(time), 1)).collect();
        assert_eq!(times, found);
        assert_eq!(repair.repaired(), 0);
    }

    proptest! {
        #[test]
        fn the_result_rises_strictly_for_any_input(
            found in proptest::collection::vec(proptest::option::of(any::<i64>()), 1..200),
            duration in any::<i64>(),
        ) {
            let mut repair = TimestampRepair::rising();
            let times: Vec<_> = found.iter().map(|&t| repair.next(t, duration)).collect();
            prop_assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{times:?}");
        }
    }
}
