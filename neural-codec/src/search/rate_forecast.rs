//! What a whole coding of a scene says of the next one where bytes count: how they follow the quantizer, and which frame takes how many.

use std::sync::Arc;

use super::attempt::CodedFrames;
use super::bytes_aim::BytesAim;
use super::frame_quantizers;
use super::params::{EffortParams, EncodeParams, Tools};
use super::quality_curve::{at_position, position};
use super::rate_curve::RateCurve;
use super::steering::{Aim, Steering};
use crate::base::{Library, MOST_OF_A_FRAME};
use crate::defaults::SteeringRules;

/// A scene more than this share of whose bytes is its key frame has the quantizers that the encoder chooses: frames have whole steps, and
/// the encoder quarters of them.
const MOST_IN_KEY_FRAME: f64 = 0.5;

/// What is expected of the stored preset.
#[derive(Debug, Clone)]
pub(crate) struct RateForecast {
    pub(crate) curve: RateCurve,
    /// What codings of the stored preset came to.
    measured: RateCurve,
    /// The frames' quantizers in the last coding of the whole scene that gives them one by one.
    frames: Vec<u8>,
    /// The quantizer of the scene in it.
    value: f64,
    /// Bytes that the stored preset is expected to take at these, by frame.
    expected: Vec<f64>,
}

impl RateForecast {
    /// By a pilot at a quantizer, whose curve is given. `factors`: how many times the pilot's bytes and squared error the stored preset has.
    pub(crate) fn of_pilot(curve: &RateCurve, value: f64, pilot: CodedFrames, factors: (f64, f64)) -> Self {
        Self {
            curve: curve.scaled(factors.0, factors.1),
            measured: RateCurve::default(),
            frames: pilot.quantizers,
            value,
            expected: pilot.sizes.iter().map(|&bytes| factors.0 * bytes as f64).collect(),
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
        let bytes: f64 = self.expected.iter().sum();
        let is_beyond = value > library.coarsest_quantizer().value();
        if is_beyond || self.expected.first().is_none_or(|&key| key <= MOST_IN_KEY_FRAME * bytes) {
            let finest = effort.finest.value() as u8;
            params.frame_quantizers = frame_quantizers::moved(&self.frames, self.value, value, finest);
        }
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
        let start = self.curve.quantizer_of(share).max(effort.finest.value());
        let mut params = self.params(start, effort, tools, library);
        if !params.frame_quantizers.is_empty() && rules.is_worth(self.frames.len() as u64) {
            params.steering = Some(Arc::new(Steering {
                start,
                pilot: self.value,
                frames: self.frames.clone(),
                finest: effort.finest.value() as u8,
                aim: Aim::Bytes(BytesAim {
                    expected: self.expected.clone(),
                    slope: self.curve.slope(start),
                    share,
                }),
                rules,
            }));
        }
        params
    }

    /// Takes a coding at the stored preset in, with these parameters.
    pub(crate) fn add(&mut self, params: &EncodeParams, coded: &CodedFrames, squared_error: f64) {
        let is_by_frame = !params.frame_quantizers.is_empty();
        let value = if is_by_frame { self.value_of(&coded.quantizers) } else { params.quantizer.value() };
        let bytes = coded.bytes() as f64;
        self.measured.add(value, bytes, squared_error);
        // Pilots are of another preset: what was measured of the stored one says more.
        self.curve = if self.measured.is_telling() {
            self.measured.clone()
        } else {
            self.curve.through(value, bytes, squared_error)
        };
        if is_by_frame {
            self.expected = coded.sizes.iter().map(|&bytes| bytes as f64).collect();
            (self.frames, self.value) = (coded.quantizers.clone(), value);
        }
    }

    /// The quantizer of the scene that these quantizers of its frames stand for, on the mean; frames that could be moved no further say
    /// nothing where there are others.
    fn value_of(&self, quantizers: &[u8]) -> f64 {
        let moves = self.frames.iter().zip(quantizers);
        let mean = |counts: &dyn Fn(u8) -> bool| {
            let counted = moves.clone().filter(|&(_, &to)| counts(to));
            let (moved, count) = counted.fold((0.0, 0_u32), |(moved, count), (&from, &to)| {
                (moved + position(to.into()) - position(from.into()), count + 1)
            });
            (count > 0).then(|| moved / f64::from(count))
        };
        let moved = mean(&|quantizer| (2..MOST_OF_A_FRAME).contains(&quantizer)).or_else(|| mean(&|_| true));
        at_position(position(self.value) + moved.unwrap_or(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::defaults::Defaults;
    use crate::frame::{PixelFormat, Rational, VideoInfo};
    use crate::search::target::Target;
    use crate::settings::Settings;

    #[test]
    fn frames_moved_by_hand_stand_for_the_quantizer_between() {
        let pilot = CodedFrames { quantizers: vec![20, 45, 41, 45], sizes: vec![9000, 100, 300, 100] };
        let mut curve = RateCurve::default();
        curve.add(44.0, 9500.0, 1e6);
        let mut forecast = RateForecast::of_pilot(&curve, 44.0, pilot, (0.8, 0.9));
        assert!((forecast.value_of(&[22, 47, 43, 47]) - 46.0).abs() < 1e-6);
        // Those at the end were to be moved further.
        assert!((position(forecast.value_of(&[38, 63, 59, 63])) - 62.9).abs() < 0.1);
        assert!((forecast.curve.at(44.0).0 - 7600.0).abs() < 0.1);
        let params = EncodeParams { frame_quantizers: vec![22, 47, 43, 47], ..params() };
        forecast.add(&params, &CodedFrames { quantizers: vec![22, 47, 43, 47], sizes: vec![6000; 4] }, 1e6);
        assert!((forecast.curve.at(46.0).0 - 24_000.0).abs() < 0.1);
        assert!((forecast.value - 46.0).abs() < 1e-6 && forecast.expected == [6000.0; 4]);
    }

    fn effort(preset: &str) -> (EffortParams, Arc<Library>) {
        let mut settings = Settings::default();
        settings.set("preset", preset).unwrap();
        let library = Library::load(None).unwrap();
        let info = VideoInfo::new(640, 360, PixelFormat::YUV420_8, Rational { num: 25, den: 1 });
        (EffortParams::new(&settings, &Target::Size(1000), &info, &library), library)
    }

    fn forecast(sizes: Vec<u64>) -> RateForecast {
        let mut curve = RateCurve::default();
        curve.add(20.0, sizes.iter().sum::<u64>() as f64, 1e6);
        let quantizers = (0..sizes.len()).map(|index| if index == 0 { 10 } else { 22 }).collect();
        RateForecast::of_pilot(&curve, 20.0, CodedFrames { quantizers, sizes }, (1.0, 1.0))
    }

    #[test]
    fn presets_that_break_at_fine_quantizers_get_none_by_frame_or_on_the_way() {
        let rules = Defaults::default().steering;
        let forecast = forecast(vec![1000; 200]);
        for (preset, finest) in [("12", 4), ("10", 1)] {
            let (effort, library) = effort(preset);
            let params = forecast.params_for(1e9, &effort, Tools::default(), (&library, rules));
            assert_eq!(params.frame_quantizers.iter().min(), Some(&finest), "preset {preset}");
            let steering = params.steering.unwrap();
            assert!(steering.start >= f64::from(finest));
            assert_eq!(steering.quantizers(1.0).iter().min(), Some(&finest));
        }
    }

    #[test]
    fn the_encoder_chooses_where_the_key_frame_is_most_of_a_scene() {
        let (effort, library) = effort("8");
        for (key, is_by_frame) in [(5_000, false), (1_000, true)] {
            let mut sizes = vec![20; 200];
            sizes[0] = key;
            let params = forecast(sizes).params(30.0, &effort, Tools::default(), &library);
            assert_eq!(params.frame_quantizers.is_empty(), !is_by_frame);
        }
    }

    fn params() -> EncodeParams {
        EncodeParams {
            quantizer: 44.into(),
            preset: 8,
            depth: crate::frame::BitDepth::Eight,
            tools: Tools::default(),
            frame_quantizers: Vec::new(),
            steering: None,
        }
    }
}
