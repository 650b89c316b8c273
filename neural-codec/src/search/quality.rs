//! What was measured of some frames: pooled values, and the same on scales on which a search is simple.

use std::collections::BTreeMap;

use crate::metrics::{FrameMetrics, Metric, Metrics};
use crate::pooling::Pooling;

/// Stands for the PSNR of frames that are reproduced exactly.
const LOSSLESS_DB: f64 = 100.0;

/// How far from the best value the scales of VMAF and SSIMULACRA 2 end, where they say little more.
const BEYOND_BEST: f64 = 2.0;

/// One value a metric, of the frames of a scene or clip together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pooled([Option<f64>; Metric::ALL.len()]);

impl Pooled {
    pub(crate) fn of(frames: &[FrameMetrics], pooling: Pooling) -> Self {
        Self(Metric::ALL.map(|metric| pooling.of(metric, frames)))
    }

    /// The means over all frames, as a comparison has them.
    pub(crate) fn of_means(metrics: &Metrics) -> Self {
        let Metrics { psnr_y, ssim_y, ms_ssim_y, ssimulacra2, vmaf, xpsnr_y, .. } = *metrics;
        Self([psnr_y, ssim_y, ms_ssim_y, ssimulacra2, vmaf, xpsnr_y])
    }

    /// `None` where it was not measured, or nothing differs.
    pub(crate) fn get(&self, metric: Metric) -> Option<f64> {
        self.0[metric.index()]
    }

    /// The values by the metrics' names.
    pub(crate) fn by_name(&self) -> BTreeMap<String, f64> {
        let values = Metric::ALL.iter().filter_map(|&metric| Some((metric.name().into(), self.get(metric)?)));
        values.collect()
    }
}

/// Quality of some frames, every metric on a scale in dB on which it falls about evenly with the quantizer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Quality {
    pub(crate) psnr_y: f64,
    /// `-10 log10(1 - ssim_y)`; none where the picture is smaller than the window, or where it is not measured.
    pub(crate) ssim_db: Option<f64>,
    /// MS-SSIM, SSIMULACRA 2, VMAF and XPSNR, by [`on_scale`]; none where not measured.
    pub(crate) others: [Option<f64>; 4],
}

impl Quality {
    /// Of frames, pooled.
    pub(crate) fn of(frames: &[FrameMetrics], pooling: Pooling) -> Self {
        Self::from(&Pooled::of(frames, pooling))
    }

    /// The same in all metrics.
    pub(crate) fn even(decibels: f64) -> Self {
        Self { psnr_y: decibels, ssim_db: Some(decibels), others: [Some(decibels); 4] }
    }

    /// A metric on its scale.
    pub(crate) fn get(&self, metric: Metric) -> Option<f64> {
        match metric {
            Metric::PsnrY => Some(self.psnr_y),
            Metric::SsimY => self.ssim_db,
            Metric::MsSsimY => self.others[0],
            Metric::Ssimulacra2 => self.others[1],
            Metric::Vmaf => self.others[2],
            Metric::XpsnrY => self.others[3],
        }
    }

    /// Mean SSIM.
    pub(crate) fn ssim_y(&self) -> Option<f64> {
        self.ssim_db.map(|db| off_scale(Metric::SsimY, db))
    }

    /// Two qualities joined, metric by metric; none where one has none.
    pub(crate) fn zip(&self, other: &Self, join: impl Fn(Metric, f64, f64) -> f64) -> Self {
        let joined = |metric| Some(join(metric, self.get(metric)?, other.get(metric)?));
        Self {
            psnr_y: join(Metric::PsnrY, self.psnr_y, other.psnr_y),
            ssim_db: joined(Metric::SsimY),
            others: [Metric::MsSsimY, Metric::Ssimulacra2, Metric::Vmaf, Metric::XpsnrY].map(joined),
        }
    }

    /// Sum, part by part.
    pub(crate) fn plus(&self, other: &Self) -> Self {
        self.zip(other, |_, a, b| a + b)
    }

    /// Difference, part by part.
    pub(crate) fn minus(&self, other: &Self) -> Self {
        self.zip(other, |_, a, b| a - b)
    }
}

impl From<&Pooled> for Quality {
    fn from(pooled: &Pooled) -> Self {
        let scaled = |metric| pooled.get(metric).map(|value| on_scale(metric, value));
        Self {
            psnr_y: scaled(Metric::PsnrY).unwrap_or(LOSSLESS_DB),
            ssim_db: scaled(Metric::SsimY),
            others: [Metric::MsSsimY, Metric::Ssimulacra2, Metric::Vmaf, Metric::XpsnrY].map(scaled),
        }
    }
}

/// A value on a scale in dB on which it falls about evenly with the quantizer.
pub(crate) fn on_scale(metric: Metric, value: f64) -> f64 {
    match metric {
        Metric::PsnrY | Metric::XpsnrY => value,
        Metric::SsimY | Metric::MsSsimY => -10.0 * (1.0 - value).max(1e-10).log10(),
        Metric::Vmaf | Metric::Ssimulacra2 => {
            -10.0 * ((100.0 + BEYOND_BEST - value) / 100.0).max(1e-10).log10()
        }
    }
}

/// The value at a place on its scale.
pub(crate) fn off_scale(metric: Metric, decibels: f64) -> f64 {
    let left = 10.0_f64.powf(-decibels / 10.0);
    match metric {
        Metric::PsnrY | Metric::XpsnrY => decibels,
        Metric::SsimY | Metric::MsSsimY => 1.0 - left,
        Metric::Vmaf | Metric::Ssimulacra2 => 100.0 + BEYOND_BEST - 100.0 * left,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn better_values_stand_higher_on_their_scales_and_come_back_from_them() {
        for (metric, values) in [
            (Metric::PsnrY, [20.0, 35.0, 50.0]),
            (Metric::SsimY, [0.2, 0.9, 0.999]),
            (Metric::MsSsimY, [0.2, 0.9, 0.999]),
            (Metric::Ssimulacra2, [-300.0, 70.0, 100.0]),
            (Metric::Vmaf, [0.0, 95.0, 100.0]),
            (Metric::XpsnrY, [20.0, 35.0, 50.0]),
        ] {
            assert!(values.map(|value| on_scale(metric, value)).is_sorted());
            assert!(
                values.iter().all(|&v| (off_scale(metric, on_scale(metric, v)) - v).abs() < 1e-9),
                "{metric}"
            );
        }
    }
}
