//! What a picture is made of: detail, grain, plain areas, hard edges, few values. Rank 2, part of the profile.

use crate::frame::{Frame, Plane, Planes, Sample};

/// Side of a sampled block at full resolution.
const BLOCK: usize = 16;
/// Blocks looked at along each side of the picture, spread evenly.
const GRID: usize = 16;
/// Largest minus smallest value of a block that counts as plain, in levels: one step of coding error each way.
const PLAIN_RANGE: u16 = 2;
/// Step between neighbours that counts as a hard edge, in levels: text and outlines, hardly ever a lens.
const HARD_STEP: u16 = 48;

/// Figures of one picture, from blocks sampled at full resolution. Units: levels of 8 bits; shares 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Texture {
    /// Standard deviation of the grain.
    pub grain: f32,
    /// Share of blocks without any detail.
    pub plain: f32,
    /// Share of neighbouring samples, among those that differ, that form a hard edge.
    pub hard_edges: f32,
    /// Number of luma values that occur in at least one sample of a thousand.
    pub values: f32,
    /// Share of samples that hold one of the four most frequent values.
    pub top_values: f32,
}

/// Measures the first plane (green for RGB, as nearest to luma).
pub(super) fn texture(frame: &Frame) -> Texture {
    let plane = usize::from(frame.format().layout == crate::frame::Layout::Rgb);
    let shift = u32::from(frame.format().depth.bits()) - 8;
    match frame.planes() {
        Planes::U8(planes) => measure(&planes[plane], shift),
        Planes::U16(planes) => measure(&planes[plane], shift),
    }
}

fn measure<T: Sample>(plane: &Plane<T>, shift: u32) -> Texture {
    let mut counts = [0_u32; 256];
    let (mut steps, mut hard, mut blocks, mut plain) = (0_u32, 0_u32, 0_u32, 0_u32);
    let mut grains = Vec::new();
    for (left, top) in positions(plane.width(), plane.height()) {
        let block = Block::read(plane, left, top, shift);
        for (&a, &b) in block.rows().flat_map(|row| row.iter().zip(&row[1..])) {
            let step = a.abs_diff(b);
            steps += u32::from(step > 2);
            hard += u32::from(step >= HARD_STEP);
        }
        block.samples.iter().for_each(|&v| counts[usize::from(v.min(255))] += 1);
        let (least, most) = block.samples.iter().fold((u16::MAX, 0), |(l, m), &v| (l.min(v), m.max(v)));
        blocks += 1;
        plain += u32::from(most - least <= PLAIN_RANGE);
        // Clipped blocks hide their grain.
        if least > 18 && most < 234 {
            grains.push(block.laplacian());
        }
    }
    let total: u32 = counts.iter().sum();
    let values = counts.iter().filter(|&&c| u64::from(c) * 1000 >= u64::from(total.max(1))).count();
    counts.sort_unstable();
    let share = |part: u32, whole: u32| part as f32 / whole.max(1) as f32;
    Texture {
        grain: lower_quintile(grains),
        plain: share(plain, blocks),
        hard_edges: share(hard, steps),
        values: values as f32,
        top_values: share(counts[252..].iter().sum(), total),
    }
}

/// Top left corners of the sampled blocks; a small picture has fewer, a tiny one a single one.
fn positions(width: usize, height: usize) -> impl Iterator<Item = (usize, usize)> {
    let along = |size: usize| {
        let count = (size / BLOCK).clamp(1, GRID);
        (0..count).map(move |i| (size.saturating_sub(BLOCK)) * i / count.saturating_sub(1).max(1))
    };
    along(height).flat_map(move |top| along(width).map(move |left| (left, top)))
}

/// The grain of the smoothest blocks is grain alone; the others have detail in it.
fn lower_quintile(mut grains: Vec<f32>) -> f32 {
    grains.sort_unstable_by(f32::total_cmp);
    grains.get(grains.len() / 5).copied().unwrap_or(0.0)
}

/// Samples of a block, in levels of 8 bits.
struct Block {
    width: usize,
    samples: Vec<u16>,
}

impl Block {
    fn read<T: Sample>(plane: &Plane<T>, left: usize, top: usize, shift: u32) -> Self {
        let width = BLOCK.min(plane.width() - left);
        let rows = (top..(top + BLOCK).min(plane.height())).map(|y| &plane.row(y)[left..left + width]);
        Self { width, samples: rows.flatten().map(|&v| v.into() >> shift).collect() }
    }

    fn rows(&self) -> impl Iterator<Item = &[u16]> {
        self.samples.chunks_exact(self.width)
    }

    /// Standard deviation of noise, in levels. Source: Immerkaer 1996, "Fast noise variance estimation".
    fn laplacian(&self) -> f32 {
        let (width, height) = (self.width, self.samples.len() / self.width);
        if width < 3 || height < 3 {
            return 0.0;
        }
        let at = |x: usize, y: usize| i32::from(self.samples[y * width + x]);
        let mut sum = 0;
        for y in 1..height - 1 {
            for x in 1..width - 1 {
                let cross = at(x - 1, y) + at(x + 1, y) + at(x, y - 1) + at(x, y + 1);
                let corners = at(x - 1, y - 1) + at(x + 1, y - 1) + at(x - 1, y + 1) + at(x + 1, y + 1);
                sum += (4 * at(x, y) - 2 * cross + corners).abs();
            }
        }
        let count = ((width - 2) * (height - 2)) as f32;
        (std::f32::consts::FRAC_PI_2).sqrt() / 6.0 * sum as f32 / count
    }
}

/// Standard deviation of the Sobel gradient's magnitude: spatial information. Source: ITU-T P.910, 7.7.
pub(super) fn spatial_information(plane: &Plane<u8>) -> f32 {
    let (width, height) = (plane.width(), plane.height());
    if width < 3 || height < 3 {
        return 0.0;
    }
    let (mut sum, mut squares) = (0.0_f64, 0.0_f64);
    for y in 1..height - 1 {
        let (mut row_sum, mut row_squares) = (0.0_f32, 0_u32);
        let [above, here, below] = [y - 1, y, y + 1].map(|y| plane.row(y));
        for x in 1..width - 1 {
            let column = |x: usize| i32::from(above[x]) + 2 * i32::from(here[x]) + i32::from(below[x]);
            let row = |r: &[u8]| i32::from(r[x - 1]) + 2 * i32::from(r[x]) + i32::from(r[x + 1]);
            let (gx, gy) = (column(x + 1) - column(x - 1), row(below) - row(above));
            let square = (gx * gx + gy * gy) as u32;
            row_sum += (square as f32).sqrt();
            row_squares += square >> 3;
        }
        sum += f64::from(row_sum);
        squares += f64::from(row_squares) * 8.0;
    }
    let count = ((width - 2) * (height - 2)) as f64;
    (squares / count - (sum / count).powi(2)).max(0.0).sqrt() as f32
}

/// Standard deviation of the difference of two pictures: temporal information. Source: ITU-T P.910, 7.7.
pub(super) fn temporal_information(before: &Plane<u8>, now: &Plane<u8>) -> f32 {
    let (mut sum, mut squares) = (0_i64, 0_i64);
    for (&a, &b) in before.samples().iter().zip(now.samples()) {
        let difference = i32::from(b) - i32::from(a);
        sum += i64::from(difference);
        squares += i64::from(difference * difference);
    }
    let count = now.samples().len() as f64;
    (squares as f64 / count - (sum as f64 / count).powi(2)).max(0.0).sqrt() as f32
}
