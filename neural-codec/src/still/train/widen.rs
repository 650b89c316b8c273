//! A network that knows other pictures, as the start of a larger one: what it has stays, what is new begins with random numbers and is
//! not heard at first.
//!
//! Source: Chen, Goodfellow and Shlens 2016 (arXiv 1511.05641), whose wider networks compute at first what the narrower one did.

use super::trainer::random_parameters;
use crate::still::plan::Plan;

/// Parameters of `plan` that compute what `values` do of the plan `from`, smaller or as large, of the same picture. `seed`: of what is new.
pub(crate) fn widen(plan: &Plan, from: &Plan, values: &[f32], seed: u64) -> Vec<f32> {
    let mut parameters = random_parameters(plan, seed);
    // Neighbors come first in a context, then features.
    let in_context = |at: usize| if at < from.neighbors { at } else { plan.neighbors + at - from.neighbors };
    let alike = |at: usize| at;
    // Layers, and where their outputs and inputs lie in the larger one.
    type Place<'a> = &'a dyn Fn(usize) -> usize;
    let of_context: [(Place<'_>, Place<'_>); 4] = [
        (&in_context, &in_context),
        (&in_context, &in_context),
        (&alike, &in_context),
        (&alike, &in_context),
    ];
    let others = std::iter::repeat::<(Place<'_>, Place<'_>)>((&alike, &alike));
    let places = of_context.into_iter().chain(others);
    for ((to, known), (output_of, input_of)) in plan.layers().zip(from.layers()).zip(places) {
        for output in 0..known.outputs {
            let row = to.weights.start + output_of(output) * to.inputs;
            parameters[row..row + to.inputs].fill(0.0);
            for input in 0..known.inputs {
                parameters[row + input_of(input)] =
                    values[known.weights.start + output * known.inputs + input];
            }
        }
        for (output, at) in known.biases.clone().enumerate() {
            parameters[to.biases.start + output_of(output)] = values[at];
        }
    }
    for (to, known) in plan.taps.iter().zip(&from.taps) {
        to.clone().zip(known.clone()).for_each(|(to, known)| parameters[to] = values[known]);
    }
    parameters
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use crate::still::base::base_parameters;
    use crate::still::plan::{StillNetwork, in_floats};
    use crate::still::train::{Colors, Trainer};

    #[test]
    fn a_wider_network_computes_what_the_narrower_one_did() {
        let plan = |network| Plan::new(75, 47, network).unwrap();
        let (medium, large) = (plan(StillNetwork::Medium), plan(StillNetwork::Large));
        let known = in_floats(&base_parameters(&medium, StillNetwork::Medium, 5).unwrap());
        let wide = widen(&large, &medium, &known, 3);
        let mut colors = Colors::new(75, 47).unwrap();
        let mut random = Random::new(1);
        (0..47).for_each(|y| colors.row_mut(y, 1).fill_with(|| random.uniform()));
        let cost = |plan: &Plan, parameters: &[f32]| {
            let mut trainer = Trainer::new(plan.clone(), Some(parameters), 1e-3, 1).unwrap();
            let mut random = Random::new(2);
            trainer.latents.iter_mut().flatten().for_each(|value| *value = 2.0 * random.normal());
            trainer.cost_of(&colors, parameters).unwrap()
        };
        let (before, after) = (cost(&medium, &known), cost(&large, &wide));
        assert!((before.error / after.error - 1.0).abs() < 1e-5, "{before:?} {after:?}");
        assert!((before.bits / after.bits - 1.0).abs() < 1e-5, "{before:?} {after:?}");
        // What is new has numbers to learn from.
        let hidden = &large.synthesis[0];
        let row = hidden.weights.start + (hidden.outputs - 1) * hidden.inputs;
        assert!(wide[row..row + hidden.inputs].iter().all(|&weight| weight != 0.0));
    }
}
