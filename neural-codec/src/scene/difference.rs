//! How much of a picture is new against an earlier one.

use super::downscale::Coarse;
use super::motion::{self, BLOCK};
use crate::frame::Plane;

/// Samples that a block may move each way between the two pictures: a tenth of an 80-sample width.
const RANGE: usize = 8;
/// Levels per sample that noise and coding errors may add: below this nothing counts as new.
const NOISE: f32 = 1.5;

/// Mean and standard deviation of a plane's samples.
pub(super) fn mean_and_deviation(plane: &Plane<u8>) -> (f32, f32) {
    let count = plane.samples().len() as f64;
    let sum: u64 = plane.samples().iter().map(|&v| u64::from(v)).sum();
    let squares: u64 = plane.samples().iter().map(|&v| u64::from(v) * u64::from(v)).sum();
    let mean = sum as f64 / count;
    let variance = squares as f64 / count - mean * mean;
    (mean as f32, variance.max(0.0).sqrt() as f32)
}

/// How much of a picture is new.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Novelty {
    /// What motion and a change of brightness cannot explain, relative to what the picture holds.
    pub unexplained: f32,
    /// Share of the picture's area whose blocks are better described by their own mean, 0 to 1.
    pub area: f32,
}

impl Novelty {
    pub(super) const NONE: Self = Self { unexplained: 0.0, area: 0.0 };
    pub(super) const ALL: Self = Self { unexplained: 1.0, area: 1.0 };
}

/// What is new in `later` against `earlier`.
///
/// `unexplained` is the error of the best block matches over the deviation of blocks from their own mean: 0 for
/// a repeat, below 0.5 in fast motion, about 1 for an unrelated picture, without bound where that one is plain.
pub(super) fn novelty(earlier: &Coarse, later: &Coarse) -> Novelty {
    if earlier.fingerprint == later.fingerprint {
        return Novelty::NONE;
    }
    let (earlier, later) = (&earlier.luma, &later.luma);
    if (earlier.width(), earlier.height()) != (later.width(), later.height()) {
        return Novelty::ALL;
    }
    let levelled = || level(earlier, later).map(|levelled| unpredicted(&levelled, later));
    unpredicted(earlier, later).levelled(levelled)
}

/// `earlier` with the mean and contrast of `later`, so that fades and flashes are no news; `None` if they agree.
pub(super) fn level(earlier: &Plane<u8>, later: &Plane<u8>) -> Option<Plane<u8>> {
    let ((mean_a, dev_a), (mean_b, dev_b)) = (mean_and_deviation(earlier), mean_and_deviation(later));
    let gain = ((dev_b + 0.5) / (dev_a + 0.5)).clamp(0.2, 5.0);
    if (mean_a - mean_b).abs() < 1.0 && (gain - 1.0).abs() < 0.03 {
        return None;
    }
    let mut out = earlier.clone();
    for sample in out.samples_mut() {
        *sample = ((f32::from(*sample) - mean_a) * gain + mean_b + 0.5).clamp(0.0, 255.0) as u8;
    }
    Some(out)
}

fn unpredicted(earlier: &Plane<u8>, later: &Plane<u8>) -> Novelty {
    let matches = motion::search(earlier, later, RANGE);
    let columns = later.width().div_ceil(BLOCK);
    let blocks = matches.iter().enumerate().map(|(index, found)| {
        let (intra, area) = intra_cost(later, index % columns * BLOCK, index / columns * BLOCK);
        BlockCosts { inter: found.cost, intra, area }
    });
    Novelty::of(blocks)
}

/// What a block costs, in levels: by its best match, and by its own mean.
#[derive(Debug, Clone, Copy)]
pub(super) struct BlockCosts {
    pub inter: u32,
    pub intra: u32,
    /// Its samples.
    pub area: u32,
}

impl Novelty {
    /// The novelty of the blocks of a picture, in their order.
    pub(super) fn of(blocks: impl Iterator<Item = BlockCosts>) -> Self {
        let (mut inter_sum, mut intra_sum, mut new, mut area_sum) = (0.0_f32, 0.0_f32, 0.0_f32, 0.0_f32);
        for block in blocks {
            let (intra, area) = (block.intra as f32, block.area as f32);
            let inter = (block.inter as f32 - NOISE * area).max(0.0);
            inter_sum += inter;
            intra_sum += intra;
            area_sum += area;
            if inter > 0.7 * intra + NOISE * area {
                new += area;
            }
        }
        Self { unexplained: inter_sum / (intra_sum + NOISE * area_sum), area: new / area_sum }
    }

    /// The least of what is new in a picture as it was and in one of equal brightness, where there is one.
    pub(super) fn levelled(self, levelled: impl FnOnce() -> Option<Self>) -> Self {
        // Levelling cannot help a picture that is predicted already.
        let other = if self.unexplained > 0.1 { levelled() } else { None };
        other.map_or(self, |other| Self {
            unexplained: self.unexplained.min(other.unexplained),
            area: self.area.min(other.area),
        })
    }
}

/// Sum of absolute differences of a block from its mean, and its number of samples.
fn intra_cost(plane: &Plane<u8>, left: usize, top: usize) -> (u32, u32) {
    let rows = top..(top + BLOCK).min(plane.height());
    let columns = left..(left + BLOCK).min(plane.width());
    let area = (rows.len() * columns.len()) as u32;
    let samples = || rows.clone().flat_map(|y| &plane.row(y)[columns.clone()]).map(|&v| u32::from(v));
    let mean = (samples().sum::<u32>() + area / 2) / area;
    (samples().map(|v| v.abs_diff(mean)).sum(), area)
}
