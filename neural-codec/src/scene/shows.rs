//! Which frames of a scene are coded where pictures are shown again: how often each picture is coded, and which of its frames each
//! coding shows.

use std::ops::Range;

/// A picture is coded no more often than this: so many frames in a row hold one of the lowest layer of the pyramids that encoders make,
/// which is finer than the others, and what comes later repeats it.
const MOST_CODINGS: usize = 32;

/// A frame that is coded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Show {
    /// The picture that it has.
    pub(super) picture: usize,
    /// Which of the times at which the picture is shown are this frame's.
    pub(super) times: Range<usize>,
}

/// The frames to code of a scene, by how often each of its pictures is shown.
///
/// Encoders take all frames to be worth the same, and give those that others refer to finer quantizers. So each is to be shown about as often
/// as the others: a picture is coded once for as many times as half of the pictures are shown at least. Where a picture that stands
/// within motion was coded once, a scene took up to six times the bytes (`docs/decisions/0027-frames-shown-again.md`).
pub(super) fn shows(times: &[usize]) -> Vec<Show> {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let usual = sorted.get(sorted.len() / 2).copied().unwrap_or(1).max(1);
    let mut shows = Vec::new();
    for (picture, &count) in times.iter().enumerate() {
        // Rounded, halves down.
        let codings = ((2 * count + usual - 1) / (2 * usual)).clamp(1, MOST_CODINGS);
        let bound = |coding: usize| count * coding / codings;
        shows.extend((0..codings).map(|at| Show { picture, times: bound(at)..bound(at + 1) }));
    }
    shows
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// How often each frame is shown, picture by picture.
    fn counts(times: &[usize]) -> Vec<Vec<usize>> {
        let mut counts = vec![Vec::new(); times.len()];
        shows(times).iter().for_each(|show| counts[show.picture].push(show.times.len()));
        counts
    }

    #[test]
    fn pictures_that_stand_about_as_long_are_coded_once() {
        assert_eq!(counts(&[300]), [[300]]);
        assert_eq!(counts(&[75, 75, 75]), [[75], [75], [75]]);
        assert_eq!(counts(&[2, 3, 2, 1, 2]), [[2], [3], [2], [1], [2]]);
    }

    #[test]
    fn one_that_stands_within_motion_is_coded_as_often_as_it_is_shown_up_to_a_group() {
        assert_eq!(counts(&[1, 1, 5, 1]), [vec![1], vec![1], vec![1; 5], vec![1]]);
        assert_eq!(counts(&[1, 1, 200, 1])[2].len(), MOST_CODINGS);
        assert_eq!(counts(&[2, 20, 2, 2])[1], [2; 10]);
    }

    proptest! {
        #[test]
        fn every_time_is_shown_by_one_frame(times in prop::collection::vec(1_usize..300, 0..60)) {
            let mut next = (0, 0);
            for show in shows(&times) {
                if show.picture != next.0 {
                    prop_assert_eq!((next.1, show.picture), (times[next.0], next.0 + 1));
                    next = (show.picture, 0);
                }
                prop_assert!(show.times.start == next.1 && !show.times.is_empty());
                next.1 = show.times.end;
            }
            prop_assert_eq!(times.get(next.0).copied().unwrap_or(0), next.1);
        }
    }
}
