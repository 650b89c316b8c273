//! A stream in, packet by packet or scene by scene, from a source that need not seek.

use std::collections::VecDeque;
use std::io::Read;

use super::open_units::OpenUnits;
use super::packets::{Packets, SceneStart};
use super::tracks::{Tracks, TracksEntry};
use super::tracks_packet::TracksPacket;
use super::{
    AudioPacket, Limits, Packet, PacketKind, SceneHead, ScenePackets, StreamHeader, SubtitlePacket, Trim,
};
use crate::error::{Error, Place, Result};

/// As many as a byte tells apart.
const MOST_SUBTITLE_TRACKS: u64 = 255;

/// What a decoder takes from a stream, in the stream's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamItem {
    /// A whole scene.
    Scene(ScenePackets),
    /// A compressed audio packet.
    Audio(AudioPacket),
    /// A packet of a subtitle track.
    Subtitle(SubtitlePacket),
    /// Duration of the clip's last frame in the stream's time base.
    LastDuration(u64),
}

/// What a decoder takes that does not wait for whole scenes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "made once a scene, and matched at once")]
pub enum EarlyItem {
    /// What came whole.
    Whole(StreamItem),
    /// A scene whose units come one by one.
    Opened(Box<SceneHead>),
}

/// An item, or what begins one.
enum Start {
    Item(StreamItem),
    Scene(SceneStart),
}

/// Reads a stream from front to back and checks all that it says about itself.
///
/// ```
/// # use neural_codec::bitstream::{Limits, PacketReader};
/// # use neural_codec::frame::{Color, Frame, PixelFormat, Rational, VideoInfo};
/// # let info = VideoInfo::new(64, 48, PixelFormat::YUV420_8, Rational::new(25, 1)?);
/// # let frames = (0..5).map(|i| Frame::new(64, 48, info.format, Color::default()).unwrap().with_timestamp(i));
/// # let mut settings = neural_codec::settings::Settings::default();
/// # settings.set("effort", "0")?;
/// # let mut agent = neural_codec::encoder::EncodingAgent::new(info, &settings)?;
/// # frames.into_iter().try_for_each(|frame| agent.send_frame(frame))?;
/// # agent.finish()?;
/// # let mut stream = Vec::new();
/// # while let Some(bytes) = agent.receive_packet()? { stream.extend(bytes) }
/// # let (mut items, mut lost) = (0, Vec::new());
/// let mut reader = PacketReader::new(stream.as_slice(), Limits::default())?;
/// loop {
///     match reader.next_item() {
///         Ok(Some(item)) => items += 1,
///         Ok(None) => break, // whole and right to the last byte
///         Err(error) => {
///             lost.push(error); // names the scene that is lost
///             if !reader.resync()? {
///                 break; // else on with the next one that is intact
///             }
///         }
///     }
/// }
/// # assert!(items == 1 && lost.is_empty());
/// # Ok::<(), neural_codec::Error>(())
/// ```
pub struct PacketReader<R> {
    header: StreamHeader,
    tracks: Tracks,
    /// Items that came in one packet and were not given yet.
    waiting: VecDeque<StreamItem>,
    /// Entries and tags that `tracks` was made of.
    described: u64,
    /// What is cut off the next packet of an audio track.
    trims: Vec<(u8, Trim)>,
    /// What reading the description met.
    failure: Option<Error>,
    packets: Packets<R>,
    /// The units of a scene that are read one by one.
    units: Option<OpenUnits>,
}

impl<R: Read> PacketReader<R> {
    /// Reads the signature, the stream header, and the description of tracks behind it. Damage in the first two costs the stream.
    pub fn new(input: R, limits: Limits) -> Result<Self> {
        let mut packets = Packets::new(input, 0, limits);
        packets.input.read_signature()?;
        let header = packets.read_stream_header()?;
        let tracks = Tracks::of_audio(header.audio_tracks.clone());
        let (waiting, trims) = (VecDeque::new(), Vec::new());
        let mut reader =
            Self { header, tracks, waiting, described: 0, trims, failure: None, packets, units: None };
        while reader.failure.is_none() && reader.packets.next_is(PacketKind::Tracks) {
            match reader.packets.next(Some(&reader.header)) {
                Ok(Some(Packet::Tracks(TracksPacket(entries)))) => {
                    reader.failure = reader.take_entries(entries).err();
                }
                Ok(_) => {}
                // Told with the first packet, as any damage between scenes.
                Err(error) => reader.failure = Some(error),
            }
        }
        Ok(reader)
    }

    /// What the clip has beside its pictures, as far as it is described before the first scene and sound.
    pub fn tracks(&self) -> &Tracks {
        &self.tracks
    }

    /// # Errors
    ///
    /// `LimitExceeded`, with what came until then.
    fn take_entries(&mut self, entries: Vec<TracksEntry>) -> Result<()> {
        let most = u64::from(self.packets.limits.max_track_entries);
        for entry in entries {
            let parts = entry.parts();
            match self.tracks.take(entry) {
                None => {
                    self.described += parts;
                    Error::within_limit("entries of tracks", self.described, most, Place::default())?;
                    let subtitles = self.tracks.subtitles.len() as u64;
                    Error::within_limit(
                        "subtitle tracks",
                        subtitles,
                        MOST_SUBTITLE_TRACKS,
                        Place::default(),
                    )?;
                }
                Some(TracksEntry::SubtitlePacket(packet))
                    if usize::from(packet.track) < self.tracks.subtitles.len() =>
                {
                    self.waiting.push_back(StreamItem::Subtitle(packet));
                }
                Some(TracksEntry::LastDuration(duration)) => {
                    self.waiting.push_back(StreamItem::LastDuration(duration));
                }
                Some(TracksEntry::Trim(track, trim)) => {
                    self.trims.retain(|(of, _)| *of != track);
                    self.trims.push((track, trim));
                }
                _ => {}
            }
            Error::within_limit("entries of tracks", self.waiting.len() as u64, most, Place::default())?;
        }
        Ok(())
    }

    fn trimmed(&mut self, mut audio: AudioPacket) -> AudioPacket {
        if let Some(at) = self.trims.iter().position(|(track, _)| *track == audio.track) {
            audio.trim = self.trims.swap_remove(at).1;
        }
        audio
    }

    /// What holds for the whole stream.
    pub fn header(&self) -> &StreamHeader {
        &self.header
    }

    /// Offset of the next byte that will be read.
    pub fn position(&self) -> u64 {
        self.packets.input.position()
    }

    /// The next packet after the stream header, `None` after END and nothing behind it.
    ///
    /// # Errors
    ///
    /// `Truncated` where the stream stops before END; `Corrupt`, `LimitExceeded` or `Unsupported` for a
    /// packet that cannot be used; each with its offset and scene. Then [`resync`](Self::resync) is due.
    pub fn next_packet(&mut self) -> Result<Option<Packet>> {
        if self.units.is_some() {
            let reason = "the units of a scene are due; ask next_unit for them".into();
            return Err(Error::WrongOrder { call: "next_packet", reason });
        }
        match self.failure.take() {
            Some(error) => Err(error),
            None => self.packets.next(Some(&self.header)),
        }
    }

    /// The next whole scene or packet of a track, `None` after END.
    ///
    /// # Errors
    ///
    /// As [`next_packet`](Self::next_packet).
    pub fn next_item(&mut self) -> Result<Option<StreamItem>> {
        let item = match self.next_start()? {
            Some(Start::Item(item)) => item,
            Some(Start::Scene(start)) => StreamItem::Scene(self.packets.rest_of(start, Some(&self.header))?),
            None => return Ok(None),
        };
        Ok(Some(item))
    }

    /// As [`next_item`](Self::next_item), but a scene since version 1.3 as soon as its units begin: until the last of them came from
    /// [`next_unit`](Self::next_unit), nothing else can be asked for but [`resync`](Self::resync).
    ///
    /// # Errors
    ///
    /// As [`next_packet`](Self::next_packet).
    pub fn next_early_item(&mut self) -> Result<Option<EarlyItem>> {
        let item = match self.next_start()? {
            Some(Start::Item(item)) => EarlyItem::Whole(item),
            Some(Start::Scene(SceneStart::Head(head))) => {
                self.units = Some(OpenUnits::begin(&mut self.packets)?);
                EarlyItem::Opened(head)
            }
            Some(Start::Scene(start)) => {
                EarlyItem::Whole(StreamItem::Scene(self.packets.rest_of(start, Some(&self.header))?))
            }
            None => return Ok(None),
        };
        Ok(Some(item))
    }

    /// The next unit of the scene that is open, as soon as its bytes came; `None` after the last.
    ///
    /// Units come before their packet's checksum, the last one after it was found right.
    ///
    /// # Errors
    ///
    /// As [`next_packet`](Self::next_packet); what came of the scene before is then not to be relied on.
    pub fn next_unit(&mut self) -> Result<Option<Vec<u8>>> {
        let Some(mut units) = self.units.take() else { return Ok(None) };
        let unit = units.next(&mut self.packets)?;
        self.units = Some(units).filter(|units| !units.is_done());
        Ok(Some(unit))
    }

    /// Whether `next_unit` would not wait, where the source has this many bytes that it gives at once.
    pub fn unit_is_at_hand(&self, waiting: u64) -> bool {
        let needed = self.units.as_ref().map_or(0, OpenUnits::needed);
        needed <= self.packets.input.at_hand().saturating_add(waiting)
    }

    /// The next item that is no scene, or the first packet of a scene.
    fn next_start(&mut self) -> Result<Option<Start>> {
        loop {
            if let Some(item) = self.waiting.pop_front() {
                return Ok(Some(Start::Item(item)));
            }
            let Some(packet) = self.next_packet()? else { return Ok(None) };
            match packet {
                Packet::Audio(audio) => return Ok(Some(Start::Item(StreamItem::Audio(self.trimmed(audio))))),
                Packet::Tracks(TracksPacket(entries)) => self.take_entries(entries)?,
                Packet::SceneTable(_) | Packet::ShortTable(_) | Packet::End(_) => {}
                other => {
                    let start = SceneStart::of(other).map_err(|other| wrong_call(other.kind()))?;
                    return Ok(Some(Start::Scene(start)));
                }
            }
        }
    }

    /// After an error: steps to the next intact scene, audio packet, scene table or END; false if there is none.
    ///
    /// What lay between is lost; the next scene may have a larger index than expected. The cost is linear in
    /// the bytes stepped over, and each call makes progress.
    pub fn resync(&mut self) -> Result<bool> {
        self.units = None;
        self.packets.resync()
    }
}

fn wrong_call(kind: PacketKind) -> Error {
    let reason = format!("{kind:?} is due, because next_packet was called in the middle of a scene");
    Error::WrongOrder { call: "next_item", reason }
}
