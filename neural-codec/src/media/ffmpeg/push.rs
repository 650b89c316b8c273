//! A file read from front to back: notices that the index of an MP4 file comes last, which such a reader cannot use, and counts what
//! comes.

use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::super::container_length::{Arrival, CutShort};
use crate::error::Error;

/// Whether the index was found to lie at the end.
#[derive(Clone, Default)]
pub(super) struct IndexAtEnd(Arc<AtomicBool>);

impl IndexAtEnd {
    /// What to say about it.
    pub(super) fn error(&self) -> Option<Error> {
        self.0.load(Ordering::Relaxed).then(|| Error::Unsupported {
            what: "MP4 file whose index (moov) lies behind its pictures, read from front to back".into(),
            remedy: "give its path, or put the index first with ffmpeg -i INPUT -c copy -movflags +faststart OUTPUT".into(),
        })
    }
}

/// What came so far.
#[derive(Clone, Default)]
pub(super) struct Arrived(Arc<Mutex<Arrival>>);

impl Arrived {
    fn add(&self, bytes: &[u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).add(bytes);
    }

    /// Whether what came is shorter than it says.
    pub(super) fn cut_short(&self) -> Option<CutShort> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).cut_short()
    }
}

/// Bytes of another reader, ended where an MP4 file has its pictures (mdat) before its index (moov).
pub(super) struct IndexFirst<R> {
    input: R,
    found: IndexAtEnd,
    arrived: Arrived,
    /// The header of a box, as far as it is known.
    header: Vec<u8>,
    /// Bytes until the next box; `None` where boxes are no longer followed.
    left: Option<u64>,
    is_first: bool,
}

impl<R: Read> IndexFirst<R> {
    pub(super) fn new(input: R) -> (Self, IndexAtEnd, Arrived) {
        let (found, arrived) = (IndexAtEnd::default(), Arrived::default());
        let (header, left) = (Vec::new(), Some(0));
        let reader =
            Self { input, found: found.clone(), arrived: arrived.clone(), header, left, is_first: true };
        (reader, found, arrived)
    }

    /// Follows the outermost boxes; true where the index is known to come too late.
    fn follow(&mut self, mut bytes: &[u8]) -> bool {
        while let Some(left) = self.left {
            let step = left.min(bytes.len() as u64);
            bytes = &bytes[step as usize..];
            self.left = Some(left - step);
            let missing = 16 - self.header.len();
            if bytes.is_empty() || left > step {
                return false;
            }
            let take = missing.min(bytes.len());
            self.header.extend_from_slice(&bytes[..take]);
            let Some(header) = self.header.first_chunk::<16>() else { return false };
            let size = u64::from(u32::from_be_bytes([header[0], header[1], header[2], header[3]]));
            let kind = [header[4], header[5], header[6], header[7]];
            if std::mem::take(&mut self.is_first) && kind != *b"ftyp" {
                self.left = None;
                return false;
            }
            if kind == *b"mdat" {
                return true;
            }
            let long = u64::from_be_bytes(std::array::from_fn(|at| header[8 + at]));
            let size = if size == 1 { long } else { size };
            if kind == *b"moov" || kind == *b"moof" || size < 8 {
                self.left = None;
                return false;
            }
            // The header's bytes that were taken are part of the box, and in a box of 8 bytes of the next.
            let known = self.header.split_off(usize::try_from(size).unwrap_or(usize::MAX).min(16));
            self.header = known;
            self.left = Some(size.saturating_sub(16));
            bytes = &bytes[take..];
            if size < 16 {
                self.left = Some(0);
            }
        }
        false
    }
}

impl<R: Read> Read for IndexFirst<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.found.0.load(Ordering::Relaxed) {
            return Ok(0);
        }
        let count = self.input.read(buffer)?;
        self.arrived.add(&buffer[..count]);
        if self.follow(&buffer[..count]) {
            self.found.0.store(true, Ordering::Relaxed);
            return Ok(0);
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxes(list: &[(&[u8; 4], u32)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (kind, payload) in list {
            bytes.extend((payload + 8).to_be_bytes());
            bytes.extend(*kind);
            bytes.extend(vec![0xAA; *payload as usize]);
        }
        bytes
    }

    /// Whether reading in pieces of a size finds the index at the end.
    fn is_late(bytes: &[u8], piece: usize) -> bool {
        let (mut reader, found, _) = IndexFirst::new(bytes);
        let mut buffer = vec![0; piece];
        while reader.read(&mut buffer).unwrap() > 0 {}
        found.error().is_some()
    }

    #[test]
    fn an_index_behind_the_pictures_is_noticed_whatever_the_pieces() {
        for piece in [1, 3, 7, 8, 16, 1000] {
            assert!(
                is_late(&boxes(&[(b"ftyp", 20), (b"free", 0), (b"mdat", 50), (b"moov", 30)]), piece),
                "{piece}"
            );
            assert!(!is_late(&boxes(&[(b"ftyp", 20), (b"moov", 30), (b"mdat", 50)]), piece));
            assert!(!is_late(&boxes(&[(b"free", 0), (b"mdat", 50), (b"moov", 30)]), piece), "no MP4");
            assert!(!is_late(b"\x1A\x45\xDF\xA3 Matroska, of more than sixteen bytes", piece));
        }
    }
}
