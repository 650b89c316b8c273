//! What a file holds beside its pictures: described once, and packets handed on unchanged.

use ffmpeg_next::Packet;
use ffmpeg_next::codec::Id;
use ffmpeg_next::format::context::Input;
use ffmpeg_next::format::stream::Stream;
use ffmpeg_next::media::Type;

use super::super::timestamps::TimestampRepair;
use super::super::{AudioChoice, Lost, OpenOptions};
use super::demux::is_cover;
use super::{native, positive};
use crate::bitstream::{Attachment, AudioPacket, Chapter, SubtitlePacket, SubtitleTrack, Tracks};
use crate::error::{Error, Place, Result};
use crate::frame::Rational;

/// Most tracks of a kind.
const MOST_TRACKS: usize = u8::MAX as usize;

/// Collects the packets of all tracks but the pictures.
#[derive(Default)]
pub(super) struct TrackReader {
    tracks: Tracks,
    lost: Vec<Lost>,
    streams: Vec<TrackStream>,
    /// When the first picture is shown, in its time base; what is handed on counts from there.
    start: Option<(i64, Rational)>,
    audio: Vec<AudioPacket>,
    subtitles: Vec<SubtitlePacket>,
}

struct TrackStream {
    index: usize,
    kind: Kind,
    repair: TimestampRepair,
}

#[derive(Clone, Copy)]
enum Kind {
    Audio(u8),
    Subtitle(u8),
}

impl TrackReader {
    /// Finds all that is there beside the pictures, which are stream `video`.
    ///
    /// # Errors
    ///
    /// `LimitExceeded` past 255 tracks of a kind.
    pub(super) fn new(input: &Input, video: usize, options: &OpenOptions) -> Result<Self> {
        let choice = options.audio;
        let mut reader = Self::default();
        reader.tracks.tags = native::tags(&input.metadata());
        reader.tracks.chapters = input
            .chapters()
            .filter_map(|chapter| {
                let base = positive(chapter.time_base())?;
                let time = |units: i64| in_nanoseconds(units, base);
                Some(Chapter {
                    start: time(chapter.start()),
                    end: time(chapter.end()),
                    tags: native::tags(&chapter.metadata()),
                })
            })
            .collect();
        for stream in input.streams() {
            let medium = stream.parameters().medium();
            if stream.index() == video {
                reader.tracks.video_tags = native::tags_with_language(&stream);
                reader.tracks.video_disposition = stream.disposition().bits() as u32;
            } else if is_cover(&stream) {
                reader.add_attachment(&stream, native::attached_picture(&stream));
            } else if medium == Type::Attachment {
                reader.add_attachment(&stream, native::extradata(&stream));
            } else if choice == AudioChoice::Keep && medium == Type::Audio {
                reader.add_audio(&stream)?;
            } else if choice == AudioChoice::Keep && medium == Type::Subtitle {
                reader.add_subtitle(&stream)?;
            } else if choice == AudioChoice::Keep && !is_chapter_track(&stream, input) {
                let codec = stream.parameters().id().name();
                reader.lose(
                    "track",
                    format!(
                        "stream {} ({medium:?}, {codec}): one video track is coded, with sound and subtitles",
                        stream.index()
                    ),
                );
            }
        }
        Ok(reader)
    }

    fn add_audio(&mut self, stream: &Stream<'_>) -> Result<()> {
        let track = positive(stream.time_base()).map(|time_base| native::audio_track(stream, time_base));
        let Some(track) = track.filter(|track| track.sample_rate > 0 && track.channels > 0) else {
            self.lose(
                "audio",
                format!("stream {}: its samples a second or channels are unknown", stream.index()),
            );
            return Ok(());
        };
        let kind = Kind::Audio(number_of("number of audio tracks", self.tracks.audio.len())?);
        let repair = TimestampRepair::not_falling();
        self.streams.push(TrackStream { index: stream.index(), kind, repair });
        self.tracks.audio.push(track);
        Ok(())
    }

    fn add_subtitle(&mut self, stream: &Stream<'_>) -> Result<()> {
        let Some(time_base) = positive(stream.time_base()) else { return Ok(()) };
        let kind = Kind::Subtitle(number_of("number of subtitle tracks", self.tracks.subtitles.len())?);
        let (width, height) = native::declared_size(stream);
        self.tracks.subtitles.push(SubtitleTrack {
            codec: stream.parameters().id().name().into(),
            language: native::language(stream),
            time_base,
            disposition: stream.disposition().bits() as u32,
            size: (u32::try_from(width).unwrap_or(0), u32::try_from(height).unwrap_or(0)),
            tags: native::tags(&stream.metadata()),
            extradata: native::extradata(stream),
        });
        let repair = TimestampRepair::not_falling();
        self.streams.push(TrackStream { index: stream.index(), kind, repair });
        Ok(())
    }

    fn add_attachment(&mut self, stream: &Stream<'_>, data: Vec<u8>) {
        let codec = stream.parameters().id().name().to_owned();
        let mut tags = native::tags(&stream.metadata());
        let mut default = |name: &str, value: String| {
            if !tags.iter().any(|(found, _)| found == name) {
                tags.push((name.into(), value));
            }
        };
        if is_cover(stream) {
            let (kind, ending) = if codec == "png" { ("png", "png") } else { ("jpeg", "jpg") };
            default("mimetype", format!("image/{kind}"));
            default("filename", format!("cover.{ending}"));
        }
        if data.is_empty() {
            self.lose("attachment", format!("stream {} ({codec}): it has no bytes", stream.index()));
        } else {
            self.tracks.attachments.push(Attachment { codec, tags, data });
        }
    }

    pub(super) fn lose(&mut self, what: &str, why: String) {
        self.lost.push(Lost::new(what, why));
    }

    pub(super) fn tracks(&self) -> &Tracks {
        &self.tracks
    }

    pub(super) fn tracks_mut(&mut self) -> &mut Tracks {
        &mut self.tracks
    }

    /// What of the file has no place in a clip.
    pub(super) fn lost(&self) -> &[Lost] {
        &self.lost
    }

    /// Whether the packets of a stream are wanted.
    pub(super) fn has_stream(&self, stream: usize) -> bool {
        self.streams.iter().any(|track| track.index == stream)
    }

    /// Says when the first picture is shown, in units of `base`: that is 0 from here on, on every track.
    pub(super) fn start_at(&mut self, time: i64, base: Rational) {
        self.start = Some((time, base));
        for chapter in &mut self.tracks.chapters {
            let start = in_nanoseconds(time, base);
            chapter.start = chapter.start.saturating_sub(start);
            chapter.end = chapter.end.saturating_sub(start);
        }
    }

    /// Keeps a packet if it belongs to a track.
    pub(super) fn push(&mut self, packet: &Packet) {
        let track = self.streams.iter_mut().find(|track| track.index == packet.stream());
        let (Some(track), Some(data)) = (track, packet.data()) else { return };
        let (timestamp, data) =
            (track.repair.next(packet.pts().or(packet.dts()), packet.duration()), data.to_vec());
        let samples = match track.kind {
            Kind::Audio(number) => {
                let track = &self.tracks.audio[usize::from(number)];
                let seconds = packet.duration().max(0) as f64 * track.time_base.value();
                (seconds * f64::from(track.sample_rate)).round() as u64
            }
            Kind::Subtitle(_) => 0,
        };
        match track.kind {
            Kind::Audio(number) => self.audio.push(AudioPacket {
                track: number,
                timestamp,
                duration: u32::try_from(packet.duration()).unwrap_or(0),
                trim: native::trim(packet, samples),
                data,
            }),
            Kind::Subtitle(number) => self.subtitles.push(SubtitlePacket {
                track: number,
                timestamp,
                duration: u64::try_from(packet.duration()).unwrap_or(0),
                data,
            }),
        }
    }

    pub(super) fn take_audio(&mut self) -> Vec<AudioPacket> {
        let mut packets = std::mem::take(&mut self.audio);
        for packet in &mut packets {
            packet.timestamp -= self.start_in(self.tracks.audio[usize::from(packet.track)].time_base);
        }
        packets
    }

    pub(super) fn take_subtitles(&mut self) -> Vec<SubtitlePacket> {
        let mut packets = std::mem::take(&mut self.subtitles);
        for packet in &mut packets {
            packet.timestamp -= self.start_in(self.tracks.subtitles[usize::from(packet.track)].time_base);
        }
        packets
    }

    /// When the first picture is shown in units of `base`.
    fn start_in(&self, base: Rational) -> i64 {
        let Some((time, of)) = self.start else { return 0 };
        let (num, den) = (
            i128::from(time) * i128::from(of.num) * i128::from(base.den),
            i128::from(of.den) * i128::from(base.num),
        );
        // A start within 2^60 of its own units fits; anything else was taken for missing.
        (num + den / 2).div_euclid(den).clamp(i128::from(i64::MIN / 4), i128::from(i64::MAX / 4)) as i64
    }
}

/// Whether a stream is the text track by which MP4 files have chapters, which are read as such.
fn is_chapter_track(stream: &Stream<'_>, input: &Input) -> bool {
    stream.parameters().id() == Id::BIN_DATA && input.nb_chapters() > 0
}

fn number_of(what: &'static str, count: usize) -> Result<u8> {
    let place = Place::default();
    let error = || Error::LimitExceeded { what, limit: MOST_TRACKS as u64, found: count as u64 + 1, place };
    u8::try_from(count).ok().filter(|&number| usize::from(number) < MOST_TRACKS).ok_or_else(error)
}

fn in_nanoseconds(units: i64, base: Rational) -> i64 {
    let time = i128::from(units) * i128::from(base.num) * 1_000_000_000 / i128::from(base.den);
    time.clamp(i128::from(i64::MIN / 4), i128::from(i64::MAX / 4)) as i64
}
