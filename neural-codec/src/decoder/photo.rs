//! From a stored photo to RGB, and to all that belongs to it.

use crate::base::{Av1Decoder, DecoderConfig};
use crate::bitstream::{FormatVersion, PhotoCode, PhotoFilter, PhotoPacket, StreamHeader};
use crate::error::{Error, Place, Result};
use crate::filter::{self, Filter, Network};
use crate::frame::{
    BitDepth, ChromaLocation, Color, ColorRange, Frame, FrameHash, Layout, OwnColors, PixelFormat, VideoInfo,
    convert, rgb_of_samples, with_neutral_chroma,
};
use crate::still::{self, StillHeader, StillPicture};
use crate::threads::with_threads;

use super::settings::DecoderSettings;

/// The samples of a photo: RGB of full range, whose hash was compared with the one that is stored.
///
/// # Errors
///
/// `Corrupt` and `Truncated` for what cannot be decoded or comes out otherwise than it went in, `UnsupportedVersion`, `LimitExceeded`,
/// `MissingLibrary`, `OutOfMemory`, `Io` where no thread can be had.
pub fn decode_photo(photo: &PhotoPacket, settings: &DecoderSettings) -> Result<Frame> {
    let (width, height) = (photo.width as usize, photo.height as usize);
    let frame = match &photo.code {
        PhotoCode::Av1 { is_444, depth, matrix, unit } => {
            let (layout, bytes) = match is_444 {
                true => (Layout::Yuv444, BYTES_PER_PIXEL_444),
                false => (Layout::Yuv420, BYTES_PER_PIXEL),
            };
            check_memory(width, height, bytes, settings)?;
            let config =
                Av1Photo { width, height, layout, depth: *depth, matrix: *matrix, is_gray: photo.is_gray };
            decode_av1_photo(unit, config, photo.depth, settings.thread_count())?
        }
        PhotoCode::OwnColors { colors, filter, unit } => {
            check_memory(width, height, BYTES_PER_PIXEL_444, settings)?;
            let network = filter.map(filter::photo_network).transpose()?;
            expect_macs(photo, 0, network.as_ref())?;
            let threads = settings.thread_count();
            let mut planes = decode_own_planes(unit, (width, height), threads)?;
            if let Some(network) = network {
                planes = filter_planes(&planes, &network, threads)?;
            }
            colors.rgb_of(&planes, photo.depth)?
        }
        PhotoCode::Neural { filter, code } => decode_neural_photo(code, *filter, photo, settings)?,
    };
    let found = FrameHash::of(&frame).0;
    if found != photo.hash {
        let (expected, found) = (format!("hash {:016x}", photo.hash), format!("{found:016x}"));
        return Err(Error::corrupt("decoded photo", expected, found, Place::default()));
    }
    Ok(frame)
}

/// The color of a photo's planes in colors that players know.
pub(crate) fn color_of_photo(matrix: u8) -> Color {
    Color { range: ColorRange::Full, matrix, chroma_location: ChromaLocation::Center, ..Color::default() }
}

/// What the AV1 of a photo holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Av1Photo {
    /// Width of the picture in pixels.
    pub(crate) width: usize,
    /// Height in pixels.
    pub(crate) height: usize,
    /// 4:2:0 or 4:4:4.
    pub(crate) layout: Layout,
    /// Bits of a coded sample.
    pub(crate) depth: BitDepth,
    /// Matrix coefficients.
    pub(crate) matrix: u8,
    /// Gray has no chroma.
    pub(crate) is_gray: bool,
}

/// The RGB of an AV1 unit, at so many bits.
///
/// # Errors
///
/// `Corrupt`, `MissingLibrary`, `OutOfMemory`.
pub(crate) fn decode_av1_photo(
    unit: &[u8],
    photo: Av1Photo,
    depth: BitDepth,
    threads: usize,
) -> Result<Frame> {
    let color = color_of_photo(photo.matrix);
    let config = DecoderConfig {
        depth: photo.depth,
        layout: photo.layout,
        color,
        threads,
        ..DecoderConfig::new(photo.width, photo.height)
    };
    let yuv = decode_unit(unit, config)?;
    let yuv = if photo.is_gray { with_neutral_chroma(yuv) } else { yuv };
    convert(&yuv, PixelFormat { layout: Layout::Rgb, depth }, color)
}

/// The planes of an AV1 unit in colors of the picture's own: 4:4:4 of ten bits.
///
/// # Errors
///
/// `Corrupt`, `MissingLibrary`, `OutOfMemory`.
pub(crate) fn decode_own_planes(
    unit: &[u8],
    (width, height): (usize, usize),
    threads: usize,
) -> Result<Frame> {
    let config = DecoderConfig {
        depth: BitDepth::Ten,
        layout: Layout::Yuv444,
        threads,
        ..DecoderConfig::new(width, height)
    };
    decode_unit(unit, config)
}

/// Planes of 4:4:4 with a network's filter over them.
///
/// # Errors
///
/// `OutOfMemory`, `Io` where no thread can be had.
pub(crate) fn filter_planes(planes: &Frame, network: &Network, threads: usize) -> Result<Frame> {
    // Each thread holds some rows of every layer, and makes rows around its own a second time.
    let threads = threads.min(planes.height().div_ceil(ROWS_OF_A_THREAD)).max(1);
    with_threads(threads, || Filter::new(network).apply(planes, 0, None))
}

/// Rows of a picture below which another thread is not worth its memory.
const ROWS_OF_A_THREAD: usize = 64;

/// The one frame of a unit.
fn decode_unit(unit: &[u8], config: DecoderConfig) -> Result<Frame> {
    let mut decoder = Av1Decoder::new(&DecoderConfig {
        threads: config.threads.clamp(1, 256),
        // The sides were held against the limits; small ones are coded larger.
        max_pixels: u64::MAX,
        ..config
    })?;
    decoder.send(unit)?;
    // Asked before the end, a decoder of several threads works ahead; asked after it, it gives what it has.
    let early = decoder.receive()?;
    decoder.finish()?;
    let none = || Error::corrupt("AV1 of a photo", "one frame", "none", Place::default());
    match early {
        Some(frame) => Ok(frame),
        None => decoder.receive()?.ok_or_else(none),
    }
}

/// Checks the multiplications that a photo has in its header: of a still, and of the filter over it or over AV1.
fn expect_macs(photo: &PhotoPacket, of_still: u32, filter: Option<&Network>) -> Result<()> {
    let of_filter = filter.map_or(0, |network| network.macs_per_pixel() as u64);
    let (expected, found) = (u64::from(of_still) + of_filter, photo.macs_per_pixel);
    if found == expected {
        return Ok(());
    }
    Err(Error::corrupt("multiplications a pixel of a photo's networks", expected, found, Place::default()))
}

fn decode_neural_photo(
    code: &[u8],
    filter: Option<PhotoFilter>,
    photo: &PhotoPacket,
    settings: &DecoderSettings,
) -> Result<Frame> {
    let network = filter.map(filter::photo_network).transpose()?;
    let header = StillHeader::read(code)?;
    let found = (header.width, header.height, header.bit_depth);
    let expected = (photo.width, photo.height, coded_depth(photo).bits());
    if found != expected {
        let (expected, found) = (format!("{expected:?}"), format!("{found:?}"));
        return Err(Error::corrupt("header of a still", expected, found, Place::default()));
    }
    expect_macs(photo, header.multiplications, network.as_ref())?;
    // A filter comes once the still's own memory, which is checked and more than it takes, is free.
    let threads = settings.thread_count();
    let still = frame_of_still(still::decode(code, &settings.limits, threads)?)?;
    let Some(network) = network else { return Ok(still) };
    let planes = filter_planes(&OwnColors::planes_of_still(&still)?, &network, threads)?;
    OwnColors::OF_STILLS.rgb_of(&planes, photo.depth)
}

/// A decoded still as RGB.
///
/// # Errors
///
/// `InvalidArgument` for other depths than 8 and 10 bits, `OutOfMemory`.
pub(crate) fn frame_of_still(still: StillPicture) -> Result<Frame> {
    let size = (still.width as usize, still.height as usize);
    let depth = BitDepth::try_from(still.bit_depth)?;
    rgb_of_samples(size, depth, |channel| still.planes[channel].iter().copied())
}

/// Bytes of memory a pixel that decoding takes at most: the AV1 picture and its copy at 10 bits, RGB, and what lies between.
const BYTES_PER_PIXEL: u64 = 24;

/// The same of 4:4:4, of which some 34 were measured on 64 threads. A filter comes once the decoder is gone: its planes are six bytes, the
/// rows of its threads, one for 64 rows of the picture, at most nine for 32 channels and six layers, at most 35 for 48 and eight.
const BYTES_PER_PIXEL_444: u64 = 48;

fn check_memory(width: usize, height: usize, bytes_per_pixel: u64, settings: &DecoderSettings) -> Result<()> {
    let need = width as u64 * height as u64 * bytes_per_pixel;
    Error::within_limit("memory of a photo", need, settings.limits.max_memory_bytes, Place::default())
}

/// A photo as the header of a clip of one frame.
pub(super) fn header_of(photo: &PhotoPacket) -> StreamHeader {
    let format = PixelFormat { layout: Layout::Rgb, depth: photo.depth };
    let info = VideoInfo {
        color: Color::default().as_rgb(),
        ..VideoInfo::new(photo.width as usize, photo.height as usize, format, PhotoPacket::RATE)
    };
    StreamHeader { version: FormatVersion::CURRENT, ..StreamHeader::new(info) }
}

/// Bits of a sample inside the coded picture.
pub(super) fn coded_depth(photo: &PhotoPacket) -> BitDepth {
    match photo.code {
        PhotoCode::Av1 { depth, .. } => depth,
        PhotoCode::OwnColors { .. } => BitDepth::Ten,
        PhotoCode::Neural { filter: Some(_), .. } => BitDepth::Ten,
        PhotoCode::Neural { filter: None, .. } => photo.depth,
    }
}
