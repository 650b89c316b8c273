//! A picture of RGB from numbers.

use super::{BitDepth, Color, Frame, Layout, PixelFormat, Plane, Planes, Sample};
use crate::error::Result;
use crate::memory;

/// The picture whose channels are what `channel` gives for 0 (red), 1 and 2, row by row; values are within `depth`.
///
/// # Errors
///
/// `InvalidArgument` where there are not as many values as pixels, `OutOfMemory`.
pub(crate) fn rgb_of_samples<I: ExactSizeIterator<Item = u16>>(
    (width, height): (usize, usize),
    depth: BitDepth,
    channel: impl Fn(usize) -> I,
) -> Result<Frame> {
    fn plane<T: Sample>(
        (width, height): (usize, usize),
        values: impl ExactSizeIterator<Item = T>,
    ) -> Result<Plane<T>> {
        Plane::from_samples(width, height, memory::collected("samples", values)?)
    }
    let size = (width, height);
    let planes = match depth {
        BitDepth::Eight => {
            let narrow = |at: usize| plane(size, channel(at).map(|value| value.min(255) as u8));
            Planes::U8([narrow(0)?, narrow(1)?, narrow(2)?])
        }
        BitDepth::Ten => {
            Planes::U16([plane(size, channel(0))?, plane(size, channel(1))?, plane(size, channel(2))?])
        }
    };
    Frame::from_planes(planes, PixelFormat { layout: Layout::Rgb, depth }, Color::default().as_rgb())
}
