//! The containers that are written, by the ending of a file's name, and what each can hold.

use std::path::Path;

use super::file_tags::is_of_the_file;
use crate::error::{Error, Result};

/// A container that FFmpeg writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Container {
    /// `.mkv`
    Matroska,
    /// `.webm`
    WebM,
    /// `.mp4`, `.m4v`
    Mp4,
    /// `.mov`
    Mov,
}

/// Tags of a whole file that an MP4 file has a place for.
const MP4_TAGS: [&str; 21] = [
    "title",
    "artist",
    "album_artist",
    "composer",
    "album",
    "date",
    "comment",
    "genre",
    "copyright",
    "grouping",
    "lyrics",
    "description",
    "synopsis",
    "show",
    "episode_id",
    "network",
    "keywords",
    "media_type",
    "track",
    "disc",
    "creation_time",
];

/// Bytes of a file with one track of pictures beyond what a stream takes to describe it.
const FILE_BYTES: u64 = 800;

/// Layouts by which FFmpeg reads FLAC of 1 to 8 channels that says no more.
const FLAC_LAYOUTS: [&str; 8] = ["mono", "stereo", "3.0", "quad", "5.0(side)", "5.1(side)", "6.1", "7.1"];

impl Container {
    /// The container that the ending of `path` stands for.
    ///
    /// # Errors
    ///
    /// `Unsupported` with this remedy.
    pub fn of(path: &Path, remedy: &str) -> Result<Self> {
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        match ending.as_str() {
            "mkv" => Ok(Self::Matroska),
            "webm" => Ok(Self::WebM),
            "mp4" | "m4v" => Ok(Self::Mp4),
            "mov" => Ok(Self::Mov),
            _ => Err(Error::Unsupported {
                what: format!("ending .{ending} of {}", path.display()),
                remedy: remedy.into(),
            }),
        }
    }

    /// FFmpeg's name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Matroska => "matroska",
            Self::WebM => "webm",
            Self::Mp4 => "mp4",
            Self::Mov => "mov",
        }
    }

    /// The ending in words, for errors.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Matroska => ".mkv",
            Self::WebM => ".webm",
            Self::Mp4 => ".mp4",
            Self::Mov => ".mov",
        }
    }

    /// Options of FFmpeg's muxer.
    pub(super) fn options(self, can_seek: bool) -> &'static [(&'static str, &'static str)] {
        match (self, can_seek) {
            (Self::Mp4 | Self::Mov, true) => &[("movflags", "faststart"), ("strict", "experimental")],
            (Self::Mp4 | Self::Mov, false) => {
                &[("movflags", "frag_keyframe+empty_moov+default_base_moof"), ("strict", "experimental")]
            }
            (Self::Matroska | Self::WebM, _) => &[("default_mode", "passthrough")],
        }
    }

    /// Bytes of a file of so many frames beyond those of the `.nvc` stream in it, at most but for files of a few frames, where what is
    /// described counts. `interval_runs`: runs of frames that are shown equally long.
    pub(crate) fn bytes_around(self, frames: u64, interval_runs: u64) -> u64 {
        match self {
            // A block: ID, length, track, time, flags (RFC 9559, clause 5.1.3.5), and OBUs that a stream does without.
            Self::Matroska | Self::WebM => FILE_BYTES + 10 * frames,
            // An entry of `stsz` each, of `stts` each run, and the same OBUs (ISO/IEC 14496-12, clauses 8.6.1.2 and 8.7.3.2).
            Self::Mp4 | Self::Mov => FILE_BYTES + 6 * frames + 8 * interval_runs,
        }
    }

    /// Bytes of a file around a packet of sound, at most.
    pub(crate) fn bytes_around_sound(self) -> u64 {
        match self {
            Self::Matroska | Self::WebM => 10,
            // Entries of `stsz` and `stts`, and of `stco` and `stsc` where each packet lies alone between pictures, which then have a `stco` too.
            Self::Mp4 | Self::Mov => 4 + 8 + 4 + 12 + 4,
        }
    }

    /// Whether decoding times within a track have to rise.
    pub(super) fn is_strict(self) -> bool {
        matches!(self, Self::Mp4 | Self::Mov)
    }

    /// Whether of sound of this codec and layout nothing but the number of channels is held, which FFmpeg then reads as other
    /// channels. Matroska leaves the layout to the sound's own headers, which PCM has not; of FLAC, MP4 takes the one header that
    /// every file has (`dfLa`), and FFmpeg writes masks of channels to another.
    pub(super) fn forgets_layout(self, codec: &str, layout: &str, is_usual: bool) -> bool {
        match self {
            Self::Matroska | Self::WebM => codec.starts_with("pcm_") && !is_usual,
            Self::Mp4 | Self::Mov => codec == "flac" && !layout.is_empty() && !FLAC_LAYOUTS.contains(&layout),
        }
    }

    /// Whether there is no way to say that a packet is decoded and not heard.
    pub(super) fn forgets_edits(self) -> bool {
        !self.is_strict()
    }

    /// Whether tracks may begin before 0.
    pub(super) fn holds_negative_times(self) -> bool {
        self.is_strict()
    }

    pub(super) fn holds_chapters(self) -> bool {
        true
    }

    /// Whether pictures that belong to the file are tracks of one picture, and not attachments.
    pub(super) fn holds_covers_as_pictures(self) -> bool {
        self.is_strict()
    }

    /// Whether a file inside the file, with FFmpeg's codec name, has a place.
    pub(super) fn holds_attachment(self, codec: &str) -> bool {
        match self {
            Self::Matroska => true,
            Self::Mp4 => matches!(codec, "mjpeg" | "png" | "bmp"),
            // FFmpeg writes covers into MP4 alone.
            Self::WebM | Self::Mov => false,
        }
    }

    /// The codec that subtitles of a codec become; `None` where they have no place.
    pub(super) fn subtitle_codec(self, codec: &str) -> Option<&str> {
        let is_text = matches!(codec, "subrip" | "srt" | "text" | "ass" | "ssa" | "webvtt" | "mov_text");
        match self {
            Self::Matroska if codec == "mov_text" => Some("subrip"),
            Self::Matroska => matches!(
                codec,
                "subrip"
                    | "srt"
                    | "text"
                    | "ass"
                    | "ssa"
                    | "webvtt"
                    | "hdmv_pgs_subtitle"
                    | "dvd_subtitle"
                    | "dvb_subtitle"
                    | "hdmv_text_subtitle"
            )
            .then_some(codec),
            Self::WebM => is_text.then_some("webvtt"),
            Self::Mp4 | Self::Mov => is_text.then_some("mov_text"),
        }
    }

    /// Whether a tag of the clip has a place.
    pub(super) fn holds_tag(self, name: &str) -> bool {
        // Matroska writes them in capitals.
        !is_of_the_file(name) && (!self.is_strict() || MP4_TAGS.contains(&name.to_ascii_lowercase().as_str()))
    }

    /// Whether a tag of a track has a place.
    pub(super) fn holds_track_tag(self, name: &str) -> bool {
        // An MP4 handler has a name of its own.
        let is_kept = |name: &str| {
            matches!(
                name.to_ascii_lowercase().as_str(),
                "language" | "title" | "handler_name" | "creation_time" | "filename" | "mimetype"
            )
        };
        match self {
            Self::Mp4 | Self::Mov => is_kept(name),
            Self::Matroska | Self::WebM => name == "filename" || name == "mimetype" || !is_of_the_file(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_name_containers() {
        let of = |name: &str| Container::of(Path::new(name), "use .mkv");
        assert_eq!(of("a.MKV").unwrap(), Container::Matroska);
        assert_eq!(of("a/b.m4v").unwrap().ending(), ".mp4");
        assert!(of("a.avi").unwrap_err().to_string().contains("use .mkv"));
        assert!(of("mkv").is_err());
    }

    #[test]
    fn text_becomes_what_the_container_holds_and_pictures_do_not() {
        assert_eq!(Container::Matroska.subtitle_codec("mov_text"), Some("subrip"));
        assert_eq!(Container::Matroska.subtitle_codec("ass"), Some("ass"));
        assert_eq!(Container::Mp4.subtitle_codec("ass"), Some("mov_text"));
        assert_eq!(Container::WebM.subtitle_codec("subrip"), Some("webvtt"));
        assert_eq!(Container::Mp4.subtitle_codec("hdmv_pgs_subtitle"), None);
        assert_eq!(Container::Matroska.subtitle_codec("hdmv_pgs_subtitle"), Some("hdmv_pgs_subtitle"));
    }

    #[test]
    fn tags_of_a_file_are_not_those_of_its_clip() {
        assert!(Container::Matroska.holds_tag("title") && Container::Mp4.holds_tag("title"));
        assert!(Container::Matroska.holds_tag("MOOD") && !Container::Mp4.holds_tag("MOOD"));
        for name in ["major_brand", "ENCODER", "DURATION", "BPS-eng", "_STATISTICS_TAGS"] {
            assert!(!Container::Matroska.holds_tag(name), "{name}");
        }
    }
}
