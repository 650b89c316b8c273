//! How long a clip is, as far as it came: its frames, when they are shown, and what the source says of the rest.

use super::scene_report::duration_seconds;
use crate::error::{Error, Result};
use crate::frame::VideoInfo;

/// The frames of a clip so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ClipLength {
    frames: u64,
    /// How many frames the clip is said to have.
    pub(super) declared_frames: Option<u64>,
    /// Duration of the last frame in the time base, where the source says.
    pub(super) last_duration: Option<u64>,
    /// First and last timestamp.
    span: Option<(i64, i64)>,
    /// How long the last frame but one was shown, in the time base.
    interval: Option<u64>,
    interval_runs: u64,
}

impl ClipLength {
    /// Frames so far.
    pub(super) fn frames(&self) -> u64 {
        self.frames
    }

    /// Runs of frames that are shown equally long.
    pub(super) fn interval_runs(&self) -> u64 {
        // That of the last frame is not known yet.
        self.interval_runs + 1
    }

    /// Checks that a frame may follow.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for a time that is not after the one before.
    pub(super) fn expect_next(&self, timestamp: i64) -> Result<()> {
        match self.span {
            Some((_, before)) if timestamp <= before => {
                let name = format!("timestamp of frame {}", self.frames);
                Err(Error::invalid(name, format!("more than {before}, that of the frame before"), timestamp))
            }
            _ => Ok(()),
        }
    }

    /// Counts a frame.
    pub(super) fn add(&mut self, timestamp: i64) {
        if let Some((_, before)) = self.span {
            let interval = Some(timestamp.abs_diff(before));
            self.interval_runs += u64::from(interval != self.interval);
            self.interval = interval;
        }
        self.frames += 1;
        self.span = Some((self.span.map_or(timestamp, |(first, _)| first), timestamp));
    }

    /// Duration of the frames so far.
    pub(super) fn seconds(&self, info: &VideoInfo) -> f64 {
        let last = self.last_duration.map(|units| units as f64 * info.time_base.value());
        duration_seconds(info, self.span, self.frames, last)
    }

    /// How long the clip is said to be.
    pub(super) fn declared_seconds(&self, info: &VideoInfo) -> Option<f64> {
        self.declared_frames.map(|frames| frames.max(1) as f64 / info.frame_rate.value())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_equal_duration_are_one_run() {
        let runs = |times: &[i64]| {
            let mut length = ClipLength::default();
            times.iter().for_each(|&time| length.add(time));
            (length.frames(), length.interval_runs())
        };
        assert_eq!(runs(&[7]), (1, 1));
        assert_eq!(runs(&[0, 2, 4, 6]), (4, 2));
        assert_eq!(runs(&[0, 33, 67, 100, 133]), (5, 4));
    }

    #[test]
    fn times_have_to_rise() {
        let mut length = ClipLength::default();
        length.add(5);
        assert!(length.expect_next(6).is_ok());
        let error = length.expect_next(5).unwrap_err().to_string();
        assert!(error.contains("timestamp of frame 1") && error.contains("more than 5"), "{error}");
        assert_eq!(length.frames(), 1);
    }
}
