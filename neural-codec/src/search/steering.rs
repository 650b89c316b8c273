//! Steers a coding while it runs: what its first frames turned out to be moves the quantizers of those still to be sent, so that
//! the scene lands on its floor at the first attempt.
//!
//! ```text
//! sent      0 ............................. index ........ end
//! measured  0 ...... index - HELD                              -> the distance from what was expected
//!                                           index ........ end -> moved so that the mean of all lands on the floor
//! ```
//! Frames take part at fixed numbers, whatever had come out by then: threads and time change nothing.

use super::frame_quantizers;
use super::quality::{Quality, off_scale, on_scale};
use super::quality_curve::{at_position, position};
use super::target::Floor;
use crate::base::MOST_HELD;
use crate::defaults::SteeringRules;
use crate::metrics::{FrameMetrics, Metric};
use crate::pooling::Pooling;

/// Frames that are sent before the first of them is sure to be measured: those in the encoder and in the decoder.
const HELD: u64 = MOST_HELD + 2;

/// How a scene is to be coded, and what is expected of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Steering {
    /// The quantizer of the scene to begin with.
    pub(crate) start: f64,
    /// The quantizer of the scene that `frames` and `expected` stand for.
    pub(crate) pilot: f64,
    /// The frames' quantizers in the pilot, 0 to 63.
    pub(crate) frames: Vec<u8>,
    /// What the stored preset is expected to give at these: luma PSNR in dB and luma SSIM in dB of every frame, where they exist.
    pub(crate) expected: Vec<(Option<f64>, Option<f64>)>,
    /// What a position changes.
    pub(crate) slope: Quality,
    pub(crate) floor: Floor,
    /// By how many dB to land above the floor when nothing is measured yet; it shrinks with what is.
    pub(crate) margin: f64,
    /// The same once all is measured.
    pub(crate) least_margin: f64,
    pub(crate) rules: SteeringRules,
}

impl SteeringRules {
    /// Whether a scene is long enough for anything to be steered in it.
    pub(crate) fn is_worth(&self, frames: u64) -> bool {
        frames >= HELD + self.every + self.least_left
    }
}

impl Steering {
    /// How many frames are to be measured before frame `index` is sent; none where it is no time to turn.
    pub(crate) fn due(&self, index: u64) -> Option<u64> {
        let measured = index.checked_sub(HELD)?;
        (measured > 0 && measured.is_multiple_of(self.rules.every)).then_some(measured)
    }

    /// The frames' quantizers at a quantizer of the scene.
    pub(crate) fn quantizers(&self, value: f64) -> Vec<u8> {
        frame_quantizers::moved(&self.frames, self.pilot, value)
    }

    /// The quantizer of the scene for the frames that were not sent yet.
    ///
    /// `sent`: what it was for each that was. `measured`: the first of those, as they turned out.
    pub(crate) fn turn(&self, sent: &[f64], measured: &[FrameMetrics]) -> f64 {
        let bias = self.bias(sent, measured);
        let unmeasured = 1.0 - measured.len() as f64 / self.expected.len().max(1) as f64;
        let margin = self.least_margin + (self.margin - self.least_margin) * unmeasured.max(0.0).sqrt();
        let start = position(self.start);
        let (mut fine, mut coarse) = (start - self.rules.most_moved, start + self.rules.most_moved);
        for _ in 0..24 {
            let middle = (fine + coarse) / 2.0;
            let quality = self.outcome(sent, measured, &bias, middle);
            if self.floor.margin(&quality) >= margin { fine = middle } else { coarse = middle }
        }
        at_position(fine)
    }

    /// How far measured frames lie above what was expected of them, as far as that is to be trusted.
    fn bias(&self, sent: &[f64], measured: &[FrameMetrics]) -> Quality {
        let trust = measured.len() as f64 / (measured.len() as f64 + self.rules.trusted_frames);
        let mean = |found: &dyn Fn(usize) -> Option<f64>| {
            let (sum, count) = (0..measured.len())
                .filter_map(found)
                .fold((0.0, 0_u32), |(sum, count), v| (sum + v, count + 1));
            if count > 0 { trust * sum / f64::from(count) } else { 0.0 }
        };
        let expected = |i: usize| self.expected_at(i, position(sent[i]));
        let ssim_db = mean(&|i| Some(on_scale(Metric::SsimY, measured[i].ssim_y?) - expected(i).1?));
        Quality {
            ssim_db: Some(ssim_db),
            ..Quality::even(mean(&|i| Some(measured[i].psnr_y? - expected(i).0?)))
        }
    }

    /// The quality of the whole scene where the frames not sent yet are coded at this position.
    fn outcome(&self, sent: &[f64], measured: &[FrameMetrics], bias: &Quality, at: f64) -> Quality {
        let frame = |i: usize| match measured.get(i) {
            Some(frame) => *frame,
            None => {
                let (psnr, ssim) = self.expected_at(i, sent.get(i).map_or(at, |&value| position(value)));
                let above = bias.ssim_db.unwrap_or(0.0);
                FrameMetrics {
                    psnr_y: psnr.map(|db| db + bias.psnr_y),
                    ssim_y: ssim.map(|db| off_scale(Metric::SsimY, db + above)),
                    ..FrameMetrics::default()
                }
            }
        };
        let frames: Vec<_> = (0..self.expected.len()).map(frame).collect();
        Quality::of(&frames, Pooling::Mean)
    }

    /// What is expected of a frame at a position of the scene's quantizer.
    fn expected_at(&self, index: usize, at: f64) -> (Option<f64>, Option<f64>) {
        let moved = at - position(self.pilot);
        let (psnr, ssim) = self.expected.get(index).copied().unwrap_or_default();
        let slope = self.slope.ssim_db.unwrap_or(0.0);
        (psnr.map(|db| db + self.slope.psnr_y * moved), ssim.map(|db| db + slope * moved))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::defaults::Defaults;

    const FRAMES: usize = 200;

    fn steering(floor: Floor) -> Steering {
        Steering {
            start: 45.0,
            pilot: 45.0,
            frames: vec![45; FRAMES],
            expected: vec![(Some(35.06), Some(14.0)); FRAMES],
            slope: Quality { ssim_db: Some(-0.2), ..Quality::even(-0.25) },
            floor,
            margin: 0.06,
            least_margin: 0.02,
            rules: Defaults::default().steering,
        }
    }

    fn frame(psnr_y: Option<f64>, ssim_y: Option<f64>) -> FrameMetrics {
        FrameMetrics { psnr_y, ssim_y, ..FrameMetrics::default() }
    }

    /// Codes a scene whose frames lie `above` what is expected; its mean luma PSNR.
    fn coded(steering: &Steering, above: f64) -> f64 {
        let (mut value, mut sent, mut measured) = (steering.start, Vec::new(), Vec::new());
        for index in 0..FRAMES {
            if let Some(count) = steering.due(index as u64) {
                value = steering.turn(&sent, &measured[..count as usize]);
            }
            sent.push(value);
            let (psnr, ssim) = steering.expected_at(index, position(value));
            let ssim = ssim.map(|db| 1.0 - 10.0_f64.powf(-(db + above) / 10.0));
            measured.push(frame(psnr.map(|db| db + above), ssim));
        }
        Quality::of(&measured, Pooling::Mean).psnr_y
    }

    #[test]
    fn a_scene_that_turns_out_otherwise_lands_on_its_floor() {
        let steering = steering(Floor { psnr_y: Some(35.0), ..Floor::NONE });
        for above in [-0.3, -0.1, 0.0, 0.1, 0.3] {
            let landed = coded(&steering, above) - 35.0;
            assert!((0.0..0.08).contains(&landed), "{above}: {landed}");
        }
    }

    #[test]
    fn the_floor_that_binds_steers() {
        let ssim = 1.0 - 10.0_f64.powf(-1.4);
        let steering = steering(Floor { psnr_y: Some(30.0), ssim_y: Some(ssim), ..Floor::NONE });
        // SSIM is expected on its floor; a scene that lies lower is coded finer, and PSNR with it.
        assert!(coded(&steering, -0.2) > 35.0);
    }

    #[test]
    fn quantizers_are_moved_so_far_and_no_further() {
        let steering = steering(Floor { psnr_y: Some(50.0), ..Floor::NONE });
        let (sent, measured) = (vec![45.0; 98], vec![frame(Some(35.0), None); 16]);
        let moved = position(45.0) - position(steering.turn(&sent, &measured));
        assert!((moved - steering.rules.most_moved).abs() < 0.01, "{moved}");
    }

    #[test]
    fn turns_come_at_fixed_frames_and_after_those_held() {
        let steering = steering(Floor::NONE);
        let due: Vec<_> = (0..150).filter_map(|i| steering.due(i).map(|measured| (i, measured))).collect();
        assert_eq!(due, [(98, 16), (114, 32), (130, 48), (146, 64)]);
        assert!(!steering.rules.is_worth(105) && steering.rules.is_worth(106));
    }
}
