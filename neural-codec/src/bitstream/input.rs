//! Packets cut out of a byte source: whole ones one after the other, or the next intact one after damage.

use std::io::{self, BufRead, BufReader, Read};

use super::kind::{PACKET_HEADER_BYTES, SIGNATURE};
use super::packet_header::PacketHeader;
use crate::error::{Error, Place, Result};

/// Memory grows by at most this before the bytes for it have arrived.
const CHUNK_BYTES: usize = 1 << 20;

/// A payload that is read in parts, and the checksum of those that came.
pub(super) struct OpenPayload {
    header: PacketHeader,
    crc: u32,
}

impl OpenPayload {
    /// Nothing yet of the payload behind `header`.
    pub(super) fn new(header: &PacketHeader) -> Self {
        Self { header: *header, crc: 0 }
    }

    /// Whether the parts, of which the last was read, are the payload that was written.
    pub(super) fn check(&self) -> Result<()> {
        self.header.check_payload(self.crc)
    }
}

/// A source of packets that counts its bytes.
pub(super) struct PacketInput<R> {
    input: BufReader<R>,
    /// Offset of the next byte in the stream.
    position: u64,
    /// Payload bytes of the last header that are still to come.
    unread: u64,
    /// The 16 bytes that lie before `position` and are not a header.
    rejected: Option<[u8; PACKET_HEADER_BYTES]>,
}

impl<R: Read> PacketInput<R> {
    /// A source whose first byte lies at `position` in the stream.
    pub(super) fn new(input: R, position: u64) -> Self {
        Self { input: BufReader::new(input), position, unread: 0, rejected: None }
    }

    /// Offset of the next byte.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Reads the first bytes of a stream.
    pub(super) fn read_signature(&mut self) -> Result<()> {
        let mut found = [0; SIGNATURE.len()];
        let count = self.fill(&mut found)?;
        if count < found.len() && SIGNATURE.starts_with(&found[..count]) {
            return Err(Error::Truncated { what: "stream signature", place: Place::at_offset(0) });
        }
        if found != SIGNATURE {
            let (expected, found) = (SIGNATURE.escape_ascii(), found.escape_ascii());
            return Err(Error::corrupt("stream signature", expected, found, Place::at_offset(0)));
        }
        Ok(())
    }

    /// The next header, `None` where the source ends. Call only when the last payload has been read.
    pub(super) fn read_header(&mut self) -> Result<Option<PacketHeader>> {
        let offset = self.position;
        let mut bytes = [0; PACKET_HEADER_BYTES];
        match self.fill(&mut bytes)? {
            0 => return Ok(None),
            PACKET_HEADER_BYTES => {}
            _ => {
                return Err(Error::Truncated { what: "packet header", place: Place::at_offset(offset) });
            }
        }
        match PacketHeader::read(&bytes, offset) {
            Ok(header) => {
                self.unread = u64::from(header.length);
                Ok(Some(header))
            }
            Err(error) => {
                self.rejected = Some(bytes);
                Err(error)
            }
        }
    }

    /// The payload of the header just read, whose length the caller has checked.
    pub(super) fn read_payload(&mut self, header: &PacketHeader) -> Result<Vec<u8>> {
        let mut open = OpenPayload::new(header);
        let payload = self.read_part(&mut open, self.unread)?;
        open.check()?;
        Ok(payload)
    }

    /// Bytes of the payload that were not read yet.
    pub(super) fn unread(&self) -> u64 {
        self.unread
    }

    /// Bytes that can be read without asking the source.
    pub(super) fn at_hand(&self) -> u64 {
        self.input.buffer().len() as u64
    }

    /// The next bytes of a payload, at most those that are [`unread`](Self::unread).
    pub(super) fn read_part(&mut self, open: &mut OpenPayload, count: u64) -> Result<Vec<u8>> {
        let (mut part, mut left) = (Vec::new(), count.min(self.unread));
        while left > 0 {
            let chunk = left.min(CHUNK_BYTES as u64);
            part.try_reserve(chunk as usize)
                .map_err(|_| Error::OutOfMemory { what: "packet payload", bytes: count })?;
            let before = part.len();
            let result = (&mut self.input).take(chunk).read_to_end(&mut part);
            let count = (part.len() - before) as u64;
            self.position += count;
            self.unread -= count;
            left -= count;
            if (result? as u64) < chunk {
                return Err(Error::Truncated {
                    what: "packet payload",
                    place: Place::at_offset(self.position),
                });
            }
        }
        open.crc = crc32c::crc32c_append(open.crc, &part);
        Ok(part)
    }

    /// After damage: the next intact header of a known type, `None` when the source ends before one.
    ///
    /// Where the last header was intact its payload is stepped over; else each byte is tried as the first of a
    /// header. No byte is looked at twice, so the cost is linear however often this is called.
    pub(super) fn find_header(&mut self) -> Result<Option<PacketHeader>> {
        loop {
            if !self.skip_payload()? {
                return Ok(None);
            }
            let found = match self.rejected.take() {
                Some(window) => self.scan(window)?,
                None => match self.read_header() {
                    Err(Error::Corrupt { .. }) => continue,
                    Err(Error::Truncated { .. }) => None,
                    found => found?,
                },
            };
            if found.is_none_or(|header| header.kind().is_some()) {
                return Ok(found);
            }
        }
    }

    /// The next intact header of a known type that begins after the first byte of `window`.
    fn scan(&mut self, window: [u8; PACKET_HEADER_BYTES]) -> Result<Option<PacketHeader>> {
        let mut window = u128::from_le_bytes(window);
        loop {
            let bytes = match self.input.fill_buf() {
                Ok([]) => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                bytes => bytes?,
            };
            let mut taken = 0;
            let found = bytes.iter().any(|&byte| {
                taken += 1;
                window = window >> 8 | u128::from(byte) << 120;
                PacketHeader::is_plausible(&window.to_le_bytes())
            });
            self.input.consume(taken);
            self.position += taken as u64;
            let offset = self.position.saturating_sub(PACKET_HEADER_BYTES as u64);
            if found && let Ok(header) = PacketHeader::read(&window.to_le_bytes(), offset) {
                self.unread = u64::from(header.length);
                return Ok(Some(header));
            }
        }
    }

    /// Whether the source ends here. Takes a byte where it does not.
    pub(super) fn is_at_end(&mut self) -> Result<bool> {
        Ok(self.fill(&mut [0])? == 0)
    }

    /// Steps over what is left of a payload; false when the source ends before.
    fn skip_payload(&mut self) -> Result<bool> {
        let count = io::copy(&mut (&mut self.input).take(self.unread), &mut io::sink())?;
        self.position += count;
        let whole = count == self.unread;
        self.unread = 0;
        Ok(whole)
    }

    /// Fills `bytes` as far as the source reaches, and says how far.
    fn fill(&mut self, bytes: &mut [u8]) -> Result<usize> {
        let mut count = 0;
        while count < bytes.len() {
            match self.input.read(&mut bytes[count..]) {
                Ok(0) => break,
                Ok(more) => {
                    count += more;
                    self.position += more as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(count)
    }
}
