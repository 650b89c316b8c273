//! Where scenes start, found frame by frame. The first step of encoding.
//!
//! A frame starts a scene when motion from the frame before cannot explain it, and explains its neighbors far
//! better. Bursts of light that give the old picture back are no cuts; a fade through a blank picture is one cut,
//! where the blank ends; a dissolve is one cut, where the new picture begins to outweigh the old.

use std::collections::VecDeque;

use super::blend::{Mixture, mixture};
use super::difference::{Novelty, novelty};
use super::downscale::Thumbnail;
use super::features::FrameFeatures;
use super::remembered::{LEAST_CHANGE, Picture};
use crate::error::{Error, Result};
use crate::frame::{Frame, Rational};

/// How scenes are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CutSettings {
    /// Frames a second; sets how far the detector looks ahead.
    pub frame_rate: Rational,
    /// Longest scene, in frames; a longer one is split.
    pub max_scene_frames: u64,
    /// Least distance between two cuts, in frames; of nearer ones the first counts.
    pub min_scene_frames: u64,
}

impl CutSettings {
    /// Scenes of at most 10 s, cuts at least 0.25 s apart.
    pub fn new(frame_rate: Rational) -> Self {
        let frames = |seconds: f64| (frame_rate.value() * seconds).round().max(1.0) as u64;
        Self { frame_rate, max_scene_frames: frames(10.0), min_scene_frames: frames(0.25) }
    }
}

/// Finds scene starts in a stream of frames, with bounded memory and look-ahead.
///
/// Whether frame `n` starts a scene is known once frame `n + look_ahead()` or the end has been seen.
///
/// ```
/// use neural_codec::scene::{CutDetector, CutSettings};
/// # use neural_codec::frame::{Color, Frame, PixelFormat, Planes, Rational};
///
/// let mut detector = CutDetector::new(CutSettings::new(Rational::new(25, 1)?))?;
/// let mut starts = Vec::new();
/// for index in 0..50 {
///     let mut frame = Frame::new(64, 48, PixelFormat::YUV420_8, Color::default())?;
///     if let Planes::U8([luma, ..]) = frame.planes_mut() {
///         luma.samples_mut().fill(if index < 25 { 30 } else { 200 });
///     }
///     starts.extend(detector.push(&frame)?);
/// }
/// starts.extend(detector.finish());
/// assert_eq!(starts, [0, 25]);
/// # Ok::<(), neural_codec::Error>(())
/// ```
#[derive(Debug)]
pub struct CutDetector {
    settings: CutSettings,
    /// Half the longest dissolve that is recognized, in frames.
    look_ahead: usize,
    /// Longest flash, in frames.
    flash: usize,
    /// At most `look_ahead` pictures before the one to decide, that one, and at most as many after it.
    window: VecDeque<Picture>,
    /// Position in `window` of the picture to decide.
    position: usize,
    /// Frame index of the picture to decide.
    next: u64,
    last_start: u64,
    last_cut: u64,
    /// Whether the scene so far has shown anything but blank pictures.
    seen_content: bool,
    /// Whether the last picture leaned to the earlier side of a mixture, at either distance.
    leans_back: [bool; 2],
}

/// A cut must exceed `1.1 x` its neighbors' change by this much.
const ABOVE_NEIGHBOURS: f32 = 0.3;
/// Pictures on each side whose change a cut is measured against; repeats do not count.
const NEIGHBOURS: usize = 5;
/// Changes below this are repeats, exact or re-encoded.
const REPEAT: f32 = 0.005;
/// Levels by which one blank picture must differ from the next to be another.
const OTHER_BLANK: f32 = 20.0;
/// Least unexplained share, and share of new area, between the two ends of a dissolve.
const DISSOLVED: f32 = 0.7;
const DISSOLVED_AREA: f32 = 0.5;

impl CutDetector {
    /// A detector before the first frame.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for scene lengths of 0, or a least above the most.
    pub fn new(settings: CutSettings) -> Result<Self> {
        if settings.max_scene_frames == 0 {
            return Err(Error::invalid("max_scene_frames", "at least 1", 0));
        }
        if !(1..=settings.max_scene_frames).contains(&settings.min_scene_frames) {
            let expected = format!("1 to max_scene_frames ({})", settings.max_scene_frames);
            return Err(Error::invalid("min_scene_frames", expected, settings.min_scene_frames));
        }
        let rate = settings.frame_rate.value();
        Ok(Self {
            settings,
            look_ahead: ((rate / 2.0).round() as usize).clamp(NEIGHBOURS, 30),
            flash: ((rate / 6.0).round() as usize).clamp(2, 10),
            window: VecDeque::new(),
            position: 0,
            next: 0,
            last_start: 0,
            last_cut: 0,
            seen_content: false,
            leans_back: [false; 2],
        })
    }

    /// How many frames after a frame must be seen to decide it.
    pub fn look_ahead(&self) -> usize {
        self.look_ahead
    }

    /// How many pictures are remembered.
    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.window.len()
    }

    /// Takes the next frame; returns the index of the frame decided by it if that frame starts a scene.
    ///
    /// Starts come in order, the first being 0.
    ///
    /// # Errors
    ///
    /// None that a valid frame can cause.
    pub fn push(&mut self, frame: &Frame) -> Result<Option<u64>> {
        Ok(self.push_features(&Thumbnail::new(frame)?.into()))
    }

    /// As [`push`](Self::push), of a frame analyzed already.
    pub fn push_features(&mut self, features: &FrameFeatures) -> Option<u64> {
        let picture = Picture::new(features, self.window.back());
        self.window.push_back(picture);
        if self.window.len() > self.position + self.look_ahead { self.decide() } else { None }
    }

    /// Ends the clip; returns the remaining starts, in order.
    pub fn finish(mut self) -> Vec<u64> {
        let mut starts = Vec::new();
        while self.position < self.window.len() {
            starts.extend(self.decide());
        }
        starts
    }

    /// Decides the picture at `position` and moves on.
    fn decide(&mut self) -> Option<u64> {
        let frame = self.next;
        let far_enough = frame - self.last_cut >= self.settings.min_scene_frames;
        // Asked of every picture, as the answers depend on what was asked before.
        let is_cut = self.is_cut_at_blank() | self.is_cut_at_change() | self.is_middle_of_dissolve();
        let is_split = frame - self.last_start >= self.settings.max_scene_frames;
        let start = frame == 0 || (is_cut && far_enough) || is_split;
        if start {
            self.last_start = frame;
        }
        if is_cut && far_enough {
            self.last_cut = frame;
            self.seen_content = false;
        }
        self.seen_content |= !self.window[self.position].is_blank();
        self.next += 1;
        self.position += 1;
        if self.position > self.look_ahead {
            self.window.pop_front();
            self.position -= 1;
        }
        start.then_some(frame)
    }

    /// Whether this picture is a plain color cut to, or the first after a blank.
    fn is_cut_at_blank(&self) -> bool {
        let Some(before) = self.back(1) else { return false };
        let now = &self.window[self.position];
        let rises = self.ahead(3).is_some_and(|later| now.deviation < 0.7 * later.deviation);
        let fell = self.back(3).is_some_and(|earlier| before.deviation < 0.7 * earlier.deviation);
        let stays = (1..=self.flash).all(|n| self.ahead(n).is_none_or(Picture::is_blank));
        match (before.is_blank(), now.is_blank()) {
            (true, true) => before.distance(now) > OTHER_BLANK && stays,
            // A picture that still rises has little to compare by yet, but comes by a fade, not by a lost frame.
            (true, false) if rises => self.seen_content,
            (true, false) => !self.returns_here(|_, _, blank| blank.is_blank()),
            (false, true) => !fell && stays && now.change > LEAST_CHANGE,
            (false, false) => false,
        }
    }

    /// Whether this picture is news against the one before, more so than its neighbors, and no flash.
    fn is_cut_at_change(&self) -> bool {
        let now = &self.window[self.position];
        let Some(before) = self.back(1) else { return false };
        let change = now.change;
        let needed = LEAST_CHANGE.max(ABOVE_NEIGHBOURS + 1.1 * self.change_nearby());
        change >= needed
            && !before.is_blank()
            && !now.is_blank()
            && !self.goes_back()
            && !self.returns_here(Picture::outshone_by)
    }

    /// Second largest change among the nearest pictures: one more cut or flash nearby does not hide a cut.
    fn change_nearby(&self) -> f32 {
        let moving = |picture: &&Picture| picture.change > REPEAT;
        let before = self.window.range(..self.position).rev().filter(moving).take(NEIGHBOURS);
        let after = self.window.range(self.position + 1..).filter(moving).take(NEIGHBOURS);
        let mut largest = [0.0_f32; 2];
        for change in before.chain(after).map(|picture| picture.change) {
            if change > largest[0] {
                largest = [change, largest[0]];
            } else if change > largest[1] {
                largest[1] = change;
            }
        }
        largest[1]
    }

    /// Whether a flash begins here: brighter pictures for a moment, then the one before again.
    fn goes_back(&self) -> bool {
        let Some(before) = self.back(1) else { return false };
        let now = &self.window[self.position];
        (1..=self.flash)
            .filter_map(|n| self.ahead(n))
            .any(|later| before.outshone_by(later, now) && before.is_continued_by(later))
    }

    /// Whether a moment that ends here, and that `is_burst` knows, has given back the picture before it.
    fn returns_here(&self, is_burst: impl Fn(&Picture, &Picture, &Picture) -> bool) -> bool {
        let Some(burst) = self.back(1) else { return false };
        let now = &self.window[self.position];
        (2..=self.flash + 1)
            .filter_map(|n| self.back(n))
            .any(|earlier| is_burst(earlier, now, burst) && earlier.is_continued_by(now))
    }

    /// Whether one picture passes into another round here, and the later begins to outweigh the earlier here.
    ///
    /// Asked at two distances: the short one is disturbed less by motion, the long one sees more of a slow change.
    fn is_middle_of_dissolve(&mut self) -> bool {
        let mut is_middle = false;
        for (slot, reach) in [self.look_ahead / 2, self.look_ahead].into_iter().enumerate() {
            let leaned_back = std::mem::replace(&mut self.leans_back[slot], false);
            let (Some(earlier), Some(later)) = (self.back(reach), self.ahead(reach)) else { continue };
            let now = &self.window[self.position];
            let mixture = mixture(&earlier.coarse.luma, &now.coarse.luma, &later.coarse.luma);
            let Some(Mixture { weights: [a, b] }) = mixture else { continue };
            let apart = self.next - self.last_cut >= reach as u64;
            // A title that appears over a picture is no other picture: most of the area must be new.
            let is_other = |change: Novelty| change.unexplained > DISSOLVED && change.area > DISSOLVED_AREA;
            is_middle |= leaned_back && a <= b && apart && is_other(novelty(&earlier.coarse, &later.coarse));
            self.leans_back[slot] = a > b;
        }
        is_middle
    }

    fn back(&self, by: usize) -> Option<&Picture> {
        self.position.checked_sub(by).and_then(|at| self.window.get(at))
    }

    fn ahead(&self, by: usize) -> Option<&Picture> {
        self.window.get(self.position + by)
    }
}
