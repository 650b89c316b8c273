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
    /// The one for a scene that is expected to meet its floor at this quantizer, with this quality where it is not tuned; none where another
    /// floor is too near.
    pub(super) fn of(
        floor: &Floor,
        (quantizer, quality): (f64, &Quality),
        rules: &TuneRules,
        version: Version,
    ) -> Option<Self> {
        let of_metric = |metric| Self::for_metric(metric, quantizer, rules);
        let (binding, least) = floor.binding(quality)?;
        let (tune, slack) = of_metric(binding).filter(|(tune, _)| version >= tune.since())?;
        let asks_for_another = |metric| of_metric(metric).is_none_or(|(other, _)| other != tune);
        let mut others = floor.margins(quality).filter(|&(metric, _)| asks_for_another(metric));
        others.all(|(_, margin)| margin - least >= slack).then_some(tune)
    }

    /// The one that pays where a metric binds, and by how many dB the margins of others have to exceed its own.
    fn for_metric(metric: Metric, quantizer: f64, rules: &TuneRules) -> Option<(Self, f64)> {
        let [of_ssim, of_ms_ssim, of_vmaf] = rules.slack;
        let (tune, slack, [finest, coarsest]) = match metric {
            Metric::SsimY => (Self::Contrast, of_ssim, rules.quantizers),
            Metric::MsSsimY => (Self::Structure, of_ms_ssim, rules.quantizers),
            Metric::Vmaf => (Self::Contrast, of_vmaf, rules.vmaf_quantizers),
            Metric::PsnrY | Metric::XpsnrY | Metric::Ssimulacra2 => return None,
        };
        (finest..=coarsest).contains(&quantizer).then_some((tune, slack))
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
        let [psnr_y, ssim_db, ms_ssim, vmaf, xpsnr_y] = match self {
            Self::Structure => rules.structure_gain,
            Self::Contrast => rules.contrast_gain,
        };
        let others = [Some(ms_ssim), Some(0.0), Some(vmaf), Some(xpsnr_y)];
        Quality { psnr_y, ssim_db: Some(ssim_db), others }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::defaults::Defaults;
    use crate::search::quality::on_scale;

    const NEW: Version = Version(4, 2, 0);

    const BOTH: Floor = Floor { psnr_y: Some(35.0), ssim_y: Some(0.95), ..Floor::NONE };

    const VMAF: Floor = Floor { vmaf: Some(95.0), ..Floor::NONE };

    const MS_SSIM: Floor = Floor { ms_ssim_y: Some(0.99), ..Floor::NONE };

    fn quality(psnr_y: f64, ssim_y: f64) -> Quality {
        Quality { ssim_db: Some(on_scale(Metric::SsimY, ssim_y)), ..Quality::even(psnr_y) }
    }

    fn tune_at(quantizer: f64, floor: Floor, quality: Quality, version: Version) -> Option<Tune> {
        Tune::of(&floor, (quantizer, &quality), &Defaults::default().tune, version)
    }

    fn tune(floor: Floor, quality: Quality) -> Option<Tune> {
        tune_at(45.0, floor, quality, NEW)
    }

    #[test]
    fn the_metric_that_binds_chooses_where_squared_errors_are_far() {
        assert_eq!(tune(BOTH, quality(36.5, 0.95)), Some(Tune::Contrast));
        assert_eq!(tune(BOTH, quality(35.1, 0.95)), None, "PSNR would bind then");
        assert_eq!(tune(BOTH, quality(35.0, 0.97)), None);
        assert_eq!(tune(VMAF, quality(35.0, 0.95)), Some(Tune::Contrast));
        assert_eq!(tune(MS_SSIM, quality(35.0, 0.95)), Some(Tune::Structure));
        for floor in
            [Floor { xpsnr_y: Some(35.0), ..Floor::NONE }, Floor { ssimulacra2: Some(70.0), ..Floor::NONE }]
        {
            assert_eq!(tune(floor, quality(35.0, 0.95)), None);
        }
    }

    #[test]
    fn sharpening_for_vmaf_needs_more_room() {
        let floor = Floor { psnr_y: Some(34.0), ..VMAF };
        let at =
            |psnr_y| Quality { others: [Some(on_scale(Metric::Vmaf, 95.0)); 4], ..quality(psnr_y, 0.95) };
        assert_eq!((tune(floor, at(35.0)), tune(floor, at(35.6))), (None, Some(Tune::Contrast)));
    }

    #[test]
    fn floors_that_ask_for_the_same_do_not_stand_in_each_others_way() {
        let vmaf_and_ssim = Floor { ssim_y: Some(0.95), ..VMAF };
        assert_eq!(tune(vmaf_and_ssim, quality(35.0, 0.95)), Some(Tune::Contrast));
        let both = Floor { ms_ssim_y: Some(0.95), ssim_y: Some(0.95), ..Floor::NONE };
        assert_eq!(tune(both, Quality::even(13.0)), None, "they bind at about the same quantizer");
    }

    #[test]
    fn fine_and_coarse_quantizers_are_left_alone() {
        let at = |quantizer, floor| tune_at(quantizer, floor, quality(40.0, 0.95), NEW);
        for floor in [BOTH, MS_SSIM] {
            assert!(at(30.0, floor).is_some() && at(61.0, floor).is_some());
            assert_eq!((at(20.0, floor), at(62.0, floor)), (None, None));
        }
        assert_eq!((at(10.0, VMAF), at(62.0, VMAF)), (Some(Tune::Contrast), None));
        // Where only VMAF pays, a floor of SSIM has to be as far as any other.
        let near = Floor { ssim_y: Some(0.95), vmaf: Some(50.0), ..Floor::NONE };
        let vmaf_binds = Quality { others: [Some(on_scale(Metric::Vmaf, 49.9)); 4], ..quality(40.0, 0.951) };
        assert_eq!(tune_at(10.0, near, vmaf_binds, NEW), None);
        assert_eq!(tune_at(40.0, near, vmaf_binds, NEW), Some(Tune::Contrast));
    }

    #[test]
    fn a_version_that_does_not_know_a_tune_gets_none() {
        let of = |floor, version| tune_at(45.0, floor, quality(36.5, 0.95), version);
        assert_eq!(of(BOTH, Version(4, 1, 0)), None);
        assert_eq!(of(MS_SSIM, Version(4, 1, 0)), Some(Tune::Structure));
        assert_eq!(of(MS_SSIM, Version(1, 4, 1)), None);
    }
}
