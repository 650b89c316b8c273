//! What a picture file of boxes (AVIF, HEIF) holds beside its samples, of which FFmpeg says nothing: found, so that it can be named as lost.
//!
//! Sources: ISO/IEC 14496-12 clause 8.11 (`meta`, `iinf`), ISO/IEC 23008-12 clause 6.5 (`irot`, `imir`, `colr`, `auxC`) and 6.6.2 (`grid`).

use std::io::{self, Read, Seek};

use super::headers::{Headers, Part};
use crate::error::{Error, Result};

/// Bytes of the version and flags that some boxes begin with.
const FULL_BOX: u64 = 4;

/// What `auxC` says of alpha: in AVIF, and in HEIC (ISO/IEC 23008-12 clause 6.5.8, and for HEVC its annex B).
const ALPHA: [&[u8]; 2] = [b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0", b"urn:mpeg:hevc:2015:auxid:1\0"];

/// The type of an item of XMP (ISO/IEC 23008-12 annex A.3).
const XMP: &[u8] = b"application/rdf+xml\0";

/// What the items of a picture file say that has no place in a clip: what is lost, and why. Nothing for files of another kind, and for what
/// cannot be read. `is_upright`: whether the pictures come as they are stored.
///
/// # Errors
///
/// `Unsupported` for a picture that is put together from several.
pub(super) fn lost_of_items(
    file: &mut (impl Read + Seek),
    is_upright: bool,
) -> Result<Vec<(&'static str, &'static str)>> {
    let Ok(items) = Items::read(file) else { return Ok(Vec::new()) };
    if items.is_grid {
        return Err(Error::Unsupported {
            what: "a picture that is put together from tiles".into(),
            remedy: "convert it to PNG first".into(),
        });
    }
    let found = [
        (
            items.is_turned && is_upright,
            ("orientation", "how the picture is to be turned has no place in a clip"),
        ),
        (items.has_alpha, ("alpha", "the alpha of the picture has no place in a clip")),
        (items.has_profile, ("profile", "the ICC profile of the picture has no place in a clip")),
        (items.has_exif, ("exif", "the EXIF of the picture has no place in a clip")),
        (items.has_xmp, ("xmp", "the XMP of the picture has no place in a clip")),
    ];
    Ok(found.into_iter().filter_map(|(is_there, lost)| is_there.then_some(lost)).collect())
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Items {
    is_grid: bool,
    is_turned: bool,
    has_alpha: bool,
    has_profile: bool,
    has_exif: bool,
    has_xmp: bool,
}

impl Items {
    fn read(file: &mut (impl Read + Seek)) -> io::Result<Self> {
        let mut found = Self::default();
        let mut headers = Headers::new(file);
        let end = headers.end()?;
        let whole = Part { name: 0, start: 0, end };
        // Where there is an index of frames, FFmpeg reads those.
        if headers.bytes::<8>(0)?[4..] != *b"ftyp" || headers.inner(whole, &[b"moov"])?.is_some() {
            return Ok(found);
        }
        let Some(meta) = headers.inner(whole, &[b"meta"])? else { return Ok(found) };
        let meta = Part { start: meta.start + FULL_BOX, ..meta };
        if let Some(items) = headers.inner(meta, &[b"iinf"])? {
            // Its version says how long the count is.
            let count = if headers.bytes::<1>(items.start)? == [0] { 2 } else { 4 };
            let primary = headers.primary(meta)?;
            for item in headers.boxes(items.start + FULL_BOX + count, items.end)? {
                // Version 2 has numbers of 16 bits, version 3 of 32; two bytes on protection follow.
                let width = if headers.bytes::<1>(item.start)? == [3] { 4 } else { 2 };
                let number = item.start + FULL_BOX;
                let kind = number + width + 2;
                match &headers.bytes::<4>(kind)? {
                    b"grid" | b"iovl" => {
                        found.is_grid |= primary == Some(headers.number(number, number + width)?);
                    }
                    b"Exif" => found.has_exif = true,
                    // A name, which is mostly empty, is before the type.
                    b"mime" => {
                        let texts = headers.text_of(kind + 4, item.end)?;
                        found.has_xmp |= texts.windows(XMP.len()).any(|text| text == XMP);
                    }
                    _ => {}
                }
            }
        }
        let Some(properties) = headers.inner(meta, &[b"iprp", b"ipco"])? else { return Ok(found) };
        for property in headers.boxes(properties.start, properties.end)? {
            match &property.name.to_be_bytes() {
                b"irot" => found.is_turned |= headers.bytes::<1>(property.start)?[0] & 3 != 0,
                b"imir" => found.is_turned = true,
                b"colr" => {
                    found.has_profile |= matches!(&headers.bytes::<4>(property.start)?, b"prof" | b"rICC");
                }
                b"auxC" => {
                    let kind = headers.text_of(property.start + FULL_BOX, property.end)?;
                    found.has_alpha |= ALPHA.iter().any(|alpha| kind.starts_with(alpha));
                }
                _ => {}
            }
        }
        Ok(found)
    }
}

impl<F: Read + Seek> Headers<'_, F> {
    /// The number of the item that is the picture.
    fn primary(&mut self, meta: Part) -> io::Result<Option<u64>> {
        let Some(primary) = self.inner(meta, &[b"pitm"])? else { return Ok(None) };
        let (number, width) =
            (primary.start + FULL_BOX, if self.bytes::<1>(primary.start)? == [0] { 2 } else { 4 });
        self.number(number, number + width).map(Some)
    }

    /// The bytes up to a place, or as many as names take.
    fn text_of(&mut self, start: u64, end: u64) -> io::Result<Vec<u8>> {
        (start..end.min(start + 100)).map(|at| self.bytes::<1>(at).map(|[byte]| byte)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn boxed(name: &[u8; 4], payload: &[u8]) -> Vec<u8> {
        [&(payload.len() as u32 + 8).to_be_bytes()[..], name, payload].concat()
    }

    /// A file with items of these kinds, numbered from 1, of which the first is the picture, and these properties.
    fn file(kinds: &[&[u8]], properties: &[(&[u8; 4], &[u8])]) -> Cursor<Vec<u8>> {
        let item = |(number, kind): (u8, &&[u8])| {
            boxed(b"infe", &[&[2, 0, 0, 0, 0, number, 0, 0][..], kind, &[0]].concat())
        };
        let items: Vec<u8> = (1..).zip(kinds).flat_map(item).collect();
        let count = (kinds.len() as u16).to_be_bytes();
        let items = boxed(b"iinf", &[&[0; 4][..], &count, &items].concat());
        let primary = boxed(b"pitm", &[0, 0, 0, 0, 0, 1]);
        let properties: Vec<u8> =
            properties.iter().flat_map(|(name, payload)| boxed(name, payload)).collect();
        let properties = boxed(b"iprp", &boxed(b"ipco", &properties));
        let meta = boxed(b"meta", &[&[0; 4][..], &primary, &items, &properties].concat());
        Cursor::new([boxed(b"ftyp", b"avif\0\0\0\0"), meta, boxed(b"mdat", &[7; 20])].concat())
    }

    fn lost(kinds: &[&[u8]], properties: &[(&[u8; 4], &[u8])]) -> Vec<&'static str> {
        lost_of_items(&mut file(kinds, properties), true).unwrap().into_iter().map(|(what, _)| what).collect()
    }

    #[test]
    fn what_a_picture_has_beside_its_samples_is_named() {
        let plain: [(&[u8; 4], &[u8]); 2] = [(b"irot", &[0]), (b"colr", b"nclx\0\x01\0\x0d\0\x06\x80")];
        assert_eq!(lost(&[b"av01", b"mime\0text/plain\0"], &plain), [""; 0]);
        for alpha in ALPHA {
            assert_eq!(lost(&[b"av01", b"av01"], &[(b"auxC", &[&[0; 4], alpha].concat())]), ["alpha"]);
        }
        let all: [(&[u8; 4], &[u8]); 2] = [(b"colr", b"profXXXX"), (b"irot", &[3])];
        let kinds: [&[u8]; 3] = [b"av01", b"Exif", b"mime\0application/rdf+xml\0"];
        assert_eq!(lost(&kinds, &all), ["orientation", "profile", "exif", "xmp"]);
        assert_eq!(lost_of_items(&mut file(&[b"av01"], &[(b"imir", &[1])]), false).unwrap(), []);
    }

    #[test]
    fn a_picture_of_tiles_is_refused_and_one_beside_it_is_not() {
        let error = lost_of_items(&mut file(&[b"grid", b"av01"], &[]), true).unwrap_err();
        assert!(error.to_string().contains("tiles"), "{error}");
        assert_eq!(lost(&[b"av01", b"grid"], &[]), [""; 0]);
    }

    #[test]
    fn other_files_and_cut_ones_have_nothing_to_name() {
        let whole = file(&[b"av01", b"Exif"], &[(b"imir", &[1])]).into_inner();
        for cut in 0..whole.len() {
            lost_of_items(&mut Cursor::new(&whole[..cut]), true).unwrap();
        }
        assert_eq!(lost_of_items(&mut Cursor::new([5; 90]), true).unwrap(), []);
    }
}
