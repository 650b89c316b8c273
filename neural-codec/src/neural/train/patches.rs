//! Which patches of a scene are learnt from: half of them anywhere, half where the error is. Rank 3.

use super::model::{PATCH, Patch};
use super::random::Random;
use crate::error::Result;
use crate::frame::Frame;
use crate::neural::{SITE_CHANNELS, Sites, temporal_layer};

/// Patches lie on a grid of this many sites, which is moved about from frame to frame.
const GRID: usize = 58;

/// Draws patches from the frames of a scene as they come, each as likely as any other, or by its error.
///
/// Weighted sampling without replacement from a stream: Efraimidis and Spirakis 2006, algorithm A-Res.
pub struct PatchSampler {
    capacity: usize,
    chroma: f32,
    random: Random,
    /// Keys and patches, those drawn by chance and those drawn by error.
    drawn: [Vec<(f64, Candidate)>; 2],
    candidates: u64,
    error: f64,
}

struct Candidate {
    patch: Patch,
    error: f64,
}

impl PatchSampler {
    /// Keeps at most `capacity` patches. `chroma`: weight of a squared error of U and V, where one of Y counts 1.
    pub fn new(capacity: usize, chroma: f32, seed: u64) -> Self {
        let drawn = [Vec::new(), Vec::new()];
        Self {
            capacity: capacity.max(2),
            chroma,
            random: Random::new(seed),
            drawn,
            candidates: 0,
            error: 0.0,
        }
    }

    /// Looks at a decoded frame and its source. `index` counts frames of the scene.
    ///
    /// Errors: `InvalidArgument` for a layout other than 4:2:0.
    pub fn push(&mut self, index: usize, decoded: &Frame, source: &Frame) -> Result<()> {
        let (decoded, source) = (Sites::of(decoded)?, Sites::of(source)?);
        let margin = ((PATCH - GRID) / 2) as isize;
        // The grid begins at or before the first site, and ends at or behind the last.
        let mut begin = |side: usize| {
            let room = side.div_ceil(GRID) * GRID - side;
            -(self.random.below(room + 1) as isize)
        };
        let (top, left) = (begin(decoded.height()), begin(decoded.width()));
        for y in (top..decoded.height() as isize).step_by(GRID) {
            for x in (left..decoded.width() as isize).step_by(GRID) {
                let error = squared_error(&decoded, &source, y, x, f64::from(self.chroma));
                self.candidates += 1;
                self.error += error;
                for by_error in [false, true] {
                    let weight = if by_error { error } else { 1.0 };
                    let key = f64::from(self.random.uniform().max(1e-7)).ln() / weight.max(1e-9);
                    let Some(at) = self.place(usize::from(by_error), key) else { continue };
                    let square = |sites: &Sites| sites.square(y - margin, x - margin, PATCH);
                    let patch = Patch {
                        decoded: square(&decoded),
                        source: square(&source),
                        temporal_layer: temporal_layer(index),
                        set: 0,
                        weight: 0.0,
                        chroma: self.chroma,
                    };
                    let drawn = &mut self.drawn[usize::from(by_error)];
                    let entry = (key, Candidate { patch, error });
                    if at == drawn.len() { drawn.push(entry) } else { drawn[at] = entry }
                }
            }
        }
        Ok(())
    }

    /// Where a candidate of this key belongs, if anywhere.
    fn place(&self, which: usize, key: f64) -> Option<usize> {
        let drawn = &self.drawn[which];
        if drawn.len() < self.capacity / 2 {
            return Some(drawn.len());
        }
        let lowest = drawn.iter().enumerate().min_by(|a, b| a.1.0.total_cmp(&b.1.0))?;
        (key > lowest.1.0).then_some(lowest.0)
    }

    /// The patches, each with the weight that makes their mean error that of the scene, times one over that error:
    /// the mean loss without a filter is 1.
    pub fn finish(self) -> Vec<Patch> {
        let mean = (self.error / self.candidates.max(1) as f64).max(1e-9);
        let mut patches = Vec::new();
        for (_, candidate) in self.drawn.into_iter().flatten() {
            let mut patch = candidate.patch;
            let chance = 0.5 + 0.5 * candidate.error / mean;
            patch.weight = (1.0 / (chance * mean)) as f32;
            patches.push(patch);
        }
        patches
    }
}

/// Of the sites of a square of the grid that lie inside, in squared units of an activation of 1.0; as if all did.
fn squared_error(decoded: &Sites, source: &Sites, top: isize, left: isize, chroma: f64) -> f64 {
    let inside = |at: isize, most: usize| at.clamp(0, most as isize) as usize;
    let (y0, y1) = (inside(top, decoded.height()), inside(top + GRID as isize, decoded.height()));
    let (x0, x1) = (inside(left, decoded.width()), inside(left + GRID as isize, decoded.width()));
    let mut total = 0.0;
    for channel in 0..SITE_CHANNELS {
        let (a, b) = (decoded.channel(channel), source.channel(channel));
        for y in y0..y1 {
            let row = y * decoded.width();
            let pairs = a[row + x0..row + x1].iter().zip(&b[row + x0..row + x1]);
            let sum = pairs
                .map(|(&a, &b)| {
                    let difference = i32::from(a) - i32::from(b);
                    (difference * difference / 64) as u64
                })
                .sum::<u64>();
            total += sum as f64 * if channel < 4 { 1.0 } else { chroma };
        }
    }
    let share = ((y1 - y0) * (x1 - x0)) as f64 / (GRID * GRID) as f64;
    total * 64.0 / (4096.0 * 4096.0) / share.max(1e-3)
}
