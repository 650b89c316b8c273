//! Decides, frame by frame, which scene each frame belongs to: by detection or by the caller's list.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use crate::device::Device;
use crate::error::{Error, Result};
use crate::frame::{Frame, GpuFrame, VideoInfo};
use crate::scene::{CutDetector, CutSettings, FrameAnalyzer, FrameFeatures, check_scenes};

/// What to do next with the frames of a clip.
#[derive(Debug)]
pub(super) enum Step {
    /// A scene begins with this frame of the clip.
    Start(u64),
    /// This frame belongs to the current scene; its features.
    Frame(Arc<Frame>, Box<FrameFeatures>),
    /// The clip ends.
    End,
}

/// Holds frames back until it is known whether they begin a scene.
pub(super) struct SceneSplitter {
    source: Source,
    analyzer: FrameAnalyzer,
    /// Frames whose scene is not known yet; the first of them has index `next`.
    undecided: VecDeque<(Arc<Frame>, Box<FrameFeatures>)>,
    next: u64,
}

enum Source {
    Detector(Box<CutDetector>),
    /// Scenes that have not begun yet, and where the current one ends.
    List {
        scenes: VecDeque<Range<u64>>,
        end: u64,
    },
    Ended,
}

impl SceneSplitter {
    /// A splitter that detects cuts itself.
    pub(super) fn detecting(info: &VideoInfo, max_scene_seconds: f64) -> Result<Self> {
        let mut settings = CutSettings::new(info.frame_rate);
        settings.max_scene_frames = ((info.frame_rate.value() * max_scene_seconds).round() as u64).max(1);
        settings.min_scene_frames = settings.min_scene_frames.min(settings.max_scene_frames);
        Ok(Self::new(Source::Detector(Box::new(CutDetector::new(settings)?))))
    }

    /// A splitter that follows a list of scenes.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` naming the entry that is empty, overlaps or leaves a gap.
    pub(super) fn following(scenes: Vec<Range<u64>>) -> Result<Self> {
        check_scenes(&scenes)?;
        Ok(Self::new(Source::List { scenes: scenes.into(), end: 0 }))
    }

    fn new(source: Source) -> Self {
        Self { source, analyzer: FrameAnalyzer::default(), undecided: VecDeque::new(), next: 0 }
    }

    /// Analyzes frames on this device.
    pub(super) fn with_device(self, device: &Device) -> Self {
        Self { analyzer: FrameAnalyzer::with_device(device), ..self }
    }

    /// Takes a frame in, which may be GPU-resident too, and says what is now decided.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for a frame after the last scene of a list.
    pub(super) fn push(&mut self, frame: Frame, resident: Option<&GpuFrame>) -> Result<Vec<Step>> {
        let features = Box::new(self.analyzer.analyze_any(&frame, resident)?);
        match &mut self.source {
            Source::Detector(detector) => {
                let start = detector.push_features(&features);
                self.undecided.push_back((Arc::new(frame), features));
                if self.undecided.len() <= detector.look_ahead() {
                    return Ok(Vec::new());
                }
                Ok(self.decide(start.is_some()))
            }
            Source::List { scenes, end } => {
                self.undecided.push_back((Arc::new(frame), features));
                let mut starts = false;
                if self.next == *end {
                    let Some(scene) = scenes.pop_front() else {
                        let expected =
                            format!("scenes that cover the clip, which has more than {end} frames");
                        return Err(Error::invalid("scenes", expected, format!("an end at frame {end}")));
                    };
                    (*end, starts) = (scene.end, true);
                }
                Ok(self.decide(starts))
            }
            Source::Ended => Err(Error::WrongOrder { call: "push", reason: "the clip was finished".into() }),
        }
    }

    /// Says what remains once the clip has ended.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` when a list of scenes reaches beyond the clip.
    pub(super) fn finish(&mut self) -> Result<Vec<Step>> {
        let starts = match std::mem::replace(&mut self.source, Source::Ended) {
            Source::Detector(detector) => detector.finish(),
            Source::List { scenes, end } if self.next != end || !scenes.is_empty() => {
                let last = scenes.back().map_or(end, |scene| scene.end);
                let found = format!("an end at frame {last}");
                return Err(Error::invalid("scenes", format!("an end at frame {}", self.next), found));
            }
            Source::List { .. } | Source::Ended => Vec::new(),
        };
        let mut steps = Vec::new();
        while !self.undecided.is_empty() {
            steps.extend(self.decide(starts.contains(&self.next)));
        }
        Ok(steps)
    }

    /// Gives out the first undecided frame.
    fn decide(&mut self, starts: bool) -> Vec<Step> {
        let start = starts.then_some(Step::Start(self.next));
        self.next += 1;
        let frame = self.undecided.pop_front().map(|(frame, features)| Step::Frame(frame, features));
        start.into_iter().chain(frame).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Color, PixelFormat};

    fn frame() -> Frame {
        Frame::new(16, 16, PixelFormat::YUV420_8, Color::default()).unwrap()
    }

    fn starts(steps: &[Step]) -> Vec<u64> {
        steps.iter().filter_map(|step| if let Step::Start(at) = step { Some(*at) } else { None }).collect()
    }

    #[test]
    fn a_list_is_followed_to_the_frame() {
        let mut splitter = SceneSplitter::following(vec![0..2, 2..5]).unwrap();
        let mut steps: Vec<Step> = (0..5).flat_map(|_| splitter.push(frame(), None).unwrap()).collect();
        steps.extend(splitter.finish().unwrap());
        assert_eq!(starts(&steps), [0, 2]);
        assert_eq!(steps.len(), 7);
    }

    #[test]
    fn lists_with_gaps_overlaps_or_the_wrong_length_are_errors() {
        for list in [&[][..], &[(1, 3)], &[(0, 2), (3, 4)], &[(0, 3), (2, 4)], &[(0, 0)]] {
            let list: Vec<Range<u64>> = list.iter().map(|&(start, end)| start..end).collect();
            assert!(SceneSplitter::following(list.clone()).is_err(), "{list:?}");
        }
        let mut short = SceneSplitter::following(std::iter::once(0..1).collect()).unwrap();
        short.push(frame(), None).unwrap();
        assert!(short.push(frame(), None).is_err());
        let mut long = SceneSplitter::following(vec![0..1, 1..3]).unwrap();
        (0..2).for_each(|_| assert!(long.push(frame(), None).is_ok()));
        assert!(long.finish().is_err());
    }

    #[test]
    fn every_frame_comes_out_once_and_long_scenes_are_split() {
        let info = VideoInfo::new(16, 16, PixelFormat::YUV420_8, crate::frame::Rational { num: 10, den: 1 });
        let mut splitter = SceneSplitter::detecting(&info, 2.0).unwrap();
        let mut steps: Vec<Step> = (0..50).flat_map(|_| splitter.push(frame(), None).unwrap()).collect();
        steps.extend(splitter.finish().unwrap());
        assert_eq!(starts(&steps), [0, 20, 40]);
        assert_eq!(steps.len(), 53);
    }
}
