//! Motion from a frame to a neighbor, found again by the decoder, so that it takes no bytes.

use super::luma::Luma;
use crate::error::Result;
use crate::memory;
use crate::simd::simd_body;

/// Samples a side of what a vector is for.
pub(super) const BLOCK: usize = 8;

/// Samples a side of what is compared; the block is its middle.
const WINDOW: usize = 16;

/// Samples of the window beyond the block.
const BEYOND: usize = (WINDOW - BLOCK) / 2;

/// The farthest that a vector points, in samples.
const FARTHEST: i32 = 15;

/// What a sample of distance costs, in the differences that are counted.
const DISTANCE_COST: u32 = 2;

/// A block that costs less is not looked for.
const GOOD_ENOUGH: u32 = 64;

/// How far the search steps, one after the other.
const STEPS: [i32; 3] = [4, 2, 1];

/// Where each block of a frame lies in a neighbor.
pub(super) struct Vectors {
    columns: usize,
    /// Across and down, in samples.
    vectors: Vec<(i8, i8)>,
}

impl Vectors {
    /// Looks for each block, row by row: at rest, as the blocks left of, above, and above and right of it move, and then around the best
    /// of these in ever smaller steps.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`.
    pub(super) fn find(frame: &Luma, neighbor: &Luma) -> Result<Self> {
        let (columns, rows) = frame.blocks(BLOCK);
        let mut vectors = memory::filled("motion of a Wiener filter", columns * rows, (0, 0))?;
        find_all(frame, neighbor, columns, &mut vectors);
        Ok(Self { columns, vectors })
    }

    /// The neighbor as the frame shows it: every block from where its vector points. The margin is left as it was but for what lies in whole
    /// blocks.
    pub(super) fn align(&self, neighbor: &Luma, aligned: &mut [u16]) {
        for (index, &(across, down)) in self.vectors.iter().enumerate() {
            let (x, y) = (index % self.columns * BLOCK, index / self.columns * BLOCK);
            let from = moved(neighbor.at(x, y), (across.into(), down.into()), neighbor.stride);
            for row in 0..BLOCK {
                let to = neighbor.at(x, y + row);
                let from = from + row * neighbor.stride;
                aligned[to..to + BLOCK].copy_from_slice(&neighbor.samples[from..from + BLOCK]);
            }
        }
    }
}

/// A place so far away. Vectors are short enough to stay in the margin.
fn moved(at: usize, (across, down): (i32, i32), stride: usize) -> usize {
    at.wrapping_add_signed(down as isize * stride as isize + across as isize)
}

simd_body! {
    fn find_all(frame: &Luma, neighbor: &Luma, columns: usize, vectors: &mut [(i8, i8)]) {
        find_all_body(frame, neighbor, columns, vectors)
    }
}

#[inline(always)]
fn find_all_body(frame: &Luma, neighbor: &Luma, columns: usize, vectors: &mut [(i8, i8)]) {
    for index in 0..vectors.len() {
        let (column, row) = (index % columns, index / columns);
        let at = frame.at(column * BLOCK, row * BLOCK) - BEYOND * frame.stride - BEYOND;
        let window = &frame.coarse[at..];
        let cost = |(across, down): (i32, i32)| {
            let other = &neighbor.coarse[moved(at, (across, down), frame.stride)..];
            let distance = across.unsigned_abs() + down.unsigned_abs();
            difference(window, other, frame.stride) + DISTANCE_COST * distance
        };
        let mut best = (0, 0);
        let mut least = cost(best);
        let mut before = [(0_i32, 0_i32); 3];
        if least >= GOOD_ENOUGH {
            let found = |index: usize| (i32::from(vectors[index].0), i32::from(vectors[index].1));
            if column > 0 {
                before[0] = found(index - 1);
            }
            if row > 0 {
                before[1] = found(index - columns);
                before[2] = found(index - columns + usize::from(column + 1 < columns));
            }
            for (number, &candidate) in before.iter().enumerate() {
                if candidate == (0, 0) || before[..number].contains(&candidate) {
                    continue;
                }
                let found = cost(candidate);
                if found < least {
                    (least, best) = (found, candidate);
                }
            }
        }
        for step in STEPS {
            if least < GOOD_ENOUGH {
                break;
            }
            let (x, y) = best;
            for (across, down) in [(-1, -1), (0, -1), (1, -1), (-1, 0), (1, 0), (-1, 1), (0, 1), (1, 1)] {
                let candidate = (x + step * across, y + step * down);
                if candidate.0.abs().max(candidate.1.abs()) > FARTHEST {
                    continue;
                }
                let found = cost(candidate);
                if found < least {
                    (least, best) = (found, candidate);
                }
            }
        }
        vectors[index] = (best.0 as i8, best.1 as i8);
    }
}

/// Sum of absolute differences of every second row of two windows.
#[inline(always)]
fn difference(a: &[u8], b: &[u8], stride: usize) -> u32 {
    let mut sum = 0;
    for row in (0..WINDOW).step_by(2) {
        let (a, b) = (&a[row * stride..][..WINDOW], &b[row * stride..][..WINDOW]);
        for (&a, &b) in a.iter().zip(b) {
            sum += u32::from(a.abs_diff(b));
        }
    }
    sum
}
