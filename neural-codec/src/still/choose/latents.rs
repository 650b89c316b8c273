//! Latents moved by a step where that costs less.
//!
//! Training sees latents rounded softly; which of two whole numbers is the better one it cannot tell where a latent ends up between
//! them. Here many latents that lie too far apart to touch are moved at once, the whole is decoded, and each move stays where its
//! own surroundings cost less with it.
//!
//! ```text
//! for each grid, for each of 8x8 phases   move -> bits of every latent, error of every pixel -> keep or take back
//! ```

use super::errors_of;
use crate::error::Result;
use crate::memory;
use crate::still::laplace::{Laplace, LatentCoder};
use crate::still::latents::{code_latents, copies};
use crate::still::payload::Payload;
use crate::still::picture::StillPicture;
use crate::still::plan::Plan;
use crate::still::samples_of;

/// How far moved latents lie apart, in columns and rows of their grid: more than the contexts and the upsampling of one reach.
const APART: usize = 8;

/// How far a latent lies from the whole number it was rounded to, where the next one on that side is tried rather than the one toward zero.
const UNDECIDED: f32 = 0.1;

/// What latents and pixels cost where they lie.
struct Costs {
    /// Bits of each grid's latents. Shape: `[height][width]`.
    bits: Vec<Vec<f32>>,
    /// Means over colors of squared errors; 1.0 is the full range. Shape: `[height][width]`.
    errors: Vec<f32>,
}

/// Notes what latents cost.
struct Meter<'a> {
    bits: &'a mut [Vec<f32>],
    at: (usize, usize),
}

impl LatentCoder for Meter<'_> {
    fn at(&mut self, grid: usize, place: usize) {
        self.at = (grid, place);
    }

    fn latent(&mut self, model: Laplace, value: i32) -> Result<i32> {
        self.bits[self.at.0][self.at.1] = model.cost(value) as f32;
        Ok(value)
    }
}

/// A rectangle of a plane.
struct Cell {
    rows: std::ops::Range<usize>,
    columns: std::ops::Range<usize>,
}

impl Cell {
    /// Around a latent, at a finer level. `size` of the finer plane.
    fn around((y, x): (usize, usize), finer: usize, (width, height): (usize, usize)) -> Self {
        let span = |at: usize, most: usize| {
            let bound = |end: usize| (end << finer).saturating_sub((APART / 2) << finer).min(most);
            bound(at)..bound(at + APART)
        };
        Self { rows: span(y, height), columns: span(x, width) }
    }

    fn sum(&self, width: usize, values: &[f32]) -> f64 {
        let row = |y: usize| &values[y * width..][self.columns.clone()];
        self.rows.clone().flat_map(row).map(|&value| f64::from(value)).sum()
    }

    fn copy(&self, width: usize, from: &[f32], to: &mut [f32]) {
        for y in self.rows.clone() {
            let columns = y * width + self.columns.start..y * width + self.columns.end;
            to[columns.clone()].copy_from_slice(&from[columns]);
        }
    }
}

/// Costs of latents, all else as in the payload.
fn costs_of(payload: &Payload, latents: &mut [Vec<i16>], picture: &StillPicture) -> Result<Costs> {
    let plan = &payload.plan;
    let zeros = |grid: &Vec<i16>| memory::filled("costs of latents", grid.len(), 0.0);
    let mut bits: Vec<Vec<f32>> = latents.iter().map(zeros).collect::<Result<_>>()?;
    let mut meter = Meter { bits: &mut bits, at: (0, 0) };
    code_latents(plan, &payload.parameters, &payload.bounds, latents, &mut meter)?;
    let decoded = samples_of(payload, latents)?;
    Ok(Costs { bits, errors: errors_of(&decoded, picture, payload.depth)? })
}

impl Costs {
    /// `price`: of a bit, against the error of a pixel.
    fn total(&self, price: f64) -> f64 {
        let sum = |values: &[f32]| values.iter().map(|&value| f64::from(value)).sum::<f64>();
        sum(&self.errors) + price * self.bits.iter().map(|bits| sum(bits)).sum::<f64>()
    }

    /// Calls for the pixels, and for all grids that a latent of this level may touch: cell, width of the plane, which of them.
    fn around(
        plan: &Plan,
        level: usize,
        at: (usize, usize),
        mut each: impl FnMut(&Cell, usize, Option<usize>),
    ) {
        each(&Cell::around(at, level, (plan.width, plan.height)), plan.width, None);
        for (index, grid) in plan.grids.iter().enumerate().filter(|(_, grid)| grid.level <= level) {
            let cell = Cell::around(at, level - grid.level, (grid.width, grid.height));
            each(&cell, grid.width, Some(index));
        }
    }

    fn near(&self, plan: &Plan, level: usize, at: (usize, usize), price: f64) -> f64 {
        let mut cost = 0.0;
        Self::around(plan, level, at, |cell, width, grid| {
            cost += match grid {
                Some(grid) => price * cell.sum(width, &self.bits[grid]),
                None => cell.sum(width, &self.errors),
            };
        });
        cost
    }

    fn take_near(&mut self, plan: &Plan, level: usize, at: (usize, usize), from: &Self) {
        Self::around(plan, level, at, |cell, width, grid| match grid {
            Some(grid) => cell.copy(width, &from.bits[grid], &mut self.bits[grid]),
            None => cell.copy(width, &from.errors, &mut self.errors),
        });
    }
}

/// The whole number that is tried instead of a latent's, if any. `trained`: what it was rounded from.
fn other(value: i16, trained: f32, (least, greatest): (i32, i32)) -> Option<i16> {
    let rest = trained - f32::from(value);
    let step = if rest.abs() > UNDECIDED { rest.signum() as i16 } else { -value.signum() };
    let other = value + step;
    (step != 0 && (least..=greatest).contains(&i32::from(other))).then_some(other)
}

/// Moves latents of a payload where that costs less. `trained`: latents before they were rounded; `price`: of a bit, against the
/// error of a pixel with 1.0 as the full range.
///
/// # Errors
///
/// `OutOfMemory`, and what `check` says, which is called before every decoding.
pub(crate) fn choose_latents(
    payload: &mut Payload,
    trained: &[Vec<f32>],
    picture: &StillPicture,
    price: f64,
    check: &mut dyn FnMut() -> Result<()>,
) -> Result<()> {
    let plan = payload.plan.clone();
    let mut latents = copies(&payload.latents)?;
    let mut costs = costs_of(payload, &mut latents, picture)?;
    for (index, grid) in plan.grids.iter().enumerate().filter(|(_, grid)| !grid.hyper) {
        let before = (memory::copied("latents", &latents[index])?, costs.total(price));
        for phase in 0..APART * APART {
            let mut moved = Vec::new();
            let mut tried = copies(&latents)?;
            for y in (phase / APART..grid.height).step_by(APART) {
                for x in (phase % APART..grid.width).step_by(APART) {
                    let at = y * grid.width + x;
                    if let Some(other) = other(latents[index][at], trained[index][at], payload.bounds[index])
                    {
                        tried[index][at] = other;
                        moved.push((y, x));
                    }
                }
            }
            if moved.is_empty() {
                continue;
            }
            check()?;
            let new = costs_of(payload, &mut tried, picture)?;
            for (y, x) in moved {
                let [was, is] = [&costs, &new].map(|costs| costs.near(&plan, grid.level, (y, x), price));
                if is < was {
                    latents[index][y * grid.width + x] = tried[index][y * grid.width + x];
                    costs.take_near(&plan, grid.level, (y, x), &new);
                }
            }
        }
        // What was kept was judged by its surroundings alone: the whole has the last word.
        costs = costs_of(payload, &mut latents, picture)?;
        if costs.total(price) > before.1 {
            latents[index] = before.0;
            costs = costs_of(payload, &mut latents, picture)?;
        }
    }
    payload.latents = latents;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::still::choose::tests::{guessed, written_cost};

    #[test]
    fn latents_that_are_chosen_cost_less_in_the_bytes_that_are_written() {
        let (picture, mut payload, trained) = guessed();
        let before = written_cost(&payload, &picture);
        choose_latents(&mut payload, &trained, &picture, 1e-3, &mut || Ok(())).unwrap();
        let after = written_cost(&payload, &picture);
        assert!(after.0 < 0.97 * before.0, "{after:?}, not {before:?}");
        // What is summed for the choice is what comes out.
        let costs = costs_of(&payload, &mut payload.latents.clone(), &picture).unwrap();
        let errors: f64 = costs.errors.iter().map(|&error| f64::from(error)).sum();
        assert!((errors / after.1 - 1.0).abs() < 1e-4, "{errors}, not {}", after.1);
    }
}
