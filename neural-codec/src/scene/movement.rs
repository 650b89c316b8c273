//! How and where a picture moves, from block matches at two sizes.

use super::difference::level;
use super::downscale::{Coarse, Thumbnail};
use super::motion::{self, BLOCK, Match};
use crate::frame::Plane;

/// Search range in the thumbnail (1 % of the width) and in the outline (10 %), in their samples.
const FINE_RANGE: usize = 4;
const COARSE_RANGE: usize = 8;
/// Samples of the thumbnail in one of the outline.
const COARSE_SCALE: i16 = 4;
/// Mean change of a block, in levels, from which it counts as changed at all.
const CHANGED: u32 = 3;
/// Mean gain of the best match over no motion, in levels, from which a block counts as moving.
const GAIN: u32 = 2;

/// Movement between two pictures. Shares are of blocks, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Movement {
    /// Mean displacement of all blocks, in shares of the picture's longer side.
    pub magnitude: f32,
    /// Median displacement in the same unit, rightwards and downwards.
    pub direction: [f32; 2],
    /// Share of blocks that changed.
    pub changed: f32,
    /// Share of the blocks along the picture's left, right and upper edge that changed.
    pub border_changed: f32,
    /// Among the changed blocks, the share whose displacement is the median one.
    pub global: f32,
    /// Among the changed blocks, the share with colors of skin.
    pub skin: f32,
}

/// Compares two thumbnails of equal size; of different size, nothing moves.
pub(super) fn movement(before: &Thumbnail, now: &Thumbnail) -> Movement {
    let (a, b) = (&before.luma, &now.luma);
    if before.coarse.fingerprint == now.coarse.fingerprint
        || (a.width(), a.height()) != (b.width(), b.height())
    {
        return Movement::default();
    }
    // A fade is no movement: compare at equal brightness.
    let (level_fine, level_coarse) = (level(a, b), level(&before.coarse.luma, &now.coarse.luma));
    let a = level_fine.as_ref().unwrap_or(a);
    let a_coarse = level_coarse.as_ref().unwrap_or(&before.coarse.luma);
    let matches = Matches {
        still: motion::search(a, b, 0).iter().map(|still| still.cost).collect(),
        fine: motion::search(a, b, FINE_RANGE),
        coarse: motion::search(a_coarse, &now.coarse.luma, COARSE_RANGE),
    };
    matches.movement(now)
}

/// The best matches of a picture's blocks in the one before, at equal brightness.
#[derive(Debug, Clone)]
pub(super) struct Matches {
    /// Cost without displacement, of the thumbnail's blocks.
    pub still: Vec<u32>,
    /// Within [`FINE_RANGE`], of the same blocks.
    pub fine: Vec<Match>,
    /// Within [`COARSE_RANGE`], of the outline's blocks.
    pub coarse: Vec<Match>,
}

impl Matches {
    /// What they say about the picture `now`.
    pub(super) fn movement(&self, now: &Thumbnail) -> Movement {
        let Self { still, fine, coarse } = self;
        let b = &now.luma;
        let columns = b.width().div_ceil(BLOCK);
        let rows = b.height().div_ceil(BLOCK);
        let coarse_columns = now.coarse.luma.width().div_ceil(BLOCK);
        let mut out = Movement::default();
        let (mut vectors, mut border, mut border_changed) = (Vec::new(), 0_u32, 0_u32);
        for (index, (&still, fine)) in still.iter().zip(fine).enumerate() {
            let (x, y) = (index % columns, index / columns);
            let area = area(b, x, y);
            let changed = still > CHANGED * area;
            let on_border =
                x < columns.div_ceil(10) || x >= columns - columns.div_ceil(10) || y < rows.div_ceil(10);
            border += u32::from(on_border);
            border_changed += u32::from(on_border && changed);
            if changed {
                let far = coarse.get(y / 4 * coarse_columns + x / 4);
                vectors.push(vector(still, fine, far, area));
                out.skin += f32::from(u8::from(is_skin(&now.coarse, (x, y), (columns, rows))));
            }
        }
        let count = vectors.len().max(1) as f32;
        let blocks = (columns * rows) as f32;
        let side = b.width().max(b.height()) as f32;
        let median = [median(vectors.iter().map(|v| v.0)), median(vectors.iter().map(|v| v.1))];
        let near = |v: &(i16, i16)| (v.0 - median[0]).abs() <= 1 && (v.1 - median[1]).abs() <= 1;
        let length = |v: &(i16, i16)| f32::from(v.0).hypot(f32::from(v.1));
        out.magnitude = vectors.iter().map(length).fold(0.0, |sum, length| sum + length) / blocks / side;
        out.direction = median.map(|m| f32::from(m) / side);
        out.changed = vectors.len() as f32 / blocks;
        out.border_changed = border_changed as f32 / border.max(1) as f32;
        out.global =
            if median == [0, 0] { 0.0 } else { vectors.iter().filter(|v| near(v)).count() as f32 / count };
        out.skin /= count;
        out
    }
}

/// Samples of the block in this column and row of blocks.
pub(super) fn area(plane: &Plane<u8>, x: usize, y: usize) -> u32 {
    (BLOCK.min(plane.width() - x * BLOCK) * BLOCK.min(plane.height() - y * BLOCK)) as u32
}

/// Displacement of a block in samples of the thumbnail: none unless it explains the change, far if near does not.
fn vector(still: u32, fine: &Match, far: Option<&Match>, area: u32) -> (i16, i16) {
    let at_edge = fine.dx.abs().max(fine.dy.abs()) as usize == FINE_RANGE;
    match far {
        // The fine search stops at its edge: the true match is likely beyond it.
        Some(far) if at_edge && fine.cost > CHANGED * area && far.cost < 6 * (BLOCK * BLOCK) as u32 => {
            (far.dx * COARSE_SCALE, far.dy * COARSE_SCALE)
        }
        _ if still > fine.cost + fine.cost / 4 + GAIN * area => (fine.dx, fine.dy),
        _ => (0, 0),
    }
}

fn median(values: impl Iterator<Item = i16>) -> i16 {
    let mut values: Vec<i16> = values.collect();
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or(0)
}

/// Whether the color of a block is one of skin.
fn is_skin(picture: &Coarse, (x, y): (usize, usize), (columns, rows): (usize, usize)) -> bool {
    let [blue, red] = picture.chroma.each_ref().map(|plane| {
        let (left, top) =
            ((2 * x + 1) * plane.width() / (2 * columns), (2 * y + 1) * plane.height() / (2 * rows));
        plane.row(top.min(plane.height() - 1))[left.min(plane.width() - 1)]
    });
    is_skin_colour(blue, red)
}

/// Source: Chai and Ngan 1999, narrowed to warm hues (Cb 77 to 122, Cr 136 to 173).
fn is_skin_colour(blue: u8, red: u8) -> bool {
    (77..=122).contains(&blue) && (136..=173).contains(&red)
}

/// Share of skin colors where a speaker's face is (the middle of the upper two thirds), and along both sides.
pub(super) fn face_and_sides(picture: &Coarse) -> [f32; 2] {
    let [blue, red] = &picture.chroma;
    let (width, height) = (blue.width(), blue.height());
    let share = |columns: [std::ops::Range<usize>; 2], rows: std::ops::Range<usize>| {
        let (mut skin, mut count) = (0_u32, 0_u32);
        for y in rows {
            for x in columns.clone().into_iter().flatten() {
                skin += u32::from(is_skin_colour(blue.row(y)[x], red.row(y)[x]));
                count += 1;
            }
        }
        skin as f32 / count.max(1) as f32
    };
    [
        share([width * 3 / 10..width * 7 / 10, 0..0], height / 6..height * 2 / 3),
        share([0..width / 6, width - width / 6..width], 0..height * 2 / 3),
    ]
}
