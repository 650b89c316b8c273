//! What a floor of the whole clip needs of one scene and of all: how their quality follows a quantizer that they share.

use super::params::Tools;
use super::quality::{Pooled, Quality, off_scale, on_scale};
use super::quality_curve::Curve;
use super::scene_search::Search;
use super::target::Floor;
use crate::defaults::MostAbove;
use crate::error::Result;
use crate::metrics::Metric;
use crate::report::AttemptRecord;

/// Quantizers at which the clip's curve has points.
const SAMPLES: [f64; 10] = [4.0, 12.0, 20.0, 28.0, 36.0, 44.0, 50.0, 55.0, 60.0, 66.0];

impl Search<'_> {
    /// How the quality of the scene as it would be stored follows the quantizer around a floor, by probes alone; the tools to use,
    /// and the attempts.
    pub(crate) fn quality_curve(mut self, floor: &Floor) -> Result<(Curve, Tools, Vec<AttemptRecord>)> {
        let part = self.part();
        let curve = self.locate(&floor.lowered(&self.expected_gain), &part)?.moved(&self.expected_gain);
        let tools = self.tools();
        Ok((curve, tools, self.records))
    }
}

impl Curve {
    /// The curve of a clip: at each quantizer the mean over its scenes, each with its number of frames.
    pub(crate) fn of_clip(scenes: &[(Curve, u64)]) -> Self {
        let frames: u64 = scenes.iter().map(|(_, frames)| frames).sum();
        let mut clip = Self::default();
        for quantizer in SAMPLES {
            let shares = scenes.iter().map(|(curve, count)| {
                let share = *count as f64 / frames.max(1) as f64;
                let quality = curve.quality(quantizer);
                quality.zip(&quality, |metric, db, _| share * value(metric, db))
            });
            if let Some(mean) = shares.reduce(|sum, share| sum.plus(&share)) {
                clip.add(quantizer, mean.zip(&mean, |metric, value, _| on_scale(metric, value)));
            }
        }
        clip
    }
}

/// The value at a place on its scale, no better than the best there is.
fn value(metric: Metric, decibels: f64) -> f64 {
    let best = match metric {
        Metric::PsnrY | Metric::XpsnrY => f64::INFINITY,
        Metric::SsimY | Metric::MsSsimY => 1.0,
        Metric::Ssimulacra2 | Metric::Vmaf => 100.0,
    };
    off_scale(metric, decibels).min(best)
}

/// How a clip that is stored stands to its floor.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing {
    pub(crate) is_met: bool,
    /// Whether it is so far above that bytes are wasted.
    pub(crate) is_wasteful: bool,
    /// By how many dB it is above the floor.
    pub(crate) margin: f64,
    pub(crate) quality: Quality,
}

impl Floor {
    /// By how much a stored scene may lie above its floor, as a floor to raise another by.
    pub(super) fn most_above(constants: &MostAbove) -> Self {
        let MostAbove { psnr_y, ssim_y, ms_ssim_y, ssimulacra2, vmaf, xpsnr_y } = *constants;
        Self {
            psnr_y: Some(psnr_y),
            ssim_y: Some(ssim_y),
            ms_ssim_y: Some(ms_ssim_y),
            ssimulacra2: Some(ssimulacra2),
            vmaf: Some(vmaf),
            xpsnr_y: Some(xpsnr_y),
            ..Self::NONE
        }
    }

    /// How measured values stand to it.
    pub(crate) fn standing(&self, measured: &Pooled, most_above: &MostAbove) -> Standing {
        let quality = Quality::from(measured);
        Standing {
            is_met: self.is_met(measured),
            is_wasteful: self.raised(&Self::most_above(most_above)).is_met(measured),
            margin: self.margin(&quality),
            quality,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_of_a_clip_lies_between_those_of_its_scenes() {
        let curve = |db: f64| {
            let mut curve = Curve::default();
            curve.add(40.0, Quality::even(db));
            curve
        };
        let clip = Curve::of_clip(&[(curve(30.0), 30), (curve(36.0), 60)]);
        assert!((clip.quality(44.0).psnr_y - (30.0 + 2.0 * 36.0) / 3.0 + 1.0).abs() < 0.1);
        let values: Vec<f64> = (4..280).map(|q| clip.quality(f64::from(q) / 4.0).psnr_y).collect();
        assert!(values.is_sorted_by(|a, b| a > b));
    }
}
