//! Networks that the parameters of a still start from: trained on other pictures, compiled in, and part of the format.
//!
//! A file holds the parameters of a plan of seven levels, 16 bits each, little endian.

use super::plan::{Plan, StillNetwork, corrupt};
use crate::error::Result;

/// Weights of rate that the networks were trained for, in the order of their numbers.
pub(crate) const LAMBDAS: [f64; 3] = [3.5e-4, 1e-3, 3e-3];

/// Files by network size and number less 1; empty where none was trained.
const FILES: [[&[u8]; LAMBDAS.len()]; 3] = [
    [&[], &[], &[]],
    [
        include_bytes!("base_networks/medium_1.bin"),
        include_bytes!("base_networks/medium_2.bin"),
        include_bytes!("base_networks/medium_3.bin"),
    ],
    [&[], &[], &[]],
];

/// Side of a picture whose plan has the levels that the files are for.
const SIDE: u32 = 512;

/// The number of the network whose weight of rate is nearest, 0 where there is none of this size.
pub(crate) fn nearest(network: StillNetwork, lambda: f64) -> u8 {
    let distance = |number: &usize| (lambda.ln() - LAMBDAS[number - 1].ln()).abs();
    let known = (1..=LAMBDAS.len()).filter(|number| !FILES[network as usize][number - 1].is_empty());
    known.min_by(|a, b| distance(a).total_cmp(&distance(b))).unwrap_or(0) as u8
}

/// Parameters by the number in a payload: 0 is the plain network.
///
/// # Errors
///
/// `Corrupt` for a number that this version does not know.
pub(crate) fn base_parameters(plan: &Plan, network: StillNetwork, number: u8) -> Result<Vec<i32>> {
    if number == 0 {
        return Ok(plan.plain_parameters());
    }
    let file = FILES[network as usize].get(usize::from(number) - 1);
    let values: Vec<i32> = file
        .unwrap_or(&(&[] as &[u8]))
        .chunks_exact(2)
        .map(|pair| i32::from(i16::from_le_bytes([pair[0], pair[1]])))
        .collect();
    let from = Plan::new(SIDE, SIDE, network)?;
    if values.len() != from.parameters {
        return Err(corrupt("base network", "a known one", number, 2));
    }
    Ok(widened(plan, &from, &values))
}

/// Parameters of a plan with more levels: what is new has no weight, and is upsampled as the coarsest known level is.
fn widened(plan: &Plan, from: &Plan, values: &[i32]) -> Vec<i32> {
    let mut parameters = plan.plain_parameters();
    let layers = |plan: &Plan| -> Vec<_> {
        plan.arm.iter().chain(&plan.feature_layers).chain(&plan.synthesis).cloned().collect()
    };
    let features = plan.arm.len()..plan.arm.len() + plan.feature_layers.len();
    for (index, (to, from)) in layers(plan).iter().zip(&layers(from)).enumerate() {
        // Features list the coarsest grid first, synthesis the finest.
        let skipped = if features.contains(&index) { to.inputs - from.inputs } else { 0 };
        for output in 0..to.outputs {
            let row = &values[from.weights.start + output * from.inputs..][..from.inputs];
            parameters[to.weights.start + output * to.inputs + skipped..][..from.inputs].copy_from_slice(row);
        }
        parameters[to.biases.clone()].copy_from_slice(&values[from.biases.clone()]);
    }
    for (level, taps) in plan.taps.iter().enumerate() {
        let known = &from.taps[level.min(from.taps.len() - 1)];
        parameters[taps.clone()].copy_from_slice(&values[known.clone()]);
    }
    parameters
}
