//! What a picture is made of: detail, grain, plain areas, hard edges, few values.

use crate::frame::{Frame, Layout, Plane, Planes, Sample};

/// Side of a sampled block at full resolution.
const BLOCK: usize = 16;
/// Blocks looked at along each side of the picture, spread evenly.
const GRID: usize = 16;
/// Largest minus smallest value of a block that counts as plain, in levels: one step of coding error each way.
const PLAIN_RANGE: u16 = 2;
/// Step between neighbors that counts as a hard edge, in levels: text and outlines, hardly ever a lens.
const HARD_STEP: u16 = 48;

/// Measurements of one picture, from blocks sampled at full resolution. Units: levels of 8 bits; shares 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Texture {
    /// Standard deviation of the grain.
    pub grain: f32,
    /// Share of blocks without any detail.
    pub plain: f32,
    /// Share of neighboring samples, among those that differ, that form a hard edge.
    pub hard_edges: f32,
    /// Number of luma values that occur in at least one sample of a thousand.
    pub values: f32,
    /// Share of samples that hold one of the four most frequent values.
    pub top_values: f32,
}

/// Measures the first plane (green for RGB, as nearest to luma).
pub(super) fn texture(frame: &Frame) -> Texture {
    let plane = usize::from(frame.format().layout == Layout::Rgb);
    let shift = u32::from(frame.format().depth.bits()) - 8;
    match frame.planes() {
        Planes::U8(planes) => measure(&planes[plane], shift),
        Planes::U16(planes) => measure(&planes[plane], shift),
    }
}

fn measure<T: Sample>(plane: &Plane<T>, shift: u32) -> Texture {
    let mut sums = TextureSums::default();
    for (left, top) in positions(plane.width(), plane.height()) {
        let block = Block::read(plane, left, top, shift);
        for (&a, &b) in block.rows().flat_map(|row| row.iter().zip(&row[1..])) {
            let step = a.abs_diff(b);
            sums.steps += u32::from(step > 2);
            sums.hard_steps += u32::from(step >= HARD_STEP);
        }
        block.samples.iter().for_each(|&v| sums.counts[usize::from(v.min(255))] += 1);
        let (least, most) = block.samples.iter().fold((u16::MAX, 0), |(l, m), &v| (l.min(v), m.max(v)));
        let (width, height) = (block.width, block.samples.len() / block.width);
        sums.add_block(block.second_derivatives(), (width, height), least, most);
    }
    sums.texture()
}

/// Integers that a texture is made of.
#[derive(Debug, Clone)]
pub(super) struct TextureSums {
    /// How often each value occurs.
    pub counts: [u32; 256],
    /// Neighbors in a row that differ.
    pub steps: u32,
    /// Those among them that form a hard edge.
    pub hard_steps: u32,
    blocks: u32,
    plain: u32,
    grains: Vec<f32>,
}

impl Default for TextureSums {
    fn default() -> Self {
        Self { counts: [0; 256], steps: 0, hard_steps: 0, blocks: 0, plain: 0, grains: Vec::new() }
    }
}

impl TextureSums {
    /// Takes in a block: the sum of its second derivatives, its size, its least and its largest value.
    pub(super) fn add_block(
        &mut self,
        derivatives: u32,
        (width, height): (usize, usize),
        least: u16,
        most: u16,
    ) {
        self.blocks += 1;
        self.plain += u32::from(most - least <= PLAIN_RANGE);
        // Clipped blocks hide their grain.
        if least > 18 && most < 234 {
            self.grains.push(grain(derivatives, width, height));
        }
    }

    /// The measurements.
    pub(super) fn texture(mut self) -> Texture {
        let total: u32 = self.counts.iter().sum();
        let is_used = |&&count: &&u32| u64::from(count) * 1000 >= u64::from(total.max(1));
        let values = self.counts.iter().filter(is_used).count();
        self.counts.sort_unstable();
        let share = |part: u32, whole: u32| part as f32 / whole.max(1) as f32;
        Texture {
            grain: lower_quintile(self.grains),
            plain: share(self.plain, self.blocks),
            hard_edges: share(self.hard_steps, self.steps),
            values: values as f32,
            top_values: share(self.counts[252..].iter().sum(), total),
        }
    }
}

/// Standard deviation of noise, in levels. Source: Immerkaer 1996, "Fast noise variance estimation".
fn grain(derivatives: u32, width: usize, height: usize) -> f32 {
    if width < 3 || height < 3 {
        return 0.0;
    }
    let count = ((width - 2) * (height - 2)) as f32;
    (std::f32::consts::FRAC_PI_2).sqrt() / 6.0 * derivatives as f32 / count
}

/// Columns and rows of the sampled blocks of a frame's measured plane; those of small planes are smaller than 16.
pub(super) fn block_size(width: usize, height: usize) -> (usize, usize) {
    (width.min(BLOCK), height.min(BLOCK))
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

    /// Sum of the magnitudes of second derivatives both ways.
    fn second_derivatives(&self) -> u32 {
        let (width, height) = (self.width, self.samples.len() / self.width);
        let at = |x: usize, y: usize| i32::from(self.samples[y * width + x]);
        let mut sum = 0;
        for y in 1..height.saturating_sub(1) {
            for x in 1..width.saturating_sub(1) {
                let cross = at(x - 1, y) + at(x + 1, y) + at(x, y - 1) + at(x, y + 1);
                let corners = at(x - 1, y - 1) + at(x + 1, y - 1) + at(x - 1, y + 1) + at(x + 1, y + 1);
                sum += (4 * at(x, y) - 2 * cross + corners).unsigned_abs();
            }
        }
        sum
    }
}
