//! The last place on a line of quantizers that still reaches the target.

use crate::defaults::PhotoSearch;
use crate::error::Result;

/// How a line is searched.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    /// Places on it, at least 1.
    pub(super) places: usize,
    /// The place to begin with.
    pub(super) guess: usize,
    /// How much the margin is expected to fall from a place to the next.
    pub(super) slope: f64,
    /// A margin that is small enough.
    pub(super) tolerance: f64,
    /// A bracket of so many places is narrow enough, at least 1.
    pub(super) width: usize,
    /// What holds for every line.
    pub(super) rules: PhotoSearch,
}

/// A place that was tried.
#[derive(Debug, Clone)]
pub(super) struct Attempt<T> {
    pub(super) place: usize,
    pub(super) margin: f64,
    pub(super) value: T,
}

/// What a search found.
#[derive(Debug)]
pub(super) struct LineSearch<T> {
    /// The last place that reaches the target; else the one that comes closest.
    pub(super) best: Attempt<T>,
    /// The place where the margin is expected to be 0.
    pub(super) crossing: f64,
    /// The slope there.
    pub(super) slope: f64,
}

/// Finds the last place whose margin is not negative; margins fall along the line, about evenly.
///
/// # Errors
///
/// Those of `attempt`.
pub(super) fn last_that_meets<T>(
    line: Line,
    attempt: &mut dyn FnMut(usize) -> Result<(f64, T)>,
) -> Result<LineSearch<T>> {
    let end = line.places - 1;
    let (mut met, mut missed): (Option<Attempt<T>>, Option<Attempt<T>>) = (None, None);
    let (mut next, mut slope, mut stride) = (line.guess.min(end), line.slope, 1.0);
    for count in 1..=line.rules.most_attempts {
        let (margin, value) = attempt(next)?;
        let tried = Attempt { place: next, margin, value };
        if margin >= 0.0 {
            met = Some(tried);
        } else {
            missed = Some(tried);
        }
        if let (Some(met), Some(missed)) = (&met, &missed)
            && met.margin.is_finite()
        {
            slope = ((met.margin - missed.margin) / (missed.place - met.place) as f64).max(1e-6);
        }
        next = match (&met, &missed) {
            (Some(met), _) if met.margin <= line.tolerance || met.place == end => break,
            (None, Some(missed)) if missed.place == 0 => break,
            (Some(met), Some(missed)) => {
                let width = missed.place - met.place;
                if width <= line.width {
                    break;
                }
                // Now and then the middle, so that a bent curve does not keep one end where it is.
                let share = if count.is_multiple_of(line.rules.halved_every) || !met.margin.is_finite() {
                    0.5
                } else {
                    met.margin / (met.margin - missed.margin)
                };
                met.place + ((width as f64 * share) as usize).clamp(1, width - 1)
            }
            (Some(met), None) => {
                let step = if met.margin.is_finite() { met.margin / slope } else { end as f64 / 2.0 };
                stride *= line.rules.longer;
                met.place.saturating_add((step * stride).ceil().max(1.0) as usize).min(end)
            }
            (None, Some(missed)) => {
                stride *= line.rules.longer;
                missed.place.saturating_sub((-missed.margin / slope * stride).ceil().max(1.0) as usize)
            }
            (None, None) => break,
        };
    }
    let near = met.as_ref().or(missed.as_ref());
    let crossing = near.map_or(0.0, |near| match near.margin.is_finite() {
        true => (near.place as f64 + near.margin / slope).clamp(0.0, end as f64),
        false => near.place as f64,
    });
    // One attempt was made.
    let best = met.or(missed).ok_or_else(|| crate::error::Error::internal("search", "nothing was tried"))?;
    Ok(LineSearch { best, crossing, slope })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::defaults::Defaults;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_last_place_that_meets_is_found_in_few_attempts(
            places in 1_usize..278, guess in 0_usize..300, zero in -20.0_f64..320.0, bend in -0.002_f64..0.002,
        ) {
            let margin = |place: usize| {
                let far = zero - place as f64;
                far * 0.07 + bend * far * far.abs() * 0.1
            };
            prop_assume!((0..places.saturating_sub(1)).all(|place| margin(place) > margin(place + 1)));
            let mut attempts = 0;
            let line = Line { places, guess, slope: 0.05, tolerance: 0.0, width: 1, rules: Defaults::default().photo };
            let found = last_that_meets(line, &mut |place| {
                attempts += 1;
                Ok((margin(place), place))
            }).unwrap();
            prop_assert!(attempts <= line.rules.most_attempts);
            let expected = (0..places).rev().find(|&place| margin(place) >= 0.0).unwrap_or(0);
            prop_assert_eq!(found.best.value, expected);
        }
    }

    #[test]
    fn a_margin_without_end_is_no_trap() {
        let line = Line {
            places: 100,
            guess: 50,
            slope: 0.1,
            tolerance: 0.0,
            width: 1,
            rules: Defaults::default().photo,
        };
        let margin = |place: usize| if place < 20 { f64::INFINITY } else { -1.0 };
        let found = last_that_meets(line, &mut |place| Ok((margin(place), ()))).unwrap();
        assert_eq!(found.best.place, 19);
    }
}
