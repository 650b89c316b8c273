//! A picture file as a photo.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek};
use std::path::Path;

use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ExtendedColorType, ImageDecoder, ImageReader};

use super::samples::{Samples, lost_bits, ten_bits};
use super::{Alpha, ICC_SPACE, Photo, extras};
use crate::bitstream::PhotoTags;
use crate::error::{Error, Result};
use crate::frame::{Frame, Plane, check_size, from_rgb8_interleaved, from_rgb10_interleaved};
use crate::lost::Lost;
use crate::media::jpeg_damage::damage_of;
use crate::media::pages;
use crate::media::picture_file::{limits, picture_error};
use crate::media::sniff::{self, FileKind};
use crate::memory;

/// Where an ICC profile has its signature.
const ICC_SIGNATURE: std::ops::Range<usize> = 36..40;

/// Whether a file is one picture: PNG, JPEG, BMP, TIFF or WebP that neither moves nor has pages.
pub fn is_photo(path: &Path) -> bool {
    match sniff::identify(path) {
        Ok(FileKind::Pictures(files)) => {
            files == [path] && pages::of(path).is_ok_and(|pages| pages.len() < 2)
        }
        // Those that move are told apart there.
        Ok(FileKind::Container) => head(path).is_ok_and(|head| is_webp(&head)),
        _ => false,
    }
}

fn is_webp(head: &[u8]) -> bool {
    head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP")
}

fn head(path: &Path) -> Result<Vec<u8>> {
    let file = File::open(path).map_err(|error| Error::io(path, error))?;
    let mut head = Vec::new();
    file.take(16).read_to_end(&mut head).map_err(|error| Error::io(path, error))?;
    Ok(head)
}

/// Reads a picture file: upright, with alpha, profile, EXIF and XMP. Gray becomes equal red, green and blue, 16 bits become 10.
///
/// # Errors
///
/// `Io`, `Corrupt`, `LimitExceeded`, `Unsupported` for kinds that are not read, `OutOfMemory`.
pub fn read_photo(path: &Path) -> Result<Photo> {
    let file = File::open(path).map_err(|error| Error::io(path, error))?;
    let mut photo = read(path, BufReader::new(file))?;
    photo.lost.extend(damage_of(path)?);
    photo.lost.extend(lost_beside(path)?);
    Ok(photo)
}

/// What a picture file has beside the picture, ICC, EXIF and XMP, named as lost.
///
/// # Errors
///
/// `Io`.
pub(in super::super) fn lost_beside(path: &Path) -> Result<Vec<Lost>> {
    Ok(extras::lost(path, &head(path)?))
}

fn read(path: &Path, mut file: impl BufRead + Seek) -> Result<Photo> {
    let failed = |error| picture_error(path, error);
    let is_multiplied = extras::is_multiplied_by_alpha(&mut file).map_err(|error| Error::io(path, error))?;
    let mut reader = ImageReader::new(file).with_guessed_format().map_err(|e| Error::io(path, e))?;
    reader.limits(limits());
    let mut decoder = reader.into_decoder().map_err(failed)?;
    let (width, height) = decoder.dimensions();
    check_size(width as usize, height as usize)?;
    let mut lost = Vec::new();
    let orientation = decoder.orientation().map_err(failed)?;
    let mut tags = PhotoTags {
        icc: decoder.icc_profile().map_err(failed)?.unwrap_or_default(),
        exif: decoder.exif_metadata().map_err(failed)?.unwrap_or_default(),
        xmp: decoder.xmp_metadata().map_err(failed)?.unwrap_or_default(),
    };
    let is_cmyk =
        matches!(decoder.original_color_type(), ExtendedColorType::Cmyk8 | ExtendedColorType::Cmyk16);
    if decoder.iptc_metadata().map_err(failed)?.is_some() {
        lost.push(Lost::new("iptc", "IPTC has no place"));
    }
    check_profile(&mut tags, is_cmyk, &mut lost);
    check_exif(&mut tags, &mut lost);
    turn_tags(&mut tags, orientation);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(failed)?;
    if is_multiplied {
        divide_by_alpha(&mut picture);
    }
    picture.apply_orientation(orientation);
    let alpha = alpha_of(&picture)?;
    let alpha = alpha.filter(|alpha| !alpha.is_opaque());
    Ok(Photo { frame: frame_of(picture, &mut lost)?, alpha, tags, lost })
}

/// Leaves out a profile of other colors than those that the samples have.
fn check_profile(tags: &mut PhotoTags, is_cmyk: bool, lost: &mut Vec<Lost>) {
    if tags.icc.is_empty() {
        if is_cmyk {
            lost.push(extras::lost_cmyk());
        }
        return;
    }
    let is_of_samples = matches!(tags.icc.get(ICC_SPACE), Some(b"RGB " | b"GRAY"));
    let is_cmyk = is_cmyk || tags.icc.get(ICC_SPACE) == Some(b"CMYK");
    if is_cmyk || !is_of_samples || tags.icc.get(ICC_SIGNATURE) != Some(b"acsp") {
        tags.icc.clear();
        let why =
            if is_cmyk { "of CMYK, which became RGB without it" } else { "not of RGB or gray, or damaged" };
        lost.push(Lost::new("profile", why));
    }
}

/// Has EXIF begin with its TIFF header, and leaves it out where it has none.
fn check_exif(tags: &mut PhotoTags, lost: &mut Vec<Lost>) {
    if let Some(rest) = tags.exif.strip_prefix(b"Exif\0\0") {
        tags.exif = rest.to_vec();
    }
    let is_tiff = matches!(&tags.exif[..], [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..]);
    if !tags.exif.is_empty() && !is_tiff {
        tags.exif.clear();
        lost.push(Lost::new("exif", "damaged: it does not begin as TIFF does"));
    }
}

/// Says in EXIF and XMP that the picture is upright.
fn turn_tags(tags: &mut PhotoTags, orientation: Orientation) {
    if orientation == Orientation::NoTransforms {
        return;
    }
    // What it was is known.
    let _ = Orientation::remove_from_exif_chunk(&mut tags.exif);
    for (before, after) in [(&b"tiff:Orientation=\""[..], b'"'), (b"<tiff:Orientation>", b'<')] {
        let Some(at) = tags.xmp.windows(before.len()).position(|found| found == before) else { continue };
        let at = at + before.len();
        if tags.xmp.get(at + 1) == Some(&after) {
            tags.xmp[at] = b'1';
        }
    }
}

/// Divides samples by the opacity that they were multiplied with.
fn divide_by_alpha(picture: &mut DynamicImage) {
    fn divide<T: Copy + Into<u64> + TryFrom<u64>>(samples: &mut [T], channels: usize, most: u64) {
        for pixel in samples.chunks_exact_mut(channels) {
            let Some((alpha, colors)) = pixel.split_last_mut() else { continue };
            let alpha: u64 = (*alpha).into();
            for color in colors.iter_mut().filter(|_| alpha > 0) {
                let straight = (Into::<u64>::into(*color) * most + alpha / 2) / alpha;
                *color = T::try_from(straight.min(most)).unwrap_or(*color);
            }
        }
    }
    match picture {
        DynamicImage::ImageLumaA8(p) => divide(p, 2, 255),
        DynamicImage::ImageRgba8(p) => divide(p, 4, 255),
        DynamicImage::ImageLumaA16(p) => divide(p, 2, 65535),
        DynamicImage::ImageRgba16(p) => divide(p, 4, 65535),
        _ => {}
    }
}

/// How opaque the picture is, where it says.
pub(in super::super) fn alpha_of(picture: &DynamicImage) -> Result<Option<Alpha>> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let count = width * height;
    fn every<T: Copy>(samples: &[T], channels: usize, count: usize) -> Result<Vec<T>> {
        let mut plane = memory::reserved("alpha", count)?;
        plane.extend(samples.chunks_exact(channels).map(|pixel| pixel[channels - 1]));
        Ok(plane)
    }
    let samples = match picture {
        DynamicImage::ImageLumaA8(p) => Some(Samples::Eight(every(p, 2, count)?)),
        DynamicImage::ImageRgba8(p) => Some(Samples::Eight(every(p, 4, count)?)),
        DynamicImage::ImageLumaA16(p) => Some(Samples::Sixteen(every(p, 2, count)?)),
        DynamicImage::ImageRgba16(p) => Some(Samples::Sixteen(every(p, 4, count)?)),
        DynamicImage::ImageRgba32F(p) => {
            let mut plane = memory::reserved("alpha", count)?;
            plane.extend(p.chunks_exact(4).map(|pixel| (pixel[3].clamp(0.0, 1.0) * 65535.0).round() as u16));
            Some(Samples::Sixteen(plane))
        }
        _ => None,
    };
    let plane = samples.map(|samples| match samples {
        Samples::Eight(samples) => Plane::from_samples(width, height, samples).map(Alpha::Eight),
        Samples::Sixteen(samples) => Plane::from_samples(width, height, samples).map(Alpha::Sixteen),
    });
    plane.transpose()
}

/// The samples as RGB at 8 or 10 bits.
fn frame_of(picture: DynamicImage, lost: &mut Vec<Lost>) -> Result<Frame> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let is_deep = match picture.color() {
        ColorType::L8 | ColorType::La8 | ColorType::Rgb8 | ColorType::Rgba8 => false,
        ColorType::Rgb32F | ColorType::Rgba32F => {
            lost.push(Lost::new(
                "bits",
                "samples of 32 bits, floating point, become 10 bits, clipped to 0 and 1",
            ));
            true
        }
        _ => {
            lost.push(lost_bits());
            true
        }
    };
    if !is_deep {
        return from_rgb8_interleaved(&picture.into_rgb8(), width, height);
    }
    let mut samples = picture.into_rgb16().into_raw();
    samples.iter_mut().for_each(|sample| *sample = ten_bits(*sample));
    from_rgb10_interleaved(&samples, width, height)
}
