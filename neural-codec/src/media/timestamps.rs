//! Repair of timestamps, so that a source's rise strictly whatever its file says.

/// Most units a first timestamp may be away from 0; beyond it is taken for missing. Leaves room to add to.
const MAX_FIRST: i64 = 1 << 60;

/// Gives each frame or packet of one stream a timestamp after the one before.
///
/// The rule, in the stream's own units:
/// 1. A timestamp that is later than the last one, by no more than `longest_gap`, is kept.
/// 2. A missing one becomes the last one plus the last one's duration; a missing first one becomes 0.
/// 3. A repeated one becomes the last one plus 1, so that those that follow are kept.
/// 4. One that goes backwards, or jumps further ahead than `longest_gap`, is where a clock was set anew: it
///    becomes the last one plus the last one's duration, and all that follow are shifted by the same amount.
///    Going back by no more than a frame's duration is jitter, not a new clock: it is treated as repeated.
#[derive(Debug, Clone)]
pub(super) struct TimestampRepair {
    longest_gap: i64,
    shift: i64,
    last: Option<(i64, i64)>,
    repaired: u64,
}

impl TimestampRepair {
    /// A repair for a stream in which no true gap is longer than `longest_gap`.
    pub(super) fn new(longest_gap: i64) -> Self {
        Self { longest_gap: longest_gap.max(1), shift: 0, last: None, repaired: 0 }
    }

    /// The timestamp to use for the next frame or packet, which lasts `duration` units as far as is known.
    pub(super) fn next(&mut self, found: Option<i64>, duration: i64) -> i64 {
        let duration = duration.clamp(1, self.longest_gap);
        let timestamp = match (self.last, found) {
            (None, Some(first)) if first.abs() <= MAX_FIRST => first,
            (None, _) => {
                self.repaired += 1;
                0
            }
            (Some((last, lasted)), Some(found)) => self.after(last, lasted, found),
            (Some((last, lasted)), None) => {
                self.repaired += 1;
                last.saturating_add(lasted)
            }
        };
        self.last = Some((timestamp, duration));
        timestamp
    }

    fn after(&mut self, last: i64, lasted: i64, found: i64) -> i64 {
        let shifted = found.saturating_add(self.shift);
        let step = shifted.saturating_sub(last);
        if (1..=self.longest_gap).contains(&step) {
            return shifted;
        }
        self.repaired += 1;
        if (-lasted..=0).contains(&step) {
            return last.saturating_add(1);
        }
        let timestamp = last.saturating_add(lasted);
        self.shift = timestamp.saturating_sub(found);
        timestamp
    }

    /// How many timestamps were changed by rules 2 to 4 (one for a new clock, not one for each that follows).
    pub(super) fn repaired(&self) -> u64 {
        self.repaired
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn repair(found: &[Option<i64>]) -> Vec<i64> {
        let mut repair = TimestampRepair::new(1000);
        found.iter().map(|&t| repair.next(t, 10)).collect()
    }

    #[test]
    fn good_timestamps_are_kept_whatever_their_spacing() {
        let good = [-20, -10, 0, 1, 500, 1500];
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
    fn a_clock_set_anew_goes_on_where_it_was() {
        assert_eq!(repair(&[Some(500), Some(510), Some(0), Some(10)]), [500, 510, 520, 530]);
        assert_eq!(repair(&[Some(0), Some(10), Some(90_000), Some(90_010)]), [0, 10, 20, 30]);
    }

    proptest! {
        #[test]
        fn the_result_rises_strictly_for_any_input(
            found in proptest::collection::vec(proptest::option::of(any::<i64>()), 1..200),
            duration in any::<i64>(),
            gap in any::<i32>(),
        ) {
            let mut repair = TimestampRepair::new(i64::from(gap));
            let times: Vec<_> = found.iter().map(|&t| repair.next(t, duration)).collect();
            prop_assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{times:?}");
        }
    }
}
