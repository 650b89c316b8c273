//! How bytes and distortion of a scene follow the quantizer, and bytes shared among scenes at equal slope.
//!
//! The logarithms of both are close to straight lines over the quantizer's position (see `curve`).

use super::quality_curve::{Points, STEP, position};
use crate::base::{Library, Quantizer};

/// What a step of the position changes where only one point is known, in natural logarithms of bytes and of squared
/// error: the means of five scenes between 40 and 54.
const USUAL_SLOPES: [f64; 2] = [-0.06, 0.055];

/// Slopes outside these shares of the usual one are taken for noise.
const SLOPES: std::ops::RangeInclusive<f64> = 0.2..=5.0;

/// Positions between the outermost of measured points from which on they say by themselves how a curve runs.
const TELLING_SPAN: f64 = 2.0;

/// The share of the bytes that a coarser quantizer saves, as it usually does; negative for a finer one.
pub(crate) fn saving(from: f64, to: f64) -> f64 {
    1.0 - (USUAL_SLOPES[0] * (position(to) - position(from))).exp()
}

/// Bytes and distortion of a scene by quantizer.
#[derive(Debug, Clone, Default)]
pub(crate) struct RateCurve {
    /// Natural logarithms of the bytes and of the squared error of luma.
    points: Points<[f64; 2]>,
}

impl RateCurve {
    /// Adds a point. Units: bytes; sum of squared errors of the luma samples, 8-bit scale.
    pub(crate) fn add(&mut self, quantizer: Quantizer, bytes: u64, squared_error: f64) {
        // A part that is reproduced exactly counts as one error of one level.
        let logs = [(bytes.max(1) as f64).ln(), squared_error.max(1.0).ln()];
        self.points.add(quantizer.value(), logs);
    }

    /// Bytes and squared error at a quantizer; 1 and 1 of a curve without points.
    pub(crate) fn at(&self, quantizer: f64) -> (f64, f64) {
        let Some([low, high]) = self.points.around(quantizer) else { return (1.0, 1.0) };
        let (low_at, high_at) = (position(low.0), position(high.0));
        let along = |part: usize| {
            let usual = USUAL_SLOPES[part];
            let shown = if high_at > low_at {
                (high.1[part] - low.1[part]) / (high_at - low_at) / usual
            } else {
                1.0
            };
            let slope = usual * shown.clamp(*SLOPES.start(), *SLOPES.end());
            let middle = (low.1[part] + high.1[part]) / 2.0;
            (middle + slope * (position(quantizer) - (low_at + high_at) / 2.0)).exp()
        };
        (along(0), along(1))
    }

    /// Whether the points lie far enough apart to say how the curve runs.
    pub(crate) fn is_telling(&self) -> bool {
        self.points.span().is_some_and(|(low, high)| position(high) - position(low) >= TELLING_SPAN)
    }

    /// The same curve, moved so that it passes through a measured point.
    pub(crate) fn through(&self, quantizer: Quantizer, bytes: u64, squared_error: f64) -> Self {
        let (expected_bytes, expected_error) = self.at(quantizer.value());
        let moves =
            [(bytes.max(1) as f64 / expected_bytes).ln(), (squared_error.max(1.0) / expected_error).ln()];
        Self { points: self.points.map(|logs| [logs[0] + moves[0], logs[1] + moves[1]]) }
    }

    /// The quantizer of the least squared error + `weight` x bytes.
    pub(crate) fn best(&self, weight: f64, library: &Library) -> Quantizer {
        let steps = ((library.coarsest_quantizer().value() - Quantizer::FINEST.value()) / STEP) as u32;
        let cost = |value: f64| {
            let (bytes, error) = self.at(value);
            error + weight * bytes
        };
        let values = (0..=steps).map(|step| Quantizer::FINEST.value() + f64::from(step) * STEP);
        let best = values.min_by(|&a, &b| cost(a).total_cmp(&cost(b)));
        library.quantizer_at_most(best.unwrap_or(Quantizer::COARSEST.value()))
    }
}

/// A quantizer for each scene, such that all together take about `budget` bytes and the last byte of each lowers its
/// squared error by the same amount.
///
/// Source: Shoham and Gersho, "Efficient bit allocation for an arbitrary set of quantizers", 1988.
pub(crate) fn allocate(curves: &[RateCurve], budget: f64, library: &Library) -> Vec<Quantizer> {
    let choose = |log_weight: f64| -> Vec<Quantizer> {
        curves.iter().map(|curve| curve.best(log_weight.exp(), library)).collect()
    };
    let bytes = |choice: &[Quantizer]| -> f64 {
        curves.iter().zip(choice).map(|(curve, quantizer)| curve.at(quantizer.value()).0).sum()
    };
    // A heavier weight takes fewer bytes.
    let (mut light, mut heavy) = (-40.0, 40.0);
    for _ in 0..60 {
        let middle = (light + heavy) / 2.0;
        if bytes(&choose(middle)) > budget { light = middle } else { heavy = middle }
    }
    choose(heavy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(bytes: f64, error: f64) -> RateCurve {
        let mut curve = RateCurve::default();
        for q in [25_u8, 35, 45, 55] {
            let steps = f64::from(q) - 35.0;
            let (bytes, error) = (bytes * (-0.06 * steps).exp(), error * (0.05 * steps).exp());
            curve.add(Quantizer::from(q), bytes as u64, error);
        }
        curve
    }

    #[test]
    fn a_coarser_quantizer_saves_bytes() {
        assert!((saving(40.0, 41.0) - 0.058).abs() < 0.001 && saving(62.0, 63.0) > 0.2);
        assert!(saving(41.0, 40.0) < 0.0 && saving(40.0, 40.0) == 0.0);
    }

    #[test]
    fn points_close_together_say_little() {
        let mut curve = RateCurve::default();
        curve.add(Quantizer::from(40), 10_000, 1e6);
        assert!(!curve.is_telling());
        curve.add(Quantizer::from(41), 10_100, 1e6);
        assert!(!curve.is_telling() && curve.at(45.0).0 < 10_050.0);
        curve.add(Quantizer::from(20), 100_000, 1e5);
        assert!(curve.is_telling() && (curve.at(30.0).0 - 31_622.0).abs() < 700.0);
    }

    #[test]
    fn shares_stay_within_the_budget_and_use_it() {
        let library = Library::load(None).unwrap();
        let curves = [curve(50_000.0, 1e8), curve(200_000.0, 1e9), curve(5_000.0, 1e6)];
        for budget in [30_000.0, 120_000.0, 300_000.0] {
            let choice = allocate(&curves, budget, &library);
            let bytes: f64 = curves.iter().zip(&choice).map(|(c, q)| c.at(q.value()).0).sum();
            assert!(bytes <= budget && bytes > 0.8 * budget, "{bytes} of {budget}");
        }
    }

    #[test]
    fn a_byte_is_worth_the_same_everywhere() {
        let library = Library::load(None).unwrap();
        let curves = [curve(50_000.0, 1e8), curve(200_000.0, 1e9)];
        let choice = allocate(&curves, 150_000.0, &library);
        let worth = |curve: &RateCurve, q: &Quantizer| {
            let (fine, coarse) = (curve.at(q.value() - 1.0), curve.at(q.value() + 1.0));
            (coarse.1 - fine.1) / (fine.0 - coarse.0)
        };
        let ratio = worth(&curves[0], &choice[0]) / worth(&curves[1], &choice[1]);
        assert!((0.8..1.25).contains(&ratio), "{ratio}");
    }

    #[test]
    fn a_curve_moved_through_a_point_passes_through_it() {
        let moved = curve(50_000.0, 1e8).through(Quantizer::from(40), 70_000, 3e8);
        let (bytes, error) = moved.at(40.0);
        assert!((bytes / 70_000.0 - 1.0).abs() < 1e-6 && (error / 3e8 - 1.0).abs() < 1e-6);
    }

    #[test]
    fn a_heavier_byte_never_buys_a_finer_quantizer() {
        let library = Library::load(None).unwrap();
        let curve = curve(50_000.0, 1e8);
        let choices: Vec<_> = (0..30).map(|w| curve.best(1.6_f64.powi(w), &library)).collect();
        assert!(choices.is_sorted());
    }
}
