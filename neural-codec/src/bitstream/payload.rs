//! What every payload can do: be read, be written, and become a whole packet.

use super::Limits;
use super::bytes::{Reader, Writer};
use super::kind::{PACKET_HEADER_BYTES, PacketKind, REQUIRED};
use crate::error::Result;

/// What a packet carries: the one place where a payload is read and written.
pub(super) trait Payload: Sized {
    const KIND: PacketKind;

    /// Reads the payload; the caller checks that nothing is left over.
    fn read(reader: &mut Reader<'_>, limits: &Limits) -> Result<Self>;

    /// Writes what `read` reads.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for what the fields cannot hold, `OutOfMemory`.
    fn write(&self, writer: &mut Writer) -> Result<()>;

    /// Appends the whole packet, header and payload.
    fn write_packet(&self, writer: &mut Writer) -> Result<()> {
        let start = writer.bytes.len();
        writer.raw(&[0; PACKET_HEADER_BYTES]);
        self.write(writer)?;
        writer.check()?;
        let payload = &writer.bytes[start + PACKET_HEADER_BYTES..];
        let mut header = Writer::default();
        header.u8(Self::KIND as u8);
        header.u8(if Self::KIND.is_required() { REQUIRED } else { 0 });
        header.u16(0);
        header.size("payload length", payload.len())?;
        header.u32(crc32c::crc32c(payload));
        header.u32(crc32c::crc32c(&header.bytes));
        writer.bytes[start..start + PACKET_HEADER_BYTES].copy_from_slice(&header.bytes);
        Ok(())
    }
}
