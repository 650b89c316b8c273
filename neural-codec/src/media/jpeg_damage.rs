//! Whether a JPEG picture is whole: its reader shows what it can of a damaged one and says nothing, as browsers do.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::options::DecoderOptions;

use crate::error::{Error, Place, Result};
use crate::frame::MAX_SIDE;
use crate::lost::Lost;
use crate::memory;

const START_OF_PICTURE: &[u8] = &[0xFF, 0xD8, 0xFF];
/// Markers of ITU-T T.81, table B.1.
const END_OF_PICTURE: u8 = 0xD9;

/// What a picture's file shows that is not in its data; nothing of files that are no JPEG.
///
/// # Errors
///
/// `Io`; `Corrupt` where it is cut short; `OutOfMemory`.
pub(super) fn damage_of(path: &Path) -> Result<Option<Lost>> {
    let failed = |error| Error::io(path, error);
    let mut file = File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.by_ref().take(START_OF_PICTURE.len() as u64).read_to_end(&mut bytes).map_err(failed)?;
    if bytes != START_OF_PICTURE {
        return Ok(None);
    }
    file.read_to_end(&mut bytes).map_err(failed)?;
    match (broken_rule(&bytes)?, has_end(&bytes)) {
        (None, true) => Ok(None),
        // Little or nothing is missing.
        (None, false) => Ok(Some(Lost::new("damage", "the JPEG has no end, and may lack its last rows"))),
        (Some(rule), true) => {
            let why = format!("the JPEG is broken ({rule}); what shows instead is taken for the picture");
            Ok(Some(Lost::new("damage", why)))
        }
        (Some(_), false) => {
            let found = format!("a shorter one: {}", path.display());
            Err(Error::corrupt("picture", "a whole file", found, Place::default()))
        }
    }
}

/// The rule of JPEG that the data break, in the decoder's words. Decodes everything, without a change of colors.
fn broken_rule(bytes: &[u8]) -> Result<Option<String>> {
    let options = DecoderOptions::default().set_max_width(MAX_SIDE).set_max_height(MAX_SIDE);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    if decoder.decode_headers().is_err() {
        // Whether it can be read at all its reader says.
        return Ok(None);
    }
    // Not of the headers: cameras leave gaps between them, which break no picture.
    let mut options = options.set_strict_mode(true);
    if let Some(colors) = decoder.input_colorspace() {
        options = options.jpeg_set_out_colorspace(colors);
    }
    decoder.set_options(options);
    let len = decoder.output_buffer_size().unwrap_or_default();
    let mut samples = memory::filled("samples of a picture", len, 0_u8)?;
    Ok(decoder.decode_into(&mut samples).err().map(|error| error.to_string()))
}

/// Whether the first picture has an end, whatever follows it. Walks over its segments, as a picture within EXIF has an end of its own.
fn has_end(bytes: &[u8]) -> bool {
    let mut at = START_OF_PICTURE.len() - 1;
    while let Some(&[mark, code]) = bytes.get(at..at + 2).and_then(|pair| pair.first_chunk()) {
        if (mark, code) == (0xFF, END_OF_PICTURE) {
            return true;
        }
        // Tables, frames, scans, restart intervals, applications and comments; all else is samples, or damage.
        let is_segment = mark == 0xFF && matches!(code, 0xC0..=0xC4 | 0xDA..=0xDD | 0xE0..=0xEF | 0xFE);
        let length = bytes.get(at + 2..at + 4).and_then(|pair| pair.first_chunk());
        let length = length.map_or(0, |&length| usize::from(u16::from_be_bytes(length)));
        at += if is_segment && at + 2 + length < bytes.len() { 2 + length } else { 1 };
    }
    false
}

#[cfg(test)]
mod tests {
    use image::codecs::jpeg::JpegEncoder;

    use super::*;

    fn found(bytes: &[u8]) -> Result<Option<Lost>> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        damage_of(file.path())
    }

    fn jpeg() -> Vec<u8> {
        let pixels: Vec<u8> = (0_usize..96 * 256 * 3).map(|at| (at * at / 37 % 251) as u8).collect();
        let mut bytes = Vec::new();
        JpegEncoder::new_with_quality(&mut bytes, 90)
            .encode(&pixels, 96, 256, image::ExtendedColorType::Rgb8)
            .unwrap();
        bytes
    }

    #[test]
    fn a_whole_picture_and_other_files_have_no_damage() {
        assert_eq!(found(&jpeg()).unwrap(), None);
        assert_eq!(found(b"GIF89a").unwrap(), None);
        assert_eq!(found(b"").unwrap(), None);
        let mut more = jpeg();
        more.extend([0; 40]);
        assert_eq!(found(&more).unwrap(), None, "zeros behind the end");
    }

    /// With EXIF that holds a picture of its own, and zeros before the tables, as cameras leave them.
    fn of_a_camera() -> Vec<u8> {
        let (whole, mut bytes) = (jpeg(), vec![0xFF, 0xD8]);
        let thumbnail = [b"Exif\0\0", &whole[..]].concat();
        assert!(thumbnail.len() < 65_000);
        bytes.extend([0xFF, 0xE1]);
        bytes.extend(((thumbnail.len() + 2) as u16).to_be_bytes());
        bytes.extend(thumbnail);
        bytes.extend([0; 8]);
        bytes.extend(&whole[2..]);
        bytes
    }

    #[test]
    fn one_that_is_cut_short_is_an_error_and_one_without_an_end_is_named() {
        for whole in [jpeg(), of_a_camera()] {
            assert_eq!(found(&whole).unwrap(), None);
            let error = found(&whole[..whole.len() - jpeg().len() / 2]).unwrap_err();
            assert!(error.to_string().contains("a shorter one"), "{error}");
            assert!(found(&whole[..whole.len() - 2]).unwrap().unwrap().why.contains("has no end"));
            // Whatever lies behind the picture is not of it.
            let behind = [&whole[..], b"junk\xFF\xDAjunk"].concat();
            assert_eq!(found(&behind).unwrap(), None);
        }
    }

    #[test]
    fn damage_in_the_middle_is_named() {
        let mut bytes = jpeg();
        let middle = bytes.len() / 2;
        bytes[middle..middle + 40].fill(0xFF);
        let lost = found(&bytes).unwrap().unwrap();
        assert_eq!(lost.what, "damage");
    }
}
