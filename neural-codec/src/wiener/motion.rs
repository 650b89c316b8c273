//! Motion from a frame to a neighbor, found again by the decoder, so that it takes no bytes.

use super::luma::{Luma, MOTION_BLOCK as BLOCK};
use crate::error::Result;
use crate::memory;
use crate::simd::simd_body;

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

/// A block that costs less is looked for without the widest steps.
const NEAR_ENOUGH: u32 = 512;

/// How far the search steps, one after the other.
const STEPS: [i32; 3] = [4, 2, 1];

/// Where it steps.
const AROUND: [(i32, i32); 8] = [(-1, -1), (0, -1), (1, -1), (-1, 0), (1, 0), (-1, 1), (0, 1), (1, 1)];

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
        let mut window = [[0_i16; WINDOW]; WINDOW / 2];
        for (row, line) in window.iter_mut().enumerate() {
            let samples = &frame.coarse[at + 2 * row * frame.stride..][..WINDOW];
            line.iter_mut().zip(samples).for_each(|(wide, &sample)| *wide = sample.into());
        }
        let mut best = Found { vector: (0, 0), cost: u32::MAX };
        best.look((0, 0), &window, neighbor, at);
        if best.cost >= GOOD_ENOUGH {
            if column > 0 {
                best.look_at(vectors[index - 1], &window, neighbor, at);
            }
            if row > 0 {
                best.look_at(vectors[index - columns], &window, neighbor, at);
                let right = usize::from(column + 1 < columns);
                best.look_at(vectors[index - columns + right], &window, neighbor, at);
            }
        }
        for step in STEPS {
            if best.cost < GOOD_ENOUGH {
                break;
            }
            if step == STEPS[0] && best.cost < NEAR_ENOUGH {
                continue;
            }
            let (x, y) = best.vector;
            for (across, down) in AROUND {
                let vector = (x + step * across, y + step * down);
                if vector.0.abs().max(vector.1.abs()) <= FARTHEST {
                    best.look(vector, &window, neighbor, at);
                }
            }
        }
        vectors[index] = (best.vector.0 as i8, best.vector.1 as i8);
    }
}

/// The best vector so far; the first of equals.
struct Found {
    vector: (i32, i32),
    cost: u32,
}

impl Found {
    #[inline(always)]
    fn look_at(&mut self, (across, down): (i8, i8), window: &Window, neighbor: &Luma, at: usize) {
        let vector = (across.into(), down.into());
        if vector != self.vector {
            self.look(vector, window, neighbor, at);
        }
    }

    /// Compares the window at `at` with where the vector points.
    #[inline(always)]
    fn look(&mut self, vector: (i32, i32), window: &Window, neighbor: &Luma, at: usize) {
        let other = &neighbor.coarse[moved(at, vector, neighbor.stride)..];
        let distance = vector.0.unsigned_abs() + vector.1.unsigned_abs();
        let cost = difference(window, other, neighbor.stride) + DISTANCE_COST * distance;
        if cost < self.cost {
            *self = Self { vector, cost };
        }
    }
}

/// Every second row of what is compared.
type Window = [[i16; WINDOW]; WINDOW / 2];

/// Sum of absolute differences of a window and every second row of the samples from there on.
#[inline(always)]
fn difference(window: &Window, other: &[u8], stride: usize) -> u32 {
    let mut lanes = [0_u16; WINDOW];
    for (row, line) in window.iter().enumerate() {
        let other = &other[2 * row * stride..][..WINDOW];
        for ((lane, &a), &b) in lanes.iter_mut().zip(line).zip(other) {
            *lane += (a - i16::from(b)).unsigned_abs();
        }
    }
    lanes.iter().map(|&lane| u32::from(lane)).sum()
}
