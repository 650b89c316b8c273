//! RGB pictures as arrays of shape `[height, width, 3]`, as picture libraries and numpy hold them.

use crate::error::{Error, Result};
use crate::frame::{BitDepth, Color, Frame, PixelFormat, Planes, Sample, check_size};
use crate::memory;

/// Red, green and blue of each pixel side by side. Shapes: `[height, width, 3]`, row after row.
///
/// # Errors
///
/// `InvalidArgument` for any format but RGB at 8 bits; [`convert`](super::convert) makes it. `OutOfMemory`.
pub fn rgb8_interleaved(frame: &Frame) -> Result<Vec<u8>> {
    match frame.planes() {
        Planes::U8(planes) if frame.format() == PixelFormat::RGB_8 => {
            interleave(planes.each_ref().map(|p| p.samples()))
        }
        _ => Err(wrong_format(PixelFormat::RGB_8, frame)),
    }
}

/// Red, green and blue of each pixel side by side. Shapes: `[height, width, 3]`. Units: 0 to 1023.
///
/// # Errors
///
/// `InvalidArgument` for any format but RGB at 10 bits; [`convert`](super::convert) makes it. `OutOfMemory`.
pub fn rgb10_interleaved(frame: &Frame) -> Result<Vec<u16>> {
    match frame.planes() {
        Planes::U16(planes) if frame.format() == PixelFormat::RGB_10 => {
            interleave(planes.each_ref().map(|p| p.samples()))
        }
        _ => Err(wrong_format(PixelFormat::RGB_10, frame)),
    }
}

/// A frame from red, green and blue side by side. Shapes: `rgb` is `[height, width, 3]`, row after row.
///
/// # Errors
///
/// `InvalidArgument` when the number of samples does not fit, and as [`Frame::new`].
pub fn from_rgb8_interleaved(rgb: &[u8], width: usize, height: usize) -> Result<Frame> {
    let mut frame = empty(rgb.len(), width, height, PixelFormat::RGB_8)?;
    if let Planes::U8(planes) = frame.planes_mut() {
        deinterleave(rgb, planes.each_mut().map(|p| p.samples_mut()));
    }
    Ok(frame)
}

/// A frame from red, green and blue side by side. Shapes: `rgb` is `[height, width, 3]`. Units: 0 to 1023.
///
/// # Errors
///
/// `InvalidArgument` when the number of samples does not fit or one is over 1023, and as [`Frame::new`].
pub fn from_rgb10_interleaved(rgb: &[u16], width: usize, height: usize) -> Result<Frame> {
    if let Some(found) = rgb.iter().find(|&&sample| sample > BitDepth::Ten.max_value()) {
        return Err(Error::invalid("sample", "at most 1023", found));
    }
    let mut frame = empty(rgb.len(), width, height, PixelFormat::RGB_10)?;
    if let Planes::U16(planes) = frame.planes_mut() {
        deinterleave(rgb, planes.each_mut().map(|p| p.samples_mut()));
    }
    Ok(frame)
}

fn empty(found: usize, width: usize, height: usize, format: PixelFormat) -> Result<Frame> {
    check_size(width, height)?;
    if found != width * height * 3 {
        return Err(Error::invalid("samples", format!("{height} x {width} x 3"), found));
    }
    Frame::new(width, height, format, Color::default().as_rgb())
}

fn wrong_format(expected: PixelFormat, frame: &Frame) -> Error {
    Error::invalid("frame", format!("{expected} (convert it first)"), frame.format())
}

fn interleave<T: Sample>([r, g, b]: [&[T]; 3]) -> Result<Vec<T>> {
    let mut out = memory::filled("interleaved samples", 3 * r.len(), T::default())?;
    for (((out, &r), &g), &b) in out.chunks_exact_mut(3).zip(r).zip(g).zip(b) {
        out.copy_from_slice(&[r, g, b]);
    }
    Ok(out)
}

fn deinterleave<T: Sample>(rgb: &[T], [r, g, b]: [&mut [T]; 3]) {
    for (((rgb, r), g), b) in rgb.chunks_exact(3).zip(r).zip(g).zip(b) {
        (*r, *g, *b) = (rgb[0], rgb[1], rgb[2]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interleaving_undoes_deinterleaving() {
        let rgb: Vec<u8> = (0..5 * 3 * 3).map(|i| (i * 37 % 256) as u8).collect();
        let frame = from_rgb8_interleaved(&rgb, 5, 3).unwrap();
        assert_eq!(rgb8_interleaved(&frame).unwrap(), rgb);
        let deep: Vec<u16> = (0..5 * 3 * 3).map(|i| i * 137 % 1024).collect();
        let frame = from_rgb10_interleaved(&deep, 5, 3).unwrap();
        assert_eq!(rgb10_interleaved(&frame).unwrap(), deep);
    }

    #[test]
    fn samples_and_formats_that_do_not_fit_are_errors() {
        assert!(from_rgb8_interleaved(&[0; 26], 3, 3).is_err());
        assert!(from_rgb10_interleaved(&[1024; 27], 3, 3).is_err());
        let frame = Frame::new(2, 2, PixelFormat::YUV420_8, Color::default()).unwrap();
        assert!(rgb8_interleaved(&frame).is_err());
        assert!(rgb10_interleaved(&frame).is_err());
    }
}
