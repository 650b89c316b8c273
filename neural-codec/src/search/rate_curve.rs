//! How bytes and distortion of a scene follow the quantizer, and bytes shared among scenes at equal slope.
//!
//! The logarithms of both are close to straight lines over the quantizer's position (see `quality_curve`).

use super::quality_curve::{MOST_QUANTIZER, Points, STEP, position};
use crate::base::Quantizer;

/// What a step of the position changes where only one point is known, in natural logarithms of bytes and of squared
/// error: the means of five scenes between 40 and 54.
const USUAL_SLOPES: [f64; 2] = [-0.06, 0.055];

/// Slopes outside these shares of the usual one are taken for noise.
const SLOPES: std::ops::RangeInclusive<f64> = 0.5..=2.5;

/// Positions between two points at which the slope that they show beyond them counts as much as the usual one.
const TRUSTED_SPAN: f64 = 2.0;

/// Positions between the outermost of measured points from which on they say by themselves how a curve runs.
const TELLING_SPAN: f64 = 2.0;

/// The share of the bytes that a coarser quantizer saves, as it usually does; negative for a finer one.
pub(crate) fn saving(from: f64, to: f64) -> f64 {
    1.0 - (USUAL_SLOPES[0] * (position(to) - position(from))).exp()
}

/// A logarithm along positions.
struct Line {
    from: f64,
    log: f64,
    slope: f64,
}

impl Line {
    fn at(&self, position: f64) -> f64 {
        self.log + self.slope * (position - self.from)
    }
}

/// Bytes and distortion of a scene by quantizer.
#[derive(Debug, Clone, Default)]
pub(crate) struct RateCurve {
    /// Natural logarithms of the bytes and of the squared error of luma.
    points: Points<[f64; 2]>,
}

impl RateCurve {
    /// Adds a point. Units: bytes; sum of squared errors of the luma samples, 8-bit scale.
    pub(crate) fn add(&mut self, quantizer: f64, bytes: f64, squared_error: f64) {
        // A part that is reproduced exactly counts as one error of one level.
        self.points.add(quantizer, [bytes.max(1.0).ln(), squared_error.max(1.0).ln()]);
    }

    /// Bytes and squared error at a quantizer; 1 and 1 of a curve without points.
    pub(crate) fn at(&self, quantizer: f64) -> (f64, f64) {
        let at = position(quantizer);
        self.lines(quantizer).map_or((1.0, 1.0), |[bytes, error]| (bytes.at(at).exp(), error.at(at).exp()))
    }

    /// What a position changes at a quantizer, in the natural logarithm of the bytes.
    pub(crate) fn slope(&self, quantizer: f64) -> f64 {
        let shown = self.lines(quantizer).map_or(1.0, |[bytes, _]| bytes.slope / USUAL_SLOPES[0]);
        USUAL_SLOPES[0] * shown.clamp(*SLOPES.start(), *SLOPES.end())
    }

    /// The lines that the logarithms of bytes and squared error run along at a quantizer; through both points beside it where these say
    /// how the curve runs, else through the nearer.
    fn lines(&self, quantizer: f64) -> Option<[Line; 2]> {
        let [low, high] = self.points.around(quantizer)?;
        let (low_at, high_at, at) = (position(low.0), position(high.0), position(quantizer));
        let span = high_at - low_at;
        let (nearest_at, nearest) = if at - low_at < high_at - at { (low_at, low) } else { (high_at, high) };
        Some([0, 1].map(|part| {
            let shown =
                if span > 0.0 { (high.1[part] - low.1[part]) / span / USUAL_SLOPES[part] } else { 1.0 };
            let clamped = shown.clamp(*SLOPES.start(), *SLOPES.end());
            let share = if (low_at..=high_at).contains(&at) && span >= TELLING_SPAN && shown > 0.0 {
                shown
            } else {
                (TRUSTED_SPAN + span * clamped) / (TRUSTED_SPAN + span)
            };
            Line { from: nearest_at, log: nearest.1[part], slope: USUAL_SLOPES[part] * share }
        }))
    }

    /// Whether the points lie far enough apart to say how the curve runs.
    pub(crate) fn is_telling(&self) -> bool {
        self.points.span().is_some_and(|(low, high)| position(high) - position(low) >= TELLING_SPAN)
    }

    /// The same curve, moved so that it passes through a measured point.
    pub(crate) fn through(&self, quantizer: f64, bytes: f64, squared_error: f64) -> Self {
        let (expected_bytes, expected_error) = self.at(quantizer);
        self.scaled(bytes.max(1.0) / expected_bytes, squared_error.max(1.0) / expected_error)
    }

    /// The same curve with so many times the bytes and the squared error.
    pub(crate) fn scaled(&self, bytes: f64, squared_error: f64) -> Self {
        let moves = [bytes.ln(), squared_error.ln()];
        Self { points: self.points.map(|logs| [logs[0] + moves[0], logs[1] + moves[1]]) }
    }

    /// The quantizer of so many bytes.
    pub(crate) fn quantizer_of(&self, bytes: f64) -> f64 {
        let (mut fine, mut coarse) = (Quantizer::FINEST.value(), MOST_QUANTIZER);
        for _ in 0..40 {
            let middle = f64::midpoint(fine, coarse);
            if self.at(middle).0 > bytes { fine = middle } else { coarse = middle }
        }
        coarse
    }

    /// The quantizer of the least squared error + `weight` x bytes, in quarter steps.
    pub(crate) fn best(&self, weight: f64) -> f64 {
        let steps = ((MOST_QUANTIZER - Quantizer::FINEST.value()) / STEP) as u32;
        let cost = |value: f64| {
            let (bytes, error) = self.at(value);
            error + weight * bytes
        };
        let values = (0..=steps).map(|step| Quantizer::FINEST.value() + f64::from(step) * STEP);
        values.min_by(|&a, &b| cost(a).total_cmp(&cost(b))).unwrap_or(MOST_QUANTIZER)
    }
}

/// Shares of `budget` bytes for each scene, such that the last byte of each lowers its squared error by the same amount.
///
/// Source: Shoham and Gersho, "Efficient bit allocation for an arbitrary set of quantizers", 1988.
pub(crate) fn shares(curves: &[&RateCurve], budget: f64) -> Vec<f64> {
    let choose = |log_weight: f64| -> Vec<f64> {
        curves.iter().map(|curve| curve.at(curve.best(log_weight.exp())).0).collect()
    };
    // A heavier weight takes fewer bytes.
    let (mut light, mut heavy) = (-40.0, 40.0);
    for _ in 0..60 {
        let middle = f64::midpoint(light, heavy);
        if choose(middle).iter().sum::<f64>() > budget { light = middle } else { heavy = middle }
    }
    // What the steps leave over is shared by what each takes.
    let chosen = choose(heavy);
    let left_over = budget / chosen.iter().sum::<f64>().max(1.0);
    chosen.iter().map(|bytes| bytes * left_over).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(bytes: f64, error: f64) -> RateCurve {
        let mut curve = RateCurve::default();
        for q in [25_u8, 35, 45, 55] {
            let steps = f64::from(q) - 35.0;
            let (bytes, error) = (bytes * (-0.06 * steps).exp(), error * (0.05 * steps).exp());
            curve.add(f64::from(q), bytes, error);
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
        curve.add(40.0, 10_000.0, 1e6);
        assert!(!curve.is_telling());
        curve.add(41.0, 10_100.0, 1e6);
        assert!(!curve.is_telling() && curve.at(45.0).0 < 10_050.0);
        curve.add(20.0, 100_000.0, 1e5);
        assert!(curve.is_telling() && (curve.at(30.0).0 - 31_622.0).abs() < 700.0);
    }

    #[test]
    fn shares_are_the_budget() {
        let curves = [curve(50_000.0, 1e8), curve(200_000.0, 1e9), curve(5_000.0, 1e6)];
        for budget in [30_000.0, 120_000.0, 300_000.0] {
            let found = shares(&curves.each_ref(), budget);
            let bytes = |(curve, &share): (&RateCurve, &f64)| curve.at(curve.quantizer_of(share)).0;
            let taken: f64 = curves.iter().zip(&found).map(bytes).sum();
            assert!((found.iter().sum::<f64>() / budget - 1.0).abs() < 1e-9);
            assert!((taken / budget - 1.0).abs() < 0.001, "{taken} of {budget}");
        }
    }

    #[test]
    fn a_byte_is_worth_the_same_everywhere() {
        let curves = [curve(50_000.0, 1e8), curve(200_000.0, 1e9)];
        let found = shares(&curves.each_ref(), 150_000.0);
        let worth = |index: usize| {
            let q = curves[index].quantizer_of(found[index]);
            let (fine, coarse) = (curves[index].at(q - 1.0), curves[index].at(q + 1.0));
            (coarse.1 - fine.1) / (fine.0 - coarse.0)
        };
        let ratio = worth(0) / worth(1);
        assert!((0.8..1.25).contains(&ratio), "{ratio}");
    }

    #[test]
    fn a_quantizer_is_found_by_its_bytes_and_the_slope_by_the_points() {
        let curve = curve(50_000.0, 1e8);
        for quantizer in [12.0, 30.5, 44.0] {
            assert!((curve.quantizer_of(curve.at(quantizer).0) - quantizer).abs() < 0.001);
            assert!((curve.slope(quantizer) + 0.06).abs() < 0.001);
        }
        assert_eq!((curve.quantizer_of(1.0), curve.quantizer_of(1e12) < 1.1), (MOST_QUANTIZER, true));
    }

    #[test]
    fn a_flat_or_steep_curve_passes_through_its_points_and_never_rises() {
        for other in [9_000.0, 9_990.0, 60_000.0, 900_000.0] {
            let mut curve = RateCurve::default();
            curve.add(50.0, 9_000.0, 1e7);
            curve.add(44.0, other, 1e6);
            assert!(
                (curve.at(50.0).0 / 9_000.0 - 1.0).abs() < 1e-9
                    && (curve.at(44.0).0 / other - 1.0).abs() < 1e-9
            );
            let bytes: Vec<_> = (40..240).map(|q| curve.at(f64::from(q) / 4.0).0).collect();
            assert!(other == 9_000.0 || bytes.is_sorted_by(|a, b| a >= b), "{other}");
            assert!((8..250).all(|q| (-0.15..=-0.03).contains(&curve.slope(f64::from(q) / 4.0))));
        }
    }

    #[test]
    fn a_curve_moved_through_a_point_passes_through_it() {
        let moved = curve(50_000.0, 1e8).through(40.0, 70_000.0, 3e8);
        let (bytes, error) = moved.at(40.0);
        assert!((bytes / 70_000.0 - 1.0).abs() < 1e-6 && (error / 3e8 - 1.0).abs() < 1e-6);
    }

    #[test]
    fn a_heavier_byte_never_buys_a_finer_quantizer() {
        let curve = curve(50_000.0, 1e8);
        let choices: Vec<_> = (0..30).map(|w| curve.best(1.6_f64.powi(w))).collect();
        assert!(choices.is_sorted());
    }
}
