//! A stored photo, or a picture in another file, with all that belongs to it. Cargo feature `images`.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;
use std::time::Instant;

use super::decode_report::DecodeReport;
use super::open_clip::open_clip;
use super::photo::decode_photo;
use super::settings::DecoderSettings;
use crate::bitstream::PhotoPacket;
use crate::error::{Error, Result};
use crate::frame::{ChromaLocation, ColorRange, Frame, Layout, PixelFormat, convert};
use crate::media::expect_distinct;
use crate::media::photo::{Alpha, Photo, is_photo, read_photo, write_photo};

/// Reads a photo from the bytes of a `.nvc` file.
///
/// # Errors
///
/// As [`PhotoPacket::read_file`] and [`decode_photo`].
pub fn decode_photo_bytes(bytes: &[u8], settings: &DecoderSettings) -> Result<Photo> {
    of_packet(PhotoPacket::read_file(Cursor::new(bytes), &settings.limits)?, settings)
}

/// Reads a photo from a `.nvc` file, a picture file, or a clip of one frame, without what belongs to it.
///
/// # Errors
///
/// As [`decode_photo_bytes`], `read_photo` and `open_clip`, with the file's name.
pub fn open_photo(path: &Path, settings: &DecoderSettings) -> Result<Photo> {
    let failed = |source| Error::io(path, source);
    let mut file = File::open(path).map_err(failed)?;
    let mut head = Vec::new();
    // A folder opens but does not read.
    file.by_ref().take(PhotoPacket::HEAD_BYTES as u64).read_to_end(&mut head).map_err(failed)?;
    if PhotoPacket::begins(&head) {
        let packet = PhotoPacket::read_file(Cursor::new(head).chain(file), &settings.limits);
        return of_packet(packet.map_err(|error| error.of_file(path))?, settings);
    }
    if is_photo(path) {
        return read_photo(path);
    }
    let mut clip = open_clip(path, settings)?;
    let none = || Error::invalid("input", "at least one picture", format!("none in {}", path.display()));
    let first = clip.next_frame()?.ok_or_else(none)?;
    if clip.next_frame()?.is_some() {
        let found = format!("a clip of several, {}", path.display());
        return Err(Error::invalid(
            "input",
            "one picture (of a clip, a pattern such as %04d.png names a file for each)",
            found,
        ));
    }
    let lost = clip.lost();
    Ok(Photo { lost, ..Photo::new(rgb(first)?) })
}

/// Decodes one picture into a `.png`, `.tif` or `.tiff` file, which appears whole or not at all.
///
/// # Errors
///
/// As [`open_photo`] and `write_photo`; `InvalidArgument` where both are one file.
pub fn decode_photo_file(input: &Path, output: &Path, settings: &DecoderSettings) -> Result<DecodeReport> {
    expect_distinct(input, output)?;
    let start = Instant::now();
    let photo = open_photo(input, settings)?;
    let lost = [photo.lost.clone(), write_photo(output, &photo)?].concat();
    let seconds = start.elapsed().as_secs_f64();
    Ok(DecodeReport {
        frames: 1,
        audio_packets: 0,
        lost,
        notes: Vec::new(),
        seconds,
        frames_per_second: 1.0 / seconds,
    })
}

fn of_packet(packet: PhotoPacket, settings: &DecoderSettings) -> Result<Photo> {
    let frame = decode_photo(&packet, settings)?;
    let size = (frame.width(), frame.height());
    let alpha = match &packet.alpha[..] {
        [] => None,
        png => Some(Alpha::from_png(png, size)?),
    };
    Ok(Photo { frame, alpha, tags: packet.tags, lost: Vec::new() })
}

/// A frame of any format as RGB at its own depth.
fn rgb(frame: Frame) -> Result<Frame> {
    let format = frame.format();
    let mut color = frame.color();
    // Pictures of full range that do not say are as in JPEG: AVIF files are read so elsewhere.
    if (color.range, color.chroma_location) == (ColorRange::Full, ChromaLocation::Unspecified) {
        color.chroma_location = ChromaLocation::Center;
    }
    let color = color.resolve_for_conversion(format.layout, frame.width(), frame.height());
    convert(&frame, PixelFormat { layout: Layout::Rgb, ..format }, color)
}
