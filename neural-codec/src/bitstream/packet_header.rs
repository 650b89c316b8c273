//! The header in front of every payload: read, checked, and told from other bytes.

use super::Limits;
use super::bytes::Reader;
use super::kind::{PACKET_HEADER_BYTES, PacketKind, REQUIRED};
use crate::error::{Error, Place, Result};

/// The 16 bytes in front of every payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PacketHeader {
    /// Offset of the header in the stream.
    pub(super) offset: u64,
    code: u8,
    required: bool,
    /// Bytes of the payload.
    pub(super) length: u32,
    payload_crc: u32,
}

impl PacketHeader {
    /// Reads a header.
    ///
    /// # Errors
    ///
    /// `Corrupt` when its checksum or a reserved bit is wrong.
    pub(super) fn read(bytes: &[u8; PACKET_HEADER_BYTES], offset: u64) -> Result<Self> {
        let (fields, crc) = bytes.split_at(12);
        let expected = crc32c::crc32c(fields);
        if crc != expected.to_le_bytes() {
            let found = format!("{crc:02x?}");
            return Err(Error::corrupt(
                "packet header",
                format!("checksum {:02x?}", expected.to_le_bytes()),
                found,
                Place::at_offset(offset),
            ));
        }
        let mut reader = Reader::new(fields, offset);
        let code = reader.u8("packet type")?;
        let flags = reader.u8("packet flags")?;
        if flags & !REQUIRED != 0 {
            return Err(reader.corrupt("packet flags", "0 or 1", flags));
        }
        let required = flags & REQUIRED != 0;
        if let Some(kind) = PacketKind::from_code(code)
            && kind.is_required() != required
        {
            return Err(reader.corrupt("packet flags", format!("those of {kind:?}"), flags));
        }
        let reserved = reader.u16("reserved bytes of a packet header")?;
        if reserved != 0 {
            return Err(reader.corrupt("reserved bytes of a packet header", 0, reserved));
        }
        let length = reader.u32("payload length")?;
        let payload_crc = reader.u32("payload checksum")?;
        Ok(Self { offset, code, required, length, payload_crc })
    }

    /// Whether the bytes are a header of a known type with a right checksum, found out quickly.
    #[inline]
    pub(super) fn is_plausible(bytes: &[u8; PACKET_HEADER_BYTES]) -> bool {
        let (fields, crc) = bytes.split_at(12);
        fields[2..4] == [0, 0]
            && PacketKind::from_code(fields[0]).is_some()
            && crc32c::crc32c(fields).to_le_bytes() == crc
    }

    /// The type, if this version knows it.
    pub(super) fn kind(&self) -> Option<PacketKind> {
        PacketKind::from_code(self.code)
    }

    /// Whether the payload may be read: its type is known or optional, its length within `limits`.
    pub(super) fn check(&self, limits: &Limits) -> Result<()> {
        let place = Place::at_offset(self.offset);
        let limit = match self.kind() {
            Some(kind) => kind.max_payload(limits),
            None if self.required => {
                return Err(Error::Unsupported {
                    what: format!("packet type {:#04x}{place}", self.code),
                    remedy: "a newer version of this library may read it".into(),
                });
            }
            None => u64::from(limits.max_packet_bytes),
        };
        Error::within_limit("payload length", self.length.into(), limit, place)
    }

    /// Whether a payload of this checksum is the one that was written.
    pub(super) fn check_payload(&self, found: u32) -> Result<()> {
        if found != self.payload_crc {
            let (expected, found) = (format!("checksum {:08x}", self.payload_crc), format!("{found:08x}"));
            return Err(Error::corrupt("packet payload", expected, found, Place::at_offset(self.offset)));
        }
        Ok(())
    }
}
