//! Opacity: a plane of its own, stored without loss as a PNG file of gray.

use std::io::Cursor;

use png::{BitDepth as PngDepth, ColorType, Limits, Transformations};

use crate::error::{Error, Place, Result};
use crate::frame::Plane;
use crate::memory::{self, Bytes};

/// How opaque each pixel is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Alpha {
    /// 0 to 255.
    Eight(Plane<u8>),
    /// 0 to 65535.
    Sixteen(Plane<u16>),
}

impl Alpha {
    /// Width and height in pixels.
    pub fn size(&self) -> (usize, usize) {
        match self {
            Self::Eight(plane) => (plane.width(), plane.height()),
            Self::Sixteen(plane) => (plane.width(), plane.height()),
        }
    }

    /// Whether nothing shines through anywhere.
    pub fn is_opaque(&self) -> bool {
        match self {
            Self::Eight(plane) => plane.samples().iter().all(|&v| v == u8::MAX),
            Self::Sixteen(plane) => plane.samples().iter().all(|&v| v == u16::MAX),
        }
    }

    /// The plane as a PNG file.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`.
    pub fn to_png(&self) -> Result<Vec<u8>> {
        let (width, height) = self.size();
        let mut out = Bytes::default();
        let mut encoder = png::Encoder::new(&mut out, width as u32, height as u32);
        encoder.set_color(ColorType::Grayscale);
        encoder.set_compression(png::Compression::High);
        let written = match self {
            Self::Eight(plane) => {
                encoder.set_depth(PngDepth::Eight);
                encoder.write_header().and_then(|mut writer| writer.write_image_data(plane.samples()))
            }
            Self::Sixteen(plane) => {
                encoder.set_depth(PngDepth::Sixteen);
                let mut bytes = memory::reserved("alpha", plane.samples().len() * 2)?;
                plane.samples().iter().for_each(|sample| bytes.extend(sample.to_be_bytes()));
                encoder.write_header().and_then(|mut writer| writer.write_image_data(&bytes))
            }
        };
        match written {
            Ok(()) => Ok(out.0),
            Err(png::EncodingError::IoError(error)) => Err(error.into()),
            Err(error) => Err(Error::internal("png", error)),
        }
    }

    /// The plane out of what [`to_png`](Self::to_png) wrote, for a picture of this size.
    ///
    /// # Errors
    ///
    /// `Corrupt` for what is no such file, `OutOfMemory`.
    pub fn from_png(bytes: &[u8], (width, height): (usize, usize)) -> Result<Self> {
        let corrupt = |found: String| {
            let expected = format!("a PNG file of gray of {width}x{height}");
            Error::corrupt("alpha", expected, found, Place::default())
        };
        let limits = Limits { bytes: 4 * width * height + (1 << 20) };
        let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), limits);
        decoder.set_transformations(Transformations::IDENTITY);
        let mut reader = decoder.read_info().map_err(|error| corrupt(error.to_string()))?;
        let info = reader.info();
        let found = (info.width as usize, info.height as usize, info.color_type);
        if found != (width, height, ColorType::Grayscale) {
            return Err(corrupt(format!("{:?} of {}x{}", found.2, found.0, found.1)));
        }
        let depth = info.bit_depth;
        let bytes = width * height * if depth == PngDepth::Sixteen { 2 } else { 1 };
        if !matches!(depth, PngDepth::Eight | PngDepth::Sixteen) || reader.output_buffer_size() != Some(bytes)
        {
            return Err(corrupt(format!("samples of {depth:?} bits")));
        }
        let mut samples = memory::filled("alpha", bytes, 0)?;
        reader.next_frame(&mut samples).map_err(|error| corrupt(error.to_string()))?;
        if depth == PngDepth::Eight {
            return Plane::from_samples(width, height, samples).map(Self::Eight);
        }
        let words = samples.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
        let words = memory::collected("alpha", words)?;
        Plane::from_samples(width, height, words).map(Self::Sixteen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alpha_comes_back_as_it_was() {
        let eight = Alpha::Eight(Plane::from_samples(3, 2, vec![0, 255, 7, 8, 9, 10]).unwrap());
        let sixteen = Alpha::Sixteen(Plane::from_samples(2, 1, vec![513, 65535]).unwrap());
        for (alpha, size) in [(eight, (3, 2)), (sixteen, (2, 1))] {
            let bytes = alpha.to_png().unwrap();
            assert_eq!(Alpha::from_png(&bytes, size).unwrap(), alpha);
            assert!(!alpha.is_opaque());
            assert!(Alpha::from_png(&bytes, (3, 3)).is_err());
            for at in 0..bytes.len() {
                let _ = Alpha::from_png(&bytes[..at], size);
            }
        }
        assert!(Alpha::Eight(Plane::from_samples(1, 1, vec![255]).unwrap()).is_opaque());
    }
}
