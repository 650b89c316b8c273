//! A stream out, scene by scene, to a sink that need not seek.

use std::io::Write;

use super::bytes::Writer;
use super::kind::SIGNATURE;
use super::order::Order;
use super::packet::Packet;
use super::packets::Packets;
use super::payload::Payload;
use super::tracks::{Tracks, TracksEntry};
use super::tracks_packet::TracksPacket;
use super::{
    AudioPacket, AudioTrack, End, FormatVersion, Limits, ScenePackets, ShortTable, StreamHeader, Trim,
};
use crate::error::{Error, Result};
use crate::frame::{PixelFormat, Rational, VideoInfo};

/// Writes a stream from front to back and lets nothing out that a reader with the same limits would refuse.
pub struct PacketWriter<W> {
    output: W,
    header: StreamHeader,
    limits: Limits,
    order: Order,
    /// Bytes written so far.
    position: u64,
    /// Whether the sink has failed, so that nobody knows how much of the last bytes it took.
    broken: bool,
}

impl<W: Write> PacketWriter<W> {
    /// Begins a stream: writes the signature and the header.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` or `LimitExceeded` for a header that could not be read again.
    pub fn new(output: W, header: &StreamHeader, limits: Limits) -> Result<Self> {
        if header.version.major != FormatVersion::CURRENT.major || header.version > FormatVersion::CURRENT {
            let (expected, found) = (FormatVersion::CURRENT, header.version);
            return Err(Error::invalid("format version", format!("{expected:?}"), format!("{found:?}")));
        }
        let mut bytes = Writer::behind(SIGNATURE.to_vec());
        header.write_packet(&mut bytes)?;
        let start = SIGNATURE.len();
        Packets::new(&bytes.bytes[start..], start as u64, limits.clone())
            .read_stream_header()
            .map_err(as_argument)?;
        let order = Order::new(&limits);
        let mut writer = Self { output, header: header.clone(), limits, order, position: 0, broken: false };
        writer.write(&bytes.bytes)?;
        Ok(writer)
    }

    /// Bytes written so far.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The sink, to take what was written out of it.
    pub fn sink_mut(&mut self) -> &mut W {
        &mut self.output
    }

    /// Writes the next scene.
    ///
    /// # Errors
    ///
    /// As [`write_scene_bytes`](Self::write_scene_bytes).
    pub fn write_scene(&mut self, scene: &ScenePackets) -> Result<()> {
        self.write_scene_bytes(&scene.to_bytes_of(self.header.version)?)
    }

    /// Writes the next scene as [`ScenePackets::to_bytes`] gave it.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` or `LimitExceeded` for bytes that are not a whole scene, or not the next one, or
    /// do not fit the header; the stream is then as before. `Io` from the sink; the stream is then lost.
    pub fn write_scene_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        let scene = ScenePackets::read_at(bytes, self.position, &self.limits).map_err(as_argument)?;
        let end = self.position + bytes.len() as u64;
        let head = Packet::SceneHead(Box::new(scene.head()?));
        head.check_against(&self.header, self.position).map_err(as_argument)?;
        // The units agree with their scene, so only the first of these can fail, before it changes anything.
        for packet in [head, Packet::Units(scene.base.units)] {
            self.order.accept(&packet, self.position..end).map_err(as_argument)?;
        }
        self.write(bytes)
    }

    /// Writes an audio packet between two scenes.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` or `LimitExceeded` for a track or size that the header or the limits exclude.
    pub fn write_audio(&mut self, packet: &AudioPacket) -> Result<()> {
        let limit = u64::from(self.limits.max_audio_packet_bytes.min(self.limits.max_packet_bytes));
        let found = packet.data.len() as u64;
        let place = crate::error::Place::at_offset(self.position);
        Error::within_limit("bytes of an audio packet", found, limit, place)?;
        if usize::from(packet.track) >= self.header.audio_tracks.len() {
            let expected = format!("one of {}", self.header.audio_tracks.len());
            return Err(Error::invalid("audio track", expected, packet.track));
        }
        if packet.trim != Trim::default() {
            self.write_entries(vec![TracksEntry::Trim(packet.track, packet.trim)])?;
        }
        let mut bytes = Writer::default();
        packet.write_packet(&mut bytes)?;
        self.write(&bytes.bytes)
    }

    /// Describes what the clip has beside its pictures, before the first scene and sound; nothing where there is nothing to say.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` or `LimitExceeded` for what a packet cannot hold.
    pub fn write_tracks(&mut self, tracks: &Tracks) -> Result<()> {
        self.write_entries(tracks.entries())
    }

    /// Writes entries between two scenes.
    ///
    /// # Errors
    ///
    /// As [`write_tracks`](Self::write_tracks).
    pub fn write_entries(&mut self, entries: Vec<TracksEntry>) -> Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        let place = crate::error::Place::at_offset(self.position);
        let parts = entries.iter().map(TracksEntry::parts).sum();
        Error::within_limit("entries of tracks", parts, self.limits.max_track_entries.into(), place)?;
        let mut bytes = Writer::default();
        TracksPacket(entries).write_packet(&mut bytes)?;
        let found = bytes.bytes.len() as u64;
        Error::within_limit("bytes of tracks", found, self.limits.max_packet_bytes.into(), place)?;
        self.write(&bytes.bytes)
    }

    /// Writes the scene table and END, flushes, and gives the sink back.
    pub fn finish(mut self) -> Result<W> {
        let table = std::mem::take(&mut self.order.seen);
        let end = End {
            scene_count: table.scenes.len() as u32,
            frame_count: table.frame_count(),
            table_offset: self.position,
        };
        let table = match self.header.version >= FormatVersion::SHORT {
            true => Packet::ShortTable(ShortTable(table)),
            false => Packet::SceneTable(table),
        };
        self.write(&table.to_bytes()?)?;
        self.write(&Packet::End(end).to_bytes()?)?;
        self.output.flush()?;
        Ok(self.output)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if self.broken {
            let reason = "an earlier write to the sink failed".into();
            return Err(Error::WrongOrder { call: "write", reason });
        }
        self.broken = true;
        self.output.write_all(bytes)?;
        self.broken = false;
        self.position += bytes.len() as u64;
        Ok(())
    }
}

/// Joins scenes that were encoded apart into a stream.
///
/// # Errors
///
/// As [`PacketWriter`], when the scenes are not 0, 1, 2 and so on.
pub fn concat<S: AsRef<[u8]>>(
    header: &StreamHeader,
    scenes: impl IntoIterator<Item = S>,
    limits: Limits,
) -> Result<Vec<u8>> {
    let mut writer = PacketWriter::new(Vec::new(), header, limits)?;
    scenes.into_iter().try_for_each(|scene| writer.write_scene_bytes(scene.as_ref()))?;
    writer.finish()
}

/// Checks that a stream can carry these audio tracks.
///
/// # Errors
///
/// `InvalidArgument` or `LimitExceeded` for more tracks, longer texts or more setup bytes than the format or the default
/// limits allow, and for a time base with a part of 0.
pub fn check_tracks(tracks: &[AudioTrack]) -> Result<()> {
    // Of any video: only the tracks can be wrong.
    let video = VideoInfo::new(64, 64, PixelFormat::YUV420_8, Rational { num: 25, den: 1 });
    let header = StreamHeader { audio_tracks: tracks.to_vec(), ..StreamHeader::new(video) };
    PacketWriter::new(std::io::sink(), &header, Limits::default()).map(drop)
}

/// What is corrupt in bytes that the caller wants written is an argument that the caller got wrong.
fn as_argument(error: Error) -> Error {
    match error {
        Error::Corrupt { what, expected, found, .. } => Error::invalid(what, expected, found),
        Error::Truncated { what, .. } => Error::invalid(what, "a whole one", "the first part of one"),
        other => other,
    }
}
