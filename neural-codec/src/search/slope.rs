//! Searches of one scene that weigh bytes: how they follow the quantizer, and the least D + lambda R.
//!
//! ```text
//! locate   the head of the scene at a fast preset    -> about where the quantizer lies
//! pilot    the scene at the same preset, there       -> bytes and quantizer of every frame; with the head, how bytes follow
//! ```

use std::sync::Arc;

use super::attempt::EncodeAttempt;
use super::params::Tools;
use super::quality_curve::{at_position, position};
use super::rate_curve::RateCurve;
use super::rate_forecast::{CodedFrames, RateForecast};
use super::scene_search::{Search, SearchResult, Store};
use crate::base::Quantizer;
use crate::error::Result;
use crate::frame::BitDepth;
use crate::progress::Stage;
use crate::report::{AttemptRecord, SceneVerdict};

impl Search<'_> {
    /// What to expect of the scene as it is stored, by probes alone; the tools to use, and the attempts.
    ///
    /// `bytes`: what the scene is likely to be given, where that is known.
    pub(crate) fn rate_forecast(
        mut self,
        bytes: Option<f64>,
    ) -> Result<(RateForecast, Tools, Vec<AttemptRecord>)> {
        let usual = f64::from(self.context.clip.defaults.rate.located_quantizer);
        let forecast = self.piloted_near(&|curve| bytes.map_or(usual, |bytes| curve.quantizer_of(bytes)))?;
        let tools = self.tools();
        Ok((forecast, tools, self.records))
    }

    /// The least D + lambda R.
    pub(crate) fn lambda<S>(mut self, lambda: f64, store: Store<'_, S>) -> Result<SearchResult<S>> {
        // Both sums are over the scene: eight bits a byte.
        let best = |curve: &RateCurve| curve.best(8.0 * lambda);
        let forecast = self.piloted_near(&best)?;
        let params =
            forecast.params(best(&forecast.curve), &self.effort, self.tools(), &self.context.clip.library);
        let mut attempts = self.records;
        let scene = store(&params, &mut attempts)?.scene;
        let reason = format!("the least D + lambda R that probes predict, at lambda {lambda}");
        Ok(SearchResult {
            params,
            scene,
            attempts,
            predicted: None,
            verdict: SceneVerdict::LeastCost,
            reason,
        })
    }

    /// A pilot of the whole scene near the quantizer that `wanted` finds on the curve of the stored preset, and what it says of that.
    fn piloted_near(&mut self, wanted: &dyn Fn(&RateCurve) -> f64) -> Result<RateForecast> {
        let rules = self.context.clip.defaults.rate;
        let library = Arc::clone(&self.context.clip.library);
        let far = self.context.clip.defaults.search.far_position;
        let depth = self.context.clip.info.format.depth;
        let steps = f64::from(self.effort.probe_preset - self.effort.preset);
        let factors = (rules.bytes_a_preset.powf(steps), rules.error_a_preset.powf(steps));
        let to_stored = |curve: &RateCurve, length: f64| curve.scaled(factors.0 * length, factors.1 * length);
        // The head, so that the pilot has the same frames in the same groups.
        let head = 0..self.context.clip.defaults.search.part_frames.min(self.length());
        let tools = self.pilot_tools();
        let first = Quantizer::from(rules.located_quantizer);
        let params = self.effort.probe_params(first, tools);
        let located = self.attempt(Stage::Locate, &params, head.clone())?;
        let mut of_head = RateCurve::default();
        of_head.add(first.value(), located.bytes() as f64, located.squared_error(depth));
        let longer = self.length() as f64 / head.end.max(1) as f64;
        let mut value = wanted(&to_stored(&of_head, longer));
        let mut is_last = false;
        loop {
            let params = self.effort.probe_params(library.quantizer_at_most(value), tools);
            value = params.quantizer.value();
            let pilot = self.attempt(Stage::Pilot, &params, 0..self.length())?;
            let curve = curve_of(&located, &pilot, value, depth);
            let next = library.quantizer_at_most(wanted(&to_stored(&curve, 1.0))).value();
            if is_last || (position(next) - position(value)).abs() <= far {
                let coded = CodedFrames { quantizers: pilot.quantizers, sizes: pilot.sizes };
                return Ok(RateForecast::of_pilot(&curve, value, coded, factors));
            }
            (value, is_last) = (next, true);
        }
    }
}

/// How bytes and distortion of a scene follow the quantizer, by a pilot of it and an attempt of its head.
fn curve_of(head: &EncodeAttempt, pilot: &EncodeAttempt, value: f64, depth: BitDepth) -> RateCurve {
    let frames = head.frames.len();
    let bytes: u64 = pilot.sizes.iter().take(frames).sum();
    let mut of_head = RateCurve::default();
    let head_at = at_position(position(value) - moved(head, pilot));
    of_head.add(head_at, head.bytes() as f64, head.squared_error(depth));
    of_head.add(value, bytes as f64, pilot.squared_error_of(frames, depth));
    of_head.through(value, pilot.bytes() as f64, pilot.squared_error(depth))
}

/// By how many positions the frames of an attempt are coarser in another with the same first frames, on the mean over their bytes: their
/// encoder gives key frames other quantizers where it sees more frames after them.
fn moved(head: &EncodeAttempt, whole: &EncodeAttempt) -> f64 {
    let of_frame =
        |attempt: &EncodeAttempt, index: usize| attempt.quantizers.get(index).map(|&q| position(q.into()));
    let frames = head.sizes.iter().enumerate();
    let moves =
        frames.filter_map(|(i, &bytes)| Some(bytes as f64 * (of_frame(whole, i)? - of_frame(head, i)?)));
    moves.sum::<f64>() / head.bytes().max(1) as f64
}
