//! The same picture at more or fewer bits, by shifts alone.
//!
//! This is how the base layer codes 8-bit pictures at 10 bits and how a decoder takes them back; it is part of the
//! format (docs/BITSTREAM.md). Conversions for other purposes are in `convert`.

use super::{BitDepth, Frame, Plane, Planes};
use crate::error::Result;
use crate::simd::simd_body;

impl Frame {
    /// The frame with samples of `depth` bits: `x << 2` from 8 to 10, `min(255, (x + 2) >> 2)` from 10 to 8.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`.
    pub fn shifted_to(&self, depth: BitDepth) -> Result<Frame> {
        if depth == self.format.depth {
            return self.try_clone();
        }
        let mut format = self.format;
        format.depth = depth;
        let mut out = Frame::to_fill(self.width(), self.height(), format, self.color)?;
        out.timestamp = self.timestamp;
        match (&self.planes, &mut out.planes) {
            (Planes::U8(from), Planes::U16(to)) => each_plane(from, to, shift_up),
            (Planes::U16(from), Planes::U8(to)) => each_plane(from, to, shift_down),
            // The depths differ, and with them the types of samples.
            _ => {}
        }
        Ok(out)
    }
}

fn each_plane<A: super::Sample, B: super::Sample>(
    from: &[Plane<A>; 3],
    to: &mut [Plane<B>; 3],
    row: fn(&[A], &mut [B]),
) {
    for (from, to) in from.iter().zip(to) {
        row(from.samples(), to.samples_mut());
        // A plane that was put in may have fewer samples than its frame says.
        if let Some(rest) = to.samples_mut().get_mut(from.samples().len()..) {
            rest.fill(B::default());
        }
    }
}

simd_body! {
    fn shift_up(from: &[u8], to: &mut [u16]) {
        for (to, &from) in to.iter_mut().zip(from) {
            *to = u16::from(from) << 2;
        }
    }
}

simd_body! {
    fn shift_down(from: &[u16], to: &mut [u8]) {
        for (to, &from) in to.iter_mut().zip(from) {
            *to = ((from + 2) >> 2).min(255) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Color, PixelFormat};

    #[test]
    fn up_and_down_again_is_the_identity() {
        let mut frame = Frame::new(16, 16, PixelFormat::YUV420_8, Color::default()).unwrap();
        if let Planes::U8(planes) = frame.planes_mut() {
            planes[0].samples_mut().iter_mut().zip(0..=255).for_each(|(sample, value)| *sample = value);
        }
        let up = frame.shifted_to(BitDepth::Ten).unwrap();
        assert_eq!(up.format(), PixelFormat::YUV420_10);
        assert_eq!(up.shifted_to(BitDepth::Eight).unwrap(), frame);
    }

    #[test]
    fn down_rounds_to_nearest_and_saturates() {
        let cases =
            [(0, 0), (1, 0), (2, 1), (5, 1), (6, 2), (1020, 255), (1021, 255), (1022, 255), (1023, 255)];
        for (from, expected) in cases {
            let mut to = [7];
            shift_down(&[from], &mut to);
            assert_eq!(to, [expected], "{from}");
        }
    }
}
