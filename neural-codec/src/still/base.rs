//! Networks that the parameters of a still start from: trained on other pictures, compiled in, and part of the format. Beside
//! each, where there is one, the analysis that it was trained with, which is the encoder's alone.
//!
//! `eval/python/still_networks.py` makes them. A file holds the parameters of a plan of seven levels, 16 bits each, little endian.

use super::plan::{Plan, StillNetwork, corrupt};
use super::train::AnalysisParameters;
use crate::error::Result;

/// One network that parameters may start from.
struct Base {
    parameters: &'static [u8],
    /// The weight of rate that it was trained for.
    lambda: f64,
    /// The part of the analysis that is this network's own; empty where it was trained without one.
    heads: &'static [u8],
}

/// Networks of the medium size in the order of their numbers, from 1 on. The first three are read, and no longer written.
const MEDIUM: [Base; 6] = [
    Base { parameters: include_bytes!("base_networks/medium_1.bin"), lambda: 3.5e-4, heads: &[] },
    Base { parameters: include_bytes!("base_networks/medium_2.bin"), lambda: 1e-3, heads: &[] },
    Base { parameters: include_bytes!("base_networks/medium_3.bin"), lambda: 3e-3, heads: &[] },
    Base {
        parameters: include_bytes!("base_networks/medium_4.bin"),
        lambda: 3e-4,
        heads: include_bytes!("base_networks/analysis_4.bin"),
    },
    Base {
        parameters: include_bytes!("base_networks/medium_5.bin"),
        lambda: 1e-3,
        heads: include_bytes!("base_networks/analysis_5.bin"),
    },
    Base {
        parameters: include_bytes!("base_networks/medium_6.bin"),
        lambda: 3e-3,
        heads: include_bytes!("base_networks/analysis_6.bin"),
    },
];

/// What all analyses have in common.
const TRUNK: &[u8] = include_bytes!("base_networks/analysis.bin");

/// Side of a picture whose plan has the levels that the files are for.
const SIDE: u32 = 512;

/// Networks of a size.
const fn bases(network: StillNetwork) -> &'static [Base] {
    match network {
        StillNetwork::Medium => &MEDIUM,
        StillNetwork::Small | StillNetwork::Large => &[],
    }
}

/// The number of the network with an analysis whose weight of rate is nearest, and that analysis; none for sizes without.
pub(crate) fn nearest(network: StillNetwork, lambda: f64) -> Option<(u8, AnalysisParameters)> {
    let distance = |base: &Base| (lambda.ln() - base.lambda.ln()).abs();
    let numbered = bases(network).iter().zip(1..).filter(|(base, _)| !base.heads.is_empty());
    let (base, number) = numbered.min_by(|(a, _), (b, _)| distance(a).total_cmp(&distance(b)))?;
    Some((number, AnalysisParameters { trunk: TRUNK, heads: base.heads }))
}

/// Numbers of the networks of a size that payloads are written with.
pub(crate) fn written(network: StillNetwork) -> impl Iterator<Item = u8> {
    (1..).zip(bases(network)).filter(|(_, base)| !base.heads.is_empty()).map(|(number, _)| number)
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
    let base = bases(network).get(usize::from(number) - 1);
    let values: Vec<i32> = base
        .map_or(&[][..], |base| base.parameters)
        .chunks_exact(2)
        .map(|pair| i32::from(i16::from_le_bytes([pair[0], pair[1]])))
        .collect();
    let from = Plan::new(SIDE, SIDE, network)?;
    if values.len() != from.parameters {
        return Err(corrupt("base network", "a known one", number, 2));
    }
    Ok(with_more_levels(plan, &from, &values))
}

/// Parameters of a plan with more levels: what is new has no weight, and is upsampled as the coarsest known level is.
fn with_more_levels(plan: &Plan, from: &Plan, values: &[i32]) -> Vec<i32> {
    let mut parameters = plan.plain_parameters();
    let features = plan.arm.len()..plan.arm.len() + plan.feature_layers.len();
    for (index, (to, from)) in plan.layers().zip(from.layers()).enumerate() {
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
