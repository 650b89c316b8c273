//! The networks that every filter begins with, trained once on many clips and compiled in.
//!
//! Made by `eval/rust/train_base.rs`; `docs/BITSTREAM.md` gives the layout of the file.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use super::network::{GAIN_BITS, Layer, Network, SITE_CHANNELS, TAPS, TEMPORAL_LAYERS};
use super::train::Shape;
use crate::error::{Error, Place, Result};

/// How large a filter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum NetworkSize {
    /// 16 channels, 3 layers: about 1,000 multiplications a luma pixel.
    M = 1,
    /// 24 channels, 4 layers: about 3,200.
    L = 2,
}

impl NetworkSize {
    /// By its code in a stream.
    pub fn from_code(code: u8) -> Option<Self> {
        [Self::M, Self::L].into_iter().find(|profile| *profile as u8 == code)
    }

    /// By its number of layers; none where the format has no such network.
    pub fn of_layers(layers: usize) -> Option<Self> {
        [(3, Self::M), (4, Self::L)].into_iter().find(|(own, _)| *own == layers).map(|(_, size)| size)
    }

    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::M => "M",
            Self::L => "L",
        }
    }

    /// The network that filters of this profile begin with.
    ///
    /// # Errors
    ///
    /// `Internal` for a damaged library.
    pub fn base(self) -> Result<&'static BaseNetwork> {
        static M: OnceLock<Option<BaseNetwork>> = OnceLock::new();
        static L: OnceLock<Option<BaseNetwork>> = OnceLock::new();
        let (cell, bytes): (_, &[u8]) = match self {
            Self::M => (&M, include_bytes!("base_networks/m.bin")),
            Self::L => (&L, include_bytes!("base_networks/l.bin")),
        };
        let parsed = cell.get_or_init(|| BaseNetwork::from_bytes(bytes).ok());
        parsed.as_ref().ok_or_else(|| Error::internal("base network", format!("{} is damaged", self.name())))
    }
}

/// A network for many clips: weights, and gains for a few quantizers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseNetwork {
    shape: Shape,
    /// As in the shape's flat list.
    pub(crate) weights: Vec<i8>,
    /// One for each output of each layer.
    pub(crate) shifts: Vec<u8>,
    /// Sets of gains and offsets by quantizer, which rises.
    knots: Vec<Knot>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Knot {
    /// Units: quarter steps.
    quantizer: u16,
    /// In the order of the shape's set. Units: 1/4096 for gains, of an activation for offsets.
    set: Vec<i16>,
}

impl BaseNetwork {
    /// Rounds trained parameters: as many sets as quantizers.
    ///
    /// `quantizers` in quarter steps, rising.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` where their number is not that of the sets.
    pub fn rounded(shape: &Shape, parameters: &[f32], quantizers: &[u16]) -> Result<Self> {
        if quantizers.len() != shape.sets || parameters.len() != shape.len() {
            return Err(Error::invalid("quantizers of a base network", shape.sets, quantizers.len()));
        }
        let (mut weights, mut shifts) = (Vec::new(), Vec::new());
        for layer in 0..shape.layers() {
            let taps = shape.channels[layer] * TAPS;
            for output in parameters[shape.weights(layer)].chunks_exact(taps) {
                let largest = output.iter().fold(1e-4_f32, |most, weight| most.max(weight.abs()));
                // The largest power of two that keeps all weights within 127.
                let shift = (127.0 / largest).log2().floor().clamp(0.0, 16.0);
                shifts.push(shift as u8);
                weights.extend(output.iter().map(|weight| (weight * shift.exp2()).round() as i8));
            }
        }
        let unit = f32::from(1_u16 << GAIN_BITS);
        let rounded = |value: &f32| (value * unit).round().clamp(-32768.0, 32767.0) as i16;
        let knots = quantizers.iter().enumerate().map(|(set, &quantizer)| Knot {
            quantizer,
            set: parameters[shape.set(set)].iter().map(rounded).collect(),
        });
        Ok(Self { shape: Shape { sets: 1, ..shape.clone() }, weights, shifts, knots: knots.collect() })
    }

    /// Where its parameters lie, with one set of gains.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The network itself, for a quantizer in quarter steps.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` where its sums could leave 32 bits.
    pub(super) fn network(&self, quantizer: u16) -> Result<Network> {
        self.with(|_, at| self.weights[at], &self.set_at(quantizer))
    }

    /// A network of its shape and shifts: the weight of a layer at a place of the flat list, and a set of gains and offsets.
    ///
    /// # Errors
    ///
    /// As [`network`](Self::network).
    pub(super) fn with(&self, weight: impl Fn(usize, usize) -> i8, set: &[i16]) -> Result<Network> {
        let shape = &self.shape;
        let mut first_output = 0;
        let mut layers = Vec::new();
        for layer in 0..shape.layers() {
            let outputs = shape.channels[layer + 1];
            let (mut gain, mut offset) = (Vec::new(), Vec::new());
            for kind in 0..TEMPORAL_LAYERS {
                let (gains, offsets) = shape.gains(layer, kind);
                gain.extend_from_slice(&set[gains..gains + outputs]);
                offset.extend_from_slice(&set[offsets..offsets + outputs]);
            }
            layers.push(Layer {
                inputs: shape.channels[layer],
                outputs,
                weights: shape.weights(layer).map(|at| weight(layer, at)).collect(),
                shift: self.shifts[first_output..first_output + outputs].to_vec(),
                gain,
                offset,
            });
            first_output += outputs;
        }
        Network::new(layers)
    }

    /// Gains and offsets for a quantizer in quarter steps: between two knots on a line, rounded down; beyond the
    /// last ones as there.
    pub(crate) fn set_at(&self, quantizer: u16) -> Vec<i16> {
        let after = self.knots.iter().position(|knot| knot.quantizer > quantizer);
        let (a, b) = match after {
            None => return self.knots[self.knots.len() - 1].set.clone(),
            Some(0) => return self.knots[0].set.clone(),
            Some(at) => (&self.knots[at - 1], &self.knots[at]),
        };
        let (length, done) = (i32::from(b.quantizer - a.quantizer), i32::from(quantizer - a.quantizer));
        let between = |(&a, &b): (&i16, &i16)| {
            (i32::from(a) + ((i32::from(b) - i32::from(a)) * done).div_euclid(length)) as i16
        };
        a.set.iter().zip(&b.set).map(between).collect()
    }

    /// The file that is compiled in.
    ///
    /// ```text
    /// u8 hidden layers   u8 channels of each   u8 shift of each output   i8 weights
    /// u8 knots   for each: u16 quantizer in quarter steps, i16 gains and offsets
    /// ```
    pub fn to_bytes(&self) -> Vec<u8> {
        let hidden = &self.shape.channels[1..self.shape.layers()];
        let mut bytes = vec![hidden.len() as u8];
        bytes.extend(hidden.iter().map(|&channels| channels as u8));
        bytes.extend(&self.shifts);
        bytes.extend(self.weights.iter().map(|&weight| weight as u8));
        bytes.push(self.knots.len() as u8);
        for knot in &self.knots {
            bytes.extend(knot.quantizer.to_le_bytes());
            bytes.extend(knot.set.iter().flat_map(|value| value.to_le_bytes()));
        }
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote of a network for pictures of 4:2:0.
    ///
    /// # Errors
    ///
    /// `Corrupt` for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Self::between(SITE_CHANNELS, bytes)
    }

    /// The same of a network with `ends` channels in and out.
    ///
    /// # Errors
    ///
    /// As [`from_bytes`](Self::from_bytes).
    pub(super) fn between(ends: usize, bytes: &[u8]) -> Result<Self> {
        let wrong =
            |what: &'static str| Error::corrupt("base network", what, "other bytes", Place::default());
        let mut rest = bytes;
        let mut take = |count: usize| -> Result<&[u8]> {
            let (head, tail) = rest.split_at_checked(count).ok_or_else(|| wrong("more bytes"))?;
            rest = tail;
            Ok(head)
        };
        let count = usize::from(take(1)?[0]);
        let hidden: Vec<usize> = take(count)?.iter().map(|&channels| usize::from(channels)).collect();
        let shape = Shape::between(ends, &hidden, 1);
        let shifts = take(shape.channels[1..].iter().sum())?.to_vec();
        let weights = take(shape.weight_count())?.iter().map(|&weight| weight as i8).collect();
        let mut knots: Vec<Knot> = Vec::new();
        for _ in 0..take(1)?[0] {
            let quantizer = take(2)?;
            let quantizer = u16::from_le_bytes([quantizer[0], quantizer[1]]);
            if knots.last().is_some_and(|knot| knot.quantizer >= quantizer) {
                return Err(wrong("quantizers that rise"));
            }
            let values = take(2 * shape.set_len())?.chunks_exact(2);
            knots.push(Knot { quantizer, set: values.map(|v| i16::from_le_bytes([v[0], v[1]])).collect() });
        }
        if knots.is_empty() || !rest.is_empty() {
            return Err(wrong("at least one knot, and an end behind the last"));
        }
        Ok(Self { shape, weights, shifts, knots })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::defaults::FILTER_LAYERS;

    #[test]
    fn the_networks_that_are_compiled_in_read_back_and_have_the_sizes_their_profiles_say() {
        for (profile, hidden) in [(NetworkSize::M, &[16, 16][..]), (NetworkSize::L, &[24, 24, 24])] {
            let base = profile.base().unwrap();
            assert_eq!(base.shape(), &Shape::new(hidden, 1));
            assert_eq!(&BaseNetwork::from_bytes(&base.to_bytes()).unwrap(), base);
            assert_eq!(NetworkSize::from_code(profile as u8), Some(profile));
            assert_eq!(NetworkSize::of_layers(base.shape().layers()), Some(profile));
            let (fewest, most) = FILTER_LAYERS;
            assert!((fewest.into()..=most.into()).contains(&base.shape().layers()));
        }
        assert_eq!(NetworkSize::from_code(0), None);
        assert_eq!((NetworkSize::of_layers(2), NetworkSize::of_layers(5)), (None, None));
    }

    #[test]
    fn gains_between_two_quantizers_lie_on_a_line() {
        let shape = Shape::new(&[1], 2);
        let mut parameters = vec![0.0; shape.len()];
        parameters[shape.set(0)].fill(1.0);
        parameters[shape.set(1)].fill(-1.0);
        let base = BaseNetwork::rounded(&shape, &parameters, &[100, 200]).unwrap();
        for (quantizer, gain) in [(4, 4096), (100, 4096), (125, 2048), (150, 0), (199, -4015), (280, -4096)] {
            assert!(base.set_at(quantizer).iter().all(|&found| found == gain), "{quantizer}");
        }
    }

    #[test]
    fn a_damaged_file_is_an_error() {
        let bytes = NetworkSize::M.base().unwrap().to_bytes();
        for length in [0, 1, 5, 100, bytes.len() - 1] {
            assert!(BaseNetwork::from_bytes(&bytes[..length]).is_err());
        }
        assert!(BaseNetwork::from_bytes(&[&bytes[..], &[0]].concat()).is_err());
    }
}
