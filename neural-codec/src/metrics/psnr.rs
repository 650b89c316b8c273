//! Squared error, exact, and the peak signal-to-noise ratio made of it.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::comparable::{Comparable, check_same_size};
use super::difference::BLOCK;
use crate::error::Result;
use crate::frame::{BitDepth, Plane};

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

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
