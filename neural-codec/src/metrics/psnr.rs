//! Squared error, exact, and the peak signal-to-noise ratio made of it.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::gaussian::{self, Band, Similarity};
use super::ms_ssim;
use crate::error::{Error, Result};
use crate::frame::{BitDepth, Plane, Sample};
use crate::gpu::DeviceSample;
use crate::simd::simd_body;

/// A sum of squared differences and the number of samples it is over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SquaredError {
    /// Sum of squared differences, exact.
    pub sum: u128,
    /// Number of samples.
    pub samples: u64,
}

impl SquaredError {
    /// Mean squared error; 0 of no samples.
    pub fn mse(self) -> f64 {
        if self.samples == 0 { 0.0 } else { self.sum as f64 / self.samples as f64 }
    }

    /// 10 log10(peak^2 / MSE), or `None` where nothing differs. Units: decibels.
    pub fn psnr(self, depth: BitDepth) -> Option<f64> {
        let peak = f64::from(depth.max_value());
        (self.sum > 0).then(|| 10.0 * (peak * peak / self.mse()).log10())
    }
}

impl std::ops::AddAssign for SquaredError {
    fn add_assign(&mut self, other: Self) {
        self.sum += other.sum;
        self.samples += other.samples;
    }
}

impl std::iter::Sum for SquaredError {
    fn sum<I: Iterator<Item = Self>>(errors: I) -> Self {
        errors.fold(Self::default(), |mut total, error| {
            total += error;
            total
        })
    }
}

/// A sample type that metrics have loops for: `u8` or `u16`.
pub trait Comparable: Sample + Into<f32> + DeviceSample + sealed::Loops {}

impl Comparable for u8 {}
impl Comparable for u16 {}

pub(super) mod sealed {
    /// The hot loops, compiled once per sample type and instruction set.
    pub trait Loops: Sized {
        fn squared_error(a: &[Self], b: &[Self]) -> u64;
        fn similarity(band: &super::Band<'_, Self>) -> super::Similarity;
        fn halve_rows(rows: &[Self], width: usize, means: &mut [f32]);
    }
}

impl sealed::Loops for u8 {
    fn squared_error(a: &[Self], b: &[Self]) -> u64 {
        squared_error_u8(a, b)
    }
    fn similarity(band: &Band<'_, Self>) -> Similarity {
        gaussian::similarity_u8(band)
    }
    fn halve_rows(rows: &[Self], width: usize, means: &mut [f32]) {
        ms_ssim::halve_rows_u8(rows, width, means);
    }
}

impl sealed::Loops for u16 {
    fn squared_error(a: &[Self], b: &[Self]) -> u64 {
        squared_error_u16(a, b)
    }
    fn similarity(band: &Band<'_, Self>) -> Similarity {
        gaussian::similarity_u16(band)
    }
    fn halve_rows(rows: &[Self], width: usize, means: &mut [f32]) {
        ms_ssim::halve_rows_u16(rows, width, means);
    }
}

/// Samples a thread takes at once; 2^16 squares of 8-bit differences still fit 32 bits.
const BLOCK: usize = 1 << 16;

/// The exact squared error between two planes.
///
/// ```
/// # use neural_codec::metrics::squared_error;
/// # use neural_codec::frame::{BitDepth, Plane};
/// let source = Plane::from_samples(16, 16, (0..=255_u8).collect())?;
/// let mut decoded = source.clone();
/// decoded.row_mut(3)[5] += 2;
/// let error = squared_error(&source, &decoded)?;
/// assert_eq!((error.sum, error.samples), (4, 256));
/// assert_eq!(error.psnr(BitDepth::Eight), Some(10.0 * (255.0_f64.powi(2) / error.mse()).log10()));
/// # Ok::<(), neural_codec::Error>(())
/// ```
///
/// # Errors
///
/// `InvalidArgument` when their sizes differ.
pub fn squared_error<T: Comparable>(source: &Plane<T>, decoded: &Plane<T>) -> Result<SquaredError> {
    check_same_size(source, decoded)?;
    let (a, b) = (source.samples(), decoded.samples());
    let sum: u64 = a.par_chunks(BLOCK).zip(b.par_chunks(BLOCK)).map(|(a, b)| T::squared_error(a, b)).sum();
    Ok(SquaredError { sum: u128::from(sum), samples: a.len() as u64 })
}

/// # Errors
///
/// `InvalidArgument` when the sizes of two planes differ.
pub(super) fn check_same_size<T: Sample>(source: &Plane<T>, decoded: &Plane<T>) -> Result<()> {
    let size = |p: &Plane<T>| (p.width(), p.height());
    let (expected, found) = (size(source), size(decoded));
    if expected != found {
        let text = |(width, height)| format!("{width}x{height}");
        return Err(Error::invalid("decoded plane", text(expected), text(found)));
    }
    Ok(())
}

simd_body! {
    fn squared_error_u8(a: &[u8], b: &[u8]) -> u64 { squared_error_u8_body(a, b) }
}
#[inline(always)]
fn squared_error_u8_body(a: &[u8], b: &[u8]) -> u64 {
    let block = |(a, b): (&[u8], &[u8])| {
        let squares = a.iter().zip(b).map(|(&a, &b)| {
            let difference = i32::from(i16::from(a) - i16::from(b));
            (difference * difference) as u32
        });
        u64::from(squares.fold(0, u32::wrapping_add))
    };
    a.chunks(BLOCK).zip(b.chunks(BLOCK)).map(block).sum()
}

simd_body! {
    fn squared_error_u16(a: &[u16], b: &[u16]) -> u64 { squared_error_u16_body(a, b) }
}
#[inline(always)]
fn squared_error_u16_body(a: &[u16], b: &[u16]) -> u64 {
    let squares = a.iter().zip(b).map(|(&a, &b)| {
        let difference = u32::from(a.abs_diff(b));
        u64::from(difference.wrapping_mul(difference))
    });
    squares.fold(0, u64::wrapping_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_sum_is_exact(pairs in prop::collection::vec((any::<u8>(), any::<u8>()), 1..3000)) {
            let (a, b): (Vec<u8>, Vec<u8>) = pairs.iter().copied().unzip();
            let expected: i64 = pairs.iter().map(|&(a, b)| (i64::from(a) - i64::from(b)).pow(2)).sum();
            prop_assert_eq!(squared_error_u8(&a, &b), expected as u64);
            let wide = |v: &[u8]| v.iter().map(|&v| u16::from(v) * 257).collect::<Vec<_>>();
            prop_assert_eq!(squared_error_u16(&wide(&a), &wide(&b)), expected as u64 * 257 * 257);
        }
    }

    #[test]
    fn the_largest_error_of_a_large_plane_does_not_overflow() {
        let (width, height) = (BLOCK + 3, 5);
        let plane = |v| Plane::from_samples(width, height, vec![v; width * height]).unwrap();
        let error = squared_error(&plane(0_u8), &plane(255)).unwrap();
        assert_eq!(error.sum, 255 * 255 * (width * height) as u128);
        assert_eq!(error.psnr(BitDepth::Eight), Some(0.0));
        let plane = |v| Plane::from_samples(width, height, vec![v; width * height]).unwrap();
        let error = squared_error(&plane(0_u16), &plane(65535)).unwrap();
        assert_eq!(error.sum, 65535 * 65535 * (width * height) as u128);
    }

    #[test]
    fn equal_planes_have_no_psnr() {
        let plane = Plane::from_samples(3, 1, vec![1_u8, 2, 3]).unwrap();
        let error = squared_error(&plane, &plane).unwrap();
        assert_eq!((error.mse(), error.psnr(BitDepth::Eight)), (0.0, None));
    }

    #[test]
    fn planes_of_different_sizes_are_an_error() {
        let error = squared_error(&Plane::<u8>::new(4, 2), &Plane::new(2, 4));
        assert!(matches!(error, Err(Error::InvalidArgument { .. })));
    }
}
