//! Between samples and the rows of sites that layers read and write.

use std::ops::Range;

use crate::frame::{Layout, Plane, Sample};
use crate::simd::simd_body;

/// Sites in a buffer before the first of the picture: a cache line.
pub(super) const LEFT: usize = 16;

/// Where the pair of column `x` starts in a row of pairs.
pub(super) fn site(x: isize) -> usize {
    2 * (x + LEFT as isize) as usize
}

/// What a pair of channels of a site holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Pair {
    /// Two neighbors of a plane of full resolution, in the upper or, with `below`, the lower row of the site.
    Row { plane: usize, below: usize },
    /// A sample of U and one of V, at half resolution.
    Chroma,
}

/// The pairs of a site, in the order of a network's channels.
pub(super) fn pairs(layout: Layout) -> &'static [Pair] {
    const fn row(plane: usize, below: usize) -> Pair {
        Pair::Row { plane, below }
    }
    const OF_444: [Pair; 6] = [row(0, 0), row(0, 1), row(1, 0), row(1, 1), row(2, 0), row(2, 1)];
    const OF_420: [Pair; 3] = [row(0, 0), row(0, 1), Pair::Chroma];
    if layout == Layout::Yuv444 { &OF_444 } else { &OF_420 }
}

/// A sample type whose rows become activations and take residuals.
pub(super) trait Filtered: Sample {
    /// Samples to activations.
    fn widen(from: &[Self], shift: u32, to: &mut [i16]);
    /// Samples of two planes to activations of which every second is of one plane.
    fn weave(from: [&[Self]; 2], shift: u32, to: &mut [i16]);
    /// Adds residuals to samples.
    fn correct(samples: &mut [Self], residual: &[i16], shift: u32);
    /// Adds residuals, of which every second is of one plane, to samples of two planes.
    fn correct_woven(samples: [&mut [Self]; 2], residual: &[i16], shift: u32);
}

/// Writes the input activations of row `y` of `width` sites, which has as many pairs of channels as `pairs` says, of `stride` sites each,
/// in `to`.
///
/// Outside the picture, the nearest site is repeated. `shift` is 14 less the bits of a sample.
pub(super) fn read_row<T: Filtered>(
    planes: &[Plane<T>; 3],
    pairs: &[Pair],
    (y, width): (usize, usize),
    span: &Range<isize>,
    shift: u32,
    to: &mut [i16],
) {
    let inside = span.start.max(0) as usize..(span.end.max(0) as usize).min(width);
    let stride = to.len() / pairs.len();
    for (pair, to) in pairs.iter().zip(to.chunks_exact_mut(stride)) {
        let at = site(inside.start as isize)..site(inside.end as isize);
        match *pair {
            Pair::Chroma => {
                let [_, u, v] = planes;
                T::weave([&u.row(y)[inside.clone()], &v.row(y)[inside.clone()]], shift, &mut to[at]);
            }
            Pair::Row { plane, below } => {
                let plane = &planes[plane];
                let row = plane.row((2 * y + below).min(plane.height() - 1));
                let samples = &row[2 * inside.start..(2 * inside.end).min(row.len())];
                T::widen(samples, shift, &mut to[at.start..at.start + samples.len()]);
                if samples.len() < at.len() {
                    to[at.end - 1] = to[at.end - 2];
                }
            }
        }
        extend(to, span, width);
    }
}

/// Repeats the first and the last site of a row outside the picture.
fn extend(row: &mut [i16], span: &Range<isize>, width: usize) {
    for x in span.start..0 {
        row.copy_within(site(0)..site(1), site(x));
    }
    let width = width as isize;
    for x in width..span.end {
        row.copy_within(site(width - 1)..site(width), site(x));
    }
}

/// Adds the residuals of a row of sites to the samples of a strip: `line` counts its rows of sites, `widths` are those of its planes.
pub(super) fn correct_row<T: Filtered>(
    planes: &mut [&mut [T]; 3],
    pairs: &[Pair],
    (line, widths): (usize, [usize; 3]),
    span: &Range<isize>,
    shift: u32,
    residual: &[i16],
) {
    let stride = residual.len() / pairs.len();
    let at = site(span.start)..site(span.end);
    let (start, end) = (span.start as usize, span.end as usize);
    for (pair, residual) in pairs.iter().zip(residual.chunks_exact(stride)) {
        match *pair {
            Pair::Row { plane, below } => {
                let width = widths[plane];
                let first = (2 * line + below) * width;
                let Some(row) = planes[plane].get_mut(first..first + width) else {
                    debug_assert_eq!(
                        (below, first),
                        (1, planes[plane].len()),
                        "the last of an odd number of rows"
                    );
                    continue;
                };
                let end = (2 * end).min(width);
                if 2 * start < end {
                    T::correct(&mut row[2 * start..end], &residual[at.clone()], shift);
                }
            }
            Pair::Chroma => {
                let [_, u, v] = planes;
                let row = line * widths[1];
                let row = row + start..row + end;
                T::correct_woven([&mut u[row.clone()], &mut v[row]], &residual[at.clone()], shift);
            }
        }
    }
}

impl Filtered for u8 {
    fn widen(from: &[u8], shift: u32, to: &mut [i16]) {
        widen_u8(from, shift, to);
    }
    fn weave(from: [&[u8]; 2], shift: u32, to: &mut [i16]) {
        weave_u8(from, shift, to);
    }
    fn correct(samples: &mut [u8], residual: &[i16], shift: u32) {
        correct_u8(samples, residual, shift);
    }
    fn correct_woven(samples: [&mut [u8]; 2], residual: &[i16], shift: u32) {
        correct_woven_u8(samples, residual, shift);
    }
}

impl Filtered for u16 {
    fn widen(from: &[u16], shift: u32, to: &mut [i16]) {
        widen_u16(from, shift, to);
    }
    fn weave(from: [&[u16]; 2], shift: u32, to: &mut [i16]) {
        weave_u16(from, shift, to);
    }
    fn correct(samples: &mut [u16], residual: &[i16], shift: u32) {
        correct_u16(samples, residual, shift);
    }
    fn correct_woven(samples: [&mut [u16]; 2], residual: &[i16], shift: u32) {
        correct_woven_u16(samples, residual, shift);
    }
}

simd_body! { fn widen_u8(from: &[u8], shift: u32, to: &mut [i16]) { widen_body(from, shift, to) } }
simd_body! { fn widen_u16(from: &[u16], shift: u32, to: &mut [i16]) { widen_body(from, shift, to) } }
simd_body! { fn weave_u8(from: [&[u8]; 2], shift: u32, to: &mut [i16]) { weave_body(from, shift, to) } }
simd_body! { fn weave_u16(from: [&[u16]; 2], shift: u32, to: &mut [i16]) { weave_body(from, shift, to) } }
simd_body! {
    fn correct_u8(samples: &mut [u8], residual: &[i16], shift: u32) { correct_body(samples, residual, shift) }
}
simd_body! {
    fn correct_u16(samples: &mut [u16], residual: &[i16], shift: u32) { correct_body(samples, residual, shift) }
}
simd_body! {
    fn correct_woven_u8(samples: [&mut [u8]; 2], residual: &[i16], shift: u32) {
        correct_woven_body(samples, residual, shift)
    }
}
simd_body! {
    fn correct_woven_u16(samples: [&mut [u16]; 2], residual: &[i16], shift: u32) {
        correct_woven_body(samples, residual, shift)
    }
}

/// The activation of a sample; `shift` is 14 less its bits.
#[inline(always)]
pub(in crate::filter) fn activation<T: Sample>(sample: T, shift: u32) -> i16 {
    let sample: u16 = sample.into();
    ((sample as i16) << shift).wrapping_sub(8192)
}

/// A sample with its residual; `shift` is 4 or 6.
///
/// The addition of half saturates only where the result is past the largest sample anyway.
#[inline(always)]
fn corrected<T: Sample>(sample: T, residual: i16, shift: u32) -> T {
    let sample: u16 = sample.into();
    let change = residual.saturating_add(1 << (shift - 1)) >> shift;
    let max = (1 << (14 - shift)) - 1;
    T::saturating_from((sample as i16).wrapping_add(change).clamp(0, max) as u16)
}

#[inline(always)]
fn widen_body<T: Sample>(from: &[T], shift: u32, to: &mut [i16]) {
    for (to, &from) in to.iter_mut().zip(from) {
        *to = activation(from, shift);
    }
}

#[inline(always)]
fn weave_body<T: Sample>([u, v]: [&[T]; 2], shift: u32, to: &mut [i16]) {
    for (to, (&u, &v)) in to.chunks_exact_mut(2).zip(u.iter().zip(v)) {
        to[0] = activation(u, shift);
        to[1] = activation(v, shift);
    }
}

#[inline(always)]
fn correct_body<T: Sample>(samples: &mut [T], residual: &[i16], shift: u32) {
    for (sample, &residual) in samples.iter_mut().zip(residual) {
        *sample = corrected(*sample, residual, shift);
    }
}

#[inline(always)]
fn correct_woven_body<T: Sample>([u, v]: [&mut [T]; 2], residual: &[i16], shift: u32) {
    for ((u, v), residual) in u.iter_mut().zip(v).zip(residual.chunks_exact(2)) {
        *u = corrected(*u, residual[0], shift);
        *v = corrected(*v, residual[1], shift);
    }
}
