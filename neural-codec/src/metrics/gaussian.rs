//! The hot loop of SSIM: Gaussian windows over a band of rows.
//!
//! With u = x + y and v = x - y, the means of u, v, u^2 and v^2 in the window give everything SSIM needs, so
//! four fields are blurred instead of five. Swapping x and y only turns the sign of v, so the result is
//! symmetric, and equal pictures have v = 0 and give exactly 1. Rows pass once: each is turned into its four
//! fields in a ring of 11, the ring is blurred downwards into one row, and that row is blurred across on the
//! way into the formula. Columns are taken in tiles so that the ring stays in the first-level cache.

use std::ops::Range;

use crate::simd::simd_body;

/// Side of the window.
pub(super) const TAPS: usize = 11;
/// From the edge of the window to its center: exp(-k^2 / (2 * 1.5^2)), normalized so that 11 taps sum to 1.
const WEIGHTS: [f32; 6] =
    [0.001_028_380_1, 0.007_598_758, 0.036_000_773, 0.109_360_69, 0.213_005_54, 0.266_011_71];
/// Output columns in a tile; the ring takes 25 KiB.
const COLUMNS: usize = 128;
/// Input columns in a tile, up to a multiple of [`LANES`].
const INPUTS: usize = (COLUMNS + TAPS - 1).next_multiple_of(LANES);
/// Sums kept apart, so that every instruction set adds in the same order.
const LANES: usize = 16;

/// Input rows of two pictures, from which `rows - 10` rows of the map are made.
pub struct Band<'a, T> {
    pub(super) x: &'a [T],
    pub(super) y: &'a [T],
    pub(super) width: usize,
    pub(super) scale: Scale,
    /// Whether the contrast factor is wanted too; it costs a division a sample.
    pub(super) contrast: bool,
}

/// The sample range, as the formula needs it.
#[derive(Clone, Copy)]
pub(super) struct Scale {
    /// 2 C1 and 2 C2, where C = (K peak)^2, K1 = 0.01 and K2 = 0.03.
    c1: f32,
    c2: f32,
}

impl Scale {
    pub(super) fn of_peak(peak: u16) -> Self {
        let c = |k: f64| (2.0 * (k * f64::from(peak)).powi(2)) as f32;
        Self { c1: c(0.01), c2: c(0.03) }
    }

    /// 2 C1 and 2 C2.
    pub(super) fn constants(self) -> (f32, f32) {
        (self.c1, self.c2)
    }
}

/// Sums over a map: SSIM, and its contrast and structure factor alone.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Similarity {
    pub(super) ssim: f64,
    /// 0 where it was not asked for.
    pub(super) contrast: f64,
}

simd_body! {
    pub(super) fn similarity_u8(band: &Band<'_, u8>) -> Similarity { similarity_body(band) }
}
simd_body! {
    pub(super) fn similarity_u16(band: &Band<'_, u16>) -> Similarity { similarity_body(band) }
}
simd_body! {
    pub(super) fn similarity_f32(band: &Band<'_, f32>) -> Similarity { similarity_body(band) }
}

/// Rows of u, v, u^2 and v^2, or of their blurred versions.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Fields([[f32; INPUTS]; 4]);

#[inline(always)]
fn similarity_body<T: Copy + Into<f32>>(band: &Band<'_, T>) -> Similarity {
    let mut total = Similarity::default();
    let outputs = (band.width + 1).saturating_sub(TAPS);
    for first in (0..outputs).step_by(COLUMNS) {
        let tile = tile(band, first, COLUMNS.min(outputs - first));
        total.ssim += tile.ssim;
        total.contrast += tile.contrast;
    }
    total
}

/// The sums over output columns `first..first + columns`.
#[inline(always)]
fn tile<T: Copy + Into<f32>>(band: &Band<'_, T>, first: usize, columns: usize) -> Similarity {
    let mut ring = [Fields([[0.0; INPUTS]; 4]); TAPS];
    let mut blurred = ring[0];
    let (mut ssim, mut contrast) = (Lanes::default(), Lanes::default());
    let center = center(band, first..first + columns);
    for row in 0..band.x.len() / band.width {
        let start = row * band.width + first;
        let inputs = start..start + columns + TAPS - 1;
        read(&mut ring[row % TAPS], &band.x[inputs.clone()], &band.y[inputs], center);
        if row + 1 >= TAPS {
            blur_down(&ring, row + 1, &mut blurred);
            let maps = map(&blurred, center, band.scale, band.contrast);
            ssim.add(&maps.ssim, columns);
            if band.contrast {
                contrast.add(&maps.contrast, columns);
            }
        }
    }
    Similarity { ssim: ssim.sum(), contrast: contrast.sum() }
}

/// A whole number near the mean of x + y in some columns of every fourth row.
///
/// It is taken off u, which changes no variance but leaves less to cancel between E[u^2] and E[u]^2.
#[inline(always)]
fn center<T: Copy + Into<f32>>(band: &Band<'_, T>, columns: Range<usize>) -> f32 {
    let mut sums = [0.0_f32; LANES];
    let mut count = 0_u16;
    for row in (0..band.x.len() / band.width).step_by(4) {
        let inputs = row * band.width + columns.start..row * band.width + columns.end;
        for (x, y) in band.x[inputs.clone()].chunks(LANES).zip(band.y[inputs].chunks(LANES)) {
            for (sum, (&x, &y)) in sums.iter_mut().zip(x.iter().zip(y)) {
                *sum += x.into() + y.into();
            }
        }
        count += columns.len() as u16;
    }
    (sums.iter().sum::<f32>() / f32::from(count)).round()
}

/// Turns a row into its four fields.
#[inline(always)]
fn read<T: Copy + Into<f32>>(Fields([u, v, uu, vv]): &mut Fields, x: &[T], y: &[T], center: f32) {
    for (i, (&x, &y)) in x.iter().zip(y).enumerate().take(INPUTS) {
        let (x, y): (f32, f32) = (x.into(), y.into());
        let (sum, difference) = (x + y - center, x - y);
        (u[i], v[i]) = (sum, difference);
        (uu[i], vv[i]) = (sum * sum, difference * difference);
    }
}

/// Weighted sum of 11 taps; the window is symmetric, so pairs share a weight.
#[inline(always)]
fn weigh(tap: impl Fn(usize) -> f32) -> f32 {
    let pair = |k: usize| WEIGHTS[k] * (tap(k) + tap(TAPS - 1 - k));
    (pair(0) + pair(1)) + (pair(2) + pair(3)) + (pair(4) + WEIGHTS[5] * tap(5))
}

/// Blurs the 11 rows of the ring, the oldest of which is at `oldest % 11`.
#[inline(always)]
fn blur_down(ring: &[Fields; TAPS], oldest: usize, blurred: &mut Fields) {
    let rows: [&Fields; TAPS] = std::array::from_fn(|k| &ring[(oldest + k) % TAPS]);
    for field in 0..4 {
        for column in 0..INPUTS {
            blurred.0[field][column] = weigh(|k| rows[k].0[field][column]);
        }
    }
}

/// A row of the map of SSIM, and of its contrast factor.
struct Maps {
    ssim: [f32; COLUMNS],
    contrast: [f32; COLUMNS],
}

/// Blurs across and makes a row of both maps, that of contrast only where it is wanted.
#[inline(always)]
fn map(Fields([u, v, uu, vv]): &Fields, center: f32, scale: Scale, contrast: bool) -> Maps {
    let mut maps = Maps { ssim: [0.0; COLUMNS], contrast: [0.0; COLUMNS] };
    for column in 0..COLUMNS {
        let mean_u = weigh(|k| u[column + k]);
        let mean_v = weigh(|k| v[column + k]);
        let square_u = mean_u * mean_u;
        let square_v = mean_v * mean_v;
        let variance_u = weigh(|k| uu[column + k]) - square_u;
        let variance_v = weigh(|k| vv[column + k]) - square_v;
        let covariance = (variance_u - variance_v) + scale.c2;
        let variance = (variance_u + variance_v) + scale.c2;
        let mean = mean_u + center;
        let luminance = (mean * mean - square_v) + scale.c1;
        let luminance_bound = (mean * mean + square_v) + scale.c1;
        maps.ssim[column] = (luminance * covariance) / (luminance_bound * variance);
        if contrast {
            maps.contrast[column] = covariance / variance;
        }
    }
    maps
}

/// Sums of every 16th column.
#[derive(Default)]
struct Lanes([f64; LANES]);

impl Lanes {
    /// Adds the first `columns` values of a row: a few in single precision, then all in double.
    #[inline(always)]
    fn add(&mut self, row: &[f32; COLUMNS], columns: usize) {
        let mut row = *row;
        row[columns..].fill(0.0);
        let mut sums = [0.0_f32; LANES];
        for values in row.chunks_exact(LANES) {
            for (sum, &value) in sums.iter_mut().zip(values) {
                *sum += value;
            }
        }
        for (total, sum) in self.0.iter_mut().zip(sums) {
            *total += f64::from(sum);
        }
    }

    fn sum(&self) -> f64 {
        self.0.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weights_are_a_normalised_gaussian() {
        let gaussian: Vec<f64> = (0..=5).map(|k| (-f64::from(5 - k).powi(2) / 4.5).exp()).collect();
        let sum = 2.0 * gaussian[..5].iter().sum::<f64>() + gaussian[5];
        for (weight, value) in WEIGHTS.iter().zip(gaussian) {
            assert_eq!(*weight, (value / sum) as f32);
        }
    }

    #[test]
    fn a_constant_stays_itself_when_blurred() {
        assert!((weigh(|_| 200.0) - 200.0).abs() < 1e-4);
    }
}
