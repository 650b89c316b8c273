//! Where frames go: what every writer of clips is.

use super::file_tags::is_of_the_file;
use crate::bitstream::{AudioPacket, SubtitlePacket, Tracks};
use crate::error::Result;
use crate::frame::Frame;
use crate::lost::Lost;

/// Where frames go, one after the other, in presentation order. Dropped before `finish`, it leaves no file.
pub trait FrameSink: Send {
    /// Writes a frame.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` where it does not fit the clip, or its timestamp does not rise.
    fn write_frame(&mut self, frame: &Frame) -> Result<()>;

    /// Writes an audio packet of one of the tracks the sink was made with, unchanged, where the file holds it.
    ///
    /// # Errors
    ///
    /// `Io`, `InvalidArgument`.
    fn write_audio(&mut self, packet: &AudioPacket) -> Result<()>;

    /// Writes a packet of one of the subtitle tracks the sink was made with, where the file holds it.
    ///
    /// # Errors
    ///
    /// `Io`, `InvalidArgument`.
    fn write_subtitle(&mut self, _packet: &SubtitlePacket) -> Result<()> {
        Ok(())
    }

    /// What of the tracks that the sink was made with the file does not hold.
    fn lost(&self) -> &[Lost] {
        &[]
    }

    /// Completes the file and gives it its name. `last_duration`: how long the last frame is shown, in the clip's time base; one nominal
    /// frame where it is not known. Files without durations leave it out.
    fn finish(self: Box<Self>, last_duration: Option<u64>) -> Result<()>;
}

/// What is lost of a clip's tracks in files that hold pictures alone.
pub(super) fn lost_but_pictures(tracks: &Tracks, files: &str) -> Vec<Lost> {
    let kinds = [
        ("audio", "track", tracks.audio.len()),
        ("subtitle", "track", tracks.subtitles.len()),
        ("attachment", "file", tracks.attachments.len()),
        ("chapter", "chapter", tracks.chapters.len()),
        ("tag", "tag", tracks.tags.iter().filter(|(name, _)| !is_of_the_file(name)).count()),
    ];
    let of_kind = |(kind, noun, count): (&str, &str, usize)| {
        let ending = if count == 1 { "" } else { "s" };
        let why = format!("{count} {noun}{ending}: {files} hold pictures alone (an .mkv file keeps it)");
        (count > 0).then(|| Lost::new(kind, why))
    };
    kinds.into_iter().filter_map(of_kind).collect()
}
