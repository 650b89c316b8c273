//! Everything of a clip beside its pictures, described once, and the entries that a stream holds of it.

use super::audio::{AudioDetails, AudioTrack, Tags, Trim};
use crate::frame::Rational;

/// What a clip has beside its pictures.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Tracks {
    /// Sound, in the order that [`AudioPacket::track`](super::AudioPacket::track) counts.
    pub audio: Vec<AudioTrack>,
    /// Subtitles, in the order that [`SubtitlePacket::track`] counts.
    pub subtitles: Vec<SubtitleTrack>,
    /// Named parts.
    pub chapters: Vec<Chapter>,
    /// Files inside the file, such as fonts.
    pub attachments: Vec<Attachment>,
    /// Tags of the clip.
    pub tags: Tags,
    /// Tags of the pictures' track.
    pub video_tags: Tags,
    /// FFmpeg's disposition bits of the pictures' track.
    pub video_disposition: u32,
    /// The display that the pictures were graded on.
    pub mastering: Option<MasteringDisplay>,
    /// How bright the pictures get.
    pub light: Option<ContentLight>,
}

impl Tracks {
    /// Nothing beside the pictures.
    pub const NONE: Self = Self {
        audio: Vec::new(),
        subtitles: Vec::new(),
        chapters: Vec::new(),
        attachments: Vec::new(),
        tags: Vec::new(),
        video_tags: Vec::new(),
        video_disposition: 0,
        mastering: None,
        light: None,
    };

    /// Sound alone.
    pub fn of_audio(audio: Vec<AudioTrack>) -> Self {
        Self { audio, ..Self::NONE }
    }

    /// The entries that describe all this, sound only as far as the stream's header does not.
    pub(super) fn entries(&self) -> Vec<TracksEntry> {
        let audio =
            self.audio.iter().enumerate().filter(|(_, track)| track.details != AudioDetails::default());
        let mut entries: Vec<TracksEntry> = audio
            // The header holds at most 255 tracks.
            .map(|(index, track)| TracksEntry::Audio(index as u8, track.details.clone()))
            .collect();
        entries.extend(self.subtitles.iter().cloned().map(TracksEntry::Subtitle));
        entries.extend(self.chapters.iter().cloned().map(TracksEntry::Chapter));
        entries.extend(self.attachments.iter().cloned().map(TracksEntry::Attachment));
        entries.extend(self.tags.iter().cloned().map(|(name, value)| TracksEntry::Tag(name, value)));
        entries
            .extend(self.video_tags.iter().cloned().map(|(name, value)| TracksEntry::VideoTag(name, value)));
        if self.video_disposition != 0 {
            entries.push(TracksEntry::VideoDisposition(self.video_disposition));
        }
        entries.extend(self.mastering.map(TracksEntry::Mastering));
        entries.extend(self.light.map(TracksEntry::Light));
        entries
    }

    /// Takes in a description; what is no description is given back. The caller bounds how many it takes.
    pub(super) fn take(&mut self, entry: TracksEntry) -> Option<TracksEntry> {
        match entry {
            TracksEntry::Audio(track, details) => {
                if let Some(track) = self.audio.get_mut(usize::from(track)) {
                    track.details = details;
                }
            }
            TracksEntry::Subtitle(track) => self.subtitles.push(track),
            TracksEntry::Chapter(chapter) => self.chapters.push(chapter),
            TracksEntry::Attachment(attachment) => self.attachments.push(attachment),
            TracksEntry::Tag(name, value) => self.tags.push((name, value)),
            TracksEntry::VideoTag(name, value) => self.video_tags.push((name, value)),
            TracksEntry::VideoDisposition(bits) => self.video_disposition = bits,
            TracksEntry::Mastering(mastering) => self.mastering = Some(mastering),
            TracksEntry::Light(light) => self.light = Some(light),
            other => return Some(other),
        }
        None
    }
}

/// A subtitle track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubtitleTrack {
    /// FFmpeg's short name of the codec, such as `subrip`.
    pub codec: String,
    /// Language tag as in the source, empty if none.
    pub language: String,
    /// Seconds per unit of the packets' timestamps.
    pub time_base: Rational,
    /// FFmpeg's disposition bits.
    pub disposition: u32,
    /// Width and height of pictures of subtitles in pixels, 0 if unknown.
    pub size: (u32, u32),
    /// All other tags.
    pub tags: Tags,
    /// Codec-specific setup bytes.
    pub extradata: Vec<u8>,
}

impl SubtitleTrack {
    /// When a packet begins in a file made of the clip, counted from the first picture, where that is earlier than the picture; else 0.
    /// Units: nanoseconds.
    pub(crate) fn begins_before(&self, packet: &SubtitlePacket) -> i64 {
        // A float to an integer keeps within its bounds.
        (packet.timestamp as f64 * self.time_base.value() * 1e9).min(0.0) as i64
    }
}

/// One packet of a subtitle track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubtitlePacket {
    /// Index into [`Tracks::subtitles`].
    pub track: u8,
    /// Presentation time in the track's `time_base`.
    pub timestamp: i64,
    /// Duration in the track's `time_base`, 0 if unknown.
    pub duration: u64,
    /// The bytes as the demuxer gave them.
    pub data: Vec<u8>,
}

/// A named part of a clip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chapter {
    /// Begin in nanoseconds.
    pub start: i64,
    /// End in nanoseconds.
    pub end: i64,
    /// Its tags, `title` among them.
    pub tags: Tags,
}

/// A file inside the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// FFmpeg's short name of its codec, such as `ttf`; empty if none.
    pub codec: String,
    /// Its tags, `filename` and `mimetype` among them.
    pub tags: Tags,
    /// Its bytes.
    pub data: Vec<u8>,
}

/// The display that pictures were graded on (SMPTE ST 2086), in the units of the SEI message of H.265.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MasteringDisplay {
    /// x and y of red, green and blue, and of white. Units: 0.00002.
    pub chromaticities: [(u16, u16); 4],
    /// Units: 0.0001 cd/m2.
    pub max_luminance: u32,
    /// Units: 0.0001 cd/m2.
    pub min_luminance: u32,
}

/// How bright pictures get (CTA 861.3). Units: cd/m2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentLight {
    /// The brightest pixel.
    pub max: u16,
    /// The mean of the brightest picture.
    pub mean: u16,
}

/// One entry of a TRACKS packet.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TracksEntry {
    /// What the stream's header does not say of this audio track.
    Audio(u8, AudioDetails),
    /// The next subtitle track.
    Subtitle(SubtitleTrack),
    /// The next chapter.
    Chapter(Chapter),
    /// The next file.
    Attachment(Attachment),
    /// A tag of the clip.
    Tag(String, String),
    /// A tag of the pictures' track.
    VideoTag(String, String),
    /// Disposition of the pictures' track.
    VideoDisposition(u32),
    /// The display that the pictures were graded on.
    Mastering(MasteringDisplay),
    /// How bright the pictures get.
    Light(ContentLight),
    /// A packet of a subtitle track.
    SubtitlePacket(SubtitlePacket),
    /// What is cut off the next packet of this audio track.
    Trim(u8, Trim),
    /// Duration of the clip's last frame in the stream's time base.
    LastDuration(u64),
}

impl TracksEntry {
    /// Itself and the tags that it holds.
    pub(super) fn parts(&self) -> u64 {
        let tags = match self {
            Self::Audio(_, details) => &details.tags,
            Self::Subtitle(track) => &track.tags,
            Self::Chapter(chapter) => &chapter.tags,
            Self::Attachment(attachment) => &attachment.tags,
            _ => return 1,
        };
        1 + tags.len() as u64
    }
}
