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
use super::rate_forecast::RateForecast;
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
        let of_bytes = bytes.map(|bytes| move |curve: &RateCurve| curve.quantizer_of(bytes));
        let forecast = self.piloted_near(of_bytes.as_ref().map(|wanted| wanted as _))?;
        let tools = self.tools();
        Ok((forecast, tools, self.records))
    }

    /// The least D + lambda R. Units: `lambda` in squared levels of 8 bits for a bit a luma sample.
    pub(crate) fn lambda<S>(mut self, lambda: f64, store: Store<'_, S>) -> Result<SearchResult<S>> {
        // Both sums are over the scene: eight bits a byte.
        let best = |curve: &RateCurve| curve.best(8.0 * lambda);
        let forecast = self.piloted_near(Some(&best))?;
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

    /// A pilot of the whole scene near the quantizer that `wanted` finds on the curve of the stored preset, or at the usual one where
    /// nothing is known, and what it says of that preset.
    fn piloted_near(&mut self, wanted: Option<&dyn Fn(&RateCurve) -> f64>) -> Result<RateForecast> {
        let rules = self.context.clip.defaults.rate;
        let library = Arc::clone(&self.context.clip.library);
        let search = &self.context.clip.defaults.search;
        let (far, part_frames) = (search.far_position, search.part_frames);
        let depth = self.context.clip.info.format.depth;
        let steps = f64::from(self.effort.probe_preset - self.effort.preset);
        let factors = (rules.bytes_a_preset.powf(steps), rules.error_a_preset.powf(steps));
        let forecast = |curve: &RateCurve, value, pilot: EncodeAttempt| {
            RateForecast::of_pilot(curve, value, pilot.base, factors)
        };
        // The head, so that the pilot has the same frames in the same groups.
        let head = 0..part_frames.min(self.length());
        let tools = self.pilot_tools();
        let first = Quantizer::from(rules.located_quantizer);
        let params = self.effort.probe_params(first, tools);
        let Some(wanted) = wanted else {
            let pilot = self.attempt(Stage::Pilot, &params, 0..self.length())?;
            let mut curve = RateCurve::default();
            curve.add(first.value(), pilot.bytes() as f64, pilot.squared_error(depth));
            return Ok(forecast(&curve, first.value(), pilot));
        };
        let next = |curve: &RateCurve, length: f64| {
            library.quantizer_at_most(wanted(&curve.scaled(factors.0 * length, factors.1 * length)))
        };
        let located = self.attempt(Stage::Locate, &params, head.clone())?;
        let mut of_head = RateCurve::default();
        of_head.add(first.value(), located.bytes() as f64, located.squared_error(depth));
        let mut quantizer = next(&of_head, self.length() as f64 / head.end.max(1) as f64);
        let mut whole = RateCurve::default();
        let mut is_last = false;
        loop {
            let params = self.effort.probe_params(quantizer, tools);
            let value = params.quantizer.value();
            if value == first.value() && head.end == self.length() {
                return Ok(forecast(&of_head, value, located));
            }
            let pilot = self.attempt(Stage::Pilot, &params, 0..self.length())?;
            whole.add(value, pilot.bytes() as f64, pilot.squared_error(depth));
            // Two pilots say more than a head, which may be all title.
            let curve = if is_last { whole.clone() } else { curve_of(&located, &pilot, value, depth) };
            quantizer = next(&curve, 1.0);
            if is_last || (position(quantizer.value()) - position(value)).abs() <= far {
                return Ok(forecast(&curve, value, pilot));
            }
            is_last = true;
        }
    }
}

/// How bytes and distortion of a scene follow the quantizer, by a pilot of it and an attempt of its head.
fn curve_of(head: &EncodeAttempt, pilot: &EncodeAttempt, value: f64, depth: BitDepth) -> RateCurve {
    let bytes: u64 = pilot.base.sizes.iter().take(head.base.sizes.len()).sum();
    let mut of_head = RateCurve::default();
    let head_at = at_position(position(value) - moved(head, pilot));
    of_head.add(head_at, head.bytes() as f64, head.squared_error(depth));
    of_head.add(value, bytes as f64, pilot.squared_error_of(head.frames.len(), depth));
    of_head.through(value, pilot.bytes() as f64, pilot.squared_error(depth))
}

/// By how many positions the frames of an attempt are coarser in another with the same first frames, on the mean over their bytes: their
/// encoder gives key frames other quantizers where it sees more frames after them.
fn moved(head: &EncodeAttempt, whole: &EncodeAttempt) -> f64 {
    let of_frame = |attempt: &EncodeAttempt, index: usize| {
        attempt.base.quantizers.get(index).map(|&q| position(q.into()))
    };
    let frames = head.base.sizes.iter().enumerate();
    let moves =
        frames.filter_map(|(i, &bytes)| Some(bytes as f64 * (of_frame(whole, i)? - of_frame(head, i)?)));
    moves.sum::<f64>() / head.bytes().max(1) as f64
}
