//! What is summed for a sample: differences to the samples around it, in its own frame and in the aligned neighbors.

use super::luma::Luma;

/// Pairs of samples opposite each other, by one of the two (across, down): all within three steps.
pub(super) const PAIRS: [(isize, isize); 12] =
    [(1, 0), (2, 0), (3, 0), (-2, 1), (-1, 1), (0, 1), (1, 1), (2, 1), (-1, 2), (0, 2), (1, 2), (0, 3)];

/// Taps of each neighbor: the same sample, and the four beside it.
pub(super) const NEIGHBOR_TAPS: usize = 2;

/// The most weights that a sample has.
pub(super) const TAPS: usize = Reach::Far.taps();

/// How far in time the sums of a sample reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The frame before and the frame after.
    Near,
    /// Two of each.
    Far,
}

impl Reach {
    /// Frames on either side.
    pub const fn frames(self) -> usize {
        match self {
            Self::Near => 1,
            Self::Far => 2,
        }
    }

    /// Weights of a sample.
    pub const fn taps(self) -> usize {
        PAIRS.len() + 2 * self.frames() * NEIGHBOR_TAPS
    }
}

/// The most that a neighbor's sample may differ and count as much, in levels of 8 bits.
const MOST_DIFFERENT: i16 = 6;

/// A frame and its neighbors aligned to it.
pub(super) struct Aligned<'a> {
    pub(super) frame: &'a Luma,
    /// Before and after, then those farther away, in the frame's shape; what has no neighbor is the frame itself.
    pub(super) neighbors: &'a [Vec<u16>],
}

impl Aligned<'_> {
    /// Writes tap `tap` of the samples from `start` on. Units: levels.
    #[inline(always)]
    pub(super) fn write_tap(&self, tap: usize, start: usize, into: &mut [i16]) {
        let (stride, length) = (self.frame.stride, into.len());
        fn line(samples: &[u16], from: usize, length: usize) -> &[u16] {
            &samples[from..from + length]
        }
        let here = line(&self.frame.samples, start, length);
        if let Some(&(across, down)) = PAIRS.get(tap) {
            let offset = down * stride as isize + across;
            let one = line(&self.frame.samples, start.wrapping_add_signed(offset), length);
            let other = line(&self.frame.samples, start.wrapping_add_signed(-offset), length);
            for (into, ((&here, &one), &other)) in into.iter_mut().zip(here.iter().zip(one).zip(other)) {
                *into = one as i16 + other as i16 - 2 * here as i16;
            }
            return;
        }
        let (neighbor, kind) = ((tap - PAIRS.len()) / NEIGHBOR_TAPS, (tap - PAIRS.len()) % NEIGHBOR_TAPS);
        let samples = &self.neighbors[neighbor];
        let most = MOST_DIFFERENT << self.frame.shift;
        let bounded = |there: u16, here: u16| (there as i16 - here as i16).clamp(-most, most);
        if kind == 0 {
            let there = line(samples, start, length);
            for (into, (&here, &there)) in into.iter_mut().zip(here.iter().zip(there)) {
                *into = bounded(there, here);
            }
            return;
        }
        let (left, right) = (line(samples, start - 1, length), line(samples, start + 1, length));
        let (above, below) = (line(samples, start - stride, length), line(samples, start + stride, length));
        for x in 0..length {
            let here = here[x];
            into[x] = bounded(left[x], here)
                + bounded(right[x], here)
                + bounded(above[x], here)
                + bounded(below[x], here);
        }
    }
}
