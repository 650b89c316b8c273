//! AV1 as it is out of a container: temporal units and the packets of all other tracks, in the file's order.

use std::collections::VecDeque;
use std::io::{Read, Seek};
use std::path::Path;

use ffmpeg_next::codec::Id;
use ffmpeg_next::format::context::{Input, StreamIo};
use ffmpeg_next::{Error as Ffmpeg, Packet};

use super::super::container_length::{CutShort, cut_short};
use super::super::{OpenOptions, SourceDamage};
use super::demux::{Demuxer, because, open_input, open_stream, video_stream};
use super::orientation::Orientation;
use super::push::{Arrived, IndexFirst};
use super::reader::frame_rate;
use super::track_reader::TrackReader;
use super::{TrackUnit, initialize, native, positive, read_error};
use crate::bitstream::{AudioPacket, SubtitlePacket, Tracks};
use crate::error::{Error, Place, Result};
use crate::frame::{Color, Rational};

/// Bytes read at a time.
const READ_BYTES: usize = 1 << 18;

/// What a file holds next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileItem {
    /// The coded form of a picture.
    Unit(TrackUnit),
    /// A packet of sound.
    Audio(AudioPacket),
    /// A packet of a subtitle track.
    Subtitle(SubtitlePacket),
}

/// Reads the AV1 track of a file without decoding it. Times count from the first unit.
pub struct UnitReader {
    demuxer: Demuxer,
    stream: usize,
    tracks: TrackReader,
    time_base: Rational,
    frame_rate: Rational,
    pixel_aspect: Option<Rational>,
    color: Color,
    setup: Vec<u8>,
    /// When the last unit ends, in units of the time base, where the file says.
    end: Option<i64>,
    start: Option<i64>,
    ready: VecDeque<FileItem>,
    bytes: u64,
    /// What is known of bytes that are read from front to back.
    streamed: Option<Arrived>,
    /// Where the input ends that is shorter than it says.
    cut_short: Option<CutShort>,
    /// Whether the container has pictures shown turned.
    is_turned: bool,
}

impl UnitReader {
    /// Opens a file. With [`SourceDamage::Keep`] one that was cut short is read as far as it goes, and then is an error.
    ///
    /// # Errors
    ///
    /// As [`FfmpegReader::open`](super::FfmpegReader::open); `Unsupported` where the video track is not AV1.
    pub fn open(path: &Path, on_damage: SourceDamage) -> Result<Self> {
        initialize();
        let (input, cut_short) = open_input(path, on_damage)?;
        Self::of(input, &path.display().to_string()).map(|reader| reader.of_cut(cut_short))
    }

    /// Says where the input ends that is shorter than it says.
    fn of_cut(self, cut_short: Option<CutShort>) -> Self {
        Self { end: self.end.filter(|_| cut_short.is_none()), cut_short, ..self }
    }

    /// Opens what another reader gives, which can seek.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub(crate) fn seekable(mut input: impl Read + Seek + Send + 'static) -> Result<Self> {
        initialize();
        let cut_short = cut_short(&mut input)?;
        input.rewind()?;
        let stream = StreamIo::from_read_seek_with_capacity(input, READ_BYTES);
        let opened =
            open_stream(stream, "the bytes given", None).map_err(|error| because(cut_short, error))?;
        Self::of(opened, "the bytes given").map(|reader| reader.of_cut(cut_short))
    }

    /// Opens what another reader gives, front to back.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open); `Unsupported` for an MP4 file whose index lies behind its pictures.
    pub(crate) fn streamed(input: impl Read + Send + 'static) -> Result<Self> {
        initialize();
        let (input, arrived) = IndexFirst::new(input);
        let stream = StreamIo::from_read_with_capacity(input, READ_BYTES);
        let opened = open_stream(stream, "the bytes given", None);
        if let Some(error) = arrived.index_at_end() {
            return Err(error);
        }
        let opened = opened.map_err(|error| because(arrived.cut_short(), error))?;
        Ok(Self { streamed: Some(arrived), ..Self::of(opened, "the bytes given")? })
    }

    fn of(input: Input, what: &str) -> Result<Self> {
        let stream = video_stream(&input, what)?;
        let (index, codec) = (stream.index(), stream.parameters().id());
        if codec != Id::AV1 {
            return Err(Error::Unsupported {
                what: format!("stream of {} in {what}", codec.name()),
                remedy: "expected a .nvc file, or AV1 that this library wrote".into(),
            });
        }
        let time_base = positive(stream.time_base())
            .ok_or_else(|| Error::corrupt("time base", "a positive fraction", "none", Place::default()))?;
        let setup = native::extradata(&stream);
        // An `av1C` box: four bytes, then OBUs (AV1 in ISO base media, clause 2.3).
        let setup = match setup.as_slice() {
            [0x81, _, _, _, obus @ ..] => obus.to_vec(),
            _ => setup,
        };
        let (frame_rate, aspect) = (frame_rate(&stream), positive(native::declared_aspect(&stream)));
        let mut tracks = TrackReader::new(&input, index, &OpenOptions::default())?;
        native::read_hdr(&stream, tracks.tracks_mut());
        let (color, is_turned) = (native::stream_color(&stream), Orientation::is_told(&stream));
        let end =
            native::tagged_end(&stream).map(|end| (end as f64 / 1e9 / time_base.value()).round() as i64);
        Ok(Self {
            demuxer: Demuxer::new(input),
            stream: index,
            tracks,
            time_base,
            frame_rate,
            pixel_aspect: aspect,
            color,
            setup,
            end,
            start: None,
            ready: VecDeque::new(),
            bytes: 0,
            streamed: None,
            cut_short: None,
            is_turned,
        })
    }

    /// Seconds per unit of a unit's timestamp.
    pub fn time_base(&self) -> Rational {
        self.time_base
    }

    /// Frames a second, nominal.
    pub fn frame_rate(&self) -> Rational {
        self.frame_rate
    }

    /// Width over height of a pixel, where the container says.
    pub fn pixel_aspect(&self) -> Option<Rational> {
        self.pixel_aspect
    }

    /// What the samples mean, as the container says.
    pub fn color(&self) -> Color {
        self.color
    }

    /// What a person should know of the file.
    pub(crate) fn note(&self) -> Option<String> {
        let note = "The container has the pictures shown turned; they are given as they are coded.";
        self.is_turned.then(|| note.into())
    }

    /// OBUs that the container keeps for all units: the sequence header.
    pub fn setup(&self) -> &[u8] {
        &self.setup
    }

    /// What the file holds beside its pictures.
    pub fn tracks(&self) -> &Tracks {
        self.tracks.tracks()
    }

    /// Bytes of all packets read so far.
    pub fn position(&self) -> u64 {
        self.bytes
    }

    /// The next item, `None` after the last.
    ///
    /// # Errors
    ///
    /// `Corrupt` and `Truncated` where FFmpeg cannot go on.
    pub fn next_item(&mut self) -> Result<Option<FileItem>> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Ok(Some(item));
            }
            let mut packet = Packet::empty();
            match self.demuxer.read(&mut packet) {
                Ok(()) => self.take(&packet),
                Err(Ffmpeg::Eof) => {
                    let streamed = self.streamed.take();
                    let late = streamed.as_ref().and_then(Arrived::index_at_end);
                    let cut = streamed.and_then(|arrived| arrived.cut_short()).or(self.cut_short.take());
                    return match late.or(cut.map(CutShort::error)) {
                        Some(error) => Err(error),
                        None => Ok(None),
                    };
                }
                Err(error) => return Err(read_error("video file", error, Place::default())),
            }
        }
    }

    fn take(&mut self, packet: &Packet) {
        self.bytes += packet.size() as u64;
        if packet.stream() == self.stream {
            let Some(data) = packet.data().filter(|data| !data.is_empty()) else { return };
            let time = packet.pts().or(packet.dts()).unwrap_or(0);
            if self.start.is_none() {
                self.start = Some(time);
                self.tracks.start_at(time, self.time_base);
            }
            let timestamp = time.saturating_sub(self.start.unwrap_or(0));
            // A track may say when it ends where its packets have the nominal duration alone; of all but the last that is too much.
            let tagged = self.end.and_then(|end| end.checked_sub(time)).filter(|&left| left > 0);
            let duration = tagged.unwrap_or(packet.duration());
            let duration = u64::try_from(duration).unwrap_or(0);
            let (is_key, data) = (packet.is_key(), data.to_vec());
            self.ready.push_back(FileItem::Unit(TrackUnit { timestamp, duration, is_key, data }));
        } else {
            self.tracks.push(packet);
        }
        // Times of other tracks are known once the first picture is.
        if self.start.is_some() {
            let (audio, subtitles) = (self.tracks.take_audio(), self.tracks.take_subtitles());
            self.ready.extend(audio.into_iter().map(FileItem::Audio));
            self.ready.extend(subtitles.into_iter().map(FileItem::Subtitle));
        }
    }

    /// Goes to the last key unit that is shown no later than `timestamp`.
    ///
    /// # Errors
    ///
    /// `Unsupported` where the input cannot seek.
    pub fn seek(&mut self, timestamp: i64) -> Result<()> {
        self.ready.clear();
        let time = timestamp.saturating_add(self.start.unwrap_or(0));
        self.demuxer.seek(self.stream, time).map_err(|error| Error::Unsupported {
            what: format!("seeking in this file ({error})"),
            remedy: "decode it from front to back".into(),
        })
    }
}
