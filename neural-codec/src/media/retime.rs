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
    times: ReplacedTimes,
}

impl AtRate {
    /// `source` at `rate` frames a second.
    pub(super) fn new(source: Box<dyn FrameSource>, rate: Rational) -> Self {
        let info = VideoInfo { frame_rate: rate, time_base: rate.inverse(), ..*source.info() };
        let times = ReplacedTimes::new(rate, source.info().time_base);
        Self { source, info, given: 0, times }
    }

    fn count(&mut self, replaced: i64) -> i64 {
        self.times.push(replaced);
        self.given += 1;
        self.given - 1
    }
}

/// The times of pictures that are counted at a constant rate instead.
pub(super) struct ReplacedTimes {
    rate: Rational,
    base: Rational,
    last: Option<i64>,
    /// Shortest and longest time between two.
    steps: Option<(i64, i64)>,
}

impl ReplacedTimes {
    /// None yet, of pictures that are given at `rate`; they are counted in `base`.
    pub(super) fn new(rate: Rational, base: Rational) -> Self {
        Self { rate, base, last: None, steps: None }
    }

    pub(super) fn push(&mut self, time: i64) {
        if let Some(last) = self.last.replace(time) {
            let step = time.saturating_sub(last);
            let (shortest, longest) = self.steps.unwrap_or((step, step));
            self.steps = Some((shortest.min(step), longest.max(step)));
        }
    }

    /// What a person should know: that the pictures were not evenly spaced, and are now. Steps that differ by a unit are an even rate, rounded.
    pub(super) fn note(&self) -> Option<String> {
        let (shortest, longest) = self.steps?;
        let is_even = longest.saturating_sub(shortest) <= 1 || longest / 3 <= shortest / 2;
        let seconds = |step: i64| step as f64 * self.base.value();
        (!is_even).then(|| {
            format!(
                "The source's pictures are {:.3} to {:.3} s apart; they come at {} a second, as asked.",
                seconds(shortest),
                seconds(longest),
                rounded(self.rate)
            )
        })
    }
}

fn rounded(rate: Rational) -> f64 {
    (rate.value() * 1000.0).round() / 1000.0
}

/// What a person should know of pictures at another rate than the file's: what is beside them was made for that.
pub(super) fn note_of_rate(rate: Rational, tracks: &Tracks) -> Option<String> {
    let Tracks { audio, subtitles, chapters, .. } = tracks;
    let rate = rounded(rate);
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
        let Some(frame) = self.source.next_frame()? else { return Ok(None) };
        let time = self.count(frame.timestamp);
        Ok(Some(frame.with_timestamp(time)))
    }

    fn next_any_frame(&mut self) -> Result<Option<AnyFrame>> {
        let Some(frame) = self.source.next_any_frame()? else { return Ok(None) };
        let time = self.count(frame.timestamp());
        Ok(Some(frame.with_timestamp(time)))
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
        self.source.notes().into_iter().chain(note).chain(self.times.note()).collect()
    }

    fn take_subtitles(&mut self) -> Vec<SubtitlePacket> {
        self.source.take_subtitles()
    }

    fn take_audio(&mut self) -> Vec<AudioPacket> {
        self.source.take_audio()
    }
}
