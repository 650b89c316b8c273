//! Whether a JPEG picture is whole: its reader shows what it can of a damaged one and says nothing, as browsers do.

use std::path::Path;

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::options::DecoderOptions;

use crate::error::{Error, Place, Result};
use crate::frame::MAX_SIDE;
use crate::lost::Lost;
use crate::memory;

const START_OF_PICTURE: &[u8] = &[0xFF, 0xD8, 0xFF];
/// ITU-T T.81, table B.1.
const START_OF_SCAN: [u8; 2] = [0xFF, 0xDA];
const END_OF_PICTURE: [u8; 2] = [0xFF, 0xD9];

/// What a picture's file shows that is not in its data; nothing of files that are no JPEG.
///
/// # Errors
///
/// `Io`; `Corrupt` where it is cut short; `OutOfMemory`.
pub(super) fn damage_of(path: &Path) -> Result<Option<Lost>> {
    let failed = |error| Error::io(path, error);
    let mut head = [0; 3];
    let mut file = std::fs::File::open(path).map_err(failed)?;
    if std::io::Read::read_exact(&mut file, &mut head).is_err() || head != *START_OF_PICTURE {
        return Ok(None);
    }
    let bytes = std::fs::read(path).map_err(failed)?;
    let damage = |what| Lost::new("damage", format!("{what}; what shows instead is taken for the picture"));
    match (broken_rule(&bytes)?, is_cut_short(&bytes)) {
        (None, false) => Ok(None),
        // Little or nothing is missing.
        (None, true) => Ok(Some(damage("the JPEG has no end".into()))),
        (Some(rule), false) => Ok(Some(damage(format!("the JPEG is broken ({rule})")))),
        (Some(_), true) => {
            let found = format!("a shorter one: {}", path.display());
            Err(Error::corrupt("picture", "a whole file", found, Place::default()))
        }
    }
}

/// The rule of JPEG that the data break, in the decoder's words. Decodes everything, without a change of colors.
fn broken_rule(bytes: &[u8]) -> Result<Option<String>> {
    let options =
        DecoderOptions::default().set_strict_mode(true).set_max_width(MAX_SIDE).set_max_height(MAX_SIDE);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    if decoder.decode_headers().is_err() {
        // Whether it can be read at all its reader says.
        return Ok(None);
    }
    if let Some(colors) = decoder.input_colorspace() {
        decoder.set_options(options.jpeg_set_out_colorspace(colors));
    }
    let len = decoder.output_buffer_size().unwrap_or_default();
    let mut samples = memory::filled("samples of a picture", len, 0_u8)?;
    let broken = decoder.decode_into(&mut samples).err().map(|error| error.to_string());
    // Cameras leave gaps, which break no picture.
    Ok(broken.filter(|rule| !rule.contains("Extra bytes between headers")))
}

/// Whether the last scan has no end. The picture within the file, which EXIF has, lies before it.
fn is_cut_short(bytes: &[u8]) -> bool {
    let last = |marker: [u8; 2]| bytes.windows(2).rposition(|pair| pair == marker);
    last(END_OF_PICTURE) < last(START_OF_SCAN)
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

    #[test]
    fn one_that_is_cut_short_is_an_error_and_one_without_an_end_is_named() {
        let whole = jpeg();
        let error = found(&whole[..whole.len() / 2]).unwrap_err();
        assert!(error.to_string().contains("a shorter one"), "{error}");
        assert!(found(&whole[..whole.len() - 2]).unwrap().unwrap().why.contains("has no end"));
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
