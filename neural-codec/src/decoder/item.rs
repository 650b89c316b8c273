//! What a decoder reads next, whatever holds it.

use crate::bitstream::{AudioPacket, PhotoPacket, SceneHead, ScenePackets, SubtitlePacket, Units};

/// A scene, of which a file that was cut may hold the first frames only.
pub(super) struct FoundScene {
    pub(super) packets: ScenePackets,
    /// Frames that the filter and the hashes are for: those of the whole scene; 0 where AV1 stands alone, without hashes.
    pub(super) covered: usize,
    /// Whether its units are still to come: of a stream that is not waited for.
    pub(super) is_open: bool,
}

impl FoundScene {
    /// A scene out of a stream, which holds all of it.
    pub(super) fn whole(packets: ScenePackets) -> Self {
        Self { covered: packets.header.frame_count(), packets, is_open: false }
    }

    /// A scene whose units are still to come.
    pub(super) fn opened(head: SceneHead) -> Self {
        Self { is_open: true, ..Self::whole(head.with_units(Units::default())) }
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
