//! Audio as it travels through a stream: compressed packets, carried unchanged.

use super::Limits;
use super::bytes::{Reader, Writer};
use super::kind::PacketKind;
use super::payload::Payload;
use crate::error::Result;
use crate::frame::Rational;

/// Names and values, such as `title`: FFmpeg's names.
pub type Tags = Vec<(String, String)>;

/// What is cut off a packet of sound once it is decoded. Units: samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Trim {
    /// From its start; `u32::MAX` for all of it.
    pub start: u32,
    /// From its end.
    pub end: u32,
}

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
    /// What the stream's header has no room for.
    pub details: AudioDetails,
}

impl AudioTrack {
    /// When a packet begins in a file made of the clip, counted from the first picture, where that is earlier than the picture; else 0.
    /// Samples before the sound are left out; none where nothing of the packet is heard. Units: nanoseconds.
    pub(crate) fn begins_before(&self, packet: &AudioPacket) -> Option<i64> {
        let is_opus = self.codec == "opus";
        // What is not heard is not written.
        if !is_opus && packet.trim.start == u32::MAX {
            return None;
        }
        let padding = if is_opus { f64::from(self.details.initial_padding) } else { 0.0 };
        let first = packet.timestamp as f64 * self.time_base.value();
        let begins = first + padding / f64::from(self.sample_rate.max(1));
        // Within a unit of a coarse clock nothing begins earlier. A float to an integer keeps within its bounds.
        Some(if begins < -self.time_base.value() { (begins * 1e9) as i64 } else { 0 })
    }
}

/// What decoders and players need beside the rest of an [`AudioTrack`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AudioDetails {
    /// FFmpeg's name of the channel layout, such as `5.1(side)`; empty for the usual one of that many channels.
    pub channel_layout: String,
    /// Bytes of a block of samples, 0 if unknown.
    pub block_align: u32,
    /// Bits of a coded sample, 0 if unknown.
    pub bits_per_sample: u16,
    /// Samples at the start that are decoded and not heard.
    pub initial_padding: u32,
    /// FFmpeg's disposition bits.
    pub disposition: u32,
    /// All tags but the language.
    pub tags: Tags,
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
    /// What is cut off once it is decoded.
    pub trim: Trim,
    /// The bytes as the demuxer gave them.
    pub data: Vec<u8>,
}

/// Reads one track of the stream header.
pub(super) fn read_track(reader: &mut Reader<'_>, limits: &Limits) -> Result<AudioTrack> {
    let codec = reader.text("audio codec")?;
    let language = reader.text("audio language")?;
    let time_base = reader.rational("audio time base")?;
    let sample_rate = reader.u32("sample rate")?;
    let channels = reader.u16("number of channels")?;
    let frame_size = reader.u32("audio frame size")?;
    let bit_rate = reader.u64("audio bit rate")?;
    let length = u64::from(reader.u32("length of extradata")?);
    reader.limited("length of extradata", length, u64::from(limits.max_extradata_bytes))?;
    let extradata = reader.bytes(length as usize, "extradata")?.to_vec();
    let details = AudioDetails::default();
    Ok(AudioTrack {
        codec,
        time_base,
        sample_rate,
        channels,
        frame_size,
        bit_rate,
        extradata,
        language,
        details,
    })
}

/// Writes one track of the stream header.
pub(super) fn write_track(writer: &mut Writer, track: &AudioTrack) -> Result<()> {
    writer.text("audio codec", &track.codec)?;
    writer.text("audio language", &track.language)?;
    writer.rational(track.time_base);
    writer.u32(track.sample_rate);
    writer.u16(track.channels);
    writer.u32(track.frame_size);
    writer.u64(track.bit_rate);
    writer.size("length of extradata", track.extradata.len())?;
    writer.raw(&track.extradata);
    Ok(())
}

impl Payload for AudioPacket {
    const KIND: PacketKind = PacketKind::Audio;

    fn read(reader: &mut Reader<'_>, _: &Limits) -> Result<Self> {
        let track = reader.u8("audio track")?;
        let timestamp = reader.i64("audio timestamp")?;
        let duration = reader.u32("audio duration")?;
        Ok(Self { track, timestamp, duration, trim: Trim::default(), data: reader.rest("audio data")? })
    }

    fn write(&self, writer: &mut Writer) -> Result<()> {
        writer.u8(self.track);
        writer.i64(self.timestamp);
        writer.u32(self.duration);
        writer.raw(&self.data);
        Ok(())
    }
}
