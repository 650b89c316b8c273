//! What kind of content a block of 4x4 samples has: how much detail, along which direction, and how far the neighbors agree with it.

use super::luma::Luma;
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

/// Classes of the same detail.
pub(super) const OF_A_DETAIL: usize = DIRECTIONS * (CHANGE.len() + 1);

/// Classes there are.
pub(super) const CLASSES: usize = (DETAIL.len() + 1) * OF_A_DETAIL;

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
    let line = || memory::filled("classes of a Wiener filter", columns * BLOCK, 0_u16);
    let mut lines = Lines { across: line()?, down: line()?, change: line()? };
    sum_blocks(frame, before, after, &mut lines, &mut sums);
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
        let steps =
            |bounds: &[u32], value: u32| bounds.iter().filter(|&&bound| value >= bound * unit).count();
        let detail = steps(&DETAIL, across + down);
        let direction = if across > 2 * down {
            1
        } else if down > 2 * across {
            2
        } else {
            0
        };
        let change = steps(&CHANGE, total(&|sums| sums.change));
        *class = (detail * OF_A_DETAIL + direction * (CHANGE.len() + 1) + change) as u8;
    }
    Ok(classes)
}

/// Sums over the rows of a row of blocks, sample by sample.
struct Lines {
    across: Vec<u16>,
    down: Vec<u16>,
    change: Vec<u16>,
}

simd_body! {
    fn sum_blocks(frame: &Luma, before: &[u16], after: &[u16], lines: &mut Lines, sums: &mut [Sums]) {
        sum_blocks_body(frame, before, after, lines, sums)
    }
}

#[inline(always)]
fn sum_blocks_body(frame: &Luma, before: &[u16], after: &[u16], lines: &mut Lines, sums: &mut [Sums]) {
    let (stride, length) = (frame.stride, lines.across.len());
    for (row, sums) in sums.chunks_exact_mut(length / BLOCK).enumerate() {
        // Four rows of at most 2 * 1023.
        lines.across.fill(0);
        lines.down.fill(0);
        lines.change.fill(0);
        for y in row * BLOCK..(row + 1) * BLOCK {
            let start = frame.at(0, y);
            let here = &frame.samples[start..start + length];
            let (left, right) =
                (&frame.samples[start - 1..][..length], &frame.samples[start + 1..][..length]);
            let (above, below) =
                (&frame.samples[start - stride..][..length], &frame.samples[start + stride..][..length]);
            for (x, sum) in lines.across.iter_mut().enumerate() {
                *sum += (2 * here[x]).abs_diff(left[x] + right[x]);
            }
            for (x, sum) in lines.down.iter_mut().enumerate() {
                *sum += (2 * here[x]).abs_diff(above[x] + below[x]);
            }
            let (before, after) = (&before[start..start + length], &after[start..start + length]);
            for (x, sum) in lines.change.iter_mut().enumerate() {
                *sum += here[x].abs_diff(before[x]).min(here[x].abs_diff(after[x]));
            }
        }
        let of = |line: &[u16], block: usize| {
            line[block * BLOCK..(block + 1) * BLOCK].iter().map(|&sum| u32::from(sum)).sum()
        };
        for (block, sums) in sums.iter_mut().enumerate() {
            *sums = Sums {
                across: of(&lines.across, block),
                down: of(&lines.down, block),
                change: of(&lines.change, block),
            };
        }
    }
}
