//! Audio as it travels through a stream: compressed packets, carried unchanged. Rank 2.

use crate::frame::Rational;

/// What a demuxer says about an audio track, enough to mux its packets again without decoding them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioTrack {
    /// FFmpeg's short name of the codec, such as `aac`.
    pub codec: String,
    /// Seconds per unit of the packets' timestamps.
    pub time_base: Rational,
    /// Samples a second.
    pub sample_rate: u32,
    /// Number of channels.
    pub channels: u16,
    /// Samples a packet and channel, 0 if it varies.
    pub frame_size: u32,
    /// Bits a second as declared, 0 if unknown.
    pub bit_rate: u64,
    /// Codec-specific setup bytes ("extradata").
    pub extradata: Vec<u8>,
    /// Language tag as in the source, empty if none.
    pub language: String,
}

/// One compressed packet of an audio track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioPacket {
    /// Index into the clip's list of tracks.
    pub track: u8,
    /// Presentation time in the track's `time_base`.
    pub timestamp: i64,
    /// Duration in the track's `time_base`, 0 if unknown.
    pub duration: u32,
    /// The bytes as the demuxer gave them.
    pub data: Vec<u8>,
}
