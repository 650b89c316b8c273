//! XPSNR of the luma plane: a PSNR whose blocks count by how visible an error is in them.
//!
//! ```text
//! block of the source -> spatial activity (high-pass) + temporal activity (difference to the frames before) -> weight
//! sum over blocks of squared error x weight -> decibels
//! ```
//! Source: Helmrich, Siekmann, Becker, Bosse, Marpe, Wiegand, "XPSNR: a low-complexity extension of the perceptually weighted
//! peak signal-to-noise ratio for high-resolution video quality assessment", ICASSP 2020; block sizes and rounding as in
//! FFmpeg's filter `xpsnr` by the same authors, from which values differ where the last column of a picture above
//! 2048 x 1152 has blocks of 14 or fewer samples a row: the filter takes their spatial activity for 0.

use std::collections::VecDeque;

use rayon::prelude::*;

use super::comparable::{Comparable, check_same_size};
use super::sum::ExactMean;
use crate::error::Result;
use crate::frame::{BitDepth, Plane, Rational, Sample};
use crate::memory;

/// What temporal activity counts, against spatial.
const GAMMA: u64 = 2;

/// Clips of this many frames a second and more are compared with two frames before, slower ones with one.
const FAST: f64 = 32.0;

/// Pictures of more samples are looked at on samples of 2x2.
const HALVED_ABOVE: usize = 2048 * 1152;

/// Pictures of at most so many samples have the weights of single blocks limited by their neighbors'.
const SMOOTHED_UP_TO: usize = 640 * 480;

/// The size that weights are normalized to.
const UHD: f64 = 3840.0 * 2160.0;

/// XPSNR of frame after frame. Frames before the first count as black.
#[derive(Debug)]
pub(super) struct Xpsnr {
    depth: BitDepth,
    is_fast: bool,
    /// Luma of the source, the newest frame first: at most two.
    before: VecDeque<Vec<u16>>,
}

impl Xpsnr {
    pub(super) fn new(depth: BitDepth, frame_rate: Rational) -> Self {
        Self { depth, is_fast: frame_rate.value().floor() >= FAST, before: VecDeque::new() }
    }

    /// The next frame's XPSNR in dB; `None` where there is no error.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` where sizes differ, `OutOfMemory`.
    pub(super) fn push<T: Comparable>(
        &mut self,
        source: &Plane<T>,
        decoded: &Plane<T>,
    ) -> Result<Option<f64>> {
        check_same_size(source, decoded)?;
        let wide: Vec<u16> = memory::collected("luma for xpsnr", source.samples().iter().map(|&s| s.into()))?;
        let none = |length| memory::filled("black luma for xpsnr", length, 0);
        while self.before.len() < 1 + usize::from(self.is_fast) {
            self.before.push_back(none(wide.len())?);
        }
        let picture = Picture {
            source: &wide,
            decoded: decoded.samples(),
            before: &self.before,
            width: source.width(),
            height: source.height(),
            depth: self.depth,
        };
        let distortion = picture.weighted_error().sqrt();
        self.before.pop_back();
        self.before.push_front(wide);
        let peak = f64::from(self.depth.max_value());
        let samples = source.samples().len() as f64;
        Ok((distortion >= 1.0).then(|| 10.0 * (samples * peak * peak / (distortion * distortion)).log10()))
    }
}

/// The average of XPSNR over frames: in decibels, of the mean root of the weighted error.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct RootMeanDistortion(ExactMean);

impl RootMeanDistortion {
    /// Takes in a frame's value in dB; `None` is no error.
    pub(super) fn add(&mut self, xpsnr: Option<f64>) {
        self.0.add(xpsnr.map_or(0.0, |decibels| 10.0_f64.powf(-decibels / 20.0)));
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.0.merge(&other.0);
    }

    /// `None` of nothing, and of frames that are all lossless.
    pub(super) fn decibels(&self) -> Option<f64> {
        self.0.value().filter(|root| *root > 0.0).map(|root| -20.0 * root.log10())
    }
}

/// Luma of a frame, decoded and as it was, and of the frames before.
struct Picture<'a, T> {
    source: &'a [u16],
    decoded: &'a [T],
    before: &'a VecDeque<Vec<u16>>,
    width: usize,
    height: usize,
    depth: BitDepth,
}

/// A part of the picture.
#[derive(Clone, Copy)]
struct Block {
    left: usize,
    top: usize,
    right: usize,
    bottom: usize,
}

impl<T: Sample> Picture<'_, T> {
    /// The weighted sum of squared errors, in whole numbers as the authors' code has it.
    fn weighted_error(&self) -> f64 {
        let share = (self.width * self.height) as f64 / UHD;
        let side = 4 * (32.0 * share.sqrt() + 0.5) as usize;
        if side == 0 {
            let whole = Block { left: 0, top: 0, right: self.width, bottom: self.height };
            return self.squared_error(&whole) as f64;
        }
        let columns = self.width.div_ceil(side);
        let count = columns * self.height.div_ceil(side);
        let blocks: Vec<(u64, f64)> = (0..count)
            .into_par_iter()
            .map(|index| {
                let (left, top) = (index % columns * side, index / columns * side);
                let (right, bottom) = ((left + side).min(self.width), (top + side).min(self.height));
                let block = Block { left, top, right, bottom };
                (self.squared_error(&block), 1.0 / self.activity(&block))
            })
            .collect();
        let mut weights: Vec<f64> = blocks.iter().map(|(_, weight)| *weight).collect();
        if self.width * self.height <= SMOOTHED_UP_TO {
            limit_by_neighbors(&mut weights, columns);
        }
        let sum: f64 = blocks.iter().zip(&weights).map(|((error, _), weight)| *error as f64 * weight).sum();
        let mean_activity =
            (16.0 * f64::from(1_u32 << (2 * self.depth.bits() - 9)) / share.max(0.00001).sqrt()).sqrt();
        (sum * mean_activity + 0.5).floor()
    }

    fn squared_error(&self, block: &Block) -> u64 {
        let rows =
            (block.top..block.bottom).map(|y| y * self.width + block.left..y * self.width + block.right);
        rows.map(|row| {
            let pairs = self.source[row.clone()].iter().zip(&self.decoded[row]);
            pairs.map(|(&source, &decoded)| u64::from(source.abs_diff(decoded.into())).pow(2)).sum::<u64>()
        })
        .sum()
    }

    /// What a block counts less by: its high-pass activity and the change since the frames before, at least a share of the peak. 1 of a
    /// block without an inner sample.
    fn activity(&self, block: &Block) -> f64 {
        let step = if self.width * self.height > HALVED_ABOVE { 2 } else { 1 };
        // The filters reach beyond a block, but not beyond the picture.
        let inner = Block {
            left: block.left.max(step),
            top: block.top.max(step),
            right: if block.right < self.width { block.right } else { block.right.saturating_sub(step) },
            bottom: if block.bottom < self.height { block.bottom } else { block.bottom.saturating_sub(step) },
        };
        if inner.left >= inner.right || inner.top >= inner.bottom {
            return 1.0;
        }
        let sites = |b: &Block| ((b.right - b.left) * (b.bottom - b.top)) as f64;
        let (spatial, temporal) = match step {
            1 => (self.high_pass(&inner), self.change(block)),
            _ => (self.high_pass_of_halved(&inner), self.change_of_halved(block)),
        };
        let activity = spatial as f64 / sites(&inner) + (GAMMA * temporal) as f64 / sites(block);
        activity.max(f64::from(1_u32 << (self.depth.bits() - 6)))
    }

    /// 12 times a sample less its eight neighbors, those across counting twice.
    fn high_pass(&self, inner: &Block) -> u64 {
        let row = |y: usize| &self.source[y * self.width + inner.left - 1..=y * self.width + inner.right];
        let sum_of_row = |y: usize| {
            let (above, own, below) = (row(y - 1), row(y), row(y + 1));
            let triples = above.windows(3).zip(own.windows(3)).zip(below.windows(3));
            let value = |((a, o), b): ((&[u16], &[u16]), &[u16])| {
                let [a, o, b] = [a, o, b].map(|row| [row[0], row[1], row[2]].map(i32::from));
                let across = o[0] + o[2] + a[1] + b[1];
                let corners = a[0] + a[2] + b[0] + b[2];
                u64::from((12 * o[1] - 2 * across - corners).unsigned_abs())
            };
            triples.map(value).sum::<u64>()
        };
        (inner.top..inner.bottom).map(sum_of_row).sum()
    }

    /// The same on samples of 2x2: 12 times their sum less the ring of twelve around them and the ring beyond.
    fn high_pass_of_halved(&self, inner: &Block) -> u64 {
        let at = |x: usize, y: usize| {
            i64::from(self.source[y.min(self.height - 1) * self.width + x.min(self.width - 1)])
        };
        let across = |x: usize, y: usize| at(x, y) + at(x + 1, y);
        let down = |x: usize, y: usize| at(x, y) + at(x, y + 1);
        let value = |x: usize, y: usize| {
            let own = across(x, y) + across(x, y + 1);
            let beside = across(x, y - 1) + across(x, y + 2) + down(x - 1, y) + down(x + 2, y);
            let corners = at(x - 1, y - 1) + at(x + 2, y - 1) + at(x - 1, y + 2) + at(x + 2, y + 2);
            let beyond = across(x - 1, y - 2)
                + across(x + 1, y - 2)
                + across(x - 1, y + 3)
                + across(x + 1, y + 3)
                + down(x - 2, y - 1)
                + down(x - 2, y + 1)
                + down(x + 3, y - 1)
                + down(x + 3, y + 1);
            (12 * own - 3 * beside - 2 * corners - beyond).unsigned_abs()
        };
        let row = |y| (inner.left..inner.right).step_by(2).map(move |x| value(x, y)).sum::<u64>();
        (inner.top..inner.bottom).step_by(2).map(row).sum()
    }

    /// The difference to the frame before, or of that difference and the one before it.
    fn change(&self, block: &Block) -> u64 {
        let row = |y: usize| y * self.width + block.left..y * self.width + block.right;
        (block.top..block.bottom).map(|y| row(y).map(|i| self.change_at(i).unsigned_abs()).sum::<u64>()).sum()
    }

    /// The same on samples of 2x2.
    fn change_of_halved(&self, block: &Block) -> u64 {
        let at =
            |x: usize, y: usize| self.change_at(y.min(self.height - 1) * self.width + x.min(self.width - 1));
        let value =
            |x: usize, y: usize| (at(x, y) + at(x + 1, y) + at(x, y + 1) + at(x + 1, y + 1)).unsigned_abs();
        let row = |y| (block.left..block.right).step_by(2).map(move |x| value(x, y)).sum::<u64>();
        (block.top..block.bottom).step_by(2).map(row).sum()
    }

    fn change_at(&self, index: usize) -> i64 {
        let now = i64::from(self.source[index]);
        let before = |frame: usize| i64::from(self.before[frame][index]);
        if self.before.len() > 1 { now - 2 * before(0) + before(1) } else { now - before(0) }
    }
}

/// Lets no block count more than the one of its neighbors (left, above, right) that counts most, block after block.
fn limit_by_neighbors(weights: &mut [f64], columns: usize) {
    for index in 0..weights.len() {
        let is_last = index + 1 == weights.len();
        // The last block has no one to its right, and stands as it is in a picture of one row.
        if is_last && index <= columns {
            break;
        }
        let column = index % columns;
        let neighbors = [
            (column > 0).then(|| weights[index - 1]),
            (index >= columns).then(|| weights[index - columns]),
            (column + 1 < columns && !is_last).then(|| weights[index + 1]),
        ];
        let most = neighbors.into_iter().flatten().fold(0.0, f64::max);
        weights[index] = weights[index].min(most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn xpsnr(rate: u32) -> Xpsnr {
        Xpsnr::new(BitDepth::Eight, Rational { num: rate, den: 1 })
    }

    fn plane(value: impl Fn(usize) -> u8) -> Plane<u8> {
        Plane::from_samples(96, 80, (0..96 * 80).map(value).collect()).unwrap()
    }

    #[test]
    fn an_error_counts_less_where_the_picture_is_busy() {
        let flat = plane(|_| 100);
        let busy = plane(|i| if i % 3 == 0 { 60 } else { 140 });
        let off = |p: &Plane<u8>| {
            Plane::from_samples(96, 80, p.samples().iter().map(|&s| s + 4).collect()).unwrap()
        };
        let value = |p: &Plane<u8>| xpsnr(25).push(p, &off(p)).unwrap().unwrap();
        assert!(value(&busy) > value(&flat) + 1.0);
        let mut still = xpsnr(25);
        let first = still.push(&flat, &off(&flat)).unwrap().unwrap();
        // Against black, the first frame moves; the second does not.
        assert!(still.push(&flat, &off(&flat)).unwrap().unwrap() < first);
    }

    #[test]
    fn no_error_has_no_value_and_counts_as_none_in_the_mean() {
        let flat = plane(|_| 100);
        assert_eq!(xpsnr(50).push(&flat, &flat).unwrap(), None);
        let mut mean = RootMeanDistortion::default();
        mean.add(None);
        assert_eq!(mean.decibels(), None);
        mean.add(Some(40.0));
        assert!((mean.decibels().unwrap() - (40.0 + 20.0 * 2.0_f64.log10())).abs() < 1e-9);
    }

    #[test]
    fn pictures_of_any_size_are_measured() {
        for (width, height) in [(1, 1), (1, 300), (47, 44), (2049, 1153), (2050, 1), (46, 46)] {
            let source =
                Plane::from_samples(width, height, (0..width * height).map(|i| (i % 251) as u8).collect())
                    .unwrap();
            let decoded = Plane::from_samples(width, height, vec![9; width * height]).unwrap();
            for rate in [25, 60] {
                let mut xpsnr = xpsnr(rate);
                for _ in 0..3 {
                    let value = xpsnr.push(&source, &decoded).unwrap();
                    assert!(value.is_none_or(f64::is_finite), "{width}x{height}");
                }
            }
        }
    }
}
