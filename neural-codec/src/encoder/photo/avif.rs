//! An AV1 unit as an AVIF file.

use avif_serialize::Aviffy;
use avif_serialize::constants::MatrixCoefficients;

use crate::base::coded_size;
use crate::bitstream::{PhotoCode, PhotoPacket};
use crate::error::{Error, Result};
use crate::frame::Color;
use crate::lost::Lost;
use crate::memory::Bytes;

/// What an AVIF file cannot hold of a photo of this size, as this library writes it.
pub(super) fn lost(photo: &PhotoPacket) -> Vec<Lost> {
    let mut lost = Vec::new();
    for (what, bytes, why) in [
        (
            "profile",
            &photo.tags.icc,
            "ICC profiles are not written into .avif; players take sRGB; .nvc keeps it",
        ),
        ("xmp", &photo.tags.xmp, "not written into .avif; .nvc keeps it"),
        ("alpha", &photo.alpha, "not written into .avif; .nvc keeps it"),
    ] {
        if !bytes.is_empty() {
            lost.push(Lost::new(what, why));
        }
    }
    let (width, height) = coded_size(photo.width as usize, photo.height as usize);
    if (width as u32, height as u32) != (photo.width, photo.height) {
        let why = format!(
            "{}x{} becomes {width}x{height} in .avif, the last column and row repeated",
            photo.width, photo.height
        );
        lost.push(Lost::new("size", why));
    }
    lost
}

/// The file.
///
/// # Errors
///
/// `Unsupported` for photos that are not AV1, `OutOfMemory`.
pub(super) fn avif_file(photo: &PhotoPacket) -> Result<Vec<u8>> {
    let PhotoCode::Av1 { is_444, depth, matrix, unit } = &photo.code else {
        return Err(Error::Unsupported {
            what: "a photo coded by a network, or in colors of its own, as .avif".into(),
            remedy: "write a .nvc file".into(),
        });
    };
    let (width, height) = coded_size(photo.width as usize, photo.height as usize);
    let mut file = Aviffy::new();
    file.set_full_color_range(true)
        .set_matrix_coefficients(match *matrix {
            Color::BT709 => MatrixCoefficients::Bt709,
            Color::BT2020 => MatrixCoefficients::Bt2020Ncl,
            _ => MatrixCoefficients::Bt601,
        })
        .set_chroma_subsampling((!is_444, !is_444))
        .set_seq_profile(u8::from(*is_444));
    if !photo.tags.exif.is_empty() {
        // With where the TIFF begins before it; left to the writer, that is a piece of its own, which FFmpeg does not read.
        file.set_exif([&[0; 4], &photo.tags.exif[..]].concat());
    }
    let mut bytes = Bytes::default();
    file.write(&mut bytes, unit, None, width as u32, height as u32, depth.bits())?;
    Ok(bytes.0)
}
