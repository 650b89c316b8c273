//! The part of the coded pictures that a container says is shown: Matroska's `PixelCrop` elements, MP4's clean aperture.
//!
//! FFmpeg gives it to its callers from version 7.1 on. Until those are everywhere, headers are walked here, none inside the coded data. Sources: RFC 9559 clause 5.1.4.1.28 (Matroska's video element), RFC 8794 (EBML), ISO/IEC 14496-12
//! clauses 4.2 and 12.1.4 (boxes, `clap`).

use std::io::{self, Read, Seek, SeekFrom};

use super::headers::{Headers, Part};
use crate::error::Result;
use crate::frame::{Frame, PixelFormat, Rational, crop_at};

/// Bytes of a visual sample entry before the boxes inside it, its own header left out.
const SAMPLE_ENTRY_BYTES: u64 = 78;

/// What lies outside of the shown part of a picture, before it is turned upright. Units: pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct DeclaredCrop {
    pub(super) left: u64,
    pub(super) top: u64,
    pub(super) right: u64,
    pub(super) bottom: u64,
    /// Whether the size at which the container has pictures shown is that of the shown part.
    pub(super) has_display_size: bool,
}

/// What the `track`-th video track of `file` says, counted from 0; `None` where it says nothing, or nothing that can be read.
pub(super) fn declared_crop(file: &mut (impl Read + Seek), track: usize) -> Option<DeclaredCrop> {
    let mut headers = Headers::new(file);
    let end = headers.end().ok()?;
    let start = headers.bytes::<8>(0).ok()?;
    let found = match start {
        [0x1A, 0x45, 0xDF, 0xA3, ..] => headers.matroska(end, track),
        [_, _, _, _, b'f', b't', b'y', b'p'] | [_, _, _, _, b'm', b'o', b'o', b'v'] => {
            headers.mp4(end, track)
        }
        _ => Ok(None),
    };
    found.ok().flatten()
}

/// The part of each decoded picture that is given on. Units: pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ShownPart {
    left: usize,
    top: usize,
    pub(super) width: usize,
    pub(super) height: usize,
    has_display_size: bool,
}

impl ShownPart {
    /// What a container declares, of pictures of a size; `None` where nothing would be left. It begins at a whole sample of chroma, up
    /// to one column or row earlier than declared.
    pub(super) fn new(
        declared: &DeclaredCrop,
        (width, height): (usize, usize),
        format: PixelFormat,
    ) -> Option<Self> {
        let (across, down) = format.chroma_size(2, 2);
        let part = |side: usize, before: u64, after: u64, step: usize| {
            let before = usize::try_from(before).ok()?;
            let end = side.checked_sub(usize::try_from(after).ok()?)?;
            let before = before - before % step;
            (before < end).then(|| (before, end - before))
        };
        let (left, width) = part(width, declared.left, declared.right, 2 / across)?;
        let (top, height) = part(height, declared.top, declared.bottom, 2 / down)?;
        Some(Self { left, top, width, height, has_display_size: declared.has_display_size })
    }

    /// The pixel aspect, where FFmpeg found `aspect` by comparing the size for display with that of whole pictures.
    pub(super) fn aspect(&self, aspect: Rational, (width, height): (usize, usize)) -> Rational {
        if !self.has_display_size {
            return aspect;
        }
        let num = u128::from(aspect.num) * width as u128 * self.height as u128;
        let den = u128::from(aspect.den) * height as u128 * self.width as u128;
        let (mut a, mut b) = (num, den);
        while b > 0 {
            (a, b) = (b, a % b);
        }
        match (u32::try_from(num / a.max(1)), u32::try_from(den / a.max(1))) {
            (Ok(num), Ok(den)) if num > 0 && den > 0 => Rational { num, den },
            _ => aspect,
        }
    }

    /// # Errors
    ///
    /// As [`crop_at`].
    pub(super) fn of(&self, frame: &Frame) -> Result<Frame> {
        crop_at(frame, (self.left, self.top), (self.width, self.height))
    }
}

impl<F: Read + Seek> Headers<'_, F> {
    fn mp4(&mut self, end: u64, track: usize) -> io::Result<Option<DeclaredCrop>> {
        let whole = Part { name: 0, start: 0, end };
        let Some(index) = self.inner(whole, &[b"moov"])? else { return Ok(None) };
        let mut videos = 0;
        for part in self.boxes(index.start, index.end)? {
            if part.name != u32::from_be_bytes(*b"trak") {
                continue;
            }
            let Some(handler) = self.inner(part, &[b"mdia", b"hdlr"])? else { continue };
            if self.bytes::<4>(handler.start + 8)? != *b"vide" {
                continue;
            }
            if videos < track {
                videos += 1;
                continue;
            }
            let Some(list) = self.inner(part, &[b"mdia", b"minf", b"stbl", b"stsd"])? else {
                return Ok(None);
            };
            let Some(&entry) = self.boxes(list.start + 8, list.end)?.first() else { return Ok(None) };
            let size: [u8; 4] = self.bytes(entry.start + 24)?;
            let inside = Part { start: entry.start + SAMPLE_ENTRY_BYTES, ..entry };
            let Some(aperture) = self.inner(inside, &[b"clap"])? else { return Ok(None) };
            let bytes: [u8; 32] = self.bytes(aperture.start)?;
            let number = |index: usize| {
                let at = 4 * index;
                i64::from(i32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]))
            };
            let side = |high: u8, low: u8| i64::from(u16::from_be_bytes([high, low]));
            let horizontal = cut_off(side(size[0], size[1]), [0, 1, 4, 5].map(number));
            let vertical = cut_off(side(size[2], size[3]), [2, 3, 6, 7].map(number));
            return Ok(horizontal.zip(vertical).map(|((left, right), (top, bottom))| DeclaredCrop {
                left,
                top,
                right,
                bottom,
                has_display_size: false,
            }));
        }
        Ok(None)
    }

    fn elements(&mut self, start: u64, end: u64) -> io::Result<Vec<Part>> {
        self.parts((start, end), |headers, at, end| {
            let mut field = [0; 12];
            let known = (end - at).min(12) as usize;
            headers.file.seek(SeekFrom::Start(at))?;
            headers.file.read_exact(&mut field[..known])?;
            let width = field[0].leading_zeros() as usize + 1;
            if width > 4 || width >= known {
                return Ok(None);
            }
            let name = field[..width].iter().fold(0, |name, &byte| (name << 8) | u32::from(byte));
            let bytes = field[width].leading_zeros() as usize + 1;
            if bytes > 8 || width + bytes > known {
                return Ok(None);
            }
            let all =
                field[width..width + bytes].iter().fold(0_u64, |value, &byte| (value << 8) | u64::from(byte));
            let mask = (1_u64 << (7 * bytes)) - 1;
            let start = at + (width + bytes) as u64;
            // A size of all ones is not known: to the end.
            let size = if all & mask == mask { end - start } else { all & mask };
            Ok(Some(Part { name, start, end: start.saturating_add(size).min(end) }))
        })
    }

    fn number_of(&mut self, part: Part) -> io::Result<u64> {
        self.number(part.start, part.end)
    }

    fn matroska(&mut self, end: u64, track: usize) -> io::Result<Option<DeclaredCrop>> {
        let Some(segment) = self.elements(0, end)?.into_iter().find(|part| part.name == 0x1853_8067) else {
            return Ok(None);
        };
        let tracks = self.elements(segment.start, segment.end)?.into_iter();
        let mut videos = 0;
        for tracks in tracks.filter(|part| part.name == 0x1654_AE6B) {
            for entry in self.elements(tracks.start, tracks.end)?.into_iter().filter(|part| part.name == 0xAE)
            {
                let fields = self.elements(entry.start, entry.end)?;
                let video = fields.iter().find(|part| part.name == 0xE0);
                let kind = fields.iter().find(|part| part.name == 0x83);
                let (Some(&video), Some(&kind)) = (video, kind) else { continue };
                if self.number_of(kind)? != 1 {
                    continue;
                }
                if videos < track {
                    videos += 1;
                    continue;
                }
                let mut crop = DeclaredCrop::default();
                let mut unit = 0;
                for field in self.elements(video.start, video.end)? {
                    match field.name {
                        0x54AA => crop.bottom = self.number_of(field)?,
                        0x54BB => crop.top = self.number_of(field)?,
                        0x54CC => crop.left = self.number_of(field)?,
                        0x54DD => crop.right = self.number_of(field)?,
                        0x54B0 => crop.has_display_size = true,
                        0x54B2 => unit = self.number_of(field)?,
                        _ => {}
                    }
                }
                // 4 is "unknown".
                crop.has_display_size &= unit < 4;
                let is_cropped = [crop.left, crop.top, crop.right, crop.bottom].iter().any(|&side| side > 0);
                return Ok(is_cropped.then_some(crop));
            }
        }
        Ok(None)
    }
}

/// What a clean aperture leaves out before and after it, of `side` pixels: its size and the offset of its center from that of the
/// picture, both as fractions; `None` where it is no part of the picture, or all of it.
fn cut_off(side: i64, [size, per_size, offset, per_offset]: [i64; 4]) -> Option<(u64, u64)> {
    if size <= 0 || per_size <= 0 || per_offset <= 0 {
        return None;
    }
    let size = size as f64 / per_size as f64;
    let before = ((side as f64 - size) / 2.0 + offset as f64 / per_offset as f64).round();
    let after = side as f64 - size.round() - before;
    (before >= 0.0 && after >= 0.0).then_some((before as u64, after as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Cursor;

    fn named(name: &[u8; 4], payload: &[u8]) -> Vec<u8> {
        [&(payload.len() as u32 + 8).to_be_bytes()[..], name, payload].concat()
    }

    fn track(handler: &[u8; 4], aperture: Option<[i32; 8]>) -> Vec<u8> {
        let mut entry = vec![0; SAMPLE_ENTRY_BYTES as usize];
        entry[24..28].copy_from_slice(&[0, 100, 0, 80]);
        if let Some(numbers) = aperture {
            entry.extend(named(b"clap", &numbers.map(i32::to_be_bytes).concat()));
        }
        let list = named(b"stsd", &[&[0; 8][..], &named(b"avc1", &entry)].concat());
        let media = [
            named(b"hdlr", &[&[0; 8][..], handler, &[0; 12]].concat()),
            named(b"minf", &named(b"stbl", &list)),
        ];
        named(b"trak", &named(b"mdia", &media.concat()))
    }

    fn mp4(tracks: &[Vec<u8>]) -> Vec<u8> {
        [named(b"ftyp", b"isom\0\0\0\0"), named(b"mdat", &[7; 50]), named(b"moov", &tracks.concat())].concat()
    }

    #[test]
    fn a_clean_aperture_lies_about_its_center() {
        let sound = track(b"soun", None);
        // 80 of 100 wide, centered; 60 of 80 high, its center 4 rows lower.
        let video = track(b"vide", Some([80, 1, 60, 1, 0, 1, 4, 1]));
        let found = declared_crop(&mut Cursor::new(mp4(&[sound.clone(), video.clone()])), 0);
        let expected = DeclaredCrop { left: 10, top: 14, right: 10, bottom: 6, has_display_size: false };
        assert_eq!(found, Some(expected));
        let plain = track(b"vide", None);
        assert_eq!(declared_crop(&mut Cursor::new(mp4(&[plain.clone(), video])), 1), Some(expected));
        assert_eq!(declared_crop(&mut Cursor::new(mp4(&[plain])), 0), None);
        let outside = track(b"vide", Some([80, 1, 60, 1, 30, 1, 0, 1]));
        assert_eq!(declared_crop(&mut Cursor::new(mp4(&[outside])), 0), None);
    }

    proptest! {
        #[test]
        fn any_bytes_end_in_an_answer(tail in proptest::collection::vec(any::<u8>(), 0..200), kind in 0..3_usize) {
            let heads: [&[u8]; 3] = [b"", b"\x1A\x45\xDF\xA3\x80\x18\x53\x80\x67\xFF\x16\x54\xAE\x6B\xFF\xAE\xFF", b"\0\0\0\x08ftyp\0\0\0\0moov"];
            declared_crop(&mut Cursor::new([heads[kind], &tail].concat()), 0);
        }

        #[test]
        fn changed_bytes_end_in_an_answer(at in 0..400_usize, value: u8) {
            let mut bytes = mp4(&[track(b"vide", Some([80, 1, 60, 1, 0, 1, 4, 1]))]);
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
            declared_crop(&mut Cursor::new(bytes), 0);
        }
    }
}
