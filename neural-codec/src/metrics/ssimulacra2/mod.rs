//! SSIMULACRA 2 of a pair of frames, by the crate `fast-ssim2`.
//!
//! Source: Sneyers, SSIMULACRA 2.1, <https://github.com/cloudinary/ssimulacra2>. It is defined on RGB pictures with the transfer function of
//! sRGB; frames of YUV become RGB at 10 bits by `frame::convert`, and their own transfer function is taken for that of sRGB, as
//! tools for video do.

use fast_ssim2::{PixelDescriptor, PixelSlice, compute_ssimulacra2};

use crate::error::{Error, Result};
use crate::frame::{BitDepth, Color, Frame, Layout, PixelFormat, Planes, Sample, convert};
use crate::memory;

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
    let (source, decoded) = (rgb16(source, color)?, rgb16(decoded, color)?);
    if source == decoded {
        return Ok(100.0);
    }
    let failed = |error: &dyn std::fmt::Display| Error::internal("ssimulacra2", error.to_string());
    let sides = (u32::try_from(width), u32::try_from(height));
    let (Ok(columns), Ok(rows)) = sides else { return Err(failed(&"a picture of more than 2^32 columns")) };
    let view = |bytes| {
        PixelSlice::new(bytes, columns, rows, width * 6, PixelDescriptor::RGB16_SRGB).map_err(|e| failed(&e))
    };
    compute_ssimulacra2(&view(&source)?, &view(&decoded)?).map_err(|error| failed(&error))
}

/// The frame as red, green and blue of 16 bits side by side, in the machine's byte order.
fn rgb16(frame: &Frame, color: Color) -> Result<Vec<u8>> {
    if frame.format().layout == Layout::Rgb {
        return interleaved(frame);
    }
    // The samples count, not what a decoder says of them.
    let colored = frame.try_clone()?.with_color(color);
    interleaved(&convert(&colored, PixelFormat::RGB_10, color)?)
}

fn interleaved(rgb: &Frame) -> Result<Vec<u8>> {
    match rgb.planes() {
        Planes::U8(planes) => spread(planes.each_ref().map(|plane| plane.samples()), BitDepth::Eight),
        Planes::U16(planes) => spread(planes.each_ref().map(|plane| plane.samples()), rgb.format().depth),
    }
}

/// Samples at 16 bits, white at 65535.
fn spread<T: Sample>([red, green, blue]: [&[T]; 3], depth: BitDepth) -> Result<Vec<u8>> {
    let peak = u32::from(depth.max_value());
    let at_16_bits = |sample: T| {
        let sample: u16 = sample.into();
        (((u32::from(sample) * 65535 + peak / 2) / peak) as u16).to_ne_bytes()
    };
    let mut bytes = memory::reserved("a picture for ssimulacra2", red.len() * 6)?;
    for ((&red, &green), &blue) in red.iter().zip(green).zip(blue) {
        [red, green, blue].into_iter().for_each(|sample| bytes.extend(at_16_bits(sample)));
    }
    Ok(bytes)
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
