//! Bjontegaard's delta rate: how many bits one curve saves over another at the same quality.
//!
//! log10(rate) is interpolated over quality by a monotone piecewise cubic and integrated exactly over the
//! interval of quality that both curves cover.

use crate::error::{Error, Result};

/// One point of a rate-distortion curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RatePoint {
    /// Bits a second, bytes, or any other positive measure of rate, the same for all points.
    pub rate: f64,
    /// Decibels, SSIM, or any other measure that rises with quality.
    pub quality: f64,
}

/// Mean difference in rate of `test` against `anchor` at equal quality. Units: percent; negative is saved.
///
/// Source: Bjontegaard, VCEG-M33, 2001, with the interpolation of Fritsch and Butland, SIAM J. Sci. Stat.
/// Comput. 5(2), 1984.
///
/// ```
/// use neural_codec::metrics::{RatePoint, bd_rate};
///
/// let curve = |factor: f64| [(1.0, 30.0), (2.0, 33.0), (4.0, 36.0), (8.0, 39.0)]
///     .map(|(rate, quality)| RatePoint { rate: factor * rate, quality });
/// assert!((bd_rate(&curve(1.0), &curve(0.9))? + 10.0).abs() < 1e-9);
/// # Ok::<(), neural_codec::Error>(())
/// ```
///
/// # Errors
///
/// `InvalidArgument` when a curve has fewer than 4 points, a rate that is not positive and finite, or
/// does not rise strictly in quality with rate; and when the curves share no interval of quality.
pub fn bd_rate(anchor: &[RatePoint], test: &[RatePoint]) -> Result<f64> {
    let anchor = Curve::new("anchor curve", anchor)?;
    let test = Curve::new("test curve", test)?;
    let (anchor_low, anchor_high) = anchor.range();
    let (test_low, test_high) = test.range();
    let (low, high) = (anchor_low.max(test_low), anchor_high.min(test_high));
    if low >= high {
        return Err(Error::invalid(
            "test curve",
            format!("qualities that overlap {anchor_low} to {anchor_high}"),
            format!("{test_low} to {test_high}"),
        ));
    }
    let mean = (test.integral(low, high) - anchor.integral(low, high)) / (high - low);
    let percent = (10_f64.powf(mean) - 1.0) * 100.0;
    if !percent.is_finite() {
        return Err(Error::invalid("curves", "values of ordinary size", "a difference that overflows"));
    }
    Ok(percent)
}

/// log10(rate) as a piecewise cubic of quality.
struct Curve {
    /// Strictly rising.
    quality: Vec<f64>,
    log_rate: Vec<f64>,
    /// Derivative at each point.
    slope: Vec<f64>,
}

impl Curve {
    fn new(name: &str, points: &[RatePoint]) -> Result<Self> {
        if points.len() < 4 {
            return Err(Error::invalid(name, "at least 4 points", points.len()));
        }
        if let Some(p) =
            points.iter().find(|p| !(p.rate > 0.0 && p.rate.is_finite() && p.quality.is_finite()))
        {
            return Err(Error::invalid(name, "finite points of positive rate", format!("{p:?}")));
        }
        let mut points = points.to_vec();
        points.sort_by(|a, b| a.rate.total_cmp(&b.rate));
        if let Some(w) = points.windows(2).find(|w| w[0].rate >= w[1].rate || w[0].quality >= w[1].quality) {
            let found = format!("{:?} then {:?}", w[0], w[1]);
            return Err(Error::invalid(name, "quality that rises strictly with rate", found));
        }
        let quality: Vec<f64> = points.iter().map(|p| p.quality).collect();
        let log_rate: Vec<f64> = points.iter().map(|p| p.rate.log10()).collect();
        let slope = slopes(&quality, &log_rate);
        Ok(Self { quality, log_rate, slope })
    }

    fn range(&self) -> (f64, f64) {
        (self.quality[0], self.quality[self.quality.len() - 1])
    }

    /// The integral from `low` to `high`, both in the range.
    fn integral(&self, low: f64, high: f64) -> f64 {
        (0..self.quality.len() - 1).map(|i| self.piece(i, low, high)).sum()
    }

    /// What interval `i` adds to the integral.
    fn piece(&self, i: usize, low: f64, high: f64) -> f64 {
        let (start, end) = (self.quality[i], self.quality[i + 1]);
        let (low, high) = (low.max(start), high.min(end));
        if low >= high {
            return 0.0;
        }
        let width = end - start;
        let (r0, r1) = (self.log_rate[i], self.log_rate[i + 1]);
        let (s0, s1) = (self.slope[i] * width, self.slope[i + 1] * width);
        // r0 + s0 t + b t^2 + c t^3 takes the values and slopes of both ends for t from 0 to 1.
        let b = 3.0 * (r1 - r0) - 2.0 * s0 - s1;
        let c = s0 + s1 - 2.0 * (r1 - r0);
        let antiderivative = |t: f64| t * (r0 + t * (s0 / 2.0 + t * (b / 3.0 + t * c / 4.0)));
        (antiderivative((high - start) / width) - antiderivative((low - start) / width)) * width
    }
}

/// Slopes of at least 3 points that keep the curve monotone: inside, a weighted harmonic mean of both sides.
fn slopes(x: &[f64], y: &[f64]) -> Vec<f64> {
    let step: Vec<f64> = x.windows(2).map(|w| w[1] - w[0]).collect();
    let secant: Vec<f64> = y.windows(2).zip(&step).map(|(w, h)| (w[1] - w[0]) / h).collect();
    let last = step.len() - 1;
    let mut slope = vec![end_slope(step[0], step[1], secant[0], secant[1])];
    for i in 1..=last {
        let (before, after) = (step[i - 1], step[i]);
        let (w0, w1) = (2.0 * after + before, after + 2.0 * before);
        slope.push((w0 + w1) / (w0 / secant[i - 1] + w1 / secant[i]));
    }
    slope.push(end_slope(step[last], step[last - 1], secant[last], secant[last - 1]));
    slope
}

/// Slope at an end: that of the parabola through three points, or 0 where that would fall.
fn end_slope(step: f64, next_step: f64, secant: f64, next_secant: f64) -> f64 {
    let parabola = ((2.0 * step + next_step) * secant - step * next_secant) / (step + next_step);
    parabola.max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(points: &[(f64, f64)]) -> Vec<RatePoint> {
        points.iter().map(|&(rate, quality)| RatePoint { rate, quality }).collect()
    }

    fn anchor() -> Vec<RatePoint> {
        curve(&[(512.0, 30.2), (1100.0, 33.9), (2300.0, 36.1), (5100.0, 37.7)])
    }

    /// The anchor with every rate times `factor`.
    fn scaled(factor: f64) -> Vec<RatePoint> {
        anchor().iter().map(|p| RatePoint { rate: p.rate * factor, ..*p }).collect()
    }

    #[test]
    fn a_curve_saves_nothing_over_itself() {
        assert_eq!(bd_rate(&anchor(), &anchor()).unwrap(), 0.0);
    }

    #[test]
    fn a_scaled_rate_is_the_answer() {
        for factor in [0.1, 0.75, 1.5, 20.0] {
            let percent = bd_rate(&anchor(), &scaled(factor)).unwrap();
            assert!((percent - (factor - 1.0) * 100.0).abs() < 1e-9 * factor.max(1.0) * 100.0, "{percent}");
        }
    }

    #[test]
    fn exchanging_the_curves_inverts_the_ratio() {
        let test = curve(&[(480.0, 30.9), (990.0, 33.2), (2500.0, 37.0), (4400.0, 38.4)]);
        let there = 1.0 + bd_rate(&anchor(), &test).unwrap() / 100.0;
        let back = 1.0 + bd_rate(&test, &anchor()).unwrap() / 100.0;
        assert!((there * back - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_order_of_points_does_not_matter() {
        let mut shuffled = scaled(0.8);
        shuffled.swap(0, 3);
        shuffled.swap(1, 2);
        assert_eq!(bd_rate(&anchor(), &shuffled).unwrap(), bd_rate(&anchor(), &scaled(0.8)).unwrap());
    }

    #[test]
    fn curves_that_cannot_be_compared_are_errors() {
        let mut bad = vec![
            curve(&[]),
            anchor()[..3].to_vec(),
            curve(&[(1.0, 40.0), (2.0, 41.0), (3.0, 42.0), (4.0, 43.0)]),
            // Touches the anchor in a single quality.
            curve(&[(1.0, 37.7), (2.0, 41.0), (3.0, 42.0), (4.0, 43.0)]),
            curve(&[(1.0, 30.0), (2.0, 35.0), (3.0, 34.0), (4.0, 37.0)]),
            curve(&[(1.0, 30.0), (2.0, 35.0), (3.0, 35.0), (4.0, 37.0)]),
            curve(&[(1.0, 30.0), (2.0, 34.0), (2.0, 35.0), (4.0, 37.0)]),
            curve(&[(1.0, -f64::MAX), (2.0, 34.0), (3.0, 35.0), (4.0, f64::MAX)]),
        ];
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            bad.push(curve(&[(rate, 30.0), (2.0, 34.0), (3.0, 35.0), (4.0, 37.0)]));
        }
        for quality in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            bad.push(curve(&[(1.0, 30.0), (2.0, 34.0), (3.0, 35.0), (4.0, quality)]));
        }
        for curve in bad {
            for (anchor, test) in [(anchor(), curve.clone()), (curve, anchor())] {
                assert!(matches!(bd_rate(&anchor, &test), Err(Error::InvalidArgument { .. })), "{test:?}");
            }
        }
    }
}
