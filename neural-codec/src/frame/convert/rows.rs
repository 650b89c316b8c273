//! The inner loops of the conversions, one row each.
//!
//! All arithmetic is in `i32`, whose bounds the callers argue; samples widen on the way in and narrow on the way out.

use super::matrix::{Affine, ToRgb, WeightedSum};
use crate::frame::Sample;
use crate::simd::simd_body;

/// A sample type whose rows widen to `i32` and narrow from it.
pub(super) trait Row: Sample {
    fn widen(from: &[Self], to: &mut [i32]);
    /// Values must lie within the sample type.
    fn narrow(from: &[i32], to: &mut [Self]);
    /// The sum of four rows times their taps, less `bias`.
    fn blend4(rows: [&[Self]; 4], taps: [i32; 4], bias: i32, out: &mut [i32]);
}

impl Row for u8 {
    fn widen(from: &[u8], to: &mut [i32]) {
        widen_u8(from, to);
    }
    fn narrow(from: &[i32], to: &mut [u8]) {
        narrow_u8(from, to);
    }
    fn blend4(rows: [&[u8]; 4], taps: [i32; 4], bias: i32, out: &mut [i32]) {
        blend4_u8(rows, taps, bias, out);
    }
}

impl Row for u16 {
    fn widen(from: &[u16], to: &mut [i32]) {
        widen_u16(from, to);
    }
    fn narrow(from: &[i32], to: &mut [u16]) {
        narrow_u16(from, to);
    }
    fn blend4(rows: [&[u16]; 4], taps: [i32; 4], bias: i32, out: &mut [i32]) {
        blend4_u16(rows, taps, bias, out);
    }
}

simd_body! { fn widen_u8(from: &[u8], to: &mut [i32]) { widen_body(from, to) } }
simd_body! { fn widen_u16(from: &[u16], to: &mut [i32]) { widen_body(from, to) } }

#[inline(always)]
fn widen_body<T: Sample>(from: &[T], to: &mut [i32]) {
    for (to, &from) in to.iter_mut().zip(from) {
        *to = int(from);
    }
}

#[inline(always)]
fn int<T: Sample>(sample: T) -> i32 {
    let sample: u16 = sample.into();
    i32::from(sample)
}

simd_body! {
    fn narrow_u8(from: &[i32], to: &mut [u8]) {
        for (to, &from) in to.iter_mut().zip(from) {
            *to = from as u8;
        }
    }
}
simd_body! {
    fn narrow_u16(from: &[i32], to: &mut [u16]) {
        for (to, &from) in to.iter_mut().zip(from) {
            *to = from as u16;
        }
    }
}

simd_body! {
    fn blend4_u8(rows: [&[u8]; 4], taps: [i32; 4], bias: i32, out: &mut [i32]) { blend4_body(rows, taps, bias, out) }
}
simd_body! {
    fn blend4_u16(rows: [&[u16]; 4], taps: [i32; 4], bias: i32, out: &mut [i32]) { blend4_body(rows, taps, bias, out) }
}

#[inline(always)]
fn blend4_body<T: Sample>(rows: [&[T]; 4], taps: [i32; 4], bias: i32, out: &mut [i32]) {
    let [a, b, c, d] = rows.map(|row| &row[..out.len()]);
    for (x, out) in out.iter_mut().enumerate() {
        *out = int(a[x]) * taps[0] + int(b[x]) * taps[1] + int(c[x]) * taps[2] + int(d[x]) * taps[3] - bias;
    }
}

simd_body! {
    /// Each sample times a factor, rounded `shift` bits down.
    pub(super) fn scale(from: &[i32], factor: i32, shift: u32, out: &mut [i32]) {
        for (out, &from) in out.iter_mut().zip(from) {
            *out = (from * factor + (1 << (shift - 1))) >> shift;
        }
    }
}

simd_body! {
    /// Twice as many samples: two filters over a row that has two samples of padding at each end.
    pub(super) fn double(padded: &[i32], even: [i32; 4], odd: [i32; 4], shift: u32, out: &mut [i32]) {{
        let half = 1 << (shift - 1);
        for (w, out) in padded.windows(5).zip(out.chunks_exact_mut(2)) {
            out[0] = (w[0] * even[0] + w[1] * even[1] + w[2] * even[2] + w[3] * even[3] + half) >> shift;
            out[1] = (w[1] * odd[0] + w[2] * odd[1] + w[3] * odd[2] + w[4] * odd[3] + half) >> shift;
        }
    }}
}

simd_body! {
    /// Even and odd samples apart.
    pub(super) fn split(from: &[i32], even: &mut [i32], odd: &mut [i32]) {
        for ((from, even), odd) in from.chunks_exact(2).zip(even).zip(odd) {
            *even = from[0];
            *odd = from[1];
        }
    }
}

simd_body! {
    /// Half as many samples: one filter over a row split into even and odd samples.
    pub(super) fn halve(even: &[i32], odd: &[i32], taps: [i32; 8], shift: u32, out: &mut [i32]) {
        for ((e, o), out) in even.windows(4).zip(odd.windows(4)).zip(out) {
            let even = e[0] * taps[0] + e[1] * taps[2] + e[2] * taps[4] + e[3] * taps[6];
            let odd = o[0] * taps[1] + o[1] * taps[3] + o[2] * taps[5] + o[3] * taps[7];
            *out = (even + odd + (1 << (shift - 1))) >> shift;
        }
    }
}

simd_body! {
    /// The sum of eight rows times their taps, rounded down and clamped to code values.
    pub(super) fn blend8(rows: [&[i32]; 8], taps: [i32; 8], bias: i32, shift: u32, max: i32, out: &mut [i32]) {{
        let rows = rows.map(|row| &row[..out.len()]);
        for (x, out) in out.iter_mut().enumerate() {
            let mut sum = 0;
            for (row, tap) in rows.iter().zip(taps) {
                sum += row[x] * tap;
            }
            *out = ((sum + bias) >> shift).clamp(0, max);
        }
    }}
}

simd_body! {
    /// Code values under another depth or unit.
    pub(super) fn affine(row: &mut [i32], by: Affine) {
        for x in row {
            *x = ((*x * by.gain + by.bias) >> by.shift).clamp(by.min, by.max);
        }
    }
}

simd_body! {
    /// One of Y, U, V from red, green and blue.
    pub(super) fn weighted_sum(rgb: [&[i32]; 3], by: WeightedSum, out: &mut [i32]) {{
        let [r, g, b] = rgb.map(|row| &row[..out.len()]);
        for (x, out) in out.iter_mut().enumerate() {
            let sum = r[x] * by.rgb[0] + g[x] * by.rgb[1] + b[x] * by.rgb[2] + by.bias;
            *out = (sum >> by.shift).clamp(by.min, by.max);
        }
    }}
}

simd_body! {
    /// Red, green and blue from luma code values and centered chroma, in place.
    pub(super) fn to_rgb(y: &mut [i32], u: &mut [i32], v: &mut [i32], by: ToRgb) {
        for ((y, u), v) in y.iter_mut().zip(u).zip(v) {
            let luma = *y * by.y + by.bias;
            let red = luma + *v * by.v[0];
            let green = luma + *u * by.u[1] + *v * by.v[1];
            let blue = luma + *u * by.u[2];
            *y = (red >> by.shift).clamp(0, by.max);
            *u = (green >> by.shift).clamp(0, by.max);
            *v = (blue >> by.shift).clamp(0, by.max);
        }
    }
}
