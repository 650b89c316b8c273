//! Finds out whether a container file was cut short, from the lengths its outermost parts declare.
//!
//! FFmpeg ends a clip quietly where an MP4, Matroska, AVI or GIF file ends too early; this check does not.
//! Sources: ISO/IEC 14496-12 clause 4.2 (boxes), RFC 8794 clause 4 (EBML), the RIFF chunk, the GIF89a specification.

use std::io::{BufReader, Read, Seek, SeekFrom};

use crate::error::{Error, Place, Result};

/// Boxes of an MP4 file without which frames are lost; others may be cut off without harm.
const NEEDED_BOXES: [&[u8; 4]; 4] = [b"ftyp", b"moov", b"moof", b"mdat"];
/// ID of the EBML header and of a Matroska segment.
const EBML_HEADER: u32 = 0x1A45_DFA3;
const MATROSKA_SEGMENT: u32 = 0x1853_8067;

/// A file that ends earlier than its container says.
#[derive(Debug, Clone, Copy)]
pub(super) struct CutShort {
    /// The kind of file.
    what: &'static str,
    /// Where it ends. Units: bytes.
    length: u64,
}

impl CutShort {
    /// What it is to those who cannot go on without the rest.
    pub(super) fn error(self) -> Error {
        Error::Truncated { what: self.what, place: Place::at_offset(self.length) }
    }
}

/// Whether `file` is shorter than its container says. What is no MP4, Matroska, AVI or GIF file passes.
///
/// # Errors
///
/// `Io` where the file cannot be read.
pub(super) fn cut_short(file: &mut (impl Read + Seek)) -> Result<Option<CutShort>> {
    let length = file.seek(SeekFrom::End(0))?;
    let mut head = [0; 12];
    if length < head.len() as u64 {
        return Ok(None);
    }
    file.seek(SeekFrom::Start(0))?;
    file.read_exact(&mut head)?;
    let (what, declared) = match &head {
        [0x1A, 0x45, 0xDF, 0xA3, ..] => ("Matroska or WebM file", matroska_end(file, length)?),
        [b'R', b'I', b'F', b'F', size @ .., b'A', b'V', b'I', b' '] => {
            let size = u32::from_le_bytes([size[0], size[1], size[2], size[3]]);
            ("AVI file", riff_end(size))
        }
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => ("MP4 file", mp4_end(file, length)?),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', _, _, _, _, packed, _] => {
            ("GIF file", gif_end(file, *packed)?)
        }
        _ => return Ok(None),
    };
    Ok(declared.filter(|&end| end > length).map(|_| CutShort { what, length }))
}

/// Bytes that come from front to back, once. Of a Matroska or MP4 file it knows whether all came, and of an MP4 file where its index lies.
#[derive(Default)]
pub(super) struct Arrival {
    /// The first bytes, as many as the headers of a Matroska segment take.
    head: Vec<u8>,
    /// How many came. Units: bytes.
    length: u64,
    boxes: Boxes,
}

/// The outermost boxes of an MP4 file.
#[derive(Default)]
struct Boxes {
    /// Where the next begins.
    next: u64,
    /// Its header, as far as it came.
    header: Vec<u8>,
    /// Where the last ends without which frames are lost.
    needed_end: u64,
    /// Whether there are none, or none that say where they end.
    is_over: bool,
    /// Whether an index (moov, moof) came, and whether pictures (mdat) came before any.
    has_index: bool,
    is_index_late: bool,
}

impl Arrival {
    const HEAD: usize = 1 << 12;

    pub(super) fn add(&mut self, mut bytes: &[u8]) {
        let missing = Self::HEAD - self.head.len();
        self.head.extend_from_slice(&bytes[..missing.min(bytes.len())]);
        while !bytes.is_empty() {
            let skipped = match self.boxes.is_over {
                true => bytes.len(),
                false => self.boxes.next.saturating_sub(self.length).min(bytes.len() as u64) as usize,
            };
            self.length += skipped as u64;
            bytes = &bytes[skipped..];
            if let Some((&byte, rest)) = bytes.split_first().filter(|_| !self.boxes.is_over) {
                self.boxes.add(byte, self.length);
                // Bytes of a header lie before where its box ends.
                self.length += 1;
                bytes = rest;
            }
        }
    }

    /// Whether an MP4 file has its pictures before its index.
    pub(super) fn is_index_late(&self) -> bool {
        self.boxes.is_index_late
    }

    /// Whether what came is shorter than it says.
    pub(super) fn cut_short(&self) -> Option<CutShort> {
        let length = self.length;
        let is_matroska = self.head.starts_with(&EBML_HEADER.to_be_bytes());
        let segment =
            || matroska_end(&mut std::io::Cursor::new(&self.head), self.head.len() as u64).ok().flatten();
        let (what, end) = match is_matroska {
            true => ("Matroska or WebM file", segment()?),
            false => ("MP4 file", self.boxes.needed_end),
        };
        (end > length).then_some(CutShort { what, length })
    }
}

impl Boxes {
    /// Takes a byte of a header, at its place in the file.
    fn add(&mut self, byte: u8, place: u64) {
        self.header.push(byte);
        let Some((kind, size)) = box_header(&self.header) else {
            self.next = place + 1;
            return;
        };
        let start = place + 1 - self.header.len() as u64;
        let is_mp4 = start > 0 || kind == *b"ftyp";
        let is_needed = NEEDED_BOXES.contains(&&kind);
        self.is_over = !is_mp4 || size < self.header.len() as u64;
        self.has_index |= matches!(&kind, b"moov" | b"moof");
        self.is_index_late |= is_mp4 && kind == *b"mdat" && !self.has_index;
        self.next = start.saturating_add(size);
        if is_needed && !self.is_over {
            self.needed_end = self.next;
        }
        self.header.clear();
    }
}

/// Kind and size of a box, whose size may be 0 for all that is left; none where its header is longer than these bytes.
fn box_header(bytes: &[u8]) -> Option<([u8; 4], u64)> {
    let [a, b, c, d, kind @ ..] = *bytes.first_chunk::<8>()?;
    let size = match u32::from_be_bytes([a, b, c, d]) {
        1 => u64::from_be_bytes(*bytes[8..].first_chunk()?),
        size => size.into(),
    };
    Some((kind, size))
}

/// Live recordings leave the size 0 or all ones.
fn riff_end(size: u32) -> Option<u64> {
    (size != 0 && size != u32::MAX).then(|| 8 + u64::from(size))
}

/// Walks the outermost boxes; the end of the first needed one that passes the end of the file.
fn mp4_end(file: &mut (impl Read + Seek), length: u64) -> Result<Option<u64>> {
    let mut start = 0_u64;
    let mut boxes = 0_u64;
    // A box takes 8 bytes or more; nobody writes a million of them at the outermost level.
    while start.saturating_add(8) <= length && boxes < 1 << 20 {
        let mut header = [0; 16];
        let known = (length - start).min(16) as usize;
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut header[..known])?;
        let Some((kind, size)) = box_header(&header) else { return Ok(None) };
        let end = start.saturating_add(size);
        let needed = NEEDED_BOXES.contains(&&kind);
        if size < 8 || (end > length && !needed) {
            return Ok(None);
        }
        if end > length {
            return Ok(Some(end));
        }
        start = end;
        boxes += 1;
    }
    // Less than a header: the start of another box, unless it is padding.
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(start.min(length)))?;
    file.take(8).read_to_end(&mut tail)?;
    let is_cut = tail.len() < 8 && tail.iter().any(|&byte| byte != 0);
    Ok(is_cut.then(|| start.saturating_add(8)))
}

/// End of the segment, where its size is known.
fn matroska_end(file: &mut (impl Read + Seek), length: u64) -> Result<Option<u64>> {
    let mut start = 0_u64;
    for expected in [EBML_HEADER, MATROSKA_SEGMENT] {
        if start.saturating_add(12) > length {
            return Ok(Some(start.saturating_add(12)));
        }
        let mut header = [0; 12];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut header)?;
        if u32::from_be_bytes([header[0], header[1], header[2], header[3]]) != expected {
            return Ok(None);
        }
        let Some((size, bytes)) = ebml_size(&header[4..]) else { return Ok(None) };
        start = start.saturating_add(4 + bytes).saturating_add(size);
    }
    Ok(Some(start))
}

/// Walks the blocks up to the trailer; a place behind the file where one of them is cut. `packed`: flags of the screen.
fn gif_end(file: &mut (impl Read + Seek), packed: u8) -> Result<Option<u64>> {
    file.seek(SeekFrom::Start(13 + gif_colors(packed).unsigned_abs()))?;
    let mut file = BufReader::new(file);
    match skip_blocks(&mut file) {
        Ok(()) => Ok(None),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(Some(u64::MAX)),
        Err(error) => Err(error.into()),
    }
}

/// From the first block of a GIF file to behind its trailer, or to what no reader goes on after.
fn skip_blocks(file: &mut BufReader<impl Read + Seek>) -> std::io::Result<()> {
    fn next(file: &mut impl Read) -> std::io::Result<u8> {
        let mut byte = [0];
        file.read_exact(&mut byte).map(|()| byte[0])
    }
    let mut has_picture = false;
    loop {
        match next(file) {
            // An extension: its kind.
            Ok(0x21) => file.seek_relative(1)?,
            // A picture: its place and flags, its colors, the first size of a code.
            Ok(0x2C) => {
                has_picture = true;
                file.seek_relative(8)?;
                let colors = gif_colors(next(file)?);
                file.seek_relative(colors + 1)?;
            }
            // The trailer, or its lack behind a whole block, which readers do not mind.
            Err(error) if !has_picture => return Err(error),
            _ => return Ok(()),
        }
        // Runs of bytes, of which the last is empty.
        loop {
            match next(file)? {
                0 => break,
                count => file.seek_relative(count.into())?,
            }
        }
    }
}

/// Bytes of the table of colors that flags announce.
fn gif_colors(packed: u8) -> i64 {
    if packed & 0x80 == 0 { 0 } else { 3 << ((packed & 7) + 1) }
}

/// A variable-length size and the bytes it takes; `None` where it is invalid or "unknown".
fn ebml_size(bytes: &[u8]) -> Option<(u64, u64)> {
    let count = bytes.first()?.leading_zeros() as usize + 1;
    let field = bytes.get(..count)?;
    let value = field.iter().fold(0_u64, |value, &byte| (value << 8) | u64::from(byte));
    let mask = (1_u64 << (7 * count)) - 1;
    (value & mask != mask).then_some((value & mask, count as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Cursor;

    fn is_whole(bytes: &[u8]) -> bool {
        cut_short(&mut Cursor::new(bytes)).unwrap().is_none()
    }

    fn mp4() -> Vec<u8> {
        let mut bytes = Vec::new();
        for (name, payload) in [(b"ftyp", 8_u32), (b"mdat", 100), (b"moov", 40)] {
            bytes.extend((payload + 8).to_be_bytes());
            bytes.extend(name);
            bytes.extend(vec![0; payload as usize]);
        }
        bytes
    }

    #[test]
    fn an_mp4_file_cut_inside_a_needed_box_is_truncated() {
        let bytes = mp4();
        assert!(is_whole(&bytes));
        for cut in [12, 15, 20, 50, 130, bytes.len() - 1] {
            assert!(!is_whole(&bytes[..cut]), "cut at {cut}");
        }
        assert!(is_whole(&bytes[..124]), "a missing box is for FFmpeg to find out");
        let mut padded = bytes.clone();
        padded.extend(*b"\0\0\x01\0free");
        assert!(is_whole(&padded), "a cut padding box loses nothing");
    }

    #[test]
    fn a_matroska_file_shorter_than_its_segment_is_truncated() {
        let mut bytes = vec![0x1A, 0x45, 0xDF, 0xA3, 0x82, 1, 2, 0x18, 0x53, 0x80, 0x67, 0x40, 100];
        bytes.extend([7; 100]);
        assert!(is_whole(&bytes));
        assert!(!is_whole(&bytes[..bytes.len() - 1]));
        bytes[11..13].copy_from_slice(&[0x7F, 0xFF]);
        assert!(is_whole(&bytes[..50]), "a size that is unknown cannot be missed");
    }

    #[test]
    fn an_avi_file_shorter_than_its_chunk_is_truncated() {
        let mut bytes = b"RIFF\x20\0\0\0AVI ".to_vec();
        bytes.extend([0; 28]);
        assert!(is_whole(&bytes));
        assert!(!is_whole(&bytes[..39]));
    }

    #[test]
    fn bytes_that_come_once_are_judged_as_a_file_is() {
        let matroska = {
            let mut bytes = vec![0x1A, 0x45, 0xDF, 0xA3, 0x82, 1, 2, 0x18, 0x53, 0x80, 0x67, 0x40, 100];
            bytes.extend([7; 100]);
            bytes
        };
        let mut long = mp4();
        long.extend(*b"\0\0\0\x01mdat\0\0\0\0\0\0\0\x30");
        long.extend([9; 32]);
        for bytes in [mp4(), long, matroska, vec![5; 90]] {
            for cut in 12..=bytes.len() {
                for piece in [1, 7, 1000] {
                    let mut arrival = Arrival::default();
                    bytes[..cut].chunks(piece).for_each(|piece| arrival.add(piece));
                    // The start of another box is no loss that FFmpeg would pass over.
                    let within_header = bytes[4..8] == *b"ftyp"
                        && [20, 36, 128, 176].iter().any(|at| (*at..*at + 16).contains(&cut));
                    assert!(
                        arrival.cut_short().is_none() == is_whole(&bytes[..cut]) || within_header,
                        "{cut} of {} in pieces of {piece}",
                        bytes.len()
                    );
                    assert_eq!(arrival.length, cut as u64);
                }
            }
        }
    }

    #[test]
    fn a_gif_file_that_ends_within_a_block_is_truncated() {
        let mut bytes = b"GIF89a\x02\0\x01\0\x80\0\0".to_vec();
        bytes.extend([0; 6]);
        bytes.extend(b"\x21\xF9\x04\0\0\0\0\0");
        bytes.extend(b"\x2C\0\0\0\0\x02\0\x01\0\0\x02\x02\x44\x51\0");
        bytes.push(0x3B);
        assert!(is_whole(&bytes));
        let trailer = bytes.len() - 1;
        for cut in 13..trailer {
            assert!(!is_whole(&bytes[..cut]), "cut at {cut}");
        }
        assert!(is_whole(&bytes[..trailer]), "some programs write no trailer");
        bytes.extend([0; 7]);
        assert!(is_whole(&bytes), "what lies behind the trailer is not looked at");
    }

    proptest! {
        #[test]
        fn any_bytes_end_in_a_verdict(tail in proptest::collection::vec(any::<u8>(), 0..80), kind in 0..5_usize) {
            let heads: [&[u8]; 5] =
                [b"", b"\x1A\x45\xDF\xA3", b"RIFF", b"\0\0\0\x10ftyp", b"GIF89a\x01\0\x01\0"];
            let mut bytes = heads[kind].to_vec();
            bytes.extend(tail);
            is_whole(&bytes);
        }
    }
}
