//! From what faster presets measured to the preset that is stored. Fitted over scenes left out one by one; the errors are those of
//! the scene that was left out (`docs/decisions/0014-search-that-pays.md`).

use super::quality::Quality;
use crate::defaults::Forecast;

/// What a preset next to the pilot's gains over the probe's at the same quantizer, before anything is measured.
pub(crate) fn over_probe(constants: &Forecast, quantizer: f64) -> Quality {
    let [top, slope] = constants.over_probe;
    let gain = top - slope * (constants.knee - quantizer).max(0.0);
    Quality::even(gain)
}

/// What the stored preset gains over the pilot's, and over the probes' where `is_fast`.
pub(crate) fn over_pilot(constants: &Forecast, preset: i8, is_fast: bool) -> Quality {
    let gains = usize::try_from(preset).ok().and_then(|at| constants.over_pilot.get(at));
    let [psnr_y, ssim_db] = gains.copied().unwrap_or_default();
    let [more_psnr, more_ssim] = if is_fast { constants.over_fast_pilot } else { [0.0, 0.0] };
    Quality { ssim_db: Some(ssim_db + more_ssim), ..Quality::even(psnr_y + more_psnr) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::defaults::Defaults;

    #[test]
    fn a_coarser_quantizer_leaves_more_to_gain() {
        let constants = Defaults::default().forecast;
        let gains: Vec<f64> = (4..280).map(|q| over_probe(&constants, f64::from(q) / 4.0).psnr_y).collect();
        assert!(gains.is_sorted() && gains[0] < 0.0 && gains[196] > 1.2 && gains[196] == gains[275]);
    }

    #[test]
    fn slower_presets_gain_more() {
        let constants = Defaults::default().forecast;
        let gains: Vec<f64> = (0..9).map(|preset| over_pilot(&constants, preset, false).psnr_y).collect();
        assert!(gains.is_sorted_by(|a, b| a >= b) && gains[2] > 0.3 && gains[7..] == [0.0, 0.0]);
        assert!(over_pilot(&constants, 5, true).psnr_y > over_pilot(&constants, 5, false).psnr_y + 0.5);
    }
}
