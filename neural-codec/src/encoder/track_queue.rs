//! Packets of sound and subtitles on their way to their place in the stream: before the scene that holds the frame they were
//! sent with.

use std::collections::VecDeque;

use crate::bitstream::{AudioPacket, SubtitlePacket};
use crate::media::Container;

/// Bytes of a packet around its data, at most.
const PACKET_BYTES: u64 = 48;

/// A packet of any track but the pictures.
#[derive(Debug, Clone)]
pub(super) enum OtherPacket {
    Audio(AudioPacket),
    Subtitle(SubtitlePacket),
}

impl OtherPacket {
    fn data(&self) -> &[u8] {
        match self {
            Self::Audio(packet) => &packet.data,
            Self::Subtitle(packet) => &packet.data,
        }
    }
}

/// Packets, each with the number of the frame sent after it.
#[derive(Debug, Default)]
pub(super) struct TrackQueue {
    packets: VecDeque<(u64, OtherPacket)>,
}

impl TrackQueue {
    /// Takes a packet that came before frame `frame`.
    pub(super) fn push(&mut self, frame: u64, packet: OtherPacket) {
        self.packets.push_back((frame, packet));
    }

    /// The packets that came before frame `end`, in order.
    pub(super) fn take_before(&mut self, end: u64) -> Vec<OtherPacket> {
        let count = self.packets.iter().take_while(|(frame, _)| *frame < end).count();
        self.packets.drain(..count).map(|(_, packet)| packet).collect()
    }

    /// Bytes that the packets take in a stream, or in the file that it is put into, at most.
    pub(super) fn bytes(&self, container: Option<Container>) -> u64 {
        let around = |packet: &OtherPacket| match (packet, container) {
            (OtherPacket::Audio(_), Some(container)) => container.bytes_around_sound(),
            _ => PACKET_BYTES,
        };
        self.packets.iter().map(|(_, packet)| packet.data().len() as u64 + around(packet)).sum()
    }
}
