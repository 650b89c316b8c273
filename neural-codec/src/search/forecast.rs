//! From a pilot over the head of a scene to the quality of the whole.
//!
//! A probe at a fast preset saw all frames, the pilot at a slower one the first ones. On the frames that both saw the
//! difference is measured; over the others it stays about the same, but for the last group of frames, which no
//! later ones refer to: slow presets spend less on them. Source: measurements in `docs/decisions/0005-search.md`.

use super::target::Quality;
use crate::metrics::FrameMetrics;

/// Frames at the end of a scene that slow presets spend less on: one group of the longest pyramid.
const TAIL_FRAMES: usize = 33;

/// By how much less the pilot's preset gains there, in dB.
const TAIL_LOSS: f64 = 0.6;

/// What the preset that is stored with gains over the next faster one, where both agree with the probe's.
const PRESET_GAIN: Quality = Quality { psnr_y: 0.05, ssim_db: Some(0.06) };

/// And for each dB that the faster one gains over the probe's.
const PRESET_GAIN_PER_DB: Quality = Quality { psnr_y: 0.12, ssim_db: Some(0.18) };

/// Most dB over the probe's that count for that.
const MOST_GAINED: f64 = 3.0;

/// What the pilot's preset gains over the probe's at the same quantizer, before anything is measured, by the bits a
/// pixel that the probe took: the fewer, the more a slow preset finds to refer to. Units: dB. Over 22 scenes it was
/// 0.1 to 4.6; a line halfway between these and their mean, as the pilot of a short scene has to be near, not right.
pub(crate) fn expected_gain(bits_a_pixel: f64) -> f64 {
    (0.42 - 0.45 * bits_a_pixel.max(1e-9).log10()).clamp(0.3, 3.0)
}

/// Quality of all the frames that were probed, coded as the pilot codes the first of them.
pub(crate) fn whole_scene(pilot: &[FrameMetrics], probe: &[FrameMetrics]) -> Quality {
    let seen = pilot.len().min(probe.len());
    if seen == probe.len() {
        return Quality::of(pilot);
    }
    let gained = Quality::of(pilot).minus(&Quality::of(&probe[..seen]));
    let tail = probe.len().saturating_sub(TAIL_FRAMES).max(seen);
    let unseen = probe.iter().enumerate().skip(seen).map(|(index, frame)| {
        let loss = if index >= tail { TAIL_LOSS } else { 0.0 };
        let loss = Quality { psnr_y: loss, ssim_db: Some(loss) };
        frame_plus(frame, &gained.minus(&loss))
    });
    let all: Vec<FrameMetrics> = pilot[..seen].iter().copied().chain(unseen).collect();
    Quality::of(&all)
}

/// What the stored preset gains over the pilot's, one step faster, by what the pilot's gained over the probe's.
pub(crate) fn preset_gain(pilot_over_probe: &Quality) -> Quality {
    let gain = |base: f64, per_db: f64, gained: f64| base + per_db * gained.clamp(0.0, MOST_GAINED);
    let ssim = (PRESET_GAIN.ssim_db.zip(PRESET_GAIN_PER_DB.ssim_db)).zip(pilot_over_probe.ssim_db);
    Quality {
        psnr_y: gain(PRESET_GAIN.psnr_y, PRESET_GAIN_PER_DB.psnr_y, pilot_over_probe.psnr_y),
        ssim_db: ssim.map(|((base, per_db), gained)| gain(base, per_db, gained)),
    }
}

/// A frame whose quality is better by so much; one without a value keeps none.
fn frame_plus(frame: &FrameMetrics, gain: &Quality) -> FrameMetrics {
    let better = |ssim: f64, db: f64| 1.0 - (1.0 - ssim) * 10.0_f64.powf(-db / 10.0);
    FrameMetrics {
        psnr_y: frame.psnr_y.map(|psnr| psnr + gain.psnr_y),
        ssim_y: frame.ssim_y.map(|ssim| gain.ssim_db.map_or(ssim, |db| better(ssim, db))),
        ..*frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Color, Frame, PixelFormat};
    use crate::metrics::{Comparison, Measures};

    /// Frames of these PSNRs, with an SSIM that has the same distance from 20 dB on its scale.
    fn frames(psnrs: &[f64]) -> Vec<FrameMetrics> {
        let black = Frame::new(16, 16, PixelFormat::YUV420_8, Color::default()).unwrap();
        let mut comparison = Comparison::new(PixelFormat::YUV420_8, Measures::Ssim);
        let any = comparison.push(&black, &black).unwrap();
        let ssim = |psnr: f64| 1.0 - 10.0_f64.powf(-(psnr - 20.0) / 10.0);
        psnrs
            .iter()
            .map(|&psnr| FrameMetrics { psnr_y: Some(psnr), ssim_y: Some(ssim(psnr)), ..any })
            .collect()
    }

    #[test]
    fn a_pilot_over_the_whole_scene_speaks_for_itself() {
        let (pilot, probe) = (frames(&[40.0, 38.0, 36.0]), frames(&[30.0, 30.0, 30.0]));
        assert_eq!(whole_scene(&pilot, &probe), Quality::of(&pilot));
    }

    #[test]
    fn unseen_frames_gain_what_seen_ones_gain_but_for_the_tail() {
        let probe = frames(&[34.0; 200]);
        let pilot = frames(&[36.0; 100]);
        let found = whole_scene(&pilot, &probe);
        let expected = (167.0 * 36.0 + 33.0 * (36.0 - TAIL_LOSS)) / 200.0;
        assert!((found.psnr_y - expected).abs() < 1e-9);
        assert!(found.ssim_db.unwrap() < 16.0 && found.ssim_db.unwrap() > 16.0 - TAIL_LOSS);
    }

    #[test]
    fn worse_frames_of_the_probe_make_a_worse_scene() {
        let mut psnrs = vec![34.0; 300];
        let pilot = frames(&[35.0; 66]);
        let even = whole_scene(&pilot, &frames(&psnrs));
        psnrs[150..].fill(30.0);
        let falling = whole_scene(&pilot, &frames(&psnrs));
        assert!((even.psnr_y - falling.psnr_y - 2.0).abs() < 1e-9);
    }

    #[test]
    fn fewer_bits_leave_more_to_gain() {
        let gains = [1e-6, 1e-3, 1e-2, 0.1, 2.0].map(expected_gain);
        assert!(gains.is_sorted_by(|a, b| a >= b) && gains[0] <= 3.0 && gains[4] >= 0.3);
    }

    #[test]
    fn the_gain_of_a_preset_grows_with_the_gain_of_the_one_before() {
        let gain = |db: f64| preset_gain(&Quality { psnr_y: db, ssim_db: Some(db) });
        assert_eq!(gain(-1.0), PRESET_GAIN);
        assert!(gain(2.0).psnr_y > gain(1.0).psnr_y && gain(2.0).ssim_db > gain(1.0).ssim_db);
        assert_eq!(gain(9.0), gain(MOST_GAINED));
    }
}
