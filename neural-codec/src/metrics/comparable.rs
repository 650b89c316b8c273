//! The sample types that metrics have loops for.

use super::gaussian::{self, Band, Similarity};
use super::{difference, halve};
use crate::error::{Error, Result};
use crate::frame::{Plane, Sample};
use crate::gpu::DeviceSample;

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
        difference::squared_error_u8(a, b)
    }
    fn similarity(band: &Band<'_, Self>) -> Similarity {
        gaussian::similarity_u8(band)
    }
    fn halve_rows(rows: &[Self], width: usize, means: &mut [f32]) {
        halve::halve_rows_u8(rows, width, means);
    }
}

impl sealed::Loops for u16 {
    fn squared_error(a: &[Self], b: &[Self]) -> u64 {
        difference::squared_error_u16(a, b)
    }
    fn similarity(band: &Band<'_, Self>) -> Similarity {
        gaussian::similarity_u16(band)
    }
    fn halve_rows(rows: &[Self], width: usize, means: &mut [f32]) {
        halve::halve_rows_u16(rows, width, means);
    }
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
