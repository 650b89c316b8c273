//! Scales of the pair of pictures, row after row: what is held is a few rows of each scale, whatever the height of the picture.
//!
//! ```text
//! linear RGB -> half its size -> the next scale
//!            -> X, Y, B -> two values and their three products -> blurred across, then down -> sums
//! ```

use super::blur::{BEFORE, Blur, Down, LANES as BLURRED, Lanes, REACH, SPAN, blur_across};
use super::score::{Sums, score, weights};
use crate::error::Result;
use crate::memory;
use crate::simd::{fused_body, simd_body};

/// Scales at most; each has half the sides of the one before.
const MOST_SCALES: usize = 6;

/// The scale after one with a smaller side than this is not looked at.
pub(super) const SMALLEST_SIDE: usize = 8;

/// Sums kept apart, so that every instruction set adds in the same order.
const SUMS: usize = 8;

/// Rows that wait until the row is blurred that they belong to.
const WAITING: usize = REACH + 1;

/// Lanes that are blurred, each of X, Y and B: the values of source and decoded, their squares, and their product.
const KINDS: usize = 5;

/// Both pictures at all scales.
pub(super) struct Scales(Vec<Scale>);

struct Scale {
    width: usize,
    rows: u64,
    blur: Blur,
    /// X, Y and B of both pictures, of the last rows in turns.
    waiting: Vec<f32>,
    /// Lanes of a row, with what lies before and after it.
    padded: Vec<Lanes>,
    across: Vec<Lanes>,
    down: Down,
    blurred: Vec<Lanes>,
    /// Of each lane a row.
    planes: Vec<f32>,
    /// Rows that were taken, and rows of zeros after them.
    taken: usize,
    /// Of each channel: whether any weight counts how unlike the pictures are.
    with_similarity: [bool; 3],
    sums: [Sums; 3],
    /// Linear red, green and blue of both pictures, of a row whose partner is to come.
    pending: Vec<f32>,
    is_pending: bool,
    /// The same of half the size.
    half: Vec<f32>,
}

impl Scales {
    /// For pictures of at least [`SMALLEST_SIDE`] a side.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`.
    pub(super) fn new(mut width: usize, mut height: usize) -> Result<Self> {
        let mut sides = vec![(width, height)];
        while sides.len() < MOST_SCALES && width.min(height) >= SMALLEST_SIDE {
            (width, height) = (width.div_ceil(2), height.div_ceil(2));
            sides.push((width, height));
        }
        let scale = |(at, &(width, _)): (usize, &(usize, usize))| Scale::new(width, at, sides.len());
        Ok(Self(sides.iter().enumerate().map(scale).collect::<Result<_>>()?))
    }

    /// Takes the next row: linear red, green and blue of the source, then of the decoded picture. Its values are used up.
    pub(super) fn push(&mut self, linear: &mut [f32]) {
        push(&mut self.0, linear);
    }

    /// The score, after the last row.
    pub(super) fn finish(mut self) -> f64 {
        finish(&mut self.0);
        let sums = |scale: &Scale| (scale.sums, scale.rows * scale.width as u64);
        score(&self.0.iter().map(sums).collect::<Vec<_>>())
    }
}

fn push(scales: &mut [Scale], linear: &mut [f32]) {
    let Some((scale, coarser)) = scales.split_first_mut() else { return };
    if !coarser.is_empty() {
        if scale.is_pending {
            halve(&scale.pending, linear, scale.width, &mut scale.half);
            push(coarser, &mut scale.half);
        } else {
            scale.pending.copy_from_slice(linear);
        }
        scale.is_pending = !scale.is_pending;
    }
    scale.take(linear);
}

fn finish(scales: &mut [Scale]) {
    let Some((scale, coarser)) = scales.split_first_mut() else { return };
    if scale.is_pending {
        halve(&scale.pending, &scale.pending, scale.width, &mut scale.half);
        push(coarser, &mut scale.half);
    }
    scale.end();
    finish(coarser);
}

impl Scale {
    fn new(width: usize, scale: usize, scales: usize) -> Result<Self> {
        let rows = |count, width| memory::filled("rows for ssimulacra2", count * width, 0.0_f32);
        let lanes = |columns| memory::filled("rows for ssimulacra2", columns, [0.0_f32; BLURRED]);
        Ok(Self {
            width,
            rows: 0,
            blur: Blur::new(),
            waiting: rows(6 * WAITING, width)?,
            padded: lanes(width + SPAN)?,
            across: lanes(width)?,
            down: Down::new(width)?,
            blurred: lanes(width)?,
            planes: rows(BLURRED, width)?,
            taken: 0,
            with_similarity: std::array::from_fn(|channel| {
                let weights = weights(channel, scale, scales);
                weights[0] != 0.0 || weights[3] != 0.0
            }),
            sums: [Sums::default(); 3],
            pending: rows(6, width)?,
            is_pending: false,
            half: rows(6, width.div_ceil(2))?,
        })
    }

    fn take(&mut self, linear: &mut [f32]) {
        let (source, decoded) = linear.split_at_mut(3 * self.width);
        to_xyb(source);
        to_xyb(decoded);
        set_lanes(source, decoded, &mut self.padded[BEFORE..]);
        blur_across(&self.blur, &self.padded, &mut self.across);
        let first = self.taken % WAITING * 6 * self.width;
        self.waiting[first..first + 6 * self.width].copy_from_slice(linear);
        self.step();
        self.rows += 1;
    }

    /// Rows beyond the picture are 0.
    fn end(&mut self) {
        self.across.fill([0.0; BLURRED]);
        (0..REACH).for_each(|_| self.step());
    }

    /// Blurs downwards, and sums up the row that is done, where there is one.
    fn step(&mut self) {
        self.down.take(&self.blur, &self.across, &mut self.blurred);
        self.taken += 1;
        let Some(row) = self.taken.checked_sub(WAITING) else { return };
        let width = self.width;
        split_lanes(&self.blurred, &mut self.planes);
        let values = &self.waiting[row % WAITING * 6 * width..][..6 * width];
        for (channel, sums) in self.sums.iter_mut().enumerate() {
            let value = |picture: usize| &values[(3 * picture + channel) * width..][..width];
            let plane = |kind: usize| &self.planes[(3 * kind + channel) * width..][..width];
            add_edges([value(0), value(1), plane(0), plane(1)], sums);
            if self.with_similarity[channel] {
                add_similarity(std::array::from_fn(plane), sums);
            }
        }
    }
}

/// Values of both pictures, their squares and their product, of X, Y and B, side by side.
fn set_lanes(source: &[f32], decoded: &[f32], out: &mut [Lanes]) {
    let width = source.len() / 3;
    for (column, out) in out.iter_mut().enumerate().take(width) {
        for channel in 0..3 {
            let (a, b) = (source[channel * width + column], decoded[channel * width + column]);
            for (kind, value) in [a, b, a * a, b * b, a * b].into_iter().enumerate() {
                out[3 * kind + channel] = value;
            }
        }
    }
}

/// Of each lane a row.
fn split_lanes(lanes: &[Lanes], planes: &mut [f32]) {
    for (lane, plane) in planes.chunks_mut(lanes.len()).enumerate() {
        plane.iter_mut().zip(lanes).for_each(|(out, lanes)| *out = lanes[lane]);
    }
}

/// Half of two rows of all planes: means of squares of four; the last column counts twice where the width is odd.
fn halve(above: &[f32], below: &[f32], width: usize, half: &mut [f32]) {
    for ((above, below), half) in
        above.chunks(width).zip(below.chunks(width)).zip(half.chunks_mut(width.div_ceil(2)))
    {
        for ((above, below), half) in above.chunks(2).zip(below.chunks(2)).zip(half) {
            let last = above.len() - 1;
            *half = (above[0] + above[last] + below[0] + below[last]) * 0.25;
        }
    }
}

fused_body! {
    /// Turns a row of linear red, green and blue into X, Y and B, moved and stretched to be positive.
    fn to_xyb(rgb: &mut [f32]) { to_xyb_body(rgb) }
}

#[inline(always)]
fn to_xyb_body(rgb: &mut [f32]) {
    // Source: opsin absorbance of JPEG XL, ISO/IEC 18181-1, and `MakePositiveXYB` of the authors.
    const BLUE: f32 = 0.078;
    const SHORT: [f32; 2] = [0.243_422_69, 0.204_767_45];
    const BIAS: f32 = 0.003_793_073_4;
    const LONG: [f32; 3] = [0.30, 1.0 - BLUE - 0.30, BLUE];
    const MEDIUM: [f32; 3] = [0.23, 1.0 - BLUE - 0.23, BLUE];
    const SHORTS: [f32; 3] = [SHORT[0], SHORT[1], 1.0 - SHORT[0] - SHORT[1]];
    let width = rgb.len() / 3;
    let (red, rest) = rgb.split_at_mut(width);
    let (green, blue) = rest.split_at_mut(width);
    for ((red, green), blue) in red.iter_mut().zip(green).zip(blue) {
        let absorbed = |[r, g, b]: [f32; 3]| root(r.mul_add(*red, g.mul_add(*green, b.mul_add(*blue, BIAS))));
        let (long, medium, short) = (absorbed(LONG), absorbed(MEDIUM), absorbed(SHORTS));
        let y = 0.5 * (long + medium);
        (*red, *green, *blue) = (0.5 * (long - medium) * 14.0 + 0.42, y + 0.01, (short - y) + 0.55);
    }
}

/// The cube root of a number of at least the bias, less that of the bias. The rounding is the authors': by Newton's method the reciprocal of
/// the root from a guess by the exponent, and a last step that is added to it.
#[inline(always)]
fn root(x: f32) -> f32 {
    /// The cube root of the bias, rounded up.
    const OF_BIAS: f32 = f32::from_bits(0x3e1f_b275);
    /// Bits of 1 and a third of it, from which a third of the exponent is taken.
    const GUESS: u32 = 0x5480_0000;
    const THIRD_OF_EXPONENT: u32 = (1 << 23) / 3;
    let mut inverse = f32::from_bits(GUESS - (x.to_bits() >> 23) * THIRD_OF_EXPONENT);
    for _ in 0..3 {
        let square = inverse * inverse;
        inverse = (-(1.0 / 3.0 * x)).mul_add(square * square, 4.0 / 3.0 * inverse);
    }
    let square = inverse * inverse;
    let off = (-x).mul_add(square * square, inverse);
    let inverse = (1.0_f32 / 3.0).mul_add(off, inverse);
    (inverse * inverse).mul_add(x, -OF_BIAS)
}

/// Values of a row, added up in lanes.
#[derive(Default)]
struct Row {
    mean: [f64; SUMS],
    fourth: [f64; SUMS],
}

impl Row {
    #[inline(always)]
    fn add(&mut self, lane: usize, value: f64) {
        let square = value * value;
        self.mean[lane] += value;
        self.fourth[lane] += square * square;
    }

    #[inline(always)]
    fn add_to(&self, sums: &mut Sums, value: usize) {
        sums.mean[value] += self.mean.iter().sum::<f64>();
        sums.fourth[value] += self.fourth.iter().sum::<f64>();
    }
}

simd_body! {
    /// Adds how much the decoded row has of edges that the source has not, and the other way round. Rows: values of both, and blurred.
    fn add_edges(rows: [&[f32]; 4], sums: &mut Sums) { add_edges_body(rows, sums) }
}

#[inline(always)]
fn add_edges_body([a, b, mean_a, mean_b]: [&[f32]; 4], sums: &mut Sums) {
    let (mut artifacts, mut lost) = (Row::default(), Row::default());
    let mut add = |at: usize, lane: usize| {
        let source = 1.0 + f64::from((a[at] - mean_a[at]).abs());
        let decoded = 1.0 + f64::from((b[at] - mean_b[at]).abs());
        let change = decoded / source - 1.0;
        artifacts.add(lane, change.max(0.0));
        lost.add(lane, (-change).max(0.0));
    };
    each(a.len(), &mut add);
    artifacts.add_to(sums, 1);
    lost.add_to(sums, 2);
}

simd_body! {
    /// Adds how unlike a row is. Rows, blurred: values of both, their squares, and their product.
    fn add_similarity(rows: [&[f32]; KINDS], sums: &mut Sums) { add_similarity_body(rows, sums) }
}

#[inline(always)]
fn add_similarity_body([a, b, aa, bb, ab]: [&[f32]; KINDS], sums: &mut Sums) {
    /// Keeps the quotient of variances from being one of noise.
    const C2: f32 = 0.0009;
    let width = a.len();
    let mut unlike = Row::default();
    let mut add = |at: usize, lane: usize| {
        let (a, b) = (a[at], b[at]);
        let means = 1.0 - (a - b) * (a - b);
        let covariance = 2.0 * (ab[at] - a * b) + C2;
        let variances = (aa[at] - a * a) + (bb[at] - b * b) + C2;
        unlike.add(lane, (1.0 - f64::from(means * covariance / variances)).max(0.0));
    };
    each(width, &mut add);
    unlike.add_to(sums, 0);
}

/// Calls `add` with each place and its lane.
#[inline(always)]
fn each(width: usize, add: &mut impl FnMut(usize, usize)) {
    let whole = width / SUMS * SUMS;
    for first in (0..whole).step_by(SUMS) {
        (0..SUMS).for_each(|lane| add(first + lane, lane));
    }
    (whole..width).for_each(|at| add(at, at - whole));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_are_cube_roots() {
        for x in (0..4000).map(|x| 0.003_793_1 + x as f32 / 3000.0) {
            let expected = f64::from(x).cbrt() - 0.003_793_073_255_275_449_3_f64.cbrt();
            assert!((f64::from(root(x)) - expected).abs() < 6e-7, "{x}: {} not {expected}", root(x));
        }
    }
}
