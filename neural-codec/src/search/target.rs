//! What the caller asks for, as the search understands it.

use crate::base::Quantizer;
use crate::error::{Error, Result};
use crate::metrics::{FrameMetrics, Metrics};
use crate::settings::Settings;

/// The floor when nothing is asked for.
const DEFAULT_PSNR_Y: f64 = 35.0;
const DEFAULT_SSIM_Y: f64 = 0.95;

/// Stands for the PSNR of frames that are reproduced exactly.
const LOSSLESS_DB: f64 = 100.0;

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

/// Least mean quality of a scene. At least one is set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Floor {
    /// Mean luma PSNR in dB.
    pub psnr_y: Option<f64>,
    /// Mean luma SSIM.
    pub ssim_y: Option<f64>,
}

/// Mean quality of some frames, both metrics in dB.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Quality {
    pub(crate) psnr_y: f64,
    /// `-10 log10(1 - ssim_y)`; none where the picture is smaller than the window.
    pub(crate) ssim_db: Option<f64>,
}

impl Target {
    /// The target that settings ask for; without any, the default floor.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for two that contradict each other.
    pub fn of(settings: &Settings) -> Result<Self> {
        let Settings { quantizer, min_psnr_y, min_ssim_y, bitrate_bps, size_bytes, lambda, .. } = *settings;
        let floor = min_psnr_y.is_some() || min_ssim_y.is_some();
        let asked: Vec<&str> = [
            ("quantizer", quantizer.is_some()),
            ("min_psnr_y or min_ssim_y", floor),
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
        Ok(match (quantizer, bitrate_bps, size_bytes, lambda) {
            (Some(value), ..) => Self::Constant(Quantizer::new(value)?),
            (_, Some(bits), ..) => Self::Bitrate(bits),
            (_, _, Some(bytes), _) => Self::Size(bytes),
            (.., Some(lambda)) => Self::Lambda(lambda),
            _ if floor => Self::Floor(Floor { psnr_y: min_psnr_y, ssim_y: min_ssim_y }),
            _ => Self::Floor(Floor { psnr_y: Some(DEFAULT_PSNR_Y), ssim_y: Some(DEFAULT_SSIM_Y) }),
        })
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

impl Floor {
    /// By how many dB the worse of both metrics is above the floor; negative below it.
    pub(crate) fn margin(&self, quality: &Quality) -> f64 {
        let psnr = self.psnr_y.map_or(f64::INFINITY, |floor| quality.psnr_y - floor);
        let ssim = self.ssim_y.zip(quality.ssim_db).map_or(f64::INFINITY, |(floor, db)| db - decibels(floor));
        psnr.min(ssim)
    }

    /// Whether measured metrics reach the floor, exactly.
    pub(crate) fn is_met(&self, metrics: &Metrics) -> bool {
        let reaches = |floor: Option<f64>, value: Option<f64>| floor.zip(value).is_none_or(|(f, v)| v >= f);
        reaches(self.psnr_y, metrics.psnr_y) && reaches(self.ssim_y, metrics.ssim_y)
    }

    /// A floor higher by so much.
    pub(crate) fn raised(&self, by: &Self) -> Self {
        let sum = |floor: Option<f64>, by: Option<f64>| floor.map(|floor| floor + by.unwrap_or(0.0));
        Self { psnr_y: sum(self.psnr_y, by.psnr_y), ssim_y: sum(self.ssim_y, by.ssim_y) }
    }

    /// The floor in words, such as `psnr_y >= 35 and ssim_y >= 0.95`.
    pub(crate) fn text(&self) -> String {
        let parts = [("psnr_y", self.psnr_y), ("ssim_y", self.ssim_y)];
        let parts: Vec<_> =
            parts.iter().filter_map(|(name, floor)| Some(format!("{name} >= {}", (*floor)?))).collect();
        parts.join(" and ")
    }
}

impl Quality {
    /// Means over frames, as the report defines them.
    pub(crate) fn of(frames: &[FrameMetrics]) -> Self {
        Self::of_pairs(frames.iter().map(|frame| (frame.psnr_y, frame.ssim_y)))
    }

    /// The same of luma PSNR in dB and luma SSIM of each.
    pub(crate) fn of_pairs(frames: impl Iterator<Item = (Option<f64>, Option<f64>)>) -> Self {
        let (mut psnr, mut ssim) = ((0.0, 0_u32), (0.0, 0_u32));
        let add = |mean: &mut (f64, u32), value: Option<f64>| {
            if let Some(value) = value {
                *mean = (mean.0 + value, mean.1 + 1);
            }
        };
        for (psnr_y, ssim_y) in frames {
            add(&mut psnr, psnr_y);
            add(&mut ssim, ssim_y);
        }
        let mean = |(sum, count): (f64, u32)| (count > 0).then(|| sum / f64::from(count));
        Self { psnr_y: mean(psnr).unwrap_or(LOSSLESS_DB), ssim_db: mean(ssim).map(decibels) }
    }
}

impl Quality {
    /// Mean SSIM.
    pub(crate) fn ssim_y(&self) -> Option<f64> {
        self.ssim_db.map(|db| 1.0 - 10.0_f64.powf(-db / 10.0))
    }
}

/// SSIM on a scale on which it falls about evenly with the quantizer.
pub(crate) fn decibels(ssim: f64) -> f64 {
    -10.0 * (1.0 - ssim).max(1e-10).log10()
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
        let both = Floor { psnr_y: Some(35.0), ssim_y: Some(0.95) };
        assert_eq!(target(&[]).unwrap(), Target::Floor(both));
        let one = Floor { psnr_y: None, ssim_y: Some(0.9) };
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
    }

    #[test]
    fn the_margin_is_that_of_the_figure_that_binds() {
        let floor = Floor { psnr_y: Some(35.0), ssim_y: Some(0.95) };
        let quality = |psnr_y, ssim: f64| Quality { psnr_y, ssim_db: Some(decibels(ssim)) };
        assert!((floor.margin(&quality(36.0, 0.99)) - 1.0).abs() < 1e-9);
        assert!(floor.margin(&quality(40.0, 0.94)) < 0.0);
        assert!((floor.margin(&Quality { psnr_y: 34.5, ssim_db: None }) + 0.5).abs() < 1e-9);
    }
}
