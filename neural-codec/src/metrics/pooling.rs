//! How the values of frames become one of a scene or a clip.

use super::metric::Metric;
use super::report::FrameMetrics;
use super::sum::ExactMean;
use super::xpsnr::RootMeanDistortion;
use crate::pooling::Pooling;

impl Pooling {
    /// One value of frames that were measured. `None` where none has a value.
    pub fn of(self, metric: Metric, frames: &[FrameMetrics]) -> Option<f64> {
        let values = || frames.iter().filter_map(|frame| frame.value(metric));
        match self {
            Self::Mean if metric == Metric::XpsnrY => {
                let mut mean = RootMeanDistortion::default();
                frames.iter().for_each(|frame| mean.add(frame.xpsnr_y));
                mean.decibels()
            }
            Self::Mean => mean(values()),
            Self::HarmonicMean => {
                mean(values().map(|value| 1.0 / (value.max(0.0) + 1.0))).map(|mean| 1.0 / mean - 1.0)
            }
            Self::Percentile(percent) => {
                let mut sorted: Vec<f64> = values().collect();
                sorted.sort_by(f64::total_cmp);
                let at = (sorted.len().checked_sub(1)? as f64) * f64::from(percent.min(100)) / 100.0;
                let (low, high) = (sorted.get(at.floor() as usize)?, sorted.get(at.ceil() as usize)?);
                Some(low + (high - low) * at.fract())
            }
        }
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut mean = ExactMean::default();
    values.for_each(|value| mean.add(value));
    mean.value()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(values: &[f64]) -> Vec<FrameMetrics> {
        values.iter().map(|&value| FrameMetrics { vmaf: Some(value), ..FrameMetrics::default() }).collect()
    }

    #[test]
    fn pools_are_those_of_numpy_and_libvmaf() {
        let frames = frames(&[90.0, 70.0, 95.0, 80.0]);
        let pooled = |pooling: &str| pooling.parse::<Pooling>().unwrap().of(Metric::Vmaf, &frames).unwrap();
        assert_eq!(pooled("mean"), 83.75);
        let harmonic = 4.0 / (1.0 / 91.0 + 1.0 / 71.0 + 1.0 / 96.0 + 1.0 / 81.0) - 1.0;
        assert!((pooled("harmonic_mean") - harmonic).abs() < 1e-9);
        // numpy.percentile([90, 70, 95, 80], [0, 5, 50, 100])
        for (name, expected) in [("p0", 70.0), ("p5", 71.5), ("p50", 85.0), ("p100", 95.0)] {
            assert!((pooled(name) - expected).abs() < 1e-9, "{name}");
        }
    }

    #[test]
    fn nothing_pools_to_nothing_and_names_are_read_as_written() {
        for pooling in [Pooling::Mean, Pooling::HarmonicMean, Pooling::Percentile(5)] {
            assert_eq!(pooling.of(Metric::Ssimulacra2, &frames(&[90.0])), None);
            assert_eq!(pooling.of(Metric::XpsnrY, &[]), None);
            assert_eq!(pooling.to_string().parse::<Pooling>().unwrap(), pooling);
        }
        for wrong in ["", "p", "p101", "p-1", "median"] {
            assert!(wrong.parse::<Pooling>().is_err(), "{wrong}");
        }
    }
}
