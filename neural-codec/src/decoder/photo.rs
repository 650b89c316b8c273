//! From a stored photo to RGB, and to all that belongs to it.

use crate::base::{Av1Decoder, DecoderConfig};
use crate::bitstream::{FormatVersion, PhotoCode, PhotoPacket, StreamHeader};
use crate::error::{Error, Place, Result};
use crate::frame::{
    BitDepth, ChromaLocation, Color, ColorRange, Frame, FrameHash, Layout, PixelFormat, Rational, VideoInfo, convert,
    with_neutral_chroma,
};

use super::settings::DecoderSettings;

/// The samples of a photo: RGB of full range, whose hash was compared with the one that is stored.
///
/// # Errors
///
/// `Corrupt` for what cannot be decoded or comes out otherwise than it went in, `LimitExceeded`, `MissingLibrary`, `OutOfMemory`,
/// `Unsupported` for codings that this version does not decode.
pub fn decode_photo(photo: &PhotoPacket, settings: &DecoderSettings) -> Result<Frame> {
    let (width, height) = (photo.width as usize, photo.height as usize);
    let format = PixelFormat { layout: Layout::Rgb, depth: photo.depth };
    let frame = match &photo.code {
        PhotoCode::Av1 { depth, matrix, unit } => {
            check_memory(width, height, settings)?;
            let mut decoder = Av1Decoder::new(&DecoderConfig {
                depth: *depth,
                color: color_of_photo(*matrix),
                threads: settings.thread_count().clamp(1, 256),
                // The sides were held against the limits; small ones are coded larger.
                max_pixels: u64::MAX,
                ..DecoderConfig::new(width, height)
            })?;
            decoder.send(unit)?;
            decoder.finish()?;
            let none = || Error::corrupt("AV1 of a photo", "one frame", "none", Place::default());
            photo_from_yuv(decoder.receive()?.ok_or_else(none)?, format, photo.is_gray)?
        }
        PhotoCode::Neural(_) => {
            return Err(Error::Unsupported {
                what: "a photo coded by a network".into(),
                remedy: "a newer version of this library may decode it".into(),
            });
        }
    };
    let found = FrameHash::of(&frame).0;
    if found != photo.hash {
        let (expected, found) = (format!("hash {:016x}", photo.hash), format!("{found:016x}"));
        return Err(Error::corrupt("decoded photo", expected, found, Place::default()));
    }
    Ok(frame)
}

/// The color of a photo's 4:2:0.
pub(crate) fn color_of_photo(matrix: u8) -> Color {
    Color {
        range: ColorRange::Full,
        matrix,
        chroma_location: ChromaLocation::Center,
        ..Color::default()
    }
}

/// The RGB of a decoded 4:2:0, at the bits of the picture; gray has no chroma.
///
/// # Errors
///
/// `OutOfMemory`.
pub(crate) fn photo_from_yuv(yuv: Frame, format: PixelFormat, is_gray: bool) -> Result<Frame> {
    let color = yuv.color();
    let yuv = if is_gray { with_neutral_chroma(yuv) } else { yuv };
    convert(&yuv, format, color)
}

/// Bytes of memory a pixel that decoding takes at most: the AV1 picture and its copy at 10 bits, RGB, and what lies between.
const BYTES_PER_PIXEL: u64 = 24;

fn check_memory(width: usize, height: usize, settings: &DecoderSettings) -> Result<()> {
    let need = width as u64 * height as u64 * BYTES_PER_PIXEL;
    let limit = settings.limits.max_memory_bytes;
    if need > limit {
        let place = Place::default();
        return Err(Error::LimitExceeded { what: "memory of a photo", limit, found: need, place });
    }
    Ok(())
}

/// A photo as the header of a clip of one frame.
pub(super) fn header_of(photo: &PhotoPacket) -> StreamHeader {
    let format = PixelFormat { layout: Layout::Rgb, depth: photo.depth };
    let rate = Rational { num: 25, den: 1 };
    let info = VideoInfo {
        color: Color::default().as_rgb(),
        ..VideoInfo::new(photo.width as usize, photo.height as usize, format, rate)
    };
    StreamHeader { version: FormatVersion::CURRENT, ..StreamHeader::new(info) }
}

/// Bits of a sample inside the coded picture.
pub(super) fn coded_depth(photo: &PhotoPacket) -> BitDepth {
    match photo.code {
        PhotoCode::Av1 { depth, .. } => depth,
        PhotoCode::Neural(_) => photo.depth,
    }
}
