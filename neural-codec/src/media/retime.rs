//! A source at another rate than its file says.

use super::{FrameSource, Lost};
use crate::bitstream::{AudioPacket, SubtitlePacket, Tracks};
use crate::error::Result;
use crate::frame::{AnyFrame, Frame, Rational, VideoInfo};

/// The frames of a source, counted at a constant rate. All else of it keeps its times.
pub(super) struct AtRate {
    source: Box<dyn FrameSource>,
    info: VideoInfo,
    given: i64,
}

impl AtRate {
    /// `source` at `rate` frames a second.
    pub(super) fn new(source: Box<dyn FrameSource>, rate: Rational) -> Self {
        let info = VideoInfo { frame_rate: rate, time_base: rate.inverse(), ..*source.info() };
        Self { source, info, given: 0 }
    }

    fn count(&mut self) -> i64 {
        self.given += 1;
        self.given - 1
    }
}

/// What a person should know of pictures at another rate than the file's: what is beside them was made for that.
pub(super) fn note_of_rate(rate: Rational, tracks: &Tracks) -> Option<String> {
    let Tracks { audio, subtitles, chapters, .. } = tracks;
    let rate = (rate.value() * 1000.0).round() / 1000.0;
    let is_alone = audio.is_empty() && subtitles.is_empty() && chapters.is_empty();
    (!is_alone).then(|| {
        format!(
            "The pictures come at {rate} a second, as asked; sound, subtitles and chapters keep their times, which were made for another rate."
        )
    })
}

impl FrameSource for AtRate {
    fn info(&self) -> &VideoInfo {
        &self.info
    }

    fn next_frame(&mut self) -> Result<Option<Frame>> {
        Ok(self.source.next_frame()?.map(|frame| frame.with_timestamp(self.count())))
    }

    fn next_any_frame(&mut self) -> Result<Option<AnyFrame>> {
        Ok(self.source.next_any_frame()?.map(|frame| frame.with_timestamp(self.count())))
    }

    fn declared_frame_count(&self) -> Option<u64> {
        self.source.declared_frame_count()
    }

    fn tracks(&self) -> &Tracks {
        self.source.tracks()
    }

    fn lost(&self) -> Vec<Lost> {
        self.source.lost()
    }

    fn notes(&self) -> Vec<String> {
        let is_other = self.info.frame_rate != self.source.info().frame_rate;
        let note = is_other.then(|| note_of_rate(self.info.frame_rate, self.tracks())).flatten();
        self.source.notes().into_iter().chain(note).collect()
    }

    fn take_subtitles(&mut self) -> Vec<SubtitlePacket> {
        self.source.take_subtitles()
    }

    fn take_audio(&mut self) -> Vec<AudioPacket> {
        self.source.take_audio()
    }
}
