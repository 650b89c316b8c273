//! Where frames go: what every writer of clips is.

use super::file_tags::is_of_the_file;
use crate::bitstream::{AudioPacket, SubtitlePacket, Tracks};
use crate::error::Result;
use crate::frame::{Frame, VideoInfo};
use crate::lost::Lost;

/// Primaries and transfer characteristics that a player does not take for granted (ITU-T H.273): of BT.2020, PQ and HLG.
const BT2020: u8 = 9;
const PQ: u8 = 16;
const HLG: u8 = 18;

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

/// What a lossless file does not say of HDR; the base layer in a container does.
pub(super) fn lost_hdr(tracks: &Tracks, files: &str) -> Option<Lost> {
    let is_there = tracks.mastering.is_some() || tracks.light.is_some();
    is_there.then(|| {
        let why = "the display that pictures were graded on and how bright they get have no place in";
        Lost::new("HDR10", format!("{why} {files} (remux keeps them)"))
    })
}

/// Tells where frames are not shown as evenly as files without times show them.
pub(super) struct EvenTimes {
    info: VideoInfo,
    first: Option<i64>,
    count: u64,
    is_told: bool,
}

impl EvenTimes {
    pub(super) fn new(info: &VideoInfo) -> Self {
        Self { info: *info, first: None, count: 0, is_told: false }
    }

    /// Takes the next frame's time; the first that lies more than half a frame off is told.
    pub(super) fn next(&mut self, timestamp: i64, files: &str) -> Option<Lost> {
        let first = *self.first.get_or_insert(timestamp);
        let frame = self.info.frame_rate.inverse().value();
        let shown = timestamp.saturating_sub(first) as f64 * self.info.time_base.value();
        let off = (shown - self.count as f64 * frame).abs();
        self.count += 1;
        if off <= frame / 2.0 || std::mem::replace(&mut self.is_told, true) {
            return None;
        }
        let why = format!("frame {} is shown at {shown:.3} s; {files} have no times", self.count - 1);
        Some(Lost::new("times", format!("{why} (an .mkv file keeps them)")))
    }
}

/// What is lost of a clip beside its samples in files that hold pictures alone.
pub(super) fn lost_but_pictures(info: &VideoInfo, tracks: &Tracks, files: &str) -> Vec<Lost> {
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
    let color = info.color;
    let is_told = color.primaries == BT2020 || [PQ, HLG].contains(&color.transfer);
    let of_color = is_told.then(|| {
        let (primaries, transfer) = (color.primaries, color.transfer);
        let why = format!(
            "primaries {primaries} and transfer {transfer} have no place in {files} (an .mkv file keeps them)"
        );
        Lost::new("color", why)
    });
    kinds.into_iter().filter_map(of_kind).chain(of_color).chain(lost_hdr(tracks, files)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::PixelFormat;
    use crate::frame::Rational;

    #[test]
    fn times_that_a_file_without_times_does_not_show_are_told_once() {
        let rate = Rational { num: 25, den: 1 };
        let info = VideoInfo::new(4, 4, PixelFormat::YUV420_8, rate);
        let info = VideoInfo { time_base: Rational { num: 1, den: 1000 }, ..info };
        let told = |times: &[i64]| {
            let mut even = EvenTimes::new(&info);
            times.iter().filter_map(|&time| even.next(time, "files")).collect::<Vec<_>>()
        };
        // A coarse clock, from wherever it begins.
        assert!(told(&[500, 541, 580, 619, 660]).is_empty());
        let lost = told(&[0, 40, 80, 1000, 2000]);
        assert_eq!(lost.len(), 1);
        assert!(lost[0].why.starts_with("frame 3 is shown at 1.000 s"), "{}", lost[0].why);
    }
}
