//! A source at another rate than its file says.

use super::FrameSource;
use crate::error::Result;
use crate::frame::{Frame, Rational, VideoInfo};

/// The frames of a source, counted at a constant rate.
pub(super) struct AtRate<S> {
    source: S,
    info: VideoInfo,
    given: i64,
}

impl<S: FrameSource> AtRate<S> {
    /// `source` at `rate` frames a second.
    pub(super) fn new(source: S, rate: Rational) -> Self {
        let info = VideoInfo { frame_rate: rate, time_base: rate.inverse(), ..*source.info() };
        Self { source, info, given: 0 }
    }
}

impl<S: FrameSource> FrameSource for AtRate<S> {
    fn info(&self) -> &VideoInfo {
        &self.info
    }

    fn next_frame(&mut self) -> Result<Option<Frame>> {
        let Some(frame) = self.source.next_frame()? else { return Ok(None) };
        self.given += 1;
        Ok(Some(frame.with_timestamp(self.given - 1)))
    }

    fn declared_frame_count(&self) -> Option<u64> {
        self.source.declared_frame_count()
    }
}
