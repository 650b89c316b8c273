//! Searches of one scene that weigh bytes: how they follow the quantizer, and the least D + lambda R.

use super::params::Tools;
use super::rate_curve::RateCurve;
use super::scene_search::{Search, SearchResult, Store};
use crate::base::Quantizer;
use crate::error::Result;
use crate::progress::Stage;
use crate::report::{AttemptRecord, SceneVerdict};

impl Search<'_> {
    /// How bytes and distortion of the scene follow the quantizer, by probes alone; the tools to use, and the attempts.
    pub(crate) fn rate_curve(mut self) -> Result<(RateCurve, Tools, Vec<AttemptRecord>)> {
        let part = self.part();
        let mut curve = RateCurve::default();
        let quantizers = self.context.clip.defaults.search.rate_quantizers;
        for quantizer in quantizers.map(Quantizer::from) {
            let attempt = self.probe(Stage::Locate, quantizer, part.clone())?;
            curve.add(quantizer, attempt.bytes, attempt.squared_error(self.context.clip.info.format.depth));
        }
        if !self.is_whole(&part) {
            let middle = Quantizer::from(quantizers[1]);
            let attempt = self.probe(Stage::Extend, middle, 0..self.length())?;
            curve = curve.through(
                middle,
                attempt.bytes,
                attempt.squared_error(self.context.clip.info.format.depth),
            );
        }
        let tools = self.tools();
        Ok((curve, tools, self.records))
    }

    /// The least D + lambda R. Units: `lambda` in squared levels of 8 bits for a bit a luma sample.
    pub(crate) fn lambda<S>(self, lambda: f64, store: Store<'_, S>) -> Result<SearchResult<S>> {
        let (library, effort) = (&self.context.clip.library, self.effort);
        let (curve, tools, mut attempts) = self.rate_curve()?;
        // Both sums are over the scene: eight bits a byte.
        let params = effort.params(curve.best(8.0 * lambda, library), tools);
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
}
