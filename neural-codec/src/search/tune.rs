//! What the base encoder is tuned for, by the metric that binds a scene (`docs/decisions/0022-tunes.md`).

use super::quality::Quality;
use super::target::Floor;
use crate::base::Version;
use crate::defaults::TuneRules;
use crate::metrics::Metric;

/// What SVT-AV1 makes its choices for, other than squared errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tune {
    /// Structural similarity over several scales: SVT-AV1's tune 2.
    Structure,
    /// The contrast that quantization takes away and that SSIM and VMAF ask for: the source is sharpened before it is coded, tune 5.
    Contrast,
}

impl Tune {
    /// The one for a scene that is expected to have this quality at its floor; none where squared errors bind, or nearly do.
    pub(super) fn of(floor: &Floor, quality: &Quality, rules: &TuneRules, version: Version) -> Option<Self> {
        let (binding, least) = floor.binding(quality)?;
        let tune = Self::for_metric(binding).filter(|tune| version >= tune.since())?;
        let others = floor.margins(quality).filter(|&(metric, _)| Self::for_metric(metric) != Some(tune));
        let slack = others.map(|(_, margin)| margin - least).fold(f64::INFINITY, f64::min);
        (slack >= rules.least_slack).then_some(tune)
    }

    fn for_metric(metric: Metric) -> Option<Self> {
        match metric {
            Metric::SsimY | Metric::Vmaf => Some(Self::Contrast),
            Metric::MsSsimY => Some(Self::Structure),
            Metric::PsnrY | Metric::XpsnrY | Metric::Ssimulacra2 => None,
        }
    }

    /// The first version that has it.
    fn since(self) -> Version {
        match self {
            Self::Structure => Version(4, 0, 0),
            Self::Contrast => Version(4, 2, 0),
        }
    }

    /// SVT-AV1's number for it.
    pub(super) fn number(self) -> u8 {
        match self {
            Self::Structure => 2,
            Self::Contrast => 5,
        }
    }

    /// What it adds at the same quantizer, about.
    pub(super) fn gain(self, rules: &TuneRules) -> Quality {
        let [psnr_y, ssim_db, vmaf] = match self {
            Self::Structure => rules.structure_gain,
            Self::Contrast => rules.contrast_gain,
        };
        Quality { psnr_y, ssim_db: Some(ssim_db), others: [Some(0.0), Some(0.0), Some(vmaf), Some(psnr_y)] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::defaults::Defaults;
    use crate::search::quality::on_scale;

    fn quality(psnr_y: f64, ssim_y: f64) -> Quality {
        Quality { ssim_db: Some(on_scale(Metric::SsimY, ssim_y)), ..Quality::even(psnr_y) }
    }

    fn tune(floor: Floor, quality: Quality, version: Version) -> Option<Tune> {
        Tune::of(&floor, &quality, &Defaults::default().tune, version)
    }

    const NEW: Version = Version(4, 2, 0);

    const BOTH: Floor = Floor { psnr_y: Some(35.0), ssim_y: Some(0.95), ..Floor::NONE };

    #[test]
    fn the_metric_that_binds_chooses_where_squared_errors_are_far() {
        assert_eq!(tune(BOTH, quality(36.5, 0.95), NEW), Some(Tune::Contrast));
        assert_eq!(tune(BOTH, quality(35.1, 0.95), NEW), None, "PSNR would bind then");
        assert_eq!(tune(BOTH, quality(35.0, 0.97), NEW), None);
    }

    #[test]
    fn floors_that_ask_for_the_same_do_not_stand_in_each_others_way() {
        let low = quality(35.0, 0.95);
        assert_eq!(tune(Floor { vmaf: Some(95.0), ..Floor::NONE }, low, NEW), Some(Tune::Contrast));
        let vmaf_and_ssim = Floor { vmaf: Some(95.0), ssim_y: Some(0.95), ..Floor::NONE };
        assert_eq!(tune(vmaf_and_ssim, low, NEW), Some(Tune::Contrast));
        let structure = Floor { ms_ssim_y: Some(0.99), ..Floor::NONE };
        assert_eq!(tune(structure, low, NEW), Some(Tune::Structure));
        let both = Floor { ms_ssim_y: Some(0.95), ssim_y: Some(0.95), ..Floor::NONE };
        assert_eq!(tune(both, Quality::even(13.0), NEW), None, "they bind at about the same quantizer");
        for floor in
            [Floor { xpsnr_y: Some(35.0), ..Floor::NONE }, Floor { ssimulacra2: Some(70.0), ..Floor::NONE }]
        {
            assert_eq!(tune(floor, low, NEW), None);
        }
    }

    #[test]
    fn a_version_that_does_not_know_a_tune_gets_none() {
        assert_eq!(tune(BOTH, quality(36.5, 0.95), Version(4, 1, 0)), None);
        let structure = Floor { ms_ssim_y: Some(0.99), ..Floor::NONE };
        assert_eq!(tune(structure, quality(36.5, 0.95), Version(4, 1, 0)), Some(Tune::Structure));
        assert_eq!(tune(structure, quality(36.5, 0.95), Version(1, 4, 1)), None);
    }
}
