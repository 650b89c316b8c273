//! What a whole coding of a scene says of the next one where bytes count: how they follow the quantizer, and which frame takes how many.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::bytes_aim::BytesAim;
use super::frame_quantizers;
use super::params::{EffortParams, EncodeParams, Tools};
use super::quality_curve::{at_position, position};
use super::rate_curve::RateCurve;
use super::steering::{Aim, Steering};
use crate::base::Library;
use crate::defaults::SteeringRules;

/// The frames of a coding of a whole scene.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CodedFrames {
    /// The quantizer that each was given, 0 to 63.
    pub(crate) quantizers: Vec<u8>,
    /// Bytes of each.
    pub(crate) sizes: Vec<u64>,
}

impl CodedFrames {
    /// Bytes of all.
    pub(crate) fn bytes(&self) -> f64 {
        self.sizes.iter().sum::<u64>() as f64
    }
}

/// What is expected of the stored preset.
#[derive(Debug, Clone)]
pub(crate) struct RateForecast {
    pub(crate) curve: RateCurve,
    /// What codings of the stored preset came to.
    measured: RateCurve,
    /// The last coding of the whole scene.
    last: CodedFrames,
    /// The quantizer of the scene in it.
    value: f64,
    /// By how much bytes of the stored preset differ from those of the last coding at the same quantizers.
    factor: f64,
}

impl RateForecast {
    /// By a pilot at a quantizer, whose curve is given. `factors`: how many times the pilot's bytes and squared error the stored preset has.
    pub(crate) fn of_pilot(curve: &RateCurve, value: f64, pilot: CodedFrames, factors: (f64, f64)) -> Self {
        Self {
            curve: curve.scaled(factors.0, factors.1),
            measured: RateCurve::default(),
            last: pilot,
            value,
            factor: factors.0,
        }
    }

    /// How the scene is to be stored at a quantizer, every frame as far from what it had as that is.
    pub(crate) fn params(
        &self,
        value: f64,
        effort: &EffortParams,
        tools: Tools,
        library: &Library,
    ) -> EncodeParams {
        let value = value.max(effort.finest.value());
        let mut params = effort.params(library.quantizer_at_most(value), tools);
        params.frame_quantizers = frame_quantizers::moved(&self.last.quantizers, self.value, value);
        params
    }

    /// The same for a share of the bytes, steered to it where the scene is long enough.
    pub(crate) fn params_for(
        &self,
        share: f64,
        effort: &EffortParams,
        tools: Tools,
        (library, rules): (&Library, SteeringRules),
    ) -> EncodeParams {
        let start = self.curve.quantizer_of(share);
        let mut params = self.params(start, effort, tools, library);
        if rules.is_worth(self.last.sizes.len() as u64) {
            params.steering = Some(Arc::new(Steering {
                start,
                pilot: self.value,
                frames: self.last.quantizers.clone(),
                aim: Aim::Bytes(BytesAim {
                    expected: self.last.sizes.iter().map(|&bytes| self.factor * bytes as f64).collect(),
                    slope: self.curve.slope(start),
                    share,
                }),
                rules,
            }));
        }
        params
    }

    /// Takes a coding at the stored preset in.
    pub(crate) fn add(&mut self, coded: CodedFrames, squared_error: f64) {
        self.value = self.value_of(&coded.quantizers);
        let bytes = coded.bytes();
        self.measured.add(self.value, bytes, squared_error);
        // Pilots are of another preset: what was measured of the stored one says more.
        self.curve = if self.measured.is_telling() {
            self.measured.clone()
        } else {
            self.curve.through(self.value, bytes, squared_error)
        };
        (self.last, self.factor) = (coded, 1.0);
    }

    /// The quantizer of the scene that these quantizers of its frames stand for, on the mean.
    fn value_of(&self, quantizers: &[u8]) -> f64 {
        let moved: f64 = self
            .last
            .quantizers
            .iter()
            .zip(quantizers)
            .map(|(&from, &to)| position(to.into()) - position(from.into()))
            .sum();
        at_position(position(self.value) + moved / quantizers.len().max(1) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_moved_by_hand_stand_for_the_quantizer_between() {
        let pilot = CodedFrames { quantizers: vec![20, 45, 41, 45], sizes: vec![9000, 100, 300, 100] };
        let mut curve = RateCurve::default();
        curve.add(44.0, 9500.0, 1e6);
        let forecast = RateForecast::of_pilot(&curve, 44.0, pilot, (0.8, 0.9));
        assert!((forecast.value_of(&[22, 47, 43, 47]) - 46.0).abs() < 1e-6);
        assert!((forecast.value_of(&[20, 45, 41, 43]) - 43.5).abs() < 1e-6);
        assert!((forecast.curve.at(44.0).0 - 7600.0).abs() < 0.1);
    }
}
