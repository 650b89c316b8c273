//! A frame as sites of half resolution: six channels of activations.

use crate::error::{Error, Result};
use crate::filter::SITE_CHANNELS;
use crate::filter::infer::activation;
use crate::frame::{Frame, Layout, Plane, Sample};
use crate::memory;
use crate::with_planes;

/// Six planes of activations.
///
/// Shape: `[6][height][width]`, half the frame's sides rounded up. Units: 1/64 of a level of 8 bits, 0 at mid-gray.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sites {
    width: usize,
    height: usize,
    samples: Vec<i16>,
}

impl Sites {
    /// The sites of a frame.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for a layout other than 4:2:0, `OutOfMemory`.
    pub fn of(frame: &Frame) -> Result<Self> {
        if frame.format().layout != Layout::Yuv420 {
            return Err(Error::invalid("layout of a filtered frame", "4:2:0", frame.format()));
        }
        let (width, height) = (frame.width().div_ceil(2), frame.height().div_ceil(2));
        let shift = 14 - u32::from(frame.format().depth.bits());
        let mut samples = memory::reserved("sites of a frame", SITE_CHANNELS * width * height)?;
        with_planes!(frame.planes(), planes => {
            for (dy, dx) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                push_plane(&mut samples, &planes[0], (width, height), shift, |y| 2 * y + dy, |x| 2 * x + dx);
            }
            for plane in &planes[1..] {
                push_plane(&mut samples, plane, (width, height), shift, |y| y, |x| x);
            }
        });
        Ok(Self { width, height, samples })
    }

    /// Sites in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows of sites.
    pub fn height(&self) -> usize {
        self.height
    }

    /// One channel, row after row.
    pub fn channel(&self, channel: usize) -> &[i16] {
        &self.samples[channel * self.width * self.height..][..self.width * self.height]
    }

    /// A square of sites from a corner that may lie outside, where the nearest site stands in.
    ///
    /// Shape: `[6][side][side]`.
    pub fn square(&self, top: isize, left: isize, side: usize) -> Vec<i16> {
        let inside = |at: isize, most: usize| at.clamp(0, most as isize - 1) as usize;
        let mut square = Vec::with_capacity(SITE_CHANNELS * side * side);
        for channel in 0..SITE_CHANNELS {
            let plane = self.channel(channel);
            for y in 0..side {
                let row = &plane[inside(top + y as isize, self.height) * self.width..][..self.width];
                square.extend((0..side).map(|x| row[inside(left + x as isize, self.width)]));
            }
        }
        square
    }
}

/// Samples at given rows and columns, the last one where there are fewer.
fn push_plane<T: Sample>(
    to: &mut Vec<i16>,
    plane: &Plane<T>,
    (width, height): (usize, usize),
    shift: u32,
    row_of: impl Fn(usize) -> usize,
    column_of: impl Fn(usize) -> usize,
) {
    for y in 0..height {
        let row = plane.row(row_of(y).min(plane.height() - 1));
        to.extend((0..width).map(|x| activation(row[column_of(x).min(row.len() - 1)], shift)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Color, PixelFormat, Planes};

    #[test]
    fn odd_sides_repeat_their_last_samples_and_depths_share_a_scale() {
        let luma = Plane::from_samples(3, 1, vec![0_u8, 128, 255]).unwrap();
        let chroma = || Plane::from_samples(2, 1, vec![129_u8, 127]).unwrap();
        let planes = Planes::U8([luma, chroma(), chroma()]);
        let frame = Frame::from_planes(planes, PixelFormat::YUV420_8, Color::default()).unwrap();
        let sites = Sites::of(&frame).unwrap();
        assert_eq!((sites.width(), sites.height()), (2, 1));
        assert_eq!(sites.channel(0), [-8192, 8128]);
        assert_eq!(sites.channel(3), [0, 8128]);
        assert_eq!(sites.channel(5), [64, -64]);
        let deep = frame.shifted_to(crate::frame::BitDepth::Ten).unwrap();
        assert_eq!(Sites::of(&deep).unwrap(), sites);
        let square = sites.square(-1, 1, 2);
        assert_eq!(square[..4], [8128; 4]);
    }
}
