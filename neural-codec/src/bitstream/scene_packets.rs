//! A scene as bytes of its own, encoded apart from all others and joined later.

use std::io::Read;

use super::bytes::Writer;
use super::packet::Payload;
use super::reader::Packets;
use super::{BaseLayer, FRAMES_PER_HASH, FrameHashes, Limits, NeuralFilter, Packet, SceneHeader};
use crate::error::{Error, Place, Result};

/// All packets of a scene.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScenePackets {
    /// Which frames the scene holds, and how it is coded.
    pub header: SceneHeader,
    /// The AV1 stream, one temporal unit a frame.
    pub base: BaseLayer,
    /// The network that the decoded frames pass through, in a scene of [`Strategy::Hybrid`](super::Strategy).
    pub filter: Option<NeuralFilter>,
    /// One hash for every [`FRAMES_PER_HASH`](super::FRAMES_PER_HASH) decoded frames.
    pub hashes: Vec<u64>,
}

impl ScenePackets {
    /// The bytes of the scene in any stream; equal scenes give equal bytes.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` where units, hashes and timestamps do not agree in number or the timestamps do
    /// not rise.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let frames = self.header.frame_count();
        for (name, expected, found) in [
            ("temporal units", frames, self.base.units().len()),
            ("frame hashes", frames.div_ceil(FRAMES_PER_HASH), self.hashes.len()),
        ] {
            if found != expected {
                return Err(Error::invalid(name, format!("{expected} for {frames} frames"), found));
            }
        }
        let mut writer = Writer::default();
        self.header.write_packet(&mut writer)?;
        self.base.write_packet(&mut writer)?;
        if let Some(filter) = &self.filter {
            filter.write_packet(&mut writer)?;
        }
        FrameHashes(self.hashes.clone()).write_packet(&mut writer)?;
        Ok(writer.bytes)
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote, and nothing more.
    ///
    /// # Errors
    ///
    /// As of `PacketReader`.
    pub fn from_bytes(bytes: &[u8], limits: &Limits) -> Result<Self> {
        Self::read_at(bytes, 0, limits)
    }

    /// Reads a scene that lies at `offset` in a stream and ends where `input` ends.
    pub(super) fn read_at(input: impl Read, offset: u64, limits: &Limits) -> Result<Self> {
        let mut packets = Packets::within_stream(input, offset, limits.clone());
        let scene = match packets.next(None)? {
            Some(Packet::Scene(header)) => packets.rest_of_scene(header, None)?,
            other => {
                let found = other.map_or("nothing".into(), |packet| format!("{:?}", packet.kind()));
                return Err(Error::corrupt(
                    "first packet of a scene",
                    "Scene",
                    found,
                    Place::at_offset(offset),
                ));
            }
        };
        let end = packets.input.position();
        if !packets.input.is_at_end()? {
            let place = Place { offset: Some(end), scene: Some(scene.header.index), frame: None };
            return Err(Error::corrupt("end of a scene", "nothing after FrameHashes", "more bytes", place));
        }
        Ok(scene)
    }
}
