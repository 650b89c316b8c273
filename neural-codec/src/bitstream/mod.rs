//! The `.nvc` stream: packets read beside packets written.
//!
//! ```text
//! signature  STREAM_HEADER  { TRACKS | AUDIO | SCENE_HEAD UNITS }*  SHORT_TABLE  END
//! ```
//! Up to version 1.2 a scene was SCENE, BASE_LAYER, maybe NEURAL_FILTER, FRAME_HASHES, and the table SCENE_TABLE.
//! A photo is one packet, PHOTO, behind the signature. Every packet is a 16-byte header and a payload, each under its own checksum, so that damage is always seen
//! and costs one scene. `docs/BITSTREAM.md` is the specification.

mod audio;
mod base_layer;
mod bytes;
mod header;
mod input;
mod kind;
mod limits;
mod neural_filter;
mod neural_layer;
mod obu_sizes;
mod open_units;
mod order;
mod packet;
mod packet_header;
mod packets;
mod payload;
mod photo;
mod reader;
mod repeats;
mod scene;
mod scene_head;
mod scene_packets;
mod seek;
mod table;
#[cfg(test)]
mod tests;
mod tracks;
mod tracks_packet;
mod unit_shape;
mod units;
mod writer;

pub use crate::repeats::Repeats;
pub use crate::strategy::Strategy;
pub use audio::{AudioDetails, AudioPacket, AudioTrack, Tags, Trim};
pub use base_layer::{BaseCodec, BaseLayer};
pub use header::{FormatVersion, StreamHeader};
pub use kind::{FRAMES_PER_HASH, PACKET_HEADER_BYTES, PacketKind, SIGNATURE};
pub use limits::Limits;
pub use neural_filter::{MAX_FILTER_LAYERS, NeuralFilter};
pub use neural_layer::{LAYER_UUID, NeuralLayer};
pub use packet::Packet;
pub use photo::{PhotoCode, PhotoFilter, PhotoPacket, PhotoTags};
pub use reader::{EarlyItem, PacketReader, StreamItem};
pub use scene::{FrameHashes, SceneHeader};
pub use scene_head::SceneHead;
pub use scene_packets::ScenePackets;
pub use seek::SceneReader;
pub use table::{End, SceneEntry, SceneTable, ShortTable};
pub use tracks::{
    Attachment, Chapter, ContentLight, MasteringDisplay, SubtitlePacket, SubtitleTrack, Tracks, TracksEntry,
};
pub use tracks_packet::TracksPacket;
pub use units::Units;
pub use writer::{PacketWriter, check_tracks, concat};
