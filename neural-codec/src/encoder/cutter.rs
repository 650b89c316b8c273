//! Decides, frame by frame, which scene each frame belongs to: by detection or by the caller's list. Rank 5.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::frame::{Frame, VideoInfo};
use crate::scene::{CutDetector, CutSettings};

/// What to do next with the frames of a clip.
#[derive(Debug)]
pub(super) enum Step {
    /// A scene begins with the next frame.
    Start,
    /// This frame belongs to the current scene.
    Frame(Arc<Frame>),
}

/// Holds frames back until it is known whether they begin a scene.
pub(super) struct Cutter {
    source: Source,
    /// Frames whose scene is not known yet; the first of them has index `next`.
    undecided: VecDeque<Arc<Frame>>,
    next: u64,
}

enum Source {
    Detector { detector: Box<CutDetector>, starts: VecDeque<u64> },
    List(VecDeque<Range<u64>>),
}

impl Cutter {
    /// A cutter that looks for cuts itself.
    pub(super) fn detecting(info: &VideoInfo, max_scene_seconds: f64) -> Self {
        let detector = CutDetector::new(CutSettings::new(info.frame_rate, max_scene_seconds));
        Self::new(Source::Detector { detector: Box::new(detector), starts: VecDeque::new() })
    }

    /// A cutter that follows a list of scenes, which must be contiguous from frame 0.
    pub(super) fn following(scenes: Vec<Range<u64>>) -> Self {
        Self::new(Source::List(scenes.into()))
    }

    fn new(source: Source) -> Self {
        Self { source, undecided: VecDeque::new(), next: 0 }
    }

    /// Takes a frame in and says what is now decided.
    pub(super) fn push(&mut self, frame: Frame) -> Result<Vec<Step>> {
        if let Source::Detector { detector, starts } = &mut self.source {
            starts.extend(detector.push(&frame)?);
        }
        self.undecided.push_back(Arc::new(frame));
        self.decided()
    }

    /// Says what remains once the clip has ended.
    pub(super) fn finish(&mut self) -> Result<Vec<Step>> {
        if let Source::Detector { detector, starts } = &mut self.source {
            starts.extend(detector.finish()?);
        }
        let mut steps = self.decided()?;
        if let Source::List(scenes) = &self.source
            && let Some(scene) = scenes.front()
        {
            let expected = format!("scenes within the clip's {} frames", self.next);
            return Err(Error::invalid("scenes", expected, format!("{}..{}", scene.start, scene.end)));
        }
        while let Some(step) = self.step(true)? {
            steps.extend(step);
        }
        Ok(steps)
    }
}
