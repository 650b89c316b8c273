//! One packet of a known type: the payload read by its kind, the packet written.

use super::base_layer::check_fits;
use super::bytes::{Reader, Writer};
use super::kind::PacketKind;
use super::payload::Payload;
use super::{
    AudioPacket, BaseLayer, End, FrameHashes, Limits, NeuralFilter, PhotoPacket, SceneHead, SceneHeader,
    SceneTable, ShortTable, StreamHeader, TracksPacket, Units,
};
use crate::error::{Error, Place, Result};

/// One packet of a known type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet {
    /// Describes the stream; first.
    StreamHeader(StreamHeader),
    /// A compressed audio packet.
    Audio(AudioPacket),
    /// What a clip has beside pictures and sound.
    Tracks(TracksPacket),
    /// Opens a scene up to version 1.2.
    Scene(SceneHeader),
    /// The AV1 stream of such a scene.
    BaseLayer(BaseLayer),
    /// Closes such a scene.
    FrameHashes(FrameHashes),
    /// The network that the frames of such a scene pass through.
    NeuralFilter(NeuralFilter),
    /// Opens a scene since version 1.3.
    SceneHead(Box<SceneHead>),
    /// Closes it.
    Units(Units),
    /// Where every scene lies, up to version 1.2.
    SceneTable(SceneTable),
    /// Where every scene lies, since version 1.3.
    ShortTable(ShortTable),
    /// Closes the stream.
    End(End),
    /// A picture, which is a whole file.
    Photo(Box<PhotoPacket>),
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
            PacketKind::Tracks => all(payload, start, limits).map(Self::Tracks),
            PacketKind::Scene => all(payload, start, limits).map(Self::Scene),
            PacketKind::BaseLayer => all(payload, start, limits).map(Self::BaseLayer),
            PacketKind::FrameHashes => all(payload, start, limits).map(Self::FrameHashes),
            PacketKind::NeuralFilter => all(payload, start, limits).map(Self::NeuralFilter),
            PacketKind::SceneHead => all(payload, start, limits).map(Box::new).map(Self::SceneHead),
            PacketKind::Units => all(payload, start, limits).map(Self::Units),
            PacketKind::SceneTable => all(payload, start, limits).map(Self::SceneTable),
            PacketKind::ShortTable => all(payload, start, limits).map(Self::ShortTable),
            PacketKind::End => all(payload, start, limits).map(Self::End),
            PacketKind::Photo => all(payload, start, limits).map(Box::new).map(Self::Photo),
        }
    }

    /// Whether this packet, which lies at `offset`, fits what the stream's header says.
    pub(super) fn check_against(&self, stream: &StreamHeader, offset: u64) -> Result<()> {
        let place = Place::at_offset(offset);
        match self {
            Self::Audio(audio) if usize::from(audio.track) >= stream.audio_tracks.len() => {
                let expected = format!("one of {}", stream.audio_tracks.len());
                Err(Error::corrupt("audio track", expected, audio.track, place))
            }
            Self::BaseLayer(base) => check_fits((base.width, base.height, base.depth), &stream.info, place),
            Self::SceneHead(head) => check_fits((head.width, head.height, head.depth), &stream.info, place),
            _ => Ok(()),
        }
    }

    /// The type.
    pub fn kind(&self) -> PacketKind {
        match self {
            Self::StreamHeader(_) => PacketKind::StreamHeader,
            Self::Audio(_) => PacketKind::Audio,
            Self::Tracks(_) => PacketKind::Tracks,
            Self::Scene(_) => PacketKind::Scene,
            Self::BaseLayer(_) => PacketKind::BaseLayer,
            Self::FrameHashes(_) => PacketKind::FrameHashes,
            Self::NeuralFilter(_) => PacketKind::NeuralFilter,
            Self::SceneHead(_) => PacketKind::SceneHead,
            Self::Units(_) => PacketKind::Units,
            Self::SceneTable(_) => PacketKind::SceneTable,
            Self::ShortTable(_) => PacketKind::ShortTable,
            Self::End(_) => PacketKind::End,
            Self::Photo(_) => PacketKind::Photo,
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
            Self::Tracks(payload) => payload.write_packet(&mut writer),
            Self::Scene(payload) => payload.write_packet(&mut writer),
            Self::BaseLayer(payload) => payload.write_packet(&mut writer),
            Self::FrameHashes(payload) => payload.write_packet(&mut writer),
            Self::NeuralFilter(payload) => payload.write_packet(&mut writer),
            Self::SceneHead(payload) => payload.write_packet(&mut writer),
            Self::Units(payload) => payload.write_packet(&mut writer),
            Self::SceneTable(payload) => payload.write_packet(&mut writer),
            Self::ShortTable(payload) => payload.write_packet(&mut writer),
            Self::End(payload) => payload.write_packet(&mut writer),
            Self::Photo(payload) => payload.write_packet(&mut writer),
        }?;
        Ok(writer.bytes)
    }
}
