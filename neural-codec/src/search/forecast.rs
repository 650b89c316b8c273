//! From what faster presets measured to the preset that is stored. Fitted over scenes left out one by one; the errors are those of
//! the scene that was left out (`docs/decisions/0014-search-that-pays.md`).

use super::quality::Quality;

/// Quantizers from here on share one gain.
const KNEE: f64 = 50.0;

/// The pilot's preset, or the next one to it, over the probe's at the same quantizer: from the knee on, and less for each step
/// below it. Units: dB of PSNR and of SSIM alike. Error over 22 scenes: 0.43 dB of PSNR, 0.6 of SSIM.
const OVER_PROBE: (f64, f64) = (1.24, 0.063);

/// Presets 0 to 6 over the pilot's at the same quantizers frame by frame. Units: dB of luma PSNR, dB of luma SSIM.
/// Error over ten scenes at preset 4: 0.085 dB of PSNR, 0.06 of SSIM.
const OVER_PILOT: [(f64, f64); 7] =
    [(0.5, 0.44), (0.5, 0.44), (0.5, 0.44), (0.24, 0.24), (0.09, 0.15), (0.03, 0.08), (0.0, 0.03)];

/// Presets 0 to 6 over the probes' at the same quantizers frame by frame. Error over ten scenes at preset 4: 0.34 dB of PSNR, 0.38 of
/// SSIM; of the others what they gain over the pilot's besides.
const OVER_FAST_PILOT: (f64, f64) = (0.56, 0.58);

/// What a preset next to the pilot's gains over the probe's at the same quantizer, before anything is measured.
pub(crate) fn over_probe(quantizer: f64) -> Quality {
    let (top, slope) = OVER_PROBE;
    let gain = top - slope * (KNEE - quantizer).max(0.0);
    Quality::even(gain)
}

/// What the stored preset gains over the pilot's, and over the probes' where `is_fast`.
pub(crate) fn over_pilot(preset: i8, is_fast: bool) -> Quality {
    let gains = usize::try_from(preset).ok().and_then(|at| OVER_PILOT.get(at));
    let (psnr_y, ssim_db) = gains.copied().unwrap_or_default();
    let (more_psnr, more_ssim) = if is_fast { OVER_FAST_PILOT } else { (0.0, 0.0) };
    Quality { ssim_db: Some(ssim_db + more_ssim), ..Quality::even(psnr_y + more_psnr) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coarser_quantizer_leaves_more_to_gain() {
        let gains: Vec<f64> = (4..280).map(|q| over_probe(f64::from(q) / 4.0).psnr_y).collect();
        assert!(gains.is_sorted() && gains[0] < 0.0 && gains[196] > 1.2 && gains[196] == gains[275]);
    }

    #[test]
    fn slower_presets_gain_more() {
        let gains: Vec<f64> = (0..9).map(|preset| over_pilot(preset, false).psnr_y).collect();
        assert!(gains.is_sorted_by(|a, b| a >= b) && gains[2] > 0.3 && gains[7..] == [0.0, 0.0]);
        assert!(over_pilot(5, true).psnr_y > over_pilot(5, false).psnr_y + 0.5);
    }
}
