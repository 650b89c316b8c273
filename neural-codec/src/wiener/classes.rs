//! What kind of content a block of 4x4 samples has: how much detail, along which direction, and how far the neighbors agree with it.

use super::luma::{Luma, MARGIN};
use crate::error::Result;
use crate::memory;
use crate::simd::simd_body;

/// Samples a side.
pub(super) const BLOCK: usize = 4;

/// Steps of the mean second difference, across and down together, in eighths of a level of 8 bits a sample.
const DETAIL: [u32; 4] = [8, 20, 48, 112];

/// Steps of the mean difference to the nearer neighbor, in the same units.
const CHANGE: [u32; 2] = [6, 20];

/// Directions: none, across, down.
const DIRECTIONS: usize = 3;

/// Classes there are.
pub(super) const CLASSES: usize = (DETAIL.len() + 1) * DIRECTIONS * (CHANGE.len() + 1);

/// Sums over blocks.
#[derive(Clone, Copy, Default)]
struct Sums {
    across: u32,
    down: u32,
    change: u32,
}

/// The class of every block, row by row.
///
/// # Errors
///
/// `OutOfMemory`.
pub(super) fn classes(frame: &Luma, before: &[u16], after: &[u16]) -> Result<Vec<u8>> {
    let (columns, rows) = frame.blocks(BLOCK);
    let mut sums = memory::filled("classes of a Wiener filter", columns * rows, Sums::default())?;
    sum_blocks(frame, before, after, columns, &mut sums);
    let mut classes = memory::filled("classes of a Wiener filter", columns * rows, 0_u8)?;
    for (index, class) in classes.iter_mut().enumerate() {
        let (column, row) = (index % columns, index / columns);
        // The block four times, and the four beside it; beyond the edge the block itself.
        let beside = [
            if column > 0 { index - 1 } else { index },
            if column + 1 < columns { index + 1 } else { index },
            if row > 0 { index - columns } else { index },
            if row + 1 < rows { index + columns } else { index },
        ];
        let total = |of: &dyn Fn(&Sums) -> u32| {
            4 * of(&sums[index]) + beside.iter().map(|&index| of(&sums[index])).sum::<u32>()
        };
        let (across, down) = (total(&|sums| sums.across), total(&|sums| sums.down));
        // Eight blocks of 16 samples, in eighths: 16 times too much.
        let unit = 16 << frame.shift;
        let steps = |bounds: &[u32], value: u32| bounds.iter().filter(|&&bound| value >= bound * unit).count();
        let detail = steps(&DETAIL, across + down);
        let direction = if across > 2 * down {
            1
        } else if down > 2 * across {
            2
        } else {
            0
        };
        let change = steps(&CHANGE, total(&|sums| sums.change));
        *class = ((detail * DIRECTIONS + direction) * (CHANGE.len() + 1) + change) as u8;
    }
    Ok(classes)
}

simd_body! {
    fn sum_blocks(frame: &Luma, before: &[u16], after: &[u16], columns: usize, sums: &mut [Sums]) {
        sum_blocks_body(frame, before, after, columns, sums)
    }
}

#[inline(always)]
fn sum_blocks_body(frame: &Luma, before: &[u16], after: &[u16], columns: usize, sums: &mut [Sums]) {
    let stride = frame.stride;
    for (row, sums) in sums.chunks_exact_mut(columns).enumerate() {
        for y in row * BLOCK..(row + 1) * BLOCK {
            let start = (y + MARGIN) * stride + MARGIN;
            let length = columns * BLOCK;
            let line = |from: usize| &frame.samples[from..from + length];
            let (here, left, right) = (line(start), line(start - 1), line(start + 1));
            let (above, below) = (line(start - stride), line(start + stride));
            let (before, after) = (&before[start..start + length], &after[start..start + length]);
            for (column, sums) in sums.iter_mut().enumerate() {
                let (mut across, mut down, mut change) = (0_u16, 0_u16, 0_u16);
                for x in column * BLOCK..(column + 1) * BLOCK {
                    let twice = 2 * here[x];
                    across += twice.abs_diff(left[x] + right[x]);
                    down += twice.abs_diff(above[x] + below[x]);
                    change += here[x].abs_diff(before[x]).min(here[x].abs_diff(after[x]));
                }
                sums.across += u32::from(across);
                sums.down += u32::from(down);
                sums.change += u32::from(change);
            }
        }
    }
}
