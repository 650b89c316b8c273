//! Where training starts: several networks are trained a little, and the one that costs least goes on.
//!
//! A network that is trained for one picture keeps the way it began with, such as whether the finest grid is predicted or nearly
//! empty, and what that costs shows early (docs/decisions/0018).

use super::colors::Colors;
use super::model::Cost;
use super::trainer::{Schedule, Trainer};
use crate::error::Result;
use crate::still::plan::Plan;

/// Networks of random numbers that are tried.
const RANDOM: u32 = 4;

/// Steps after which the first starts are given up, and after which all but one are.
const SOME_GIVEN_UP_AT: u32 = 200;
const OTHERS_GIVEN_UP_AT: u32 = 500;

/// How many of the random networks, and how many of the trained ones, are left after the first of these: trained ones are ahead at
/// first, also where they fall back later.
const RANDOM_LEFT: usize = 2;
const TRAINED_LEFT: usize = 1;

/// A training, and what its rounded latents cost.
struct Tried {
    trainer: Trainer,
    cost: f64,
}

impl Tried {
    fn new(mut trainer: Trainer, run: &mut Run<'_>, until: u32) -> Result<Self> {
        trainer.go_on(run.target, run.schedule, until, run.check)?;
        let cost = trainer.weighted_cost(run.target)?;
        Ok(Self { trainer, cost })
    }
}

/// What is trained for, how, and who hears of it.
struct Run<'a> {
    target: &'a Colors,
    schedule: Schedule,
    check: &'a mut dyn FnMut(Cost) -> Result<()>,
}

/// Steps that are taken for the starts that are given up. `trained`: networks among them that are.
pub(crate) fn steps_given_up(trained: usize) -> u32 {
    let left = RANDOM_LEFT + TRAINED_LEFT.min(trained);
    (RANDOM + trained as u32) * SOME_GIVEN_UP_AT + left as u32 * (OTHERS_GIVEN_UP_AT - SOME_GIVEN_UP_AT)
        - OTHERS_GIVEN_UP_AT
}

/// A training that has begun well, for [`Trainer::run`] to go on with. `trained`: parameters of networks that know other pictures, by which
/// some start beside those of random numbers.
///
/// # Errors
///
/// `OutOfMemory`, and those of `check`.
pub(crate) fn best_start(
    plan: &Plan,
    trained: &[Vec<f32>],
    (lambda, seed): (f64, u64),
    (target, schedule): (&Colors, Schedule),
    check: &mut dyn FnMut(Cost) -> Result<()>,
) -> Result<Trainer> {
    let mut run = Run { target, schedule, check };
    let start = |parameters: Option<&Vec<f32>>, number: u64| {
        Trainer::new(plan.clone(), parameters.map(Vec::as_slice), lambda, seed.wrapping_add(number))
    };
    let random = (0..u64::from(RANDOM)).map(|number| start(None, number));
    let mut left = best_of(random, RANDOM_LEFT, &mut run, SOME_GIVEN_UP_AT)?;
    let trained = trained.iter().map(|parameters| start(Some(parameters), 0));
    left.extend(best_of(trained, TRAINED_LEFT, &mut run, SOME_GIVEN_UP_AT)?);
    let left = left.into_iter().map(|tried| Ok(tried.trainer));
    let best = best_of(left, 1, &mut run, OTHERS_GIVEN_UP_AT)?.into_iter().next();
    best.map_or_else(|| start(None, 0), |best| Ok(best.trainer))
}

/// Trains all up to a step and keeps some, the best first; no more than one beyond these are held at a time.
fn best_of(
    starts: impl Iterator<Item = Result<Trainer>>,
    kept: usize,
    run: &mut Run<'_>,
    until: u32,
) -> Result<Vec<Tried>> {
    let mut best: Vec<Tried> = Vec::new();
    for trainer in starts {
        let tried = Tried::new(trainer?, run, until)?;
        let place = best.partition_point(|other| other.cost.total_cmp(&tried.cost).is_le());
        best.insert(place, tried);
        best.truncate(kept);
    }
    Ok(best)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::still::plan::StillNetwork;

    fn picture() -> Colors {
        let mut colors = Colors::new(24, 16).unwrap();
        for y in 0..16 {
            for channel in 0..3 {
                let row = colors.row_mut(y, channel).iter_mut().enumerate();
                row.for_each(|(x, value)| *value = ((x * y + channel * 7) % 11) as f32 / 11.0);
            }
        }
        colors
    }

    /// The steps that were taken, and the start.
    fn begun(trained: &[Vec<f32>]) -> (u32, Trainer) {
        let plan = Plan::new(24, 16, StillNetwork::Small).unwrap();
        let schedule = Schedule { steps: 4000, last_steps: 0 };
        let mut steps = 0;
        let mut check = |_| {
            steps += 1;
            Ok(())
        };
        let best = best_start(&plan, trained, (1e-3, 1), (&picture(), schedule), &mut check).unwrap();
        (steps, best)
    }

    #[test]
    fn the_best_start_costs_no_more_than_the_first_and_goes_on_where_it_is() {
        let (steps, best) = begun(&[]);
        assert_eq!(steps, steps_given_up(0) + OTHERS_GIVEN_UP_AT);
        let plan = Plan::new(24, 16, StillNetwork::Small).unwrap();
        let mut first = Trainer::new(plan, None, 1e-3, 1).unwrap();
        let schedule = Schedule { steps: 4000, last_steps: 0 };
        first.go_on(&picture(), schedule, OTHERS_GIVEN_UP_AT, &mut |_| Ok(())).unwrap();
        let cost = |trainer: &Trainer| trainer.weighted_cost(&picture()).unwrap();
        assert!(cost(&best) <= cost(&first), "{} {}", cost(&best), cost(&first));
        // The steps that were taken are not taken again.
        let mut best = best;
        let mut more = 0;
        let short = Schedule { steps: OTHERS_GIVEN_UP_AT + 3, last_steps: 0 };
        let mut count = |_| {
            more += 1;
            Ok(())
        };
        best.run(&picture(), short, &mut count).unwrap();
        assert_eq!(more, 3);
    }

    #[test]
    fn a_network_that_knows_the_picture_is_the_start() {
        let (_, known) = begun(&[]);
        let (steps, best) = begun(&[known.parameters.clone(), vec![0.0; known.parameters.len()]]);
        assert_eq!(steps, steps_given_up(2) + OTHERS_GIVEN_UP_AT);
        let cost = |trainer: &Trainer| trainer.weighted_cost(&picture()).unwrap();
        assert!(cost(&best) < cost(&known), "{} {}", cost(&best), cost(&known));
    }
}
