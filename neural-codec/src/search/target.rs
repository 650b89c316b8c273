//! What the caller asks for, as the search understands it.

use super::quality::{Pooled, Quality, off_scale, on_scale};
use crate::base::Quantizer;
use crate::error::{Error, Result};
use crate::metrics::{Measures, Metric};
use crate::pooling::{Pooling, Scope};
use crate::settings::Settings;

/// The floor when nothing is asked for.
pub(super) const DEFAULT_PSNR_Y: f64 = 35.0;
pub(super) const DEFAULT_SSIM_Y: f64 = 0.95;

/// What an encode has to reach.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    /// This quantizer in every scene.
    Constant(Quantizer),
    /// At least this quality in every scene, at the fewest bytes.
    Floor(Floor),
    /// The least D + lambda R.
    Lambda(f64),
    /// At most this many bits a second of the whole stream, at the least distortion.
    Bitrate(u64),
    /// At most this many bytes of the whole stream, at the least distortion.
    Size(u64),
}

/// Least quality of a scene or a clip. At least one metric is set.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Floor {
    /// Luma PSNR in dB.
    pub psnr_y: Option<f64>,
    /// Luma SSIM.
    pub ssim_y: Option<f64>,
    /// Luma MS-SSIM.
    pub ms_ssim_y: Option<f64>,
    /// SSIMULACRA 2.
    pub ssimulacra2: Option<f64>,
    /// VMAF.
    pub vmaf: Option<f64>,
    /// Luma XPSNR in dB.
    pub xpsnr_y: Option<f64>,
    /// How the values of frames become the one that counts.
    pub pooling: Pooling,
    /// Which frames count together.
    pub scope: Scope,
}

impl Target {
    /// The target that settings ask for; without any, the default floor, of luma PSNR alone where pictures of this size have no SSIM.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for two that contradict each other, and for a floor of what pictures of this size have not.
    pub(crate) fn for_size(settings: &Settings, size: (usize, usize)) -> Result<Self> {
        let mut target = Self::of(settings)?;
        if let Self::Floor(floor) = &mut target {
            if !Floor::of(settings).is_set() && !Metric::SsimY.is_defined(size) {
                floor.ssim_y = None;
            }
            floor.expect_defined(size)?;
        }
        Ok(target)
    }

    /// The target that settings ask for; without any, the default floor.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for two that contradict each other.
    pub fn of(settings: &Settings) -> Result<Self> {
        let Settings { quantizer, bitrate_bps, size_bytes, lambda, min_psnr, .. } = *settings;
        if let Some(floor) = min_psnr {
            return Err(Error::invalid("min_psnr", "a photo; min_psnr_y is the floor of a clip", floor));
        }
        let floor = Floor::of(settings);
        let floor_settings = floor.settings();
        let asked: Vec<&str> = [
            ("quantizer", quantizer.is_some()),
            (floor_settings.as_str(), floor.is_set()),
            ("bitrate_bps", bitrate_bps.is_some()),
            ("size_bytes", size_bytes.is_some()),
            ("lambda", lambda.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, is_asked)| is_asked.then_some(name))
        .collect();
        if asked.len() > 1 {
            return Err(Error::invalid("target", "one kind of target", asked.join(" and ")));
        }
        if let [other] = asked[..]
            && !floor.is_set()
            && (floor.pooling, floor.scope) != (Pooling::Mean, Scope::Scene)
        {
            return Err(Error::invalid(
                "pooling and scope",
                "those of a floor",
                format!("the target {other}"),
            ));
        }
        Ok(match (quantizer, bitrate_bps, size_bytes, lambda) {
            (Some(value), ..) => Self::Constant(Quantizer::new(value)?),
            (_, Some(bits), ..) => Self::Bitrate(bits),
            (_, _, Some(bytes), _) => Self::Size(bytes),
            (.., Some(lambda)) => Self::Lambda(lambda),
            _ if floor.is_set() => Self::Floor(floor),
            _ => Self::Floor(Floor { psnr_y: Some(DEFAULT_PSNR_Y), ssim_y: Some(DEFAULT_SSIM_Y), ..floor }),
        })
    }

    /// The settings, with the floor in them that is the target where none is asked for.
    pub(crate) fn in_force(&self, settings: &Settings) -> Settings {
        let mut settings = settings.clone();
        if let Self::Floor(floor) = self {
            (settings.min_psnr_y, settings.min_ssim_y) = (floor.psnr_y, floor.ssim_y);
        }
        settings
    }

    /// What attempts that look for parameters have to measure.
    pub(crate) fn measures(&self) -> Measures {
        match self {
            Self::Floor(floor) => floor.measures(),
            Self::Constant(_) | Self::Lambda(_) | Self::Bitrate(_) | Self::Size(_) => Measures::PSNR,
        }
    }

    /// How the values of frames become one.
    pub(crate) fn pooling(&self) -> Pooling {
        if let Self::Floor(floor) = self { floor.pooling } else { Pooling::Mean }
    }

    /// The floor that all frames of the clip share.
    pub(crate) fn floor_of_clip(&self) -> Option<&Floor> {
        if let Self::Floor(floor) = self {
            Some(floor).filter(|floor| floor.scope == Scope::Clip)
        } else {
            None
        }
    }

    /// The name of a setting that limits the bytes of all scenes together, and that limit for a clip of so many seconds.
    pub(crate) fn limit(&self, seconds: f64) -> Option<(&'static str, u64)> {
        match *self {
            Self::Bitrate(bits) => Some(("bitrate_bps", (bits as f64 / 8.0 * seconds) as u64)),
            Self::Size(bytes) => Some(("size_bytes", bytes)),
            Self::Constant(_) | Self::Floor(_) | Self::Lambda(_) => None,
        }
    }
}

/// The setting that asks for a least value of a metric.
const fn setting_of(metric: Metric) -> &'static str {
    match metric {
        Metric::PsnrY => "min_psnr_y",
        Metric::SsimY => "min_ssim_y",
        Metric::MsSsimY => "min_ms_ssim",
        Metric::Ssimulacra2 => "min_ssimulacra2",
        Metric::Vmaf => "min_vmaf",
        Metric::XpsnrY => "min_xpsnr",
    }
}

impl Floor {
    /// No floor at all, to begin from.
    pub const NONE: Self = Self {
        psnr_y: None,
        ssim_y: None,
        ms_ssim_y: None,
        ssimulacra2: None,
        vmaf: None,
        xpsnr_y: None,
        pooling: Pooling::Mean,
        scope: Scope::Scene,
    };

    /// What settings ask for, which may be none.
    fn of(settings: &Settings) -> Self {
        Self {
            psnr_y: settings.min_psnr_y,
            ssim_y: settings.min_ssim_y,
            ms_ssim_y: settings.min_ms_ssim,
            ssimulacra2: settings.min_ssimulacra2,
            vmaf: settings.min_vmaf,
            xpsnr_y: settings.min_xpsnr,
            pooling: settings.pooling,
            scope: settings.scope,
        }
    }

    /// The least value of a metric.
    pub fn value(&self, metric: Metric) -> Option<f64> {
        match metric {
            Metric::PsnrY => self.psnr_y,
            Metric::SsimY => self.ssim_y,
            Metric::MsSsimY => self.ms_ssim_y,
            Metric::Ssimulacra2 => self.ssimulacra2,
            Metric::Vmaf => self.vmaf,
            Metric::XpsnrY => self.xpsnr_y,
        }
    }

    /// The metrics that have a least value, and these.
    fn set(&self) -> impl Iterator<Item = (Metric, f64)> {
        Metric::ALL.into_iter().filter_map(|metric| Some((metric, self.value(metric)?)))
    }

    fn is_set(&self) -> bool {
        self.set().next().is_some()
    }

    /// The names of the settings that are set.
    fn settings(&self) -> String {
        self.set().map(|(metric, _)| setting_of(metric)).collect::<Vec<_>>().join(" or ")
    }

    /// Checks that pictures of a size have what is asked for.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` that names the setting and the shortest side it needs.
    pub(crate) fn expect_defined(&self, size: (usize, usize)) -> Result<()> {
        self.set().try_for_each(|(metric, _)| metric.expect_defined(setting_of(metric), size))
    }

    /// What has to be measured.
    pub(crate) fn measures(&self) -> Measures {
        self.set().fold(Measures::PSNR, |measures, (metric, _)| measures.with(metric))
    }

    /// By how many dB the metric that binds is above the floor; negative below it.
    pub(crate) fn margin(&self, quality: &Quality) -> f64 {
        self.margins(quality).map(|(_, margin)| margin).fold(f64::INFINITY, f64::min)
    }

    /// The metric that binds, and by how many dB it is above the floor; none where nothing is asked for.
    pub(crate) fn binding(&self, quality: &Quality) -> Option<(Metric, f64)> {
        self.margins(quality).min_by(|(_, a), (_, b)| a.total_cmp(b))
    }

    /// Whether squared errors are what binds: luma PSNR or XPSNR.
    pub(crate) fn is_bound_by_errors(&self, quality: &Quality) -> bool {
        let binding = self.binding(quality);
        binding.is_some_and(|(metric, _)| matches!(metric, Metric::PsnrY | Metric::XpsnrY))
    }

    /// By how many dB each metric is above the floor.
    pub(super) fn margins(&self, quality: &Quality) -> impl Iterator<Item = (Metric, f64)> {
        self.set()
            .filter_map(|(metric, floor)| Some((metric, quality.get(metric)? - on_scale(metric, floor))))
    }

    /// Whether measured values reach the floor, exactly.
    pub(crate) fn is_met(&self, measured: &Pooled) -> bool {
        self.set().all(|(metric, floor)| measured.get(metric).is_none_or(|value| value >= floor))
    }

    /// The metrics in which scenes that were encoded elsewhere are below the floor, or were not measured.
    pub(crate) fn missed(&self, measured: &Pooled) -> Vec<Metric> {
        // PSNR is always measured, so that one that has no value says that nothing differs.
        let is_lossless = measured.get(Metric::PsnrY).is_none();
        let is_missed = |&(metric, floor): &(Metric, f64)| match measured.get(metric) {
            Some(value) => value < floor,
            None => !is_lossless,
        };
        self.set().filter(is_missed).map(|(metric, _)| metric).collect()
    }

    /// Whether the means of luma PSNR and SSIM are all that is asked for.
    pub(crate) fn is_of_psnr_and_ssim(&self) -> bool {
        let is_one = |metric| matches!(metric, Metric::PsnrY | Metric::SsimY);
        self.pooling == Pooling::Mean && self.set().all(|(metric, _)| is_one(metric))
    }

    /// Whether some metric has a least value above that of `other`.
    pub(crate) fn is_above_any_of(&self, other: &Self) -> bool {
        self.set().any(|(metric, floor)| other.value(metric).is_some_and(|other| floor > other))
    }

    /// A floor higher by so much.
    pub(crate) fn raised(&self, by: &Self) -> Self {
        self.moved(|metric, floor| floor + by.value(metric).unwrap_or(0.0))
    }

    /// A floor lower by so much, each metric on its scale.
    pub(super) fn lowered(&self, by: &Quality) -> Self {
        self.moved(|metric, floor| match by.get(metric) {
            Some(by) => off_scale(metric, on_scale(metric, floor) - by),
            None => floor,
        })
    }

    /// Each least value that there is replaced by what `to` makes of it.
    pub(super) fn moved(&self, to: impl Fn(Metric, f64) -> f64) -> Self {
        let of = |metric| self.value(metric).map(|floor| to(metric, floor));
        Self {
            psnr_y: of(Metric::PsnrY),
            ssim_y: of(Metric::SsimY),
            ms_ssim_y: of(Metric::MsSsimY),
            ssimulacra2: of(Metric::Ssimulacra2),
            vmaf: of(Metric::Vmaf),
            xpsnr_y: of(Metric::XpsnrY),
            ..*self
        }
    }

    /// The floor in words, such as `psnr_y >= 35 and ssim_y >= 0.95`, or `vmaf >= 95 (p5)`.
    pub(crate) fn text(&self) -> String {
        let parts: Vec<_> = self.set().map(|(metric, floor)| format!("{metric} >= {floor}")).collect();
        let pooling =
            if self.pooling == Pooling::Mean { String::new() } else { format!(" ({})", self.pooling) };
        parts.join(" and ") + &pooling
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(values: &[(&str, &str)]) -> Result<Target> {
        let mut settings = Settings::default();
        values.iter().for_each(|(name, value)| settings.set(name, value).unwrap());
        Target::of(&settings)
    }

    #[test]
    fn without_a_target_there_is_the_default_floor() {
        let both = Floor { psnr_y: Some(35.0), ssim_y: Some(0.95), ..Floor::NONE };
        assert_eq!(target(&[]).unwrap(), Target::Floor(both));
        let one = Floor { ssim_y: Some(0.9), ..Floor::NONE };
        assert_eq!(target(&[("min_ssim_y", "0.9")]).unwrap(), Target::Floor(one));
        assert_eq!(one.text(), "ssim_y >= 0.9");
    }

    #[test]
    fn two_kinds_of_target_contradict_each_other() {
        for pair in [[("quantizer", "30"), ("min_psnr_y", "40")], [("bitrate_bps", "10000"), ("lambda", "3")]]
        {
            let message = target(&pair).unwrap_err().to_string();
            assert!(message.contains(pair[0].0) && message.contains(pair[1].0), "{message}");
        }
        assert!(target(&[("min_psnr_y", "40"), ("min_ssim_y", "0.9")]).is_ok());
        let message = target(&[("min_vmaf", "95"), ("bitrate_bps", "10000")]).unwrap_err().to_string();
        assert!(message.contains("min_vmaf and bitrate_bps"), "{message}");
        assert!(target(&[("scope", "clip"), ("quantizer", "40")]).is_err());
    }

    #[test]
    fn a_floor_says_what_has_to_be_measured_and_how_it_is_pooled() {
        let found =
            target(&[("min_vmaf", "95"), ("min_xpsnr", "38"), ("pooling", "p5"), ("scope", "clip")]).unwrap();
        assert_eq!(found.measures(), Measures::PSNR.with(Metric::Vmaf).with(Metric::XpsnrY));
        let floor = found.floor_of_clip().unwrap();
        assert_eq!(floor.text(), "vmaf >= 95 and xpsnr_y >= 38 (p5)");
        assert_eq!(target(&[("quantizer", "40")]).unwrap().measures(), Measures::PSNR);
    }

    #[test]
    fn a_lowered_floor_is_met_by_so_many_decibels_less_in_each_metric() {
        let floor = Floor { psnr_y: Some(35.0), ssim_y: Some(0.95), vmaf: Some(90.0), ..Floor::NONE };
        let by = Quality { psnr_y: 0.1, ssim_db: Some(0.04), others: [None; 4] };
        let lowered = floor.lowered(&by);
        assert_eq!((lowered.psnr_y, lowered.vmaf, lowered.xpsnr_y), (Some(34.9), Some(90.0), None));
        // 0.05 of SSIM's distance to 1, times 10^0.004.
        assert!((lowered.ssim_y.unwrap() - (1.0 - 0.05 * 1.009_253)).abs() < 1e-6);
        let quality = |psnr_y, ssim| Quality {
            psnr_y,
            ssim_db: Some(on_scale(Metric::SsimY, ssim)),
            others: [None; 4],
        };
        assert!(floor.is_bound_by_errors(&quality(35.1, 0.96)));
        assert!(!floor.is_bound_by_errors(&quality(37.0, 0.951)));
        assert!(!Floor { vmaf: Some(90.0), ..Floor::NONE }.is_bound_by_errors(&quality(35.0, 0.95)));
        let xpsnr = Floor { xpsnr_y: Some(36.0), ssim_y: Some(0.9), ..Floor::NONE };
        assert!(xpsnr.is_bound_by_errors(&Quality { others: [Some(36.1); 4], ..quality(35.0, 0.96) }));
    }

    #[test]
    fn the_margin_is_that_of_the_figure_that_binds() {
        let floor = Floor { psnr_y: Some(35.0), ssim_y: Some(0.95), ..Floor::NONE };
        let quality = |psnr_y, ssim: f64| Quality {
            psnr_y,
            ssim_db: Some(on_scale(Metric::SsimY, ssim)),
            others: [None; 4],
        };
        assert!((floor.margin(&quality(36.0, 0.99)) - 1.0).abs() < 1e-9);
        assert!(floor.margin(&quality(40.0, 0.94)) < 0.0);
        assert!((floor.margin(&Quality { ssim_db: None, ..quality(34.5, 0.0) }) + 0.5).abs() < 1e-9);
    }
}
