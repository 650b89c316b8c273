//! Fixed-point units that chroma has between its filters and the color matrices.

use crate::frame::BitDepth;

/// Steps a code value of what [`Upsampler`](super::chroma::Upsampler) gives: 200 at 8 bits, 50 at 10 bits.
pub(super) fn up_unit(depth: BitDepth) -> i32 {
    (320 * 320) >> up_shift(depth)
}

pub(super) fn up_shift(depth: BitDepth) -> u32 {
    u32::from(depth.bits()) + 1
}

/// Bits of the code value and fraction together where halving ends.
pub(super) const DOWN_UNIT_BITS: u32 = 30;
