//! Parameters moved by a step where that costs less.
//!
//! Training leaves each parameter between two steps. Rounded to the nearer one it is not always the better one, beside all others that
//! were rounded too, and a step nearer to the base takes fewer bits. What decides how latents are coded changes their bits alone, what
//! decides how they look the samples alone, so each is judged by its own half of a decoding.

use rayon::prelude::*;

use super::errors_of;
use crate::error::Result;
use crate::still::base::base_parameters;
use crate::still::laplace::{Laplace, LatentCoder};
use crate::still::latents::{code_latents, copies};
use crate::still::payload::{Payload, in_steps};
use crate::still::picture::StillPicture;
use crate::still::plan::Group;
use crate::still::synthesis::{synthesize, upsample};
use crate::still::train::parameter_bits;

/// Adds up what latents cost.
struct Sum(f64);

impl LatentCoder for Sum {
    fn at(&mut self, _: usize, _: usize) {}

    fn latent(&mut self, model: Laplace, value: i32) -> Result<i32> {
        self.0 += model.cost(value);
        Ok(value)
    }
}

/// What parameters cost, in errors of pixels.
#[derive(Clone, Copy)]
struct Costs {
    parameters: f64,
    latents: f64,
    errors: f64,
}

impl Costs {
    fn total(self) -> f64 {
        self.parameters + self.latents + self.errors
    }
}

/// What costs depend on beside the parameters.
struct Judge<'a> {
    payload: &'a Payload,
    /// What parameters are coded as differences from.
    base: &'a [i32],
    picture: &'a StillPicture,
    /// Of a bit, against the error of a pixel.
    price: f64,
}

impl Judge<'_> {
    fn of_parameters(&self, parameters: &[i32]) -> Result<f64> {
        let payload = self.payload;
        Ok(self.price * parameter_bits(&payload.plan, self.base, &payload.shifts, parameters)?)
    }

    fn of_latents(&self, parameters: &[i32]) -> Result<f64> {
        let (payload, mut sum) = (self.payload, Sum(0.0));
        let mut latents = copies(&payload.latents)?;
        code_latents(&payload.plan, parameters, &payload.bounds, &mut latents, &mut sum)?;
        Ok(self.price * sum.0)
    }

    /// `planes`: of [`upsample`].
    fn of_errors(&self, parameters: &[i32], planes: &[Vec<i16>]) -> Result<f64> {
        let depth = self.payload.depth;
        let decoded = synthesize(&self.payload.plan, parameters, planes, depth)?;
        let errors = errors_of(&decoded, self.picture, depth)?;
        Ok(errors.iter().map(|&error| f64::from(error)).sum())
    }

    /// Costs of parameters of which one of this group was moved, from those before. `planes`: of the taps before.
    fn after(
        &self,
        mut before: Costs,
        group: Group,
        parameters: &[i32],
        planes: &[Vec<i16>],
    ) -> Result<Costs> {
        before.parameters = self.of_parameters(parameters)?;
        match group {
            Group::ArmWeights | Group::ArmBiases | Group::FeatureWeights | Group::FeatureBiases => {
                before.latents = self.of_latents(parameters)?;
            }
            Group::Upsampling => {
                let planes = upsample(&self.payload.plan, parameters, &self.payload.latents)?;
                before.errors = self.of_errors(parameters, &planes)?;
            }
            Group::SynthesisWeights | Group::SynthesisBiases => {
                before.errors = self.of_errors(parameters, planes)?;
            }
        }
        Ok(before)
    }
}

/// Moves parameters of a payload where that costs less. `price`: of a bit, against the error of a pixel with 1.0 as the full range.
///
/// # Errors
///
/// `OutOfMemory`, and what `check` says, which is called before every decoding.
pub(crate) fn choose_parameters(
    payload: &mut Payload,
    picture: &StillPicture,
    price: f64,
    check: &mut dyn FnMut() -> Result<()>,
) -> Result<()> {
    let base = base_parameters(&payload.plan, payload.network, payload.base)?;
    let judge = Judge { payload, base: &base, picture, price };
    let mut parameters = payload.parameters.clone();
    let mut planes = upsample(&payload.plan, &parameters, &payload.latents)?;
    let mut best = Costs {
        parameters: judge.of_parameters(&parameters)?,
        latents: judge.of_latents(&parameters)?,
        errors: judge.of_errors(&parameters, &planes)?,
    };
    for (group, range) in &payload.plan.runs {
        let shift = payload.shifts[*group as usize];
        for at in range.clone() {
            let mut directions = vec![-1, 1];
            while !directions.is_empty() {
                check()?;
                let tried = directions.par_iter().map(|step| {
                    let mut parameters = parameters.clone();
                    parameters[at] = ((in_steps(parameters[at], shift) + step) << shift).clamp(-32768, 32767);
                    Ok((judge.after(best, *group, &parameters, &planes)?, parameters[at], *step))
                });
                let tried: Vec<(Costs, i32, i32)> = tried.collect::<Result<_>>()?;
                let least = tried.into_iter().min_by(|a, b| a.0.total().total_cmp(&b.0.total()));
                directions.clear();
                if let Some((costs, value, direction)) = least
                    && costs.total() < best.total()
                {
                    (best, parameters[at]) = (costs, value);
                    directions.push(direction);
                }
            }
        }
        if *group == Group::Upsampling {
            planes = upsample(&payload.plan, &parameters, &payload.latents)?;
        }
    }
    payload.parameters = parameters;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::still::choose::tests::{guessed, written_cost};

    #[test]
    fn parameters_that_are_chosen_cost_less_in_the_bytes_that_are_written() {
        let (picture, mut payload, _) = guessed();
        payload.shifts = [6, 6, 6, 6, 4, 3, 2];
        for (group, range) in &payload.plan.runs {
            let shift = payload.shifts[*group as usize];
            for value in &mut payload.parameters[range.clone()] {
                *value = in_steps(*value, shift) << shift;
            }
        }
        let before = written_cost(&payload, &picture).0;
        choose_parameters(&mut payload, &picture, 1e-3, &mut || Ok(())).unwrap();
        let after = written_cost(&payload, &picture).0;
        assert!(after < 0.97 * before, "{after}, not {before}");
    }
}
