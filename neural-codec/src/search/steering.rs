//! Steers a coding while it runs: what its first frames turned out to be moves the quantizers of those still to be sent, so that
//! the scene lands on its floor, or takes its share of the bytes, at the first attempt.
//!
//! ```text
//! sent      0 ............................. index ........ end
//! measured  0 ...... index - HELD                              -> the distance from what was expected
//!                                           index ........ end -> moved so that all together land where they should
//! ```
//! Frames take part at fixed numbers, whatever had come out by then: threads and time change nothing.

use super::attempt::CodedFrame;
use super::bytes_aim::BytesAim;
use super::frame_quantizers;
use super::quality_aim::QualityAim;
use super::quality_curve::{at_position, position};
use crate::base::MOST_HELD;
use crate::defaults::SteeringRules;

/// Frames that are sent before the first of them is sure to be measured: those in the encoder and in the decoder.
const HELD: u64 = MOST_HELD + 2;

/// How a scene is to be coded, and where it is to land.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Steering {
    /// The quantizer of the scene to begin with.
    pub(crate) start: f64,
    /// The quantizer of the scene that `frames` and what is expected of them stand for.
    pub(crate) pilot: f64,
    /// The frames' quantizers in the pilot, 0 to 63.
    pub(crate) frames: Vec<u8>,
    /// The finest quantizer that frames may have.
    pub(crate) finest: u8,
    pub(crate) aim: Aim,
    pub(crate) rules: SteeringRules,
}

/// Where a scene is to land.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Aim {
    Quality(Box<QualityAim>),
    Bytes(BytesAim),
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
        frame_quantizers::moved(&self.frames, self.pilot, value, self.finest)
    }

    /// The quantizer of the scene for the frames that were not sent yet.
    ///
    /// `sent`: what it was for each that was. `measured`: the first of those, as they turned out.
    pub(crate) fn turn(&self, sent: &[f64], measured: &[CodedFrame]) -> f64 {
        let from_pilot = |at: f64| at - position(self.pilot);
        let sent: Vec<f64> = sent.iter().map(|&value| from_pilot(position(value))).collect();
        let start = position(self.start);
        let ends = (start - self.rules.most_moved, start + self.rules.most_moved);
        let found = match &self.aim {
            Aim::Quality(aim) => {
                let leaves_room = aim.leaves_room(&sent, measured, &self.rules);
                coarsest(ends, |at| leaves_room(from_pilot(at)))
            }
            Aim::Bytes(aim) => {
                let exceeds = aim.exceeds(&sent, measured, &self.rules);
                coarsest(ends, |at| exceeds(from_pilot(at)))
            }
        };
        at_position(found)
    }
}

/// The coarsest position between two ends of which something still holds; the finer end where it holds nowhere.
fn coarsest((mut fine, mut coarse): (f64, f64), holds: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..24 {
        let middle = f64::midpoint(fine, coarse);
        if holds(middle) { fine = middle } else { coarse = middle }
    }
    fine
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::defaults::Defaults;
    use crate::metrics::FrameMetrics;
    use crate::pooling::Pooling;
    use crate::repeats::Repeats;
    use crate::search::quality::Quality;
    use crate::search::target::Floor;

    const FRAMES: usize = 200;

    fn steering(floor: Floor) -> Steering {
        Steering {
            start: 45.0,
            pilot: 45.0,
            frames: vec![45; FRAMES],
            finest: 0,
            aim: Aim::Quality(Box::new(QualityAim {
                expected: vec![(Some(35.06), Some(14.0)); FRAMES],
                repeats: Repeats::default(),
                slope: Quality { ssim_db: Some(-0.2), ..Quality::even(-0.25) },
                floor,
                margin: 0.06,
                least_margin: 0.02,
            })),
            rules: Defaults::default().steering,
        }
    }

    fn frame(psnr_y: Option<f64>, ssim_y: Option<f64>) -> CodedFrame {
        CodedFrame { metrics: FrameMetrics { psnr_y, ssim_y, ..FrameMetrics::default() }, bytes: 0 }
    }

    /// Codes a scene whose frames turn out as `found` says of each and by how many positions it is moved.
    fn run(steering: &Steering, found: impl Fn(usize, f64) -> CodedFrame) -> Vec<CodedFrame> {
        let (mut value, mut sent, mut measured) = (steering.start, Vec::new(), Vec::new());
        for index in 0..FRAMES {
            if let Some(count) = steering.due(index as u64) {
                value = steering.turn(&sent, &measured[..count as usize]);
            }
            sent.push(value);
            measured.push(found(index, position(value) - position(steering.pilot)));
        }
        measured
    }

    /// Codes a scene whose frames lie `above` what is expected; its mean luma PSNR.
    fn coded(steering: &Steering, above: f64) -> f64 {
        let Aim::Quality(aim) = &steering.aim else { panic!("another aim") };
        let measured = run(steering, |index, moved| {
            let (psnr, ssim) = aim.expected_at(index, moved);
            let ssim = ssim.map(|db| 1.0 - 10.0_f64.powf(-(db + above) / 10.0));
            frame(psnr.map(|db| db + above), ssim)
        });
        let metrics: Vec<_> = measured.iter().map(|frame| frame.metrics).collect();
        Quality::of(&metrics, Pooling::Mean).psnr_y
    }

    #[test]
    fn a_scene_that_takes_more_or_less_than_expected_takes_its_share() {
        let expected: Vec<f64> = (0..FRAMES).map(|i| if i % 16 == 0 { 4000.0 } else { 300.0 }).collect();
        let share = expected.iter().sum::<f64>() * 0.9;
        let aim = BytesAim { expected, slope: -0.06, share };
        let steering = Steering { aim: Aim::Bytes(aim.clone()), ..steering(Floor::NONE) };
        let steering = Steering { start: 46.5, ..steering };
        for more in [0.9, 0.95, 1.0, 1.05, 1.1] {
            let measured = run(&steering, |index, moved| CodedFrame {
                bytes: (aim.expected_at(index, moved) * more) as u64,
                ..frame(None, None)
            });
            let taken = measured.iter().map(|frame| frame.bytes as f64).sum::<f64>();
            assert!((0.98..1.01).contains(&(taken / share)), "{more}: {}", taken / share);
        }
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
    fn frames_that_take_next_to_nothing_say_nothing_of_others() {
        // A title that stands, at thrice its bytes, before what moves.
        let expected: Vec<f64> = (0..FRAMES).map(|i| if i < 110 { 20.0 } else { 3000.0 }).collect();
        let share = expected.iter().sum::<f64>();
        let aim = BytesAim { expected, slope: -0.06, share };
        let steering = Steering { aim: Aim::Bytes(aim.clone()), ..steering(Floor::NONE) };
        let measured = run(&steering, |index, moved| CodedFrame {
            bytes: (aim.expected_at(index, moved) * if index < 110 { 3.0 } else { 1.0 }) as u64,
            ..frame(None, None)
        });
        let taken = measured.iter().map(|frame| frame.bytes as f64).sum::<f64>();
        assert!((0.95..1.02).contains(&(taken / share)), "{}", taken / share);
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
