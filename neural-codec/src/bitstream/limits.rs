//! What a stream may ask of its reader.

/// Bounds on what a reader accepts; a stream past any of them is refused with `LimitExceeded`.
///
/// The defaults admit every sane stream and keep an adversarial one from costing more memory than the bytes it sent
/// plus a few megabytes. Change single bounds of [`Limits::default`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Widest picture, output or coded, in pixels. Default 16384.
    pub max_width: u32,
    /// Tallest picture, output or coded, in pixels. Default 16384.
    pub max_height: u32,
    /// Width times height. Default 2^27, enough for 15360x8640.
    pub max_pixels: u64,
    /// Scenes in a stream. Default 2^20: at 10 s each, four months.
    pub max_scenes: u32,
    /// Frames in a scene. Default 2^16: at 60 frames a second, 18 minutes.
    pub max_scene_frames: u32,
    /// Bytes of a scene, packet headers included. Default 1 GiB: 10 s at 800 Mbit/s.
    pub max_scene_bytes: u64,
    /// Audio tracks in a stream. Default 64.
    pub max_audio_tracks: u32,
    /// Codec setup bytes of an audio track. Default 256 KiB.
    pub max_extradata_bytes: u32,
    /// Bytes of one audio packet. Default 16 MiB, the largest FLAC frame.
    pub max_audio_packet_bytes: u32,
    /// Subtitle tracks, chapters, attachments and tags of a stream, and entries and tags of one packet that holds such. Default 2^14.
    pub max_track_entries: u32,
    /// Payload bytes of any packet, unknown ones included. Default 1 GiB.
    pub max_packet_bytes: u32,
    /// Bytes of memory that decoding a scene may take, as its size, depth and bytes tell before anything is allocated.
    /// Default 16 GiB, which every picture within the other defaults fits; an 8K frame of 8 bits needs about 1 GiB.
    pub max_memory_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_width: 16384,
            max_height: 16384,
            max_pixels: 1 << 27,
            max_scenes: 1 << 20,
            max_scene_frames: 1 << 16,
            max_scene_bytes: 1 << 30,
            max_audio_tracks: 64,
            max_extradata_bytes: 1 << 18,
            max_audio_packet_bytes: 1 << 24,
            max_track_entries: 1 << 14,
            max_packet_bytes: 1 << 30,
            max_memory_bytes: 1 << 34,
        }
    }
}
