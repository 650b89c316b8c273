//! The values that a parameter of training can have in a stored network.

use super::base_network::NetworkSize;
use super::network::GAIN_BITS;
use super::scene_network::{SET_DIFFERENCES, SceneNetwork, differences, outputs, set_steps};
use crate::error::Result;
use crate::memory;

/// The values of one parameter: an origin, and steps away from it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GridPoint {
    /// The base network's value.
    pub origin: f32,
    /// How far a difference of one moves it; a power of two.
    pub unit: f32,
    /// The least and the most difference.
    pub differences: (i16, i16),
    /// The least and the most value.
    pub values: (f32, f32),
}

impl GridPoint {
    /// The difference whose value is nearest.
    pub fn difference(&self, value: f32) -> i32 {
        let (least, most) = self.differences;
        (((value - self.origin) / self.unit).round() as i32).clamp(least.into(), most.into())
    }

    /// The nearest value that can be stored.
    pub fn nearest(&self, value: f32) -> f32 {
        let (low, high) = self.values;
        (self.origin + self.difference(value) as f32 * self.unit).clamp(low, high)
    }
}

impl SceneNetwork {
    /// The values that each parameter of training can have, for the exponents of the layers' steps.
    pub fn grid(profile: NetworkSize, quantizer: u16, steps: &[u8]) -> Result<Vec<GridPoint>> {
        let base = profile.base()?;
        let origins = Self::base(profile, quantizer)?.parameters()?;
        let free = GridPoint { origin: 0.0, unit: 1.0, differences: (0, 0), values: (f32::MIN, f32::MAX) };
        let grid = origins.iter().map(|&origin| GridPoint { origin, ..free });
        let mut grid = memory::collected("grid of a filter", grid)?;
        for (layer, output, weights) in outputs(base) {
            let unit = (f32::from(steps[layer]) - f32::from(base.shifts[output])).exp2();
            for at in weights {
                grid[at].unit = unit;
                grid[at].differences = differences(base.weights[at], steps[layer]);
            }
        }
        let unit = f32::from(1_u16 << GAIN_BITS);
        let values = (f32::from(i16::MIN) / unit, f32::from(i16::MAX) / unit);
        for (point, step) in grid[base.shape().set(0)].iter_mut().zip(set_steps(base)) {
            *point = GridPoint { unit: step as f32 / unit, differences: SET_DIFFERENCES, values, ..*point };
        }
        Ok(grid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::MAX_STEP;
    use crate::random::Random;

    #[test]
    fn the_grid_rounds_as_the_nearest_network_does() {
        let mut random = Random::new(6);
        for profile in [NetworkSize::M, NetworkSize::L] {
            for steps in [0, 3, MAX_STEP] {
                let steps = vec![steps; profile.base().unwrap().shape().layers()];
                let grid = SceneNetwork::grid(profile, 190, &steps).unwrap();
                for spread in [1e-4, 0.02, 1.0, 1e3, 1e38] {
                    let parameters: Vec<f32> =
                        grid.iter().map(|point| point.origin + spread * random.normal()).collect();
                    let network = SceneNetwork::nearest(profile, 190, &steps, &parameters).unwrap();
                    let rounded = grid.iter().zip(&parameters).map(|(point, &value)| point.nearest(value));
                    let bits = |value: f32| value.to_bits();
                    let expected = network.parameters().unwrap().into_iter().map(bits);
                    assert!(rounded.map(bits).eq(expected), "{profile:?} {steps:?} {spread}");
                    let differences =
                        grid.iter().zip(&parameters).map(|(point, &value)| point.difference(value));
                    assert!(differences.eq(network.weights.iter().chain(&network.set).copied()));
                }
            }
        }
    }
}
