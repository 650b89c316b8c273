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

/// A gain in dB that grows with the quantizer up to [`KNEE`], as far as it is coarser: its value there, and the loss a step below it.
type Line = (f64, f64);

/// Quantizers from here on share one gain.
const KNEE: f64 = 50.0;

/// Pilot over probe at the same quantizer, PSNR and SSIM alike. Left-out error over 22 scenes: 0.43 dB of PSNR, 0.6 of SSIM.
const PILOT: Line = (1.24, 0.063);

/// Presets 3 to 5 over the pilot, PSNR and SSIM: at fine quantizers they spend less than faster presets. Left-out error
/// over 22 scenes: 0.18 dB of PSNR, 0.19 of SSIM.
const SLOW: [Line; 2] = [(0.57, 0.0585), (0.47, 0.0436)];

/// What each preset adds to that, from preset 0 on; presets 0 to 2 and 6 have no share in the lines. Units: dB of luma PSNR and SSIM.
const ADDED: [(f64, f64); 7] =
    [(0.6, 0.55), (0.6, 0.55), (0.6, 0.55), (0.13, 0.1), (0.0, 0.0), (-0.08, -0.07), (0.05, 0.02)];

/// Presets that share in [`SLOW`].
const SHARE_IN_SLOW: std::ops::RangeInclusive<i8> = 3..=5;

fn on_line((top, slope): Line, quantizer: f64) -> f64 {
    top - slope * (KNEE - quantizer).max(0.0)
}

/// What the pilot's preset gains over the probe's at the same quantizer, before anything is measured. Units: dB.
pub(crate) fn pilot_gain(quantizer: f64) -> Quality {
    let gain = on_line(PILOT, quantizer);
    Quality { psnr_y: gain, ssim_db: Some(gain) }
}

/// What the stored preset gains over the pilot's at the same quantizer.
pub(crate) fn preset_gain(preset: i8, quantizer: f64) -> Quality {
    let (psnr_y, ssim_db) =
        usize::try_from(preset).ok().and_then(|at| ADDED.get(at)).copied().unwrap_or_default();
    let [psnr_line, ssim_line] =
        if SHARE_IN_SLOW.contains(&preset) { SLOW.map(|line| on_line(line, quantizer)) } else { [0.0; 2] };
    Quality { psnr_y: psnr_y + psnr_line, ssim_db: Some(ssim_db + ssim_line) }
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

/// A frame whose quality is better by so much; one without a figure keeps none.
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
    fn a_coarser_quantizer_leaves_more_to_gain() {
        for gain in [pilot_gain, |q| preset_gain(4, q)] {
            let gains: Vec<f64> = (4..280).map(|q| gain(f64::from(q) / 4.0).psnr_y).collect();
            assert!(gains.is_sorted() && gains[46 * 4] > 0.3 && gains[46 * 4] == gains[275]);
        }
    }

    #[test]
    fn slower_presets_gain_more_where_quantizers_are_coarse() {
        let gains: Vec<f64> = (0..9).map(|preset| preset_gain(preset, 55.0).psnr_y).collect();
        assert!(gains[..6].is_sorted_by(|a, b| a + 0.15 >= *b) && gains[6] > 0.0 && gains[7..] == [0.0, 0.0]);
    }
}
