//! The types of packet, their codes and their largest sizes.

use super::Limits;

/// First bytes of every stream. The high bit and the line ends show damage by text-mode transfer, as in PNG.
pub const SIGNATURE: [u8; 8] = *b"\x89NVC\r\n\x1a\n";

/// Bytes of a packet header.
pub const PACKET_HEADER_BYTES: usize = 16;

/// Flag: a reader that does not know the type cannot decode the stream.
pub(super) const REQUIRED: u8 = 1;

/// The types of packet that this version knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum PacketKind {
    /// [`StreamHeader`](super::StreamHeader), once, first.
    StreamHeader = 0x01,
    /// [`AudioPacket`](super::AudioPacket), between scenes.
    Audio = 0x02,
    /// [`TracksPacket`](super::TracksPacket), between scenes.
    Tracks = 0x03,
    /// [`SceneHeader`](super::SceneHeader), opens a scene up to version 1.2.
    Scene = 0x10,
    /// [`BaseLayer`](super::BaseLayer), second packet of such a scene.
    BaseLayer = 0x11,
    /// [`FrameHashes`](super::FrameHashes), closes such a scene.
    FrameHashes = 0x12,
    /// [`NeuralFilter`](super::NeuralFilter), where such a scene has one, after its base layer.
    NeuralFilter = 0x13,
    /// [`SceneHead`](super::SceneHead), opens a scene since version 1.3.
    SceneHead = 0x14,
    /// [`Units`](super::Units), closes it.
    Units = 0x15,
    /// [`SceneTable`](super::SceneTable), after the last scene up to version 1.2.
    SceneTable = 0x20,
    /// [`End`](super::End), last.
    End = 0x21,
    /// [`ShortTable`](super::ShortTable), after the last scene since version 1.3.
    ShortTable = 0x22,
    /// [`PhotoPacket`](super::PhotoPacket), alone: one picture is the whole file.
    Photo = 0x30,
}

impl PacketKind {
    const ALL: [Self; 13] = [
        Self::StreamHeader,
        Self::Audio,
        Self::Tracks,
        Self::Scene,
        Self::BaseLayer,
        Self::FrameHashes,
        Self::NeuralFilter,
        Self::SceneHead,
        Self::Units,
        Self::SceneTable,
        Self::End,
        Self::ShortTable,
        Self::Photo,
    ];

    pub(super) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|&kind| kind as u8 == code)
    }

    /// Whether a reader that does not know this type must refuse the stream: all but audio and tracks.
    pub(super) fn is_required(self) -> bool {
        !matches!(self, Self::Audio | Self::Tracks)
    }

    /// Whether it is the first packet of a scene.
    pub(super) fn opens_a_scene(self) -> bool {
        matches!(self, Self::Scene | Self::SceneHead)
    }

    /// Whether it may be the next packet where a scene has ended: then a reader may resume there.
    pub(super) fn stands_after_a_scene(self) -> bool {
        match self {
            Self::Audio | Self::Tracks | Self::Scene | Self::SceneHead => true,
            Self::SceneTable | Self::ShortTable | Self::End => true,
            Self::StreamHeader | Self::Photo => false,
            Self::BaseLayer | Self::NeuralFilter | Self::FrameHashes | Self::Units => false,
        }
    }

    /// Most payload bytes that a valid packet of this type can have under `limits`.
    pub(super) fn max_payload(self, limits: &Limits) -> u64 {
        let frames = u64::from(limits.max_scene_frames);
        let most = match self {
            // Fixed parts and texts of header and tracks stay below 1 KiB each.
            Self::StreamHeader => {
                1024 + u64::from(limits.max_audio_tracks) * (1024 + u64::from(limits.max_extradata_bytes))
            }
            Self::Tracks => u64::from(limits.max_packet_bytes),
            Self::Audio => 13 + u64::from(limits.max_audio_packet_bytes),
            // 25 fixed bytes, then at most one varint of ten bytes a frame and one for their number.
            Self::Scene => 35 + 10 * frames,
            Self::BaseLayer | Self::NeuralFilter | Self::SceneHead | Self::Units | Self::Photo => {
                limits.max_scene_bytes
            }
            Self::FrameHashes => 8 * frames.div_ceil(FRAMES_PER_HASH as u64),
            Self::SceneTable => 36 * u64::from(limits.max_scenes),
            // Four varints, of ten bytes at most.
            Self::ShortTable => 40 * u64::from(limits.max_scenes),
            Self::End => END_PAYLOAD_BYTES as u64,
        };
        most.min(u64::from(limits.max_packet_bytes))
    }
}

/// Decoded frames that one stored hash stands for: few enough to find what went wrong, enough to cost next to nothing.
pub const FRAMES_PER_HASH: usize = 32;

/// Bytes of the payload.
pub(super) const END_PAYLOAD_BYTES: usize = 20;
