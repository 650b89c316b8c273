//! SSIMULACRA 2 of a pair of frames.
//!
//! Source: Sneyers, SSIMULACRA 2.1, <https://github.com/cloudinary/ssimulacra2>. It is defined on RGB pictures with the transfer function of
//! sRGB; frames of YUV become RGB at 10 bits by `frame::convert`, and their own transfer function is taken for that of sRGB, as
//! tools for video do. Rows go through all scales one after the other ([`scale`]), so that a picture of any height takes little memory.
//! The crate `fast-ssim2`, which holds whole pictures, is the oracle of the tests.

mod blur;
mod scale;
mod score;

use std::borrow::Cow;

use crate::error::{Error, Result};
use crate::frame::{Color, Frame, Layout, PixelFormat, Planes, Sample, convert};
use crate::memory;
use scale::{SMALLEST_SIDE, Scales};

/// Code points of H.273 that mean HDR, which the metric was not made for: PQ and HLG.
const HDR_TRANSFERS: [u8; 2] = [16, 18];

/// SSIMULACRA 2, at most 100, which only equal frames reach; 90 is hardly ever seen, 70 is high quality, and below 0 is very bad.
///
/// Colors are read as `source` says, or `decoded` where that does not, by
/// [`resolve_for_conversion`](Color::resolve_for_conversion).
///
/// # Errors
///
/// `InvalidArgument` for frames of another size, `Unsupported` for HDR and for matrices without a conversion, `OutOfMemory`.
pub fn ssimulacra2(source: &Frame, decoded: &Frame) -> Result<f64> {
    let (width, height) = (source.width(), source.height());
    if !source.same_shape(decoded) {
        let found = format!("{}x{}", decoded.width(), decoded.height());
        return Err(Error::invalid("decoded frame", format!("{width}x{height}, as the source"), found));
    }
    let color = if source.color().matrix == Color::UNSPECIFIED { decoded.color() } else { source.color() };
    if HDR_TRANSFERS.contains(&color.transfer) {
        return Err(Error::Unsupported {
            what: "SSIMULACRA 2 of HDR".into(),
            remedy: "measure another metric, or a version in SDR".into(),
        });
    }
    let color = color.resolve_for_conversion(source.format().layout, width, height);
    let (source, decoded) = (Rgb::new(source, color)?, Rgb::new(decoded, color)?);
    if source.planes() == decoded.planes() {
        return Ok(100.0);
    }
    // Smaller pictures are mirrored at their ends.
    let (columns, rows) = (width.max(SMALLEST_SIDE), height.max(SMALLEST_SIDE));
    let mut scales = Scales::new(columns, rows)?;
    let mut linear = memory::filled("rows for ssimulacra2", 6 * columns, 0.0)?;
    for row in 0..rows {
        let (of_source, of_decoded) = linear.split_at_mut(3 * columns);
        source.read(mirrored(row, height), of_source);
        decoded.read(mirrored(row, height), of_decoded);
        scales.push(&mut linear);
    }
    Ok(scales.finish())
}

/// A frame as red, green and blue, and the light of each value that a sample may have.
struct Rgb<'a> {
    frame: Cow<'a, Frame>,
    light: Vec<f32>,
}

impl<'a> Rgb<'a> {
    fn new(frame: &'a Frame, color: Color) -> Result<Self> {
        let frame = match frame.format().layout {
            Layout::Rgb => Cow::Borrowed(frame),
            // The samples count, not what a decoder says of them.
            _ => Cow::Owned(convert(&frame.try_clone()?.with_color(color), PixelFormat::RGB_10, color)?),
        };
        let peak = frame.format().depth.max_value();
        let light = memory::collected("the light of samples", (0..peak + 1).map(|value| light(value, peak)))?;
        Ok(Self { frame, light })
    }

    fn planes(&self) -> &Planes {
        self.frame.planes()
    }

    /// Reads a row of each plane, as long as a third of `out`.
    fn read(&self, row: usize, out: &mut [f32]) {
        let columns = out.len() / 3;
        for (plane, out) in out.chunks_mut(columns).enumerate() {
            match self.planes() {
                Planes::U8(planes) => self.spread(planes[plane].row(row), out),
                Planes::U16(planes) => self.spread(planes[plane].row(row), out),
            }
        }
    }

    fn spread<T: Sample>(&self, row: &[T], out: &mut [f32]) {
        for (column, out) in out.iter_mut().enumerate() {
            let value: u16 = row[mirrored(column, row.len())].into();
            *out = self.light[usize::from(value)];
        }
    }
}

/// The light of a sample, by the transfer function of sRGB (IEC 61966-2-1).
fn light(value: u16, peak: u16) -> f32 {
    let value = f64::from(value) / f64::from(peak);
    let light = if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) };
    light as f32
}

/// A place in a row of `length`, to and fro; both ends once.
fn mirrored(at: usize, length: usize) -> usize {
    let period = 2 * (length - 1).max(1);
    let at = at % period;
    at.min(period - at).min(length - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(format: PixelFormat, value: u8) -> Frame {
        let mut frame = Frame::new(48, 32, format, Color::default()).unwrap();
        let mut n = 0;
        if let Planes::U8(planes) = frame.planes_mut() {
            planes[0].samples_mut().iter_mut().for_each(|sample| {
                n += 1;
                *sample = (n % 90) as u8 + value;
            });
        }
        frame
    }

    #[test]
    fn equal_frames_have_100_and_worse_ones_less() {
        for format in [PixelFormat::YUV420_8, PixelFormat::RGB_8] {
            let source = frame(format, 40);
            assert_eq!(ssimulacra2(&source, &source).unwrap(), 100.0);
            let (near, far) = (frame(format, 43), frame(format, 90));
            let value = |decoded| ssimulacra2(&source, decoded).unwrap();
            assert!(value(&near) > value(&far) && value(&near) < 100.0);
        }
    }

    #[test]
    fn hdr_and_other_sizes_are_errors() {
        let source = frame(PixelFormat::YUV420_8, 40);
        let hdr = frame(PixelFormat::YUV420_8, 40).with_color(Color {
            transfer: 16,
            matrix: 9,
            ..Color::default()
        });
        assert!(matches!(ssimulacra2(&hdr, &source), Err(Error::Unsupported { .. })));
        let other = Frame::new(16, 16, PixelFormat::YUV420_8, Color::default()).unwrap();
        assert!(matches!(ssimulacra2(&source, &other), Err(Error::InvalidArgument { .. })));
    }
}
