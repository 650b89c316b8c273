//! What a packet is: the 16-byte header, the types, and the payload in it.

use super::bytes::{Reader, Writer};
use super::{
    AudioPacket, BaseLayer, End, FRAMES_PER_HASH, FrameHashes, Limits, NeuralFilter, SceneHeader, SceneTable,
    StreamHeader,
};
use crate::error::{Error, Place, Result};

/// First bytes of every stream. The high bit and the line ends show damage by text-mode transfer, as in PNG.
pub const SIGNATURE: [u8; 8] = *b"\x89NVC\r\n\x1a\n";

/// Bytes of a packet header.
pub const PACKET_HEADER_BYTES: usize = 16;

/// Flag: a reader that does not know the type cannot decode the stream.
const REQUIRED: u8 = 1;

/// The types of packet that this version knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum PacketKind {
    /// [`StreamHeader`], once, first.
    StreamHeader = 0x01,
    /// [`AudioPacket`], between scenes.
    Audio = 0x02,
    /// [`SceneHeader`], opens a scene.
    Scene = 0x10,
    /// [`BaseLayer`], second packet of a scene.
    BaseLayer = 0x11,
    /// [`FrameHashes`], closes a scene.
    FrameHashes = 0x12,
    /// [`NeuralFilter`], where a scene has one, after its base layer.
    NeuralFilter = 0x13,
    /// [`SceneTable`], after the last scene.
    SceneTable = 0x20,
    /// [`End`], last.
    End = 0x21,
}

impl PacketKind {
    const ALL: [Self; 8] = [
        Self::StreamHeader,
        Self::Audio,
        Self::Scene,
        Self::BaseLayer,
        Self::FrameHashes,
        Self::NeuralFilter,
        Self::SceneTable,
        Self::End,
    ];

    fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|&kind| kind as u8 == code)
    }

    /// Whether a reader that does not know this type must refuse the stream: all but audio.
    fn is_required(self) -> bool {
        self != Self::Audio
    }

    /// Most payload bytes that a valid packet of this type can have under `limits`.
    fn max_payload(self, limits: &Limits) -> u64 {
        let frames = u64::from(limits.max_scene_frames);
        let most = match self {
            // Fixed parts and texts of header and tracks stay below 1 KiB each.
            Self::StreamHeader => {
                1024 + u64::from(limits.max_audio_tracks) * (1024 + u64::from(limits.max_extradata_bytes))
            }
            Self::Audio => 13 + u64::from(limits.max_audio_packet_bytes),
            // 25 fixed bytes, then at most one varint of ten bytes a frame and one for their number.
            Self::Scene => 35 + 10 * frames,
            Self::BaseLayer | Self::NeuralFilter => limits.max_scene_bytes,
            Self::FrameHashes => 8 * frames.div_ceil(FRAMES_PER_HASH as u64),
            Self::SceneTable => 36 * u64::from(limits.max_scenes),
            Self::End => End::PAYLOAD_BYTES as u64,
        };
        most.min(u64::from(limits.max_packet_bytes))
    }
}

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
        if u64::from(self.length) > limit {
            let found = u64::from(self.length);
            return Err(Error::LimitExceeded { what: "payload length", limit, found, place });
        }
        Ok(())
    }

    /// Whether `payload` is the one that was written.
    pub(super) fn check_payload(&self, payload: &[u8]) -> Result<()> {
        let found = crc32c::crc32c(payload);
        if found != self.payload_crc {
            let (expected, found) = (format!("checksum {:08x}", self.payload_crc), format!("{found:08x}"));
            return Err(Error::corrupt("packet payload", expected, found, Place::at_offset(self.offset)));
        }
        Ok(())
    }
}

/// What a packet carries: the one place where a payload is read and written.
pub(super) trait Payload: Sized {
    const KIND: PacketKind;

    /// Reads the payload; the caller checks that nothing is left over.
    fn read(reader: &mut Reader<'_>, limits: &Limits) -> Result<Self>;

    /// Writes what `read` reads.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for what the fields cannot hold.
    fn write(&self, writer: &mut Writer) -> Result<()>;

    /// Appends the whole packet, header and payload.
    fn write_packet(&self, writer: &mut Writer) -> Result<()> {
        let start = writer.bytes.len();
        writer.raw(&[0; PACKET_HEADER_BYTES]);
        self.write(writer)?;
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

/// One packet of a known type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet {
    /// Describes the stream; first.
    StreamHeader(StreamHeader),
    /// A compressed audio packet.
    Audio(AudioPacket),
    /// Opens a scene.
    Scene(SceneHeader),
    /// The AV1 stream of a scene.
    BaseLayer(BaseLayer),
    /// Closes a scene.
    FrameHashes(FrameHashes),
    /// The network that a scene's frames pass through.
    NeuralFilter(NeuralFilter),
    /// Where every scene lies.
    SceneTable(SceneTable),
    /// Closes the stream.
    End(End),
}

impl Packet {
    /// Reads a payload that lies at `start` in the stream.
    pub(super) fn read(kind: PacketKind, payload: &[u8], start: u64, limits: &Limits) -> Result<Self> {
        fn all<P: Payload>(payload: &[u8], start: u64, limits: &Limits) -> Result<P> {
            let mut reader = Reader::new(payload, start);
            let value = P::read(&mut reader, limits)?;
            reader.finish("packet")?;
            Ok(value)
        }
        match kind {
            PacketKind::StreamHeader => all(payload, start, limits).map(Self::StreamHeader),
            PacketKind::Audio => all(payload, start, limits).map(Self::Audio),
            PacketKind::Scene => all(payload, start, limits).map(Self::Scene),
            PacketKind::BaseLayer => all(payload, start, limits).map(Self::BaseLayer),
            PacketKind::FrameHashes => all(payload, start, limits).map(Self::FrameHashes),
            PacketKind::NeuralFilter => all(payload, start, limits).map(Self::NeuralFilter),
            PacketKind::SceneTable => all(payload, start, limits).map(Self::SceneTable),
            PacketKind::End => all(payload, start, limits).map(Self::End),
        }
    }

    /// The type.
    pub fn kind(&self) -> PacketKind {
        match self {
            Self::StreamHeader(_) => PacketKind::StreamHeader,
            Self::Audio(_) => PacketKind::Audio,
            Self::Scene(_) => PacketKind::Scene,
            Self::BaseLayer(_) => PacketKind::BaseLayer,
            Self::FrameHashes(_) => PacketKind::FrameHashes,
            Self::NeuralFilter(_) => PacketKind::NeuralFilter,
            Self::SceneTable(_) => PacketKind::SceneTable,
            Self::End(_) => PacketKind::End,
        }
    }

    /// The whole packet, header and payload.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for what the fields cannot hold.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut writer = Writer::default();
        match self {
            Self::StreamHeader(payload) => payload.write_packet(&mut writer),
            Self::Audio(payload) => payload.write_packet(&mut writer),
            Self::Scene(payload) => payload.write_packet(&mut writer),
            Self::BaseLayer(payload) => payload.write_packet(&mut writer),
            Self::FrameHashes(payload) => payload.write_packet(&mut writer),
            Self::NeuralFilter(payload) => payload.write_packet(&mut writer),
            Self::SceneTable(payload) => payload.write_packet(&mut writer),
            Self::End(payload) => payload.write_packet(&mut writer),
        }?;
        Ok(writer.bytes)
    }
}
