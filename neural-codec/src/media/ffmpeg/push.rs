//! A file read from front to back: what is known once its bytes have passed.

use std::io::{self, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::super::container_length::{Arrival, CutShort};
use crate::error::Error;

/// What came so far.
#[derive(Clone, Default)]
pub(super) struct Arrived(Arc<Mutex<Arrival>>);

impl Arrived {
    fn arrival(&self) -> MutexGuard<'_, Arrival> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What to say of an MP4 file whose index comes last, which such a reader cannot use.
    pub(super) fn index_at_end(&self) -> Option<Error> {
        self.arrival().is_index_late().then(|| Error::Unsupported {
            what: "MP4 file whose index (moov) lies behind its pictures, read from front to back".into(),
            remedy: "give its path, or put the index first with ffmpeg -i INPUT -c copy -movflags +faststart OUTPUT".into(),
        })
    }

    /// Whether what came is shorter than it says.
    pub(super) fn cut_short(&self) -> Option<CutShort> {
        self.arrival().cut_short()
    }
}

/// Bytes of another reader, ended where an MP4 file has its pictures (mdat) before its index (moov).
pub(super) struct IndexFirst<R> {
    input: R,
    arrived: Arrived,
}

impl<R: Read> IndexFirst<R> {
    pub(super) fn new(input: R) -> (Self, Arrived) {
        let arrived = Arrived::default();
        (Self { input, arrived: arrived.clone() }, arrived)
    }
}

impl<R: Read> Read for IndexFirst<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.arrived.arrival().is_index_late() {
            return Ok(0);
        }
        let count = self.input.read(buffer)?;
        let mut arrival = self.arrived.arrival();
        arrival.add(&buffer[..count]);
        Ok(if arrival.is_index_late() { 0 } else { count })
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
        let (mut reader, arrived) = IndexFirst::new(bytes);
        let mut buffer = vec![0; piece];
        while reader.read(&mut buffer).unwrap() > 0 {}
        arrived.index_at_end().is_some()
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
