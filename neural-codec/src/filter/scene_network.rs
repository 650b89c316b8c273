//! The network of one scene: a base network and what differs from it.
//!
//! ```text
//! weight = base weight + difference * 2^step of the layer, within -128 to 127
//! gain   = base gain at the scene's quantizer + difference * 64         offset = base offset + difference * 8
//! ```

use super::base_network::{BaseNetwork, NetworkSize};
use super::network::{GAIN_BITS, Network};
use crate::range_coder::Numbers;
use crate::range_coder::bits::{BitCoder, BitReader, BitWriter};
use crate::range_coder::values::Values;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Place, Result};

/// Units of a coded gain and of a coded offset.
const GAIN_STEP: i32 = 64;
const OFFSET_STEP: i32 = 8;

/// The least and the most difference of a gain or an offset.
pub(super) const SET_DIFFERENCES: (i16, i16) = (-2048, 2047);

/// The largest exponent of a layer's step.
pub const MAX_STEP: u8 = 7;

/// A scene's network as differences from a base network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SceneNetwork {
    /// The base network.
    pub profile: NetworkSize,
    /// Quantizer whose gains it begins with, in quarter steps.
    pub quantizer: u16,
    /// Exponent of the step of each layer's weights.
    pub steps: Vec<u8>,
    /// Differences of all weights, in the order of the shape.
    pub(crate) weights: Vec<i32>,
    /// Differences of gains and offsets, in the order of the shape's set.
    pub(crate) set: Vec<i32>,
}

impl SceneNetwork {
    /// The base network as it is.
    pub fn base(profile: NetworkSize, quantizer: u16) -> Result<Self> {
        let shape = profile.base()?.shape();
        Ok(Self {
            profile,
            quantizer,
            steps: vec![0; shape.layers()],
            weights: vec![0; shape.weight_count()],
            set: vec![0; shape.set_len()],
        })
    }

    /// Whether it has the shape of its base network, and exponents and differences in their ranges.
    pub(crate) fn is_well_formed(&self) -> Result<bool> {
        let base = self.profile.base()?;
        let shape = base.shape();
        let fits = self.steps.len() == shape.layers()
            && self.steps.iter().all(|step| *step <= MAX_STEP)
            && self.weights.len() == shape.weight_count()
            && self.set.len() == shape.set_len();
        let (least, most) = SET_DIFFERENCES;
        Ok(fits
            && outputs(base).all(|(layer, _, weights)| {
                weights.into_iter().all(|at| {
                    let (least, most) = differences(base.weights[at], self.steps[layer]);
                    (i32::from(least)..=i32::from(most)).contains(&self.weights[at])
                })
            })
            && self.set.iter().all(|value| (i32::from(least)..=i32::from(most)).contains(value)))
    }

    /// The nearest one to trained parameters.
    pub(crate) fn nearest(
        profile: NetworkSize,
        quantizer: u16,
        steps: &[u8],
        parameters: &[f32],
    ) -> Result<Self> {
        let base = profile.base()?;
        let shape = base.shape();
        let mut nearest = Self::base(profile, quantizer)?;
        nearest.steps = steps.to_vec();
        for (layer, output, weights) in outputs(base) {
            let scale = f32::from(base.shifts[output]).exp2();
            let step = 1_i32 << steps[layer];
            for at in weights {
                let origin = i32::from(base.weights[at]);
                let difference = (parameters[at] * scale - origin as f32) / step as f32;
                let (least, most) = differences(base.weights[at], steps[layer]);
                nearest.weights[at] = (difference.round() as i32).clamp(least.into(), most.into());
            }
        }
        let unit = f32::from(1_u16 << GAIN_BITS);
        let origins = base.set_at(quantizer);
        let kinds = set_steps(base);
        let values = parameters[shape.set(0)].iter().zip(&origins).zip(kinds);
        for (difference, ((&value, &origin), step)) in nearest.set.iter_mut().zip(values) {
            let exact = (value * unit - f32::from(origin)) / step as f32;
            *difference = exact.round().clamp(SET_DIFFERENCES.0.into(), SET_DIFFERENCES.1.into()) as i32;
        }
        Ok(nearest)
    }

    /// The parameters of training that it stands for.
    pub fn parameters(&self) -> Result<Vec<f32>> {
        let base = self.profile.base()?;
        let mut parameters = vec![0.0; base.shape().len()];
        for (layer, output, weights) in outputs(base) {
            let scale = (-f32::from(base.shifts[output])).exp2();
            for at in weights {
                parameters[at] = f32::from(self.weight(base, layer, at)) * scale;
            }
        }
        let unit = f32::from(1_u16 << GAIN_BITS);
        let set = self.whole_set(base);
        let start = base.shape().weight_count();
        for (parameter, value) in parameters[start..].iter_mut().zip(set) {
            *parameter = f32::from(value) / unit;
        }
        Ok(parameters)
    }

    fn weight(&self, base: &BaseNetwork, layer: usize, at: usize) -> i8 {
        let difference = i64::from(self.weights[at]) << self.steps[layer];
        (i64::from(base.weights[at]) + difference).clamp(-128, 127) as i8
    }

    /// Gains and offsets of all layers.
    fn whole_set(&self, base: &BaseNetwork) -> Vec<i16> {
        let origins = base.set_at(self.quantizer);
        let parts = origins.iter().zip(&self.set).zip(set_steps(base));
        parts
            .map(|((&origin, &difference), step)| {
                let value = i64::from(origin) + i64::from(difference) * i64::from(step);
                value.clamp(i64::from(i16::MIN), i64::from(i16::MAX)) as i16
            })
            .collect()
    }

    /// The network that runs.
    pub fn network(&self) -> Result<Network> {
        let base = self.profile.base()?;
        base.with(|layer, at| self.weight(base, layer, at), &self.whole_set(base))
    }

    /// The differences as bytes.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut writer = BitWriter::default();
        self.clone().code(&mut writer)?;
        writer.finish()
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    ///
    /// `Corrupt` naming the field that cannot be, and for bytes left over.
    pub fn from_bytes(profile: NetworkSize, quantizer: u16, steps: &[u8], bytes: &[u8]) -> Result<Self> {
        let mut network = Self::base(profile, quantizer)?;
        let place = Place::default();
        if steps.len() != network.steps.len() {
            return Err(Error::corrupt("layers of the filter", network.steps.len(), steps.len(), place));
        }
        if let Some(step) = steps.iter().find(|step| **step > MAX_STEP) {
            return Err(Error::corrupt("step of a filter layer", format!("at most {MAX_STEP}"), step, place));
        }
        network.steps = steps.to_vec();
        let mut reader = BitReader::new(bytes)?;
        network.code(&mut reader)?;
        reader.expect_end()?;
        Ok(network)
    }

    /// Writes the differences, or reads them, by the coder.
    fn code(&mut self, coder: &mut impl BitCoder) -> Result<()> {
        let shape = self.profile.base()?.shape();
        for layer in 0..shape.layers() {
            let mut models = Values::new();
            for value in &mut self.weights[shape.weights(layer)] {
                *value = models.code(coder, *value)?;
            }
        }
        let mut models = Values::new();
        self.set.iter_mut().try_for_each(|value| {
            *value = models.code(coder, *value)?;
            Ok(())
        })
    }
}

/// Layer, output counted over all layers, and where its weights lie.
pub(super) fn outputs(base: &BaseNetwork) -> impl Iterator<Item = (usize, usize, std::ops::Range<usize>)> {
    let shape = base.shape();
    let mut output = 0;
    (0..shape.layers())
        .flat_map(move |layer| {
            let taps = shape.weights(layer).len() / shape.channels[layer + 1];
            let start = shape.weights(layer).start;
            (0..shape.channels[layer + 1]).map(move |o| (layer, start + o * taps..start + (o + 1) * taps))
        })
        .map(move |(layer, weights)| {
            output += 1;
            (layer, output - 1, weights)
        })
}

/// The least and the most difference of a weight: where it stays within 8 bits.
pub(super) fn differences(origin: i8, step: u8) -> (i16, i16) {
    let (origin, step) = (i16::from(origin), 1_i16 << step);
    ((-128 - origin) / step, (127 - origin) / step)
}

/// The unit of each value of the set.
pub(super) fn set_steps(base: &BaseNetwork) -> impl Iterator<Item = i32> {
    let shape = base.shape();
    (0..shape.layers()).flat_map(move |layer| {
        let count = shape.kinds(layer) * shape.channels[layer + 1];
        std::iter::repeat_n(GAIN_STEP, count).chain(std::iter::repeat_n(OFFSET_STEP, count))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn some(profile: NetworkSize, share: f32) -> SceneNetwork {
        let mut random = Random::new(4);
        let mut network = SceneNetwork::base(profile, 190).unwrap();
        network.steps.fill(3);
        for value in network.weights.iter_mut().chain(&mut network.set) {
            if random.uniform() < share {
                *value = (random.normal() * 2.0) as i32;
            }
        }
        // What would leave 8 bits is cut off, and has no nearest difference of its own.
        let origins = &profile.base().unwrap().weights;
        for (value, &origin) in network.weights.iter_mut().zip(origins) {
            if i8::try_from(i32::from(origin) + 8 * *value).is_err() {
                *value = 0;
            }
        }
        network
    }

    #[test]
    fn what_differs_reads_back_and_costs_by_how_much_differs() {
        for profile in [NetworkSize::M, NetworkSize::L] {
            let mut sizes = Vec::new();
            for share in [0.0, 0.02, 1.0] {
                let network = some(profile, share);
                let bytes = network.to_bytes().unwrap();
                let read = SceneNetwork::from_bytes(profile, 190, &network.steps, &bytes).unwrap();
                assert_eq!(read, network);
                network.network().unwrap();
                sizes.push(bytes.len());
            }
            assert!(sizes[0] < 40 && sizes[1] < sizes[2] / 5, "{sizes:?}");
        }
    }

    #[test]
    fn rounding_to_the_nearest_network_is_stable() {
        for profile in [NetworkSize::M, NetworkSize::L] {
            let network = some(profile, 0.3);
            let parameters = network.parameters().unwrap();
            let again = SceneNetwork::nearest(profile, 190, &network.steps, &parameters).unwrap();
            assert_eq!(again.network().unwrap(), network.network().unwrap());
        }
    }

    #[test]
    fn cut_or_extended_bytes_are_errors_or_another_network_but_no_panic() {
        let network = some(NetworkSize::M, 0.3);
        let bytes = network.to_bytes().unwrap();
        let read = |bytes: &[u8]| SceneNetwork::from_bytes(NetworkSize::M, 190, &network.steps, bytes);
        assert!(read(&[&bytes[..], &[1, 2, 3, 4, 5, 6]].concat()).is_err());
        for length in (0..bytes.len()).step_by(7) {
            if let Ok(read) = read(&bytes[..length]) {
                assert_ne!(read, network);
            }
        }
        assert!(SceneNetwork::from_bytes(NetworkSize::M, 190, &[0, 0], &bytes).is_err());
        assert!(SceneNetwork::from_bytes(NetworkSize::M, 190, &[0, 8, 0], &bytes).is_err());
    }
}
