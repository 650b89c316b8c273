//! Where the quantizer of a quality floor is looked for first: by how much of the scene changes and how much of it is flat.
//!
//! Fitted over 24 scenes of 22 clips at preset 10: the miss of a clip that was left out is 5.6 positions of the quantizer on the mean, where one
//! quantizer for all scenes misses by 11.2. Two features suffice; a third made no left-out clip better (`docs/decisions/0014-search-that-pays.md`).

use super::quality::on_scale;
use super::quality_curve::{USUAL_SLOPE, at_position, position};
use super::target::{DEFAULT_PSNR_Y, DEFAULT_SSIM_Y, Floor};
use crate::base::{Library, Quantizer};
use crate::defaults::Search as Constants;
use crate::metrics::Metric;
use crate::scene::Profile;

/// Beyond these a probe says little of others.
const FINEST: f64 = 5.0;
const COARSEST: f64 = 67.0;

/// The quantizer of the first probe.
pub(super) fn first_guess(
    constants: &Constants,
    profile: &Profile,
    floor: &Floor,
    library: &Library,
) -> Quantizer {
    let guess = guess(constants, floor, profile.changed_blocks, profile.flatness);
    library.quantizer_at_most(guess)
}

/// The same by the two features alone.
fn guess(constants: &Constants, floor: &Floor, changed_blocks: f32, flatness: f32) -> f64 {
    let at = position(f64::from(constants.first_quantizer))
        + constants.first_by_changed * f64::from(changed_blocks)
        + constants.first_by_flatness * f64::from(flatness)
        + beyond_default(floor);
    at_position(at.max(0.0)).clamp(FINEST, COARSEST)
}

/// By how many positions a floor of PSNR or SSIM lies coarser than the default one, for which the constants are.
fn beyond_default(floor: &Floor) -> f64 {
    let default = [(Metric::PsnrY, DEFAULT_PSNR_Y), (Metric::SsimY, DEFAULT_SSIM_Y)];
    let beyond = default.iter().filter_map(|&(metric, usual)| {
        let decibels = on_scale(metric, floor.value(metric)?) - on_scale(metric, usual);
        Some(decibels / USUAL_SLOPE.get(metric)?)
    });
    beyond.reduce(f64::min).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::defaults::Defaults;

    fn at(changed_blocks: f32, flatness: f32, floor: Floor) -> f64 {
        guess(&Defaults::default().search, &floor, changed_blocks, flatness)
    }

    #[test]
    fn scenes_that_change_need_finer_quantizers_and_flat_ones_coarser() {
        let floor = Floor { psnr_y: Some(35.0), ssim_y: Some(0.95), ..Floor::NONE };
        let (busy, calm, flat) = (at(0.9, 0.0, floor), at(0.2, 0.0, floor), at(0.0, 0.3, floor));
        assert!(busy < 37.0 && calm > 48.0 && calm < 54.0 && flat > 59.0, "{busy} {calm} {flat}");
    }

    #[test]
    fn another_floor_is_looked_for_elsewhere() {
        let psnr = |psnr_y| at(0.2, 0.0, Floor { psnr_y: Some(psnr_y), ..Floor::NONE });
        assert!(psnr(38.0) < psnr(35.0) - 10.0 && psnr(33.0) > psnr(35.0) + 3.0);
        // The one that binds decides; those of other metrics do not move it.
        let both = Floor { psnr_y: Some(33.0), ssim_y: Some(0.95), ..Floor::NONE };
        assert_eq!(at(0.2, 0.0, both), psnr(35.0));
        assert_eq!(at(0.2, 0.0, Floor { vmaf: Some(95.0), ..Floor::NONE }), psnr(35.0));
        // Nothing lies beyond what probes speak for.
        assert_eq!((psnr(90.0), psnr(-90.0) >= 63.0), (5.0, true));
    }
}
