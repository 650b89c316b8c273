//! A decoded photo as a PNG or TIFF file.

use std::borrow::Cow;
use std::io::{BufWriter, Write};
use std::path::Path;

use image::{ExtendedColorType, ImageEncoder};
use png::{BitDepth as PngDepth, ColorType};

use super::samples::Interleaved;
use super::{ICC_SPACE, Photo, XMP_KEYWORD};
use crate::error::{Error, Result};
use crate::frame::{Frame, Planes};
use crate::lost::Lost;
use crate::media::AtomicFile;

/// Writes a photo into a `.png`, `.tif` or `.tiff` file, which appears whole or not at all, and names what that cannot hold. Samples of 10
/// bits are stretched to 16, so that white stays white.
///
/// # Errors
///
/// `InvalidArgument` for other endings, `Io`, `OutOfMemory`.
pub fn write_photo(path: &Path, photo: &Photo) -> Result<Vec<Lost>> {
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    match ending.as_str() {
        "png" => write_png(path, photo),
        "tif" | "tiff" => write_tiff(path, photo),
        _ => Err(Error::invalid("output", "a name that ends in .png, .tif or .tiff", path.display())),
    }
}

fn write_png(path: &Path, photo: &Photo) -> Result<Vec<Lost>> {
    let (frame, tags) = (&photo.frame, &photo.tags);
    // A profile of RGB wants RGB.
    let is_gray = is_gray(frame) && matches!(tags.icc.get(ICC_SPACE), None | Some(b"GRAY"));
    let samples = Interleaved::of(frame, photo.alpha.as_ref(), is_gray)?;
    let mut info = png::Info::with_size(frame.width() as u32, frame.height() as u32);
    info.color_type = match (is_gray, photo.alpha.is_some()) {
        (true, false) => ColorType::Grayscale,
        (true, true) => ColorType::GrayscaleAlpha,
        (false, false) => ColorType::Rgb,
        (false, true) => ColorType::Rgba,
    };
    info.bit_depth = if samples.is_deep() { PngDepth::Sixteen } else { PngDepth::Eight };
    info.icc_profile = (!tags.icc.is_empty()).then(|| Cow::Borrowed(&tags.icc[..]));
    info.exif_metadata = (!tags.exif.is_empty()).then(|| Cow::Borrowed(&tags.exif[..]));
    let (mut lost, xmp) = (Vec::new(), std::str::from_utf8(&tags.xmp));
    if xmp.is_err() {
        lost.push(Lost::new("xmp", "it is no UTF-8, which PNG wants"));
    }
    let failed = |error| match error {
        png::EncodingError::IoError(source) => Error::io(path, source),
        error => Error::internal("png", error),
    };
    let bytes = samples.into_bytes(u16::to_be_bytes)?;
    let mut file = AtomicFile::create(path)?;
    let mut buffered = BufWriter::new(&mut file);
    let mut encoder = png::Encoder::with_info(&mut buffered, info).map_err(failed)?;
    encoder.set_compression(png::Compression::Fast);
    if let Ok(xmp) = xmp.map(str::to_owned)
        && !xmp.is_empty()
    {
        encoder.add_itxt_chunk(XMP_KEYWORD.into(), xmp).map_err(failed)?;
    }
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(&bytes).map_err(failed)?;
    writer.finish().map_err(failed)?;
    buffered.flush().map_err(|error| Error::io(path, error))?;
    drop(buffered);
    file.commit()?;
    Ok(lost)
}

fn write_tiff(path: &Path, photo: &Photo) -> Result<Vec<Lost>> {
    let (frame, tags) = (&photo.frame, &photo.tags);
    // A profile of gray wants gray, which is written without opacity alone.
    let has_gray_profile = tags.icc.get(ICC_SPACE) == Some(b"GRAY");
    let as_gray = has_gray_profile && photo.alpha.is_none() && is_gray(frame);
    let samples = Interleaved::of(frame, photo.alpha.as_ref(), as_gray)?;
    let kind = match (as_gray, samples.is_deep(), photo.alpha.is_some()) {
        (true, false, _) => ExtendedColorType::L8,
        (true, true, _) => ExtendedColorType::L16,
        (false, false, false) => ExtendedColorType::Rgb8,
        (false, false, true) => ExtendedColorType::Rgba8,
        (false, true, false) => ExtendedColorType::Rgb16,
        (false, true, true) => ExtendedColorType::Rgba16,
    };
    let mut lost = Vec::new();
    let icc = if has_gray_profile && !as_gray {
        lost.push(Lost::new("profile", "of gray, and the file is RGB; PNG has a place for it"));
        &[]
    } else {
        &tags.icc[..]
    };
    for (what, bytes) in [("exif", &tags.exif), ("xmp", &tags.xmp)] {
        if !bytes.is_empty() {
            lost.push(Lost::new(what, "not written into TIFF files; PNG has a place for it"));
        }
    }
    let bytes = samples.into_bytes(u16::to_ne_bytes)?;
    let mut file = AtomicFile::create(path)?;
    let mut handle = BufWriter::new(file.handle()?);
    let mut encoder = image::codecs::tiff::TiffEncoder::new(&mut handle);
    if !icc.is_empty() {
        encoder.set_icc_profile(icc.to_vec()).map_err(|error| Error::internal("tiff", error))?;
    }
    encoder.write_image(&bytes, frame.width() as u32, frame.height() as u32, kind).map_err(|error| {
        match error {
            image::ImageError::IoError(source) => Error::io(path, source),
            error => Error::internal("tiff", error),
        }
    })?;
    handle.flush().map_err(|error| Error::io(path, error))?;
    drop(handle);
    file.flush().map_err(|error| Error::io(path, error))?;
    file.commit()?;
    Ok(lost)
}

/// Whether red, green and blue are equal everywhere.
pub(crate) fn is_gray(frame: &Frame) -> bool {
    match frame.planes() {
        Planes::U8([red, green, blue]) => red == green && red == blue,
        Planes::U16([red, green, blue]) => red == green && red == blue,
    }
}
