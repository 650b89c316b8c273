//! A luma plane with room around it, as motion search and taps read it.

use crate::error::Result;
use crate::frame::{Frame, Planes, Sample};
use crate::memory;

/// Samples around the picture, copies of its edge: what the farthest vector, the window of a block and the taps reach.
pub(super) const MARGIN: usize = 24;

/// Samples a side of what has a motion of its own; sizes are rounded up to whole ones.
pub(super) const MOTION_BLOCK: usize = 8;

/// Luma samples, at their depth and, to compare quickly, at 8 bits.
pub(super) struct Luma {
    /// Of the picture.
    pub(super) width: usize,
    pub(super) height: usize,
    /// Samples from a row to the next.
    pub(super) stride: usize,
    /// Bits beyond 8.
    pub(super) shift: u32,
    pub(super) samples: Vec<u16>,
    /// The upper 8 bits.
    pub(super) coarse: Vec<u8>,
}

impl Luma {
    /// # Errors
    ///
    /// `OutOfMemory`.
    pub(super) fn of(frame: &Frame) -> Result<Self> {
        let (width, height) = (frame.width(), frame.height());
        let shift = u32::from(frame.format().depth.bits() - 8);
        let stride = width.next_multiple_of(MOTION_BLOCK) + 2 * MARGIN;
        let rows = height.next_multiple_of(MOTION_BLOCK) + 2 * MARGIN;
        let mut samples = memory::filled("luma of a Wiener filter", stride * rows, 0_u16)?;
        let max = frame.format().depth.max_value();
        let fill = |y: usize, into: &mut [u16]| match frame.planes() {
            Planes::U8(planes) => widen(planes[0].row(y), max, into),
            Planes::U16(planes) => widen(planes[0].row(y), max, into),
        };
        for (row, into) in samples.chunks_exact_mut(stride).enumerate() {
            fill(row.saturating_sub(MARGIN).min(height - 1), into);
        }
        let mut coarse = memory::filled("luma of a Wiener filter", samples.len(), 0_u8)?;
        coarse.iter_mut().zip(&samples).for_each(|(coarse, &fine)| *coarse = (fine >> shift) as u8);
        Ok(Self { width, height, stride, shift, samples, coarse })
    }

    /// Where a sample lies.
    pub(super) fn at(&self, x: usize, y: usize) -> usize {
        (y + MARGIN) * self.stride + x + MARGIN
    }

    /// Blocks of so many samples a side, across and down.
    pub(super) fn blocks(&self, side: usize) -> (usize, usize) {
        (self.width.div_ceil(side), self.height.div_ceil(side))
    }
}

/// A row with copies of its first and last sample around it; what no sample may be is the largest that one may be.
fn widen<T: Sample>(row: &[T], max: u16, into: &mut [u16]) {
    let (left, rest) = into.split_at_mut(MARGIN);
    let (middle, right) = rest.split_at_mut(row.len());
    middle.iter_mut().zip(row).for_each(|(wide, &sample)| *wide = sample.into().min(max));
    left.fill(middle[0]);
    right.fill(middle[row.len() - 1]);
}
