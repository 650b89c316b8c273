//! Between samples and the rows of sites that layers read and write.

use std::ops::Range;

use crate::frame::{Plane, Sample};
use crate::simd::simd_body;

/// Sites in a buffer before the first of the picture: a cache line.
pub(super) const LEFT: usize = 16;

/// Where the pair of column `x` starts in a row of pairs.
pub(super) fn site(x: isize) -> usize {
    2 * (x + LEFT as isize) as usize
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

/// Writes the input activations of row `y` of sites, which has three pairs of channels of `stride` sites in `to`.
///
/// Outside the picture, the nearest site is repeated. `shift` is 14 less the bits of a sample.
pub(super) fn read_row<T: Filtered>(
    planes: &[Plane<T>; 3],
    y: usize,
    span: &Range<isize>,
    shift: u32,
    to: &mut [i16],
) {
    let [luma, u, v] = planes;
    let width = u.width();
    let inside = span.start.max(0) as usize..(span.end.max(0) as usize).min(width);
    let stride = to.len() / 3;
    for (pair, to) in to.chunks_exact_mut(stride).enumerate() {
        let at = site(inside.start as isize)..site(inside.end as isize);
        if pair == 2 {
            T::weave([&u.row(y)[inside.clone()], &v.row(y)[inside.clone()]], shift, &mut to[at]);
        } else {
            let row = luma.row((2 * y + pair).min(luma.height() - 1));
            let samples = &row[2 * inside.start..(2 * inside.end).min(row.len())];
            T::widen(samples, shift, &mut to[at.start..at.start + samples.len()]);
            if samples.len() < at.len() {
                to[at.end - 1] = to[at.end - 2];
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

/// Adds the residuals of a row of sites to its one or two rows of luma, and to its rows of U and V.
pub(super) fn correct_row<T: Filtered>(
    luma: [&mut [T]; 2],
    chroma: [&mut [T]; 2],
    span: &Range<isize>,
    shift: u32,
    residual: &[i16],
) {
    let stride = residual.len() / 3;
    let at = site(span.start)..site(span.end);
    let (start, end) = (span.start as usize, span.end as usize);
    for (row, residual) in luma.into_iter().zip(residual.chunks_exact(stride)) {
        let end = (2 * end).min(row.len());
        if 2 * start < end {
            T::correct(&mut row[2 * start..end], &residual[at.clone()], shift);
        }
    }
    T::correct_woven(chroma.map(|row| &mut row[start..end]), &residual[2 * stride..][at], shift);
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
