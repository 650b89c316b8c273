//! What a decoder reads next, whatever holds it.

use crate::bitstream::{AudioPacket, PhotoPacket, ScenePackets, SubtitlePacket};

/// A scene, of which a file that was cut may hold the first frames only.
pub(super) struct FoundScene {
    pub(super) packets: ScenePackets,
    /// Frames that the filter and the hashes are for: those of the whole scene; 0 where AV1 stands alone, without hashes.
    pub(super) covered: usize,
}

impl FoundScene {
    /// A scene out of a stream, which holds all of it.
    pub(super) fn whole(packets: ScenePackets) -> Self {
        Self { covered: packets.header.frame_count(), packets }
    }
}

/// What comes next.
pub(super) enum Item {
    /// A picture, which is all there is.
    Photo(Box<PhotoPacket>),
    Scene(Box<FoundScene>),
    Audio(AudioPacket),
    Subtitle(SubtitlePacket),
    /// Duration of the clip's last frame in the stream's time base.
    LastDuration(u64),
}
