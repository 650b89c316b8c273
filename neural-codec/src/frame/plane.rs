//! One plane of samples, rows packed without gaps.

use ndarray::{ArrayView2, ArrayViewMut2};

use crate::error::{Error, Result};
use crate::memory;

/// A sample type: `u8` or `u16`.
pub trait Sample:
    Copy + Default + PartialEq + Ord + Send + Sync + std::fmt::Debug + Into<u16> + 'static
{
    /// From a value that is known to fit; larger values saturate.
    fn saturating_from(value: u16) -> Self;
}

impl Sample for u8 {
    fn saturating_from(value: u16) -> Self {
        value.min(255) as u8
    }
}

impl Sample for u16 {
    fn saturating_from(value: u16) -> Self {
        value
    }
}

/// A plane of `height` rows of `width` samples, row after row.
///
/// ```
/// # use neural_codec::frame::Plane;
/// let plane = Plane::from_samples(3, 2, vec![1_u8, 2, 3, 4, 5, 6])?;
/// assert_eq!(plane.row(1), [4, 5, 6]);
/// assert_eq!(plane.view()[[0, 2]], 3); // as ndarray
/// # Ok::<(), neural_codec::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plane<T> {
    width: usize,
    height: usize,
    samples: Vec<T>,
}

impl<T: Sample> Plane<T> {
    /// A plane of zeros. Where there is no memory for it, the process ends; [`try_new`](Self::try_new) says so instead.
    pub fn new(width: usize, height: usize) -> Self {
        Self { width, height, samples: vec![T::default(); width * height] }
    }

    /// A plane of zeros.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`.
    pub fn try_new(width: usize, height: usize) -> Result<Self> {
        let samples = memory::filled("samples of a plane", width.saturating_mul(height), T::default())?;
        Ok(Self { width, height, samples })
    }

    /// A copy.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`.
    pub fn try_clone(&self) -> Result<Self> {
        let samples = memory::copied("samples of a plane", &self.samples)?;
        Ok(Self { width: self.width, height: self.height, samples })
    }

    /// A plane over given samples.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` when their number is not `width * height`.
    pub fn from_samples(width: usize, height: usize, samples: Vec<T>) -> Result<Self> {
        if samples.len() != width * height {
            return Err(Error::invalid("samples", format!("{width} x {height}"), samples.len()));
        }
        Ok(Self { width, height, samples })
    }

    /// Samples in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Number of rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The samples, row after row.
    pub fn into_samples(self) -> Vec<T> {
        self.samples
    }

    /// The samples; none are left.
    pub(super) fn take_samples(&mut self) -> Vec<T> {
        (self.width, self.height) = (0, 0);
        std::mem::take(&mut self.samples)
    }

    /// All samples, row after row.
    pub fn samples(&self) -> &[T] {
        &self.samples
    }

    /// All samples, row after row, to change.
    pub fn samples_mut(&mut self) -> &mut [T] {
        &mut self.samples
    }

    /// One row. Panics: when `y >= height`.
    pub fn row(&self, y: usize) -> &[T] {
        &self.samples[y * self.width..][..self.width]
    }

    /// One row, to change. Panics: when `y >= height`.
    pub fn row_mut(&mut self, y: usize) -> &mut [T] {
        &mut self.samples[y * self.width..][..self.width]
    }

    /// Row after row.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[T]> + DoubleEndedIterator {
        self.samples.chunks_exact(self.width.max(1))
    }

    /// The plane as an array of shape `[height, width]`, without a copy.
    pub fn view(&self) -> ArrayView2<'_, T> {
        ArrayView2::from_shape((self.height, self.width), &self.samples)
            .unwrap_or_else(|_| unreachable!("a plane holds width x height samples"))
    }

    /// The plane as a mutable array of shape `[height, width]`, without a copy.
    pub fn view_mut(&mut self) -> ArrayViewMut2<'_, T> {
        ArrayViewMut2::from_shape((self.height, self.width), &mut self.samples)
            .unwrap_or_else(|_| unreachable!("a plane holds width x height samples"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_shares_the_samples() {
        let mut plane = Plane::<u8>::new(3, 2);
        plane.view_mut()[[1, 2]] = 9;
        assert_eq!(plane.row(1), [0, 0, 9]);
        assert_eq!(plane.view().as_ptr(), plane.samples().as_ptr());
    }

    #[test]
    fn a_wrong_number_of_samples_is_an_error() {
        assert!(Plane::from_samples(2, 2, vec![0_u8; 5]).is_err());
    }
}
