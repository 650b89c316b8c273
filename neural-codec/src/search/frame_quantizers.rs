//! Quantizers of single frames: those that a pilot was given by its encoder, moved to another quantizer of the scene.
//!
//! Coded at the same quantizers frame by frame, a slow preset lies a nearly constant distance above a faster one; left to
//! itself it chooses others, and the distance moves by half a dB (`docs/decisions/0014-search-that-pays.md`).

use std::collections::BTreeMap;

use super::quality_curve::{at_position, position};
use crate::base::MOST_OF_A_FRAME;

/// The frames' quantizers at `to`, by what they were at `from`; none is made finer than `finest`. Units: whole steps, 0 to 63.
///
/// Parts of a step are kept on the mean over all frames that had the same quantizer.
pub(crate) fn moved(frames: &[u8], from: f64, to: f64, finest: u8) -> Vec<u8> {
    let step = position(to) - position(from);
    let mut left: BTreeMap<u8, f64> = BTreeMap::new();
    let mut next = |&quantizer: &u8| {
        let exact = at_position(position(f64::from(quantizer)) + step).min(f64::from(MOST_OF_A_FRAME));
        let carried = left.entry(quantizer).or_insert(0.5);
        let ends = (f64::from(finest.min(quantizer)), f64::from(MOST_OF_A_FRAME));
        let whole = (exact + *carried).floor().clamp(ends.0, ends.1);
        *carried += exact - whole;
        whole as u8
    };
    frames.iter().map(&mut next).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PILOT: [u8; 9] = [20, 45, 41, 45, 38, 45, 41, 45, 30];

    #[test]
    fn the_same_quantizer_leaves_every_frame_as_it_was() {
        assert_eq!(moved(&PILOT, 45.0, 45.0, 0), PILOT);
    }

    #[test]
    fn a_part_of_a_step_is_kept_on_the_mean() {
        let frames = [45_u8; 400];
        let mean = |to: f64| moved(&frames, 45.0, to, 0).iter().map(|&q| f64::from(q)).sum::<f64>() / 400.0;
        for to in [43.25, 44.5, 45.25, 47.75] {
            assert!((mean(to) - to).abs() < 0.01, "{to}: {}", mean(to));
        }
    }

    #[test]
    fn frames_are_made_no_finer_than_asked() {
        assert_eq!(moved(&[20, 9, 2], 30.0, 14.0, 4), [4, 4, 2]);
    }

    #[test]
    fn frames_stay_within_bounds_and_in_order() {
        for to in [1.0, 30.0, 63.0, 70.0] {
            let found = moved(&PILOT, 45.0, to, 0);
            assert!(found.iter().all(|&q| q <= MOST_OF_A_FRAME));
            assert!(found[0] <= found[8] && found[8] <= found[4] && found[4] <= found[2] + 1);
        }
        assert_eq!(moved(&[63; 5], 70.0, 70.0, 0), [63; 5]);
    }
}
