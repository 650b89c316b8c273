//! Where each block of a small picture was in the picture before.

use crate::frame::Plane;
use crate::simd::simd_body;

/// Side of a block, in samples of the plane searched.
pub(super) const BLOCK: usize = 8;

/// The best match of one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Match {
    /// Displacement from the block to its match in the reference, in samples.
    pub dx: i16,
    /// As `dx`, downwards.
    pub dy: i16,
    /// Sum of absolute differences over the block.
    pub cost: u32,
}

/// For each block, row after row, the match of least cost within `range` samples each way.
///
/// Of equal costs the shortest displacement wins. Blocks cut off by the edge are smaller; the reference is
/// continued outwards by its edge. Both planes must have the same size.
pub(super) fn search(reference: &Plane<u8>, current: &Plane<u8>, range: usize) -> Vec<Match> {
    let columns = current.width().div_ceil(BLOCK);
    let padded = pad(reference, range);
    let mut best = vec![Match { dx: 0, dy: 0, cost: u32::MAX }; columns * current.height().div_ceil(BLOCK)];
    let mut sums = vec![0_u16; columns * BLOCK];
    for displacement in displacements(range) {
        for (row, best) in best.chunks_exact_mut(columns).enumerate() {
            try_row(&padded, current, row * BLOCK, displacement, range, &mut sums, best);
        }
    }
    best
}

/// All displacements within `range`, shortest first, in a fixed order.
fn displacements(range: usize) -> Vec<(i16, i16)> {
    let range = range as i16;
    let mut all: Vec<_> = (-range..=range).flat_map(|dy| (-range..=range).map(move |dx| (dx, dy))).collect();
    all.sort_by_key(|&(dx, dy)| i32::from(dx).pow(2) + i32::from(dy).pow(2));
    all
}

fn pad(plane: &Plane<u8>, by: usize) -> Plane<u8> {
    let (width, height) = (plane.width(), plane.height());
    let mut out = Plane::new(width + 2 * by, height + 2 * by);
    for y in 0..out.height() {
        let source = plane.row(y.saturating_sub(by).min(height - 1));
        let row = out.row_mut(y);
        row[..by].fill(source[0]);
        row[by..by + width].copy_from_slice(source);
        row[by + width..].fill(source[width - 1]);
    }
    out
}

simd_body! {
    fn try_row(
        padded: &Plane<u8>, current: &Plane<u8>, top: usize, displacement: (i16, i16), range: usize,
        sums: &mut [u16], best: &mut [Match],
    ) -> () {
        try_row_body(padded, current, top, displacement, range, sums, best)
    }
}

#[inline(always)]
fn try_row_body(
    padded: &Plane<u8>,
    current: &Plane<u8>,
    top: usize,
    (dx, dy): (i16, i16),
    range: usize,
    sums: &mut [u16],
    best: &mut [Match],
) {
    let width = current.width();
    let left = (range as i16 + dx) as usize;
    sums.fill(0);
    for y in top..(top + BLOCK).min(current.height()) {
        let reference = &padded.row((y as i16 + range as i16 + dy) as usize)[left..][..width];
        for ((sum, &a), &b) in sums.iter_mut().zip(reference).zip(current.row(y)) {
            *sum += u16::from(a.abs_diff(b));
        }
    }
    for (columns, best) in sums.as_chunks::<BLOCK>().0.iter().zip(best) {
        let cost = u32::from(columns.iter().sum::<u16>());
        if cost < best.cost {
            *best = Match { dx, dy, cost };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::InstructionSet;

    fn noise(width: usize, height: usize) -> Plane<u8> {
        let mut state = 7_u32;
        let mut plane = Plane::new(width, height);
        plane.samples_mut().fill_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        });
        plane
    }

    #[test]
    fn a_shifted_picture_is_found_at_its_shift() {
        let reference = noise(64, 40);
        let mut current = Plane::new(64, 40);
        for y in 0..35 {
            for x in 3..64 {
                current.row_mut(y)[x] = reference.row(y + 5)[x - 3];
            }
        }
        let found = search(&reference, &current, 6)[8 + 3];
        assert_eq!(found, Match { dx: -3, dy: 5, cost: 0 });
    }

    #[test]
    fn any_size_can_be_searched_alike_on_every_instruction_set() {
        for (width, height) in [(1, 1), (9, 1), (1, 9), (33, 17)] {
            let (a, b) = (noise(width, height), pad(&noise(width, height), 0));
            let mut all = InstructionSet::available().into_iter().map(|set| {
                assert!(set.force());
                search(&a, &b, 4)
            });
            let first = all.next().unwrap();
            assert!(first.iter().all(|m| m.cost == 0 && (m.dx, m.dy) == (0, 0)));
            assert!(all.all(|other| other == first));
        }
    }
}
