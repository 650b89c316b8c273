//! Which patches of a scene are trained from: half of them anywhere, half where the error is.

use std::sync::Arc;

use super::model::{PATCH, Patch};
use crate::error::Result;
use crate::filter::{SITE_CHANNELS, Sites, temporal_layer};
use crate::frame::Frame;
use crate::random::Random;

/// Patches lie on a grid of this many sites, which is moved about from frame to frame. It lies within the picture: what is
/// repeated beyond an edge would be trained as if it were shown.
const GRID: usize = 58;

/// One place in so many is for judging.
const JUDGES: usize = 6;

/// With so many draws a place, or more, a scene is trained as a whole, what judges included: draws come by nearly every place,
/// and what is trained has to hold nowhere else.
const DRAWS_TO_KNOW_ALL: u64 = 2;

/// Draws patches from the frames of a scene as they come, each as likely as any other, or by its error.
///
/// Each draw is a reservoir of one (Chao 1982), so that draws are independent and their chances are known exactly.
pub struct PatchSampler {
    chroma: f32,
    random: Random,
    by_chance: Vec<Option<Arc<Candidate>>>,
    by_error: Vec<Option<Arc<Candidate>>>,
    judges: Vec<Option<Arc<Candidate>>>,
    trainable: Seen,
    judged: Seen,
}

/// What was seen so far.
#[derive(Default)]
struct Seen {
    candidates: u64,
    error: f64,
}

struct Candidate {
    patch: Patch,
    error: f64,
}

/// Patches of a scene.
#[derive(Debug, Clone, Default)]
pub struct Patches {
    /// To train on.
    pub training: Vec<Patch>,
    /// To judge by: from other places, unless the scene is trained as a whole.
    pub judges: Vec<Patch>,
}

impl PatchSampler {
    /// Draws `count` patches. `chroma`: weight of a squared error of U and V, where one of Y counts 1.
    pub fn new(count: usize, chroma: f32, seed: u64) -> Self {
        let half = (count / 2).max(1);
        Self {
            chroma,
            random: Random::new(seed),
            by_chance: vec![None; half],
            by_error: vec![None; half],
            judges: vec![None; count.div_ceil(JUDGES - 1)],
            trainable: Seen::default(),
            judged: Seen::default(),
        }
    }

    /// Looks at a decoded frame and its source. `index` counts frames of the scene.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for a layout other than 4:2:0.
    pub fn push(&mut self, index: usize, decoded: &Frame, source: &Frame) -> Result<()> {
        let (decoded, source) = (Sites::of(decoded)?, Sites::of(source)?);
        let (margin, chroma) = (((PATCH - GRID) / 2) as isize, self.chroma);
        let mut places = |side: usize| {
            let count = (side / GRID).max(1);
            let room = side.saturating_sub(count * GRID);
            let start = self.random.below(room + 1) as isize;
            (0..count).map(move |place| start + (place * GRID) as isize)
        };
        let (rows, columns) = (places(decoded.height()), places(decoded.width()));
        for y in rows {
            for x in columns.clone() {
                let error = squared_error(&decoded, &source, y, x, f64::from(chroma)).max(1e-9);
                let square = |sites: &Sites| sites.square(y - margin, x - margin, PATCH).into();
                self.draw(error, || Patch {
                    decoded: square(&decoded),
                    source: square(&source),
                    temporal_layer: temporal_layer(index),
                    set: 0,
                    weight: 0.0,
                    chroma,
                });
            }
        }
        Ok(())
    }

    /// Lets each draw take the place, by its chance among those seen so far.
    fn draw(&mut self, error: f64, patch: impl Fn() -> Patch) {
        let is_judge = self.random.below(JUDGES) == 0;
        let seen = if is_judge { &mut self.judged } else { &mut self.trainable };
        seen.candidates += 1;
        seen.error += error;
        let (uniform, weighted) = (1.0 / seen.candidates as f64, error / seen.error);
        let draws: [(&mut Vec<_>, f64); 2] = if is_judge {
            [(&mut self.judges, uniform), (&mut Vec::new(), 0.0)]
        } else {
            [(&mut self.by_chance, uniform), (&mut self.by_error, weighted)]
        };
        let mut taken: Option<Arc<Candidate>> = None;
        for (draws, chance) in draws {
            for draw in draws {
                if f64::from(self.random.uniform()) < chance {
                    let candidate =
                        taken.get_or_insert_with(|| Arc::new(Candidate { patch: patch(), error }));
                    *draw = Some(Arc::clone(candidate));
                }
            }
        }
    }

    /// The patches, each with the weight that makes their mean loss without a filter 1, and what is trained from them
    /// what would be trained from all.
    pub fn finish(self) -> Patches {
        let weighted = |draws: Vec<Option<Arc<Candidate>>>, weight: &dyn Fn(f64) -> f64| -> Vec<Patch> {
            let patch = |candidate: Arc<Candidate>| Patch {
                weight: weight(candidate.error) as f32,
                ..candidate.patch.clone()
            };
            draws.into_iter().flatten().map(patch).collect()
        };
        let mean = |seen: &Seen| (seen.error / seen.candidates.max(1) as f64).max(1e-9);
        let (trained, judged) = (mean(&self.trainable), mean(&self.judged));
        // Half of the draws are uniform, half by error: this is how much likelier than uniform a place is.
        let training_weight = |error: f64| 1.0 / ((0.5 + 0.5 * error / trained) * trained);
        let mut training = weighted(self.by_chance, &training_weight);
        training.extend(weighted(self.by_error, &training_weight));
        let judges = weighted(self.judges, &|_| 1.0 / judged);
        let places = self.trainable.candidates + self.judged.candidates;
        if training.is_empty() || places * DRAWS_TO_KNOW_ALL <= training.len() as u64 {
            // As many a place as elsewhere, so that every place of the scene counts alike.
            training.extend(judges.iter().cloned());
        }
        Patches { training, judges }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Color, PixelFormat};
    use crate::with_planes;

    /// A frame whose right half is wrong by two levels.
    fn pair() -> (Frame, Frame) {
        let source = Frame::new(464, 232, PixelFormat::YUV420_8, Color::default()).unwrap();
        let mut decoded = source.clone();
        with_planes!(decoded.planes_mut(), planes => {
            for y in 0..232 {
                planes[0].row_mut(y)[232..].fill(2);
            }
        });
        (decoded, source)
    }

    #[test]
    fn weights_undo_that_places_of_much_error_are_drawn_more_often() {
        let (decoded, source) = pair();
        let mut sampler = PatchSampler::new(400, 1.0, 3);
        (0..30).for_each(|index| sampler.push(index, &decoded, &source).unwrap());
        let patches = sampler.finish();
        assert_eq!((patches.training.len(), patches.judges.len()), (400, 80));
        let is_wrong = |patch: &&Patch| patch.decoded[33 * PATCH + 33] != patch.source[33 * PATCH + 33];
        let wrong = patches.training.iter().filter(is_wrong).count();
        assert!((270..330).contains(&wrong), "half of the places, three quarters of the draws: {wrong}");
        let total: f32 = patches.training.iter().map(|patch| patch.weight).sum();
        let of_wrong: f32 = patches.training.iter().filter(is_wrong).map(|patch| patch.weight).sum();
        assert!((of_wrong / total - 0.5).abs() < 0.08, "{}", of_wrong / total);
    }

    #[test]
    fn a_scene_of_few_places_is_trained_as_a_whole() {
        let (decoded, source) = pair();
        let training = |frames: usize| {
            let mut sampler = PatchSampler::new(80, 1.0, 3);
            (0..frames).for_each(|index| sampler.push(index, &decoded, &source).unwrap());
            let patches = sampler.finish();
            let is_trained = |judge: &Patch| {
                patches.training.iter().any(|patch| Arc::ptr_eq(&patch.decoded, &judge.decoded))
            };
            (patches.training.len(), patches.judges.iter().filter(|judge| is_trained(judge)).count())
        };
        assert_eq!(training(5), (96, 16));
        assert_eq!(training(6), (80, 0));
    }

    #[test]
    fn a_scene_of_one_place_is_trained_whatever_that_is_drawn_for() {
        let source = Frame::new(96, 96, PixelFormat::YUV420_8, Color::default()).unwrap();
        for seed in 0..12 {
            let mut sampler = PatchSampler::new(400, 1.0, seed);
            sampler.push(0, &source.clone(), &source).unwrap();
            assert!(!sampler.finish().training.is_empty(), "seed {seed}");
        }
    }

    #[test]
    fn the_same_seed_draws_the_same_patches() {
        let (decoded, source) = pair();
        let drawn = |seed| {
            let mut sampler = PatchSampler::new(40, 1.0, seed);
            (0..3).for_each(|index| sampler.push(index, &decoded, &source).unwrap());
            sampler.finish().training.iter().map(|patch| patch.decoded[0]).collect::<Vec<_>>()
        };
        assert_eq!(drawn(1), drawn(1));
    }
}
