//! Parameters to begin with where there is no base network.

use super::model::Shape;
use crate::filter::TAPS;
use crate::random::Random;

/// Weights by the number of their inputs (He et al. 2015), a tenth of that in the last layer, gains of 1.
pub fn starting_parameters(shape: &Shape, seed: u64) -> Vec<f32> {
    let mut random = Random::new(seed);
    let mut parameters = vec![0.0; shape.len()];
    for layer in 0..shape.layers() {
        let inputs = shape.channels[layer] * TAPS;
        let size = if layer + 1 == shape.layers() { 0.1 } else { 1.0 } * (2.0 / inputs as f32).sqrt();
        parameters[shape.weights(layer)].fill_with(|| size * random.normal());
        for set in 0..shape.sets {
            for kind in 0..shape.kinds(layer) {
                let start = shape.set(set).start + shape.gains(layer, kind).0;
                parameters[start..start + shape.channels[layer + 1]].fill(1.0);
            }
        }
    }
    parameters
}
