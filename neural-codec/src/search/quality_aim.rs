//! Steers a coding to a floor: what its first frames turned out to be moves those to come, so that the mean of all lands on it.

use super::attempt::CodedFrame;
use super::quality::{Quality, off_scale, on_scale};
use super::target::Floor;
use crate::defaults::SteeringRules;
use crate::metrics::{FrameMetrics, Metric};
use crate::pooling::Pooling;
use crate::repeats::Repeats;

/// A floor, and what is expected of the frames.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct QualityAim {
    /// What the stored preset is expected to give at the pilot's quantizers: luma PSNR in dB and luma SSIM in dB of every frame, where
    /// they exist.
    pub(crate) expected: Vec<(Option<f64>, Option<f64>)>,
    /// Which of the frames are shown more than once.
    pub(crate) repeats: Repeats,
    /// What a position changes.
    pub(crate) slope: Quality,
    pub(crate) floor: Floor,
    /// By how many dB to land above the floor when nothing is measured yet; it shrinks with what is.
    pub(crate) margin: f64,
    /// The same once all is measured.
    pub(crate) least_margin: f64,
}

impl QualityAim {
    /// Whether the scene is expected to lie above its floor where the frames to come are moved so many positions.
    ///
    /// `sent`: by how many those were moved that are on their way or measured.
    pub(super) fn leaves_room<'a>(
        &'a self,
        sent: &'a [f64],
        measured: &'a [CodedFrame],
        rules: &SteeringRules,
    ) -> impl Fn(f64) -> bool + 'a {
        let bias = self.bias(sent, measured, rules);
        let unmeasured = 1.0 - measured.len() as f64 / self.expected.len().max(1) as f64;
        let margin = self.least_margin + (self.margin - self.least_margin) * unmeasured.max(0.0).sqrt();
        move |moved| self.floor.margin(&self.outcome(sent, measured, &bias, moved)) >= margin
    }

    /// How far measured frames lie above what was expected of them, as far as that is to be trusted.
    fn bias(&self, sent: &[f64], measured: &[CodedFrame], rules: &SteeringRules) -> Quality {
        let trust = measured.len() as f64 / (measured.len() as f64 + rules.trusted_frames);
        let mean = |found: &dyn Fn(usize) -> Option<f64>| {
            let (sum, count) = (0..measured.len())
                .filter_map(found)
                .fold((0.0, 0_u32), |(sum, count), v| (sum + v, count + 1));
            if count > 0 { trust * sum / f64::from(count) } else { 0.0 }
        };
        let expected = |i: usize| self.expected_at(i, sent[i]);
        let ssim_db = mean(&|i| Some(on_scale(Metric::SsimY, measured[i].metrics.ssim_y?) - expected(i).1?));
        Quality {
            ssim_db: Some(ssim_db),
            ..Quality::even(mean(&|i| Some(measured[i].metrics.psnr_y? - expected(i).0?)))
        }
    }

    /// The quality of the whole scene where the frames not sent yet are moved so many positions.
    fn outcome(&self, sent: &[f64], measured: &[CodedFrame], bias: &Quality, moved: f64) -> Quality {
        let frame = |i: usize| match measured.get(i) {
            Some(frame) => frame.metrics,
            None => {
                let (psnr, ssim) = self.expected_at(i, sent.get(i).copied().unwrap_or(moved));
                let above = bias.ssim_db.unwrap_or(0.0);
                FrameMetrics {
                    psnr_y: psnr.map(|db| db + bias.psnr_y),
                    ssim_y: ssim.map(|db| off_scale(Metric::SsimY, db + above)),
                    ..FrameMetrics::default()
                }
            }
        };
        let shown = |i: usize| std::iter::repeat_n(frame(i), 1 + self.repeats.of(i) as usize);
        let frames: Vec<_> = (0..self.expected.len()).flat_map(shown).collect();
        Quality::of(&frames, Pooling::Mean)
    }

    /// What is expected of a frame that is moved so many positions.
    pub(super) fn expected_at(&self, index: usize, moved: f64) -> (Option<f64>, Option<f64>) {
        let (psnr, ssim) = self.expected.get(index).copied().unwrap_or_default();
        let slope = self.slope.ssim_db.unwrap_or(0.0);
        (psnr.map(|db| db + self.slope.psnr_y * moved), ssim.map(|db| db + slope * moved))
    }
}
