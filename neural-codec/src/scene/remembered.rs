//! What the cut detector remembers of a frame, and how two such pictures compare.

use super::difference::{mean_and_deviation, novelty};
use super::downscale::Coarse;
use super::features::FrameFeatures;

/// Least unexplained share of a cut where nothing moves (see [`Novelty`](super::difference::Novelty)).
pub(super) const LEAST_CHANGE: f32 = 0.55;
/// A picture whose luma deviates by less, in levels, is blank: black, white, or a plain color.
const BLANK: f32 = 4.0;
/// Levels by which a flash outshines the pictures round it.
const FLASH_LEVELS: f32 = 6.0;

/// A frame as far as the detector remembers it.
#[derive(Debug)]
pub(super) struct Picture {
    /// Number of its features.
    number: u64,
    pub(super) coarse: Coarse,
    mean: f32,
    pub(super) deviation: f32,
    /// Unexplained share against the picture before.
    pub(super) change: f32,
}

impl Picture {
    /// What to remember of features, after the picture before it.
    pub(super) fn new(features: &FrameFeatures, before: Option<&Self>) -> Self {
        let coarse = features.thumbnail().coarse.clone();
        let (mean, deviation) = mean_and_deviation(&coarse.luma);
        let change = before.map_or(0.0, |before| match features.pair_with(before.number) {
            Some(pair) => pair.change,
            None => novelty(&before.coarse, &coarse).unexplained,
        });
        Self { number: features.number(), coarse, mean, deviation, change }
    }

    pub(super) fn is_blank(&self) -> bool {
        self.deviation < BLANK
    }

    /// Distance of the mean colors, in levels.
    pub(super) fn distance(&self, other: &Self) -> f32 {
        let [a, b] = [self, other].map(|p| p.coarse.chroma.each_ref().map(|c| mean_and_deviation(c).0));
        (self.mean - other.mean).abs() + (a[0] - b[0]).abs() + (a[1] - b[1]).abs()
    }

    /// Whether `burst` is clearly brighter than this picture and than `after`.
    pub(super) fn outshone_by(&self, after: &Self, burst: &Self) -> bool {
        burst.mean > self.mean.max(after.mean) + FLASH_LEVELS
    }

    /// Whether `later` still shows this picture.
    pub(super) fn is_continued_by(&self, later: &Self) -> bool {
        novelty(&self.coarse, &later.coarse).unexplained < LEAST_CHANGE
    }
}
