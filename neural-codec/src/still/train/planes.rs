//! Planes of floats with room around them, so that kernels need not look for edges.

use std::collections::HashMap;
use std::sync::Mutex;

use super::lanes::PIXELS;
use crate::error::Result;
use crate::memory;
use crate::still::plan::REACH;

/// Memory that training has done with and soon wants again, by its length: a step takes a hundred planes, and asking the
/// system for each would cost a quarter of the time.
static SPARE: Mutex<Option<HashMap<usize, Vec<Vec<f32>>>>> = Mutex::new(None);

/// Zeros, in memory that was used before where there is some.
///
/// # Errors
///
/// `OutOfMemory`.
pub(super) fn zeros(len: usize) -> Result<Vec<f32>> {
    let spare = SPARE.lock().ok().and_then(|mut spare| spare.as_mut()?.get_mut(&len)?.pop());
    match spare {
        Some(mut values) => {
            values.fill(0.0);
            Ok(values)
        }
        None => memory::filled("still in training", len, 0.0),
    }
}

/// Keeps memory for [`zeros`].
pub(super) fn keep(values: Vec<f32>) {
    if values.len() >= 1024
        && let Ok(mut spare) = SPARE.lock()
    {
        spare.get_or_insert_default().entry(values.len()).or_default().push(values);
    }
}

/// Lets all spare memory go when it is dropped: declared before what keeps memory, it is dropped after that, however training ends.
pub(in crate::still) struct ForgetsSpares;

impl Drop for ForgetsSpares {
    fn drop(&mut self) {
        if let Ok(mut spare) = SPARE.lock() {
            *spare = None;
        }
    }
}

/// Bytes of spare memory.
#[cfg(test)]
pub(in crate::still) fn spare_bytes() -> usize {
    let spare = SPARE.lock().unwrap();
    let lists = spare.iter().flat_map(HashMap::values);
    lists.flatten().map(|values| 4 * values.len()).sum()
}

/// Bytes that training takes for a picture, at most: a multiple of a plane of it, as measured.
#[cfg(feature = "images")]
pub(crate) fn training_bytes(width: u64, height: u64) -> u64 {
    450 * stride_of(width as usize) as u64 * (height + REACH as u64)
}

/// From one row of a plane to the next.
fn stride_of(width: usize) -> usize {
    width.next_multiple_of(PIXELS) + 2 * REACH
}

/// `REACH` rows above, `REACH` columns left of every row, and at least as many on the right past whole blocks. Zeros.
pub(super) struct Plane {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) stride: usize,
    pub(super) values: Vec<f32>,
}

impl Plane {
    /// # Errors
    ///
    /// `OutOfMemory`.
    pub(super) fn new(width: usize, height: usize) -> Result<Self> {
        let stride = stride_of(width);
        Ok(Self { width, height, stride, values: zeros(stride * (height + REACH))? })
    }

    /// A copy.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`.
    pub(super) fn try_clone(&self) -> Result<Self> {
        let mut copy = Self::new(self.width, self.height)?;
        copy.values.copy_from_slice(&self.values);
        Ok(copy)
    }

    /// Index of a value.
    #[inline(always)]
    pub(super) fn at(&self, y: usize, x: usize) -> usize {
        (y + REACH) * self.stride + REACH + x
    }

    pub(super) fn row(&self, y: usize) -> &[f32] {
        &self.values[self.at(y, 0)..][..self.width]
    }

    pub(super) fn row_mut(&mut self, y: usize) -> &mut [f32] {
        let at = self.at(y, 0);
        &mut self.values[at..at + self.width]
    }
}

impl Drop for Plane {
    fn drop(&mut self) {
        keep(std::mem::take(&mut self.values));
    }
}
