//! The headers of a file's parts, walked without reading what lies in them: a bounded number of them.
//!
//! Sources: ISO/IEC 14496-12 clause 4.2 (boxes); the elements of Matroska are read by who needs them.

use std::io::{self, Read, Seek, SeekFrom};

/// Headers that are read at most.
const MOST_HEADERS: u32 = 1 << 16;

/// A part of a file that has a name: its payload from `start` to `end`.
#[derive(Clone, Copy)]
pub(super) struct Part {
    pub(super) name: u32,
    pub(super) start: u64,
    pub(super) end: u64,
}

/// What walks them.
pub(super) struct Headers<'a, F> {
    pub(super) file: &'a mut F,
    /// How many more may be read.
    left: u32,
}

impl<'a, F: Read + Seek> Headers<'a, F> {
    pub(super) fn new(file: &'a mut F) -> Self {
        Self { file, left: MOST_HEADERS }
    }

    /// Where the file ends.
    pub(super) fn end(&mut self) -> io::Result<u64> {
        self.file.seek(SeekFrom::End(0))
    }

    pub(super) fn bytes<const N: usize>(&mut self, at: u64) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.file.seek(SeekFrom::Start(at))?;
        self.file.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// The number that lies between two places, of its first 8 bytes.
    pub(super) fn number(&mut self, start: u64, end: u64) -> io::Result<u64> {
        let mut places = start..end.min(start + 8);
        places.try_fold(0, |number, at| Ok((number << 8) | u64::from(self.bytes::<1>(at)?[0])))
    }

    /// The parts between two places, each read by `header`.
    pub(super) fn parts(
        &mut self,
        (mut start, end): (u64, u64),
        header: impl Fn(&mut Self, u64, u64) -> io::Result<Option<Part>>,
    ) -> io::Result<Vec<Part>> {
        let mut parts = Vec::new();
        while start < end && self.left > 0 {
            self.left -= 1;
            let Some(part) = header(self, start, end)? else { break };
            start = part.end;
            parts.push(part);
        }
        Ok(parts)
    }

    pub(super) fn boxes(&mut self, start: u64, end: u64) -> io::Result<Vec<Part>> {
        self.parts((start, end), |headers, at, end| {
            if end - at < 8 {
                return Ok(None);
            }
            let [a, b, c, d, name @ ..] = headers.bytes::<8>(at)?;
            let (size, header) = match u32::from_be_bytes([a, b, c, d]) {
                0 => (end - at, 8),
                1 => (u64::from_be_bytes(headers.bytes(at + 8)?), 16),
                size => (u64::from(size), 8),
            };
            let last = at.saturating_add(size).min(end);
            Ok((size >= header && last >= at + header).then_some(Part {
                name: u32::from_be_bytes(name),
                start: at + header,
                end: last,
            }))
        })
    }

    /// The payload of the first box that a path leads to.
    pub(super) fn inner(&mut self, outer: Part, path: &[&[u8; 4]]) -> io::Result<Option<Part>> {
        let mut at = outer;
        for name in path {
            let boxes = self.boxes(at.start, at.end)?;
            let Some(&found) = boxes.iter().find(|part| part.name == u32::from_be_bytes(**name)) else {
                return Ok(None);
            };
            at = found;
        }
        Ok(Some(at))
    }
}
