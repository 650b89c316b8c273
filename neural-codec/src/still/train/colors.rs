//! Three colors as training has them: the picture that is wanted, and what the synthesis gives.
//!
//! Interleaved by row, `[height][3][stride]`, with two columns of room on the left.

use rayon::prelude::*;

use super::lanes::{LANES, PIXELS};
use super::planes::{keep, zeros};
use crate::error::Result;

/// Columns left of the first.
pub(super) const ROOM: usize = 2;

/// Rows of a band.
pub(super) const BAND: usize = 16;

/// Three channels of floats.
pub(crate) struct Colors {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) stride: usize,
    values: Vec<f32>,
}

impl Colors {
    /// # Errors
    ///
    /// `OutOfMemory`.
    pub(crate) fn new(width: usize, height: usize) -> Result<Self> {
        let stride = ROOM + width.next_multiple_of(PIXELS) + LANES;
        Ok(Self { width, height, stride, values: zeros(3 * stride * height)? })
    }

    pub(crate) fn row(&self, y: usize, channel: usize) -> &[f32] {
        &self.values[(y * 3 + channel) * self.stride..][..self.stride]
    }

    pub(crate) fn row_mut(&mut self, y: usize, channel: usize) -> &mut [f32] {
        let at = (y * 3 + channel) * self.stride + ROOM;
        &mut self.values[at..at + self.width]
    }

    pub(super) fn bands(&mut self) -> rayon::iter::Enumerate<rayon::slice::ChunksMut<'_, f32>> {
        let size = 3 * self.stride * BAND;
        self.values.par_chunks_mut(size).enumerate()
    }

    /// Repeats the edge columns into the room beside them.
    pub(super) fn extend_edges(stride: usize, width: usize, rows: &mut [f32]) {
        for row in rows.chunks_exact_mut(stride) {
            row[ROOM - 1] = row[ROOM];
            row[ROOM + width] = row[ROOM + width - 1];
        }
    }
}

impl Drop for Colors {
    fn drop(&mut self) {
        keep(std::mem::take(&mut self.values));
    }
}
