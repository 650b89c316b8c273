//! What is asked of a photo.

use super::quality::PhotoQuality;
use crate::base::Quantizer;
use crate::base::StillTune;
use crate::error::{Error, Result};
use crate::metrics::{Measures, Metric};
use crate::settings::Settings;

/// The floor where none is asked for: SSIMULACRA 2, "high quality".
const DEFAULT_SSIMULACRA2: f64 = 70.0;

/// What a photo has to reach.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum PhotoTarget {
    /// This quantizer.
    Constant(Quantizer),
    /// At least these values, with few bytes.
    Floor(Vec<(PhotoMetric, f64)>),
    /// The best in at most so many bytes.
    Size(u64),
}

/// A metric that a floor of a photo may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PhotoMetric {
    PsnrRgb,
    PsnrY,
    SsimY,
    MsSsimY,
    Ssimulacra2,
}

impl PhotoMetric {
    /// The setting that names it, and its name in reports.
    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::PsnrRgb => ("min_psnr", "psnr_rgb"),
            Self::PsnrY => ("min_psnr_y", "psnr_y"),
            Self::SsimY => ("min_ssim_y", "ssim_y"),
            Self::MsSsimY => ("min_ms_ssim", "ms_ssim_y"),
            Self::Ssimulacra2 => ("min_ssimulacra2", "ssimulacra2"),
        }
    }

    /// The metric of clips that it is; none for PSNR in RGB.
    const fn of_clips(self) -> Option<Metric> {
        match self {
            Self::PsnrRgb => None,
            Self::PsnrY => Some(Metric::PsnrY),
            Self::SsimY => Some(Metric::SsimY),
            Self::MsSsimY => Some(Metric::MsSsimY),
            Self::Ssimulacra2 => Some(Metric::Ssimulacra2),
        }
    }

    /// A value on a scale that falls about evenly with the quantizer.
    fn on_scale(self, value: f64) -> f64 {
        match self {
            Self::PsnrRgb | Self::PsnrY => value,
            Self::SsimY | Self::MsSsimY => -10.0 * (1.0 - value).max(1e-9).log10(),
            // About four points for a decibel, at usual qualities.
            Self::Ssimulacra2 => value / 4.0,
        }
    }
}

impl PhotoTarget {
    /// What the settings ask for.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for two kinds of target, and for settings that mean nothing for a photo.
    pub(super) fn of(settings: &Settings) -> Result<Self> {
        let clips_alone = [
            ("min_vmaf", settings.min_vmaf.is_some()),
            ("min_xpsnr", settings.min_xpsnr.is_some()),
            ("bitrate_bps", settings.bitrate_bps.is_some()),
            ("lambda", settings.lambda.is_some()),
            ("scene_settings", !settings.scene_settings.scenes().is_empty()),
        ];
        if let Some((name, _)) = clips_alone.iter().find(|(_, is_asked)| *is_asked) {
            let expected = "quantizer, size_bytes, min_psnr, min_ssimulacra2, min_psnr_y, min_ssim_y or min_ms_ssim for a photo";
            return Err(Error::invalid(*name, expected, "a setting for clips"));
        }
        let floors = [
            (PhotoMetric::PsnrRgb, settings.min_psnr),
            (PhotoMetric::PsnrY, settings.min_psnr_y),
            (PhotoMetric::SsimY, settings.min_ssim_y),
            (PhotoMetric::MsSsimY, settings.min_ms_ssim),
            (PhotoMetric::Ssimulacra2, settings.min_ssimulacra2),
        ];
        let floors: Vec<_> =
            floors.into_iter().filter_map(|(metric, floor)| Some((metric, floor?))).collect();
        let asked: Vec<&str> = [
            settings.quantizer.map(|_| "quantizer"),
            settings.size_bytes.map(|_| "size_bytes"),
            floors.first().map(|(metric, _)| metric.names().0),
        ]
        .into_iter()
        .flatten()
        .collect();
        if asked.len() > 1 {
            return Err(Error::invalid("target", "one kind of target", asked.join(" and ")));
        }
        Ok(match (settings.quantizer, settings.size_bytes) {
            (Some(value), _) => Self::Constant(Quantizer::new(value)?),
            (_, Some(bytes)) => Self::Size(bytes),
            _ if floors.is_empty() => Self::Floor(vec![(PhotoMetric::Ssimulacra2, DEFAULT_SSIMULACRA2)]),
            _ => Self::Floor(floors),
        })
    }

    /// The settings, with the floor in them that is the target where none is asked for.
    pub(super) fn in_force(&self, settings: &Settings) -> Settings {
        let mut settings = settings.clone();
        if let Self::Floor(floors) = self {
            let default = floors.iter().find(|(metric, _)| *metric == PhotoMetric::Ssimulacra2);
            settings.min_ssimulacra2 = default.map(|(_, floor)| *floor);
        }
        settings
    }

    /// What attempts are measured by, beside PSNR in RGB.
    pub(super) fn measures(&self) -> Measures {
        let Self::Floor(floors) = self else { return Measures::PSNR };
        floors.iter().filter_map(|(metric, _)| metric.of_clips()).fold(Measures::PSNR, Measures::with)
    }

    /// Whether luma has to be measured to know.
    pub(super) fn is_about_luma(&self) -> bool {
        let is_luma =
            |metric: &PhotoMetric| !matches!(metric, PhotoMetric::PsnrRgb | PhotoMetric::Ssimulacra2);
        matches!(self, Self::Floor(floors) if floors.iter().any(|(metric, _)| is_luma(metric)))
    }

    /// What the base encoder should decide by.
    pub(super) fn tune(&self) -> StillTune {
        let is_perceptual = |(metric, _): &(PhotoMetric, f64)| *metric == PhotoMetric::Ssimulacra2;
        match self {
            Self::Floor(floors) if floors.iter().all(is_perceptual) => StillTune::Perception,
            _ => StillTune::SquaredError,
        }
    }

    /// Checks that pictures of a size have what is asked for.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` that names the setting and the shortest side it needs.
    pub(super) fn expect_defined(&self, size: (usize, usize)) -> Result<()> {
        let Self::Floor(floors) = self else { return Ok(()) };
        floors.iter().try_for_each(|(metric, _)| match metric.of_clips() {
            Some(of_clips) => of_clips.expect_defined(metric.names().0, size),
            None => Ok(()),
        })
    }

    /// How far above the target a picture lies: at least 0 where it is reached. Values that are not defined, such as the PSNR of
    /// equal pictures, hold nothing back.
    pub(super) fn margin(&self, quality: &PhotoQuality, bytes: u64) -> f64 {
        match self {
            Self::Constant(_) => 0.0,
            Self::Size(limit) => (*limit as f64 / bytes as f64).ln(),
            Self::Floor(floors) => floors
                .iter()
                .filter_map(|&(metric, floor)| {
                    let value = match metric {
                        PhotoMetric::PsnrRgb => quality.psnr_rgb,
                        PhotoMetric::PsnrY => quality.psnr_y,
                        PhotoMetric::SsimY => quality.ssim_y,
                        PhotoMetric::MsSsimY => quality.ms_ssim_y,
                        PhotoMetric::Ssimulacra2 => quality.ssimulacra2,
                    };
                    Some(metric.on_scale(value?) - metric.on_scale(floor))
                })
                .fold(f64::INFINITY, f64::min),
        }
    }

    /// In words.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Constant(quantizer) => format!("quantizer {quantizer}"),
            Self::Size(bytes) => format!("at most {bytes} bytes"),
            Self::Floor(floors) => {
                let each = |(metric, floor): &(PhotoMetric, f64)| format!("{} >= {floor}", metric.names().1);
                floors.iter().map(each).collect::<Vec<_>>().join(" and ")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(values: &[(&str, &str)]) -> Result<PhotoTarget> {
        let mut settings = Settings::default();
        values.iter().for_each(|(name, value)| settings.set(name, value).unwrap());
        PhotoTarget::of(&settings)
    }

    #[test]
    fn what_means_nothing_for_a_photo_is_named() {
        assert_eq!(target(&[("min_psnr", "38")]).unwrap().text(), "psnr_rgb >= 38");
        let default = target(&[]).unwrap();
        assert_eq!(
            (default.tune(), target(&[("min_psnr", "38")]).unwrap().tune()),
            (StillTune::Perception, StillTune::SquaredError)
        );
        assert_eq!(default.text(), "ssimulacra2 >= 70");
        assert_eq!(default.in_force(&Settings::default()).min_ssimulacra2, Some(70.0));
        for name in ["min_vmaf", "min_xpsnr", "lambda", "bitrate_bps"] {
            let message =
                target(&[(name, if name == "bitrate_bps" { "2000" } else { "50" })]).unwrap_err().to_string();
            assert!(message.starts_with(name) && message.contains("min_psnr"), "{message}");
        }
        let message = target(&[("quantizer", "30"), ("min_psnr", "40")]).unwrap_err().to_string();
        assert!(message.contains("quantizer and min_psnr"), "{message}");
    }

    #[test]
    fn the_margin_is_that_of_the_floor_that_binds() {
        let both = target(&[("min_psnr", "38"), ("min_ssimulacra2", "80")]).unwrap();
        let quality =
            |psnr_rgb, ssimulacra2| PhotoQuality { psnr_rgb, ssimulacra2, ..PhotoQuality::default() };
        assert_eq!(both.margin(&quality(Some(40.0), Some(76.0)), 1), -1.0);
        assert_eq!(both.margin(&quality(None, None), 1), f64::INFINITY);
        assert!(target(&[("size_bytes", "1000")]).unwrap().margin(&quality(None, None), 1001) < 0.0);
    }
}
