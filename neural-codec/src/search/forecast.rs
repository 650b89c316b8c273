//! From what faster presets measured to the preset that is stored. Fitted over scenes left out one by one; the errors are those of
//! the scene that was left out (`docs/decisions/0014-search-that-pays.md`).

use std::ops::RangeInclusive;

use super::quality::Quality;
use crate::defaults::Forecast;
use crate::metrics::Metric;

/// What a preset next to the pilot's gains over the probe's at the same quantizer, before anything is measured.
pub(crate) fn over_probe(constants: &Forecast, quantizer: f64) -> Quality {
    let [top, slope] = constants.over_probe;
    let gain = top - slope * (constants.knee - quantizer).max(0.0);
    Quality::even(gain.max(constants.least_over_probe))
}

/// What the stored preset gains over the pilot's, and over the probes' where `is_fast`: less where most of the blocks change, since what a slow
/// preset is better at is to predict; some gain more where much moves, since they look for motion longer.
pub(crate) fn over_pilot(
    constants: &Forecast,
    preset: i8,
    is_fast: bool,
    (changed_blocks, motion): (f32, f32),
) -> Quality {
    let of = |gains: &[[f64; 2]]| {
        usize::try_from(preset).ok().and_then(|at| gains.get(at)).copied().unwrap_or_default()
    };
    let [psnr_y, ssim_db] = of(&constants.over_pilot);
    let [more_psnr, more_ssim] = if is_fast { constants.over_fast_pilot } else { [0.0, 0.0] };
    let busy = (f64::from(changed_blocks) - constants.busy_from).max(0.0);
    let [less_psnr, less_ssim] = of(&constants.less_when_busy).map(|less| less * busy);
    let motion = f64::from(motion).min(constants.most_motion);
    let [moved_psnr, moved_ssim] = of(&constants.more_by_motion).map(|more| more * motion);
    Quality {
        ssim_db: Some(ssim_db + more_ssim + moved_ssim - less_ssim),
        ..Quality::even(psnr_y + more_psnr + moved_psnr - less_psnr)
    }
}

/// Gains of samples. What lies beyond is none of presets: a part that one of them codes without loss.
const LIKELY_GAINS: RangeInclusive<f64> = -1.0..=3.0;

/// The gain of a sample within likely bounds.
pub(crate) fn likely_gain(found: &Quality) -> Quality {
    found.zip(found, |_, db, _| db.clamp(*LIKELY_GAINS.start(), *LIKELY_GAINS.end()))
}

/// What the stored preset gains over a whole scene, by what it gained over a sample of it.
pub(crate) fn over_sample(constants: &Forecast, gain: &Quality) -> Quality {
    let [of_errors, of_ssim] = constants.over_sample;
    gain.zip(gain, |metric, db, _| db * if metric == Metric::SsimY { of_ssim } else { of_errors })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::defaults::Defaults;

    #[test]
    fn a_coarser_quantizer_leaves_more_to_gain() {
        let constants = Defaults::default().forecast;
        let gains: Vec<f64> = (4..280).map(|q| over_probe(&constants, f64::from(q) / 4.0).psnr_y).collect();
        assert!(gains.is_sorted() && gains[0] > 0.2 && gains[196] > 1.2 && gains[196] == gains[275]);
        assert_eq!(gains[0], gains[100]);
    }

    #[test]
    fn a_scene_gains_more_than_its_sample_and_nothing_unlikely() {
        let constants = Defaults::default().forecast;
        let found = Quality { ssim_db: Some(-0.5), ..Quality::even(2.0) };
        let gain = over_sample(&constants, &likely_gain(&found));
        assert_eq!((gain.psnr_y, gain.ssim_db), (2.2, Some(-0.5 * 1.11)));
        let lossless = likely_gain(&Quality { ssim_db: None, ..Quality::even(60.0) });
        assert_eq!((lossless.psnr_y, lossless.ssim_db), (3.0, None));
    }

    #[test]
    fn slower_presets_gain_more() {
        let constants = Defaults::default().forecast;
        let gains: Vec<f64> =
            (0..9).map(|preset| over_pilot(&constants, preset, false, (0.3, 0.0)).psnr_y).collect();
        assert!(gains.is_sorted_by(|a, b| a >= b) && gains[2] > 0.3 && gains[7..] == [0.0, 0.0]);
        let gain = |is_fast, changed| over_pilot(&constants, 5, is_fast, (changed, 0.0)).psnr_y;
        assert!(gain(true, 0.3) > gain(false, 0.3) + 0.5);
        let moving = |motion| over_pilot(&constants, 3, false, (0.3, motion));
        assert!(moving(0.1).ssim_db.unwrap() > moving(0.0).ssim_db.unwrap() + 0.1);
        assert_eq!(moving(0.5), moving(constants.most_motion as f32), "nothing was fitted beyond");
        let slow = |changed| over_pilot(&constants, 3, false, (changed, 0.0)).psnr_y;
        assert!(slow(0.9) < slow(0.3) - 0.1 && slow(0.5) == slow(0.0));
    }
}
