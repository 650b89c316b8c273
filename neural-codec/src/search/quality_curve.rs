//! How size and quality follow the quantizer, by a few measured points.
//!
//! Both quality metrics in dB, and the logarithm of the bytes, are close to straight lines over the quantizer's
//! [`position`], so lines are what is fitted.

use super::quality::Quality;
use super::target::Floor;
use crate::base::{Library, Quantizer};
use crate::metrics::Metric;

/// What one step of the quantizer's position changes where only one point is known, in dB of luma PSNR and of SSIM; the means of
/// twelve scenes at presets 4 to 10. The others, in dB of SSIMULACRA 2, VMAF and XPSNR, are those of one or two clips at preset 7, and that of
/// MS-SSIM, the first, is taken for PSNR's: codings of the scene itself correct them.
pub(super) const USUAL_SLOPE: Quality = Quality {
    psnr_y: -0.25,
    ssim_db: Some(-0.19),
    others: [Some(-0.25), Some(-0.16), Some(-0.25), Some(-0.26)],
};

/// Slopes outside these shares of the usual one are taken for noise.
const SLOPES: std::ops::RangeInclusive<f64> = 0.3..=4.0;

/// Positions between two points at which the slope that they show counts as much as the usual one.
const TRUSTED_SPAN: f64 = 2.0;

/// How much one step of the quantizer changes from each of these values on, against a step below 50: SVT-AV1's coarse
/// quantizers lie further apart. The means of 22 scenes at presets 4, 6 and 10 (4.2; `docs/decisions/0014-search-that-pays.md`).
const STRIDES: [(f64, f64); 10] = [
    (0.0, 1.0),
    (50.0, 0.95),
    (54.0, 1.25),
    (57.0, 1.65),
    (59.0, 2.0),
    (60.0, 2.3),
    (61.0, 3.6),
    (62.0, 5.0),
    (63.0, 2.8),
    (65.0, 2.6),
];

/// The coarsest quantizer of any version. Frames that are given quantizers one by one have their coarsest there, also where the encoder's
/// own coarsest spares some of them.
pub(super) const MOST_QUANTIZER: f64 = 70.0;

/// Where a quantizer lies on a scale on which quality falls evenly.
pub(crate) fn position(quantizer: f64) -> f64 {
    let ends = STRIDES.iter().skip(1).map(|&(end, _)| end).chain([f64::INFINITY]);
    let lengths = STRIDES
        .iter()
        .zip(ends)
        .map(|(&(start, stride), end)| (quantizer.min(end) - start).max(0.0) * stride);
    lengths.sum()
}

/// The quantizer at a position, from 0 up.
pub(crate) fn at_position(wanted: f64) -> f64 {
    let (mut low, mut high) = (0.0, MOST_QUANTIZER);
    for _ in 0..48 {
        let middle = (low + high) / 2.0;
        if position(middle) < wanted { low = middle } else { high = middle }
    }
    high
}

/// The quantizer half way between two on the scale on which quality falls evenly.
pub(crate) fn middle(fine: f64, coarse: f64) -> f64 {
    at_position(f64::midpoint(position(fine), position(coarse)))
}

/// Step of the search for a quantizer, the finest that encoders have.
pub(crate) const STEP: f64 = 0.25;

/// Step where frames are given quantizers one by one, whose mean has no steps.
const FINE_STEP: f64 = 1.0 / 32.0;

/// Values measured at quantizers, by rising quantizer.
#[derive(Debug, Clone)]
pub(crate) struct Points<T>(Vec<(f64, T)>);

impl<T> Default for Points<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Points<T> {
    /// Adds a value, in place of an older one at the same quantizer.
    pub(crate) fn add(&mut self, quantizer: f64, value: T) {
        self.0.retain(|&(at, _)| at != quantizer);
        let index = self.0.partition_point(|&(at, _)| at < quantizer);
        self.0.insert(index, (quantizer, value));
    }

    /// The two nearest on both sides, or at the end that lies beyond them; twice the only one.
    pub(crate) fn around(&self, quantizer: f64) -> Option<[&(f64, T); 2]> {
        match self.0.as_slice() {
            [] => None,
            [only] => Some([only, only]),
            points => {
                let index = points.partition_point(|&(at, _)| at < quantizer).clamp(1, points.len() - 1);
                Some([&points[index - 1], &points[index]])
            }
        }
    }

    /// The finest and the coarsest quantizer.
    pub(crate) fn span(&self) -> Option<(f64, f64)> {
        Some((self.0.first()?.0, self.0.last()?.0))
    }

    /// The same points with other values.
    pub(crate) fn map(&self, change: impl Fn(&T) -> T) -> Self {
        Self(self.0.iter().map(|(at, value)| (*at, change(value))).collect())
    }
}

/// Measured quality of one run of frames at one preset.
#[derive(Debug, Clone)]
pub(crate) struct Curve {
    points: Points<Quality>,
    /// What a step of the position changes where the points do not show it.
    slope: Quality,
}

impl Default for Curve {
    fn default() -> Self {
        Self { points: Points::default(), slope: USUAL_SLOPE }
    }
}

impl Curve {
    /// A curve without points that falls as steeply as another one does at a quantizer.
    pub(crate) fn as_steep_as(other: &Self, quantizer: f64) -> Self {
        Self { points: Points::default(), slope: other.slope(quantizer) }
    }

    /// What a position changes at a quantizer.
    pub(crate) fn slope(&self, quantizer: f64) -> Quality {
        let [fine, coarse] = [quantizer - 0.5, quantizer + 0.5];
        let span = position(coarse) - position(fine);
        let fall = self.quality(coarse).minus(&self.quality(fine));
        fall.zip(&fall, |_, db, _| db / span)
    }

    /// Adds a point, in place of an older one at the same quantizer.
    pub(crate) fn add(&mut self, quantizer: f64, quality: Quality) {
        self.points.add(quantizer, quality);
    }

    /// Quality at a quantizer: on the line through the middle of the two nearest points, its slope that of both where
    /// they lie well apart and the usual one where they do not.
    ///
    /// Panics: never; a curve without points is at 0 dB.
    pub(crate) fn quality(&self, quantizer: f64) -> Quality {
        let Some([low, high]) = self.points.around(quantizer) else {
            return Quality { psnr_y: 0.0, ssim_db: None, others: [None; 4] };
        };
        let (at, low_at, high_at) = (position(quantizer), position(low.0), position(high.0));
        let span = high_at - low_at;
        let along = |metric: Metric| {
            let (low_value, high_value) = (low.1.get(metric)?, high.1.get(metric)?);
            let usual = self.slope.get(metric).or(USUAL_SLOPE.get(metric))?;
            let shown = if span > 0.0 { (high_value - low_value) / span / usual } else { 1.0 };
            let trust = span * span / (span * span + TRUSTED_SPAN * TRUSTED_SPAN);
            let slope = usual * (1.0 + trust * (shown - 1.0)).clamp(*SLOPES.start(), *SLOPES.end());
            Some((low_value + high_value) / 2.0 + slope * (at - (low_at + high_at) / 2.0))
        };
        Quality {
            psnr_y: along(Metric::PsnrY).unwrap_or(0.0),
            ssim_db: along(Metric::SsimY),
            others: [Metric::MsSsimY, Metric::Ssimulacra2, Metric::Vmaf, Metric::XpsnrY].map(along),
        }
    }

    /// The same curve moved by the difference between two qualities.
    pub(crate) fn moved(&self, by: &Quality) -> Self {
        Self { points: self.points.map(|quality| quality.plus(by)), slope: self.slope }
    }

    /// The coarsest quantizer that the curve says to lie at least `margin` dB above the floor; the finest there is where
    /// none does.
    pub(crate) fn solve(&self, floor: &Floor, margin: f64, library: &Library) -> Quantizer {
        library.quantizer_at_most(self.solve_between(floor, margin, library))
    }

    /// The same in parts of a step, for frames that are given quantizers one by one.
    pub(crate) fn solve_between(&self, floor: &Floor, margin: f64, library: &Library) -> f64 {
        let (finest, coarsest) = (Quantizer::FINEST.value(), library.coarsest_quantizer().value());
        let steps = ((coarsest - finest) / FINE_STEP) as u32;
        let values = (0..=steps).rev().map(|step| finest + f64::from(step) * FINE_STEP);
        values.into_iter().find(|&value| floor.margin(&self.quality(value)) >= margin).unwrap_or(finest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quality(psnr_y: f64) -> Quality {
        Quality { ssim_db: Some(psnr_y - 20.0), ..Quality::even(psnr_y) }
    }

    fn curve(points: &[(u8, f64)]) -> Curve {
        let mut curve = Curve::default();
        points.iter().for_each(|&(q, psnr)| curve.add(f64::from(q), quality(psnr)));
        curve
    }

    #[test]
    fn a_curve_passes_its_points_closely_in_any_order_of_adding() {
        let found = curve(&[(50, 35.0), (30, 41.0), (40, 38.5)]);
        for (q, psnr) in [(30.0, 41.0), (40.0, 38.5), (50.0, 35.0), (35.0, 39.75), (45.0, 36.75)] {
            assert!((found.quality(q).psnr_y - psnr).abs() < 0.2, "{q}");
        }
        // A coarse step counts for more.
        let fall = |from: f64| found.quality(from).psnr_y - found.quality(from + 1.0).psnr_y;
        assert!(fall(62.0) > 4.8 * fall(46.0) && fall(62.0) < 5.2 * fall(46.0));
    }

    #[test]
    fn a_coarser_quantizer_is_never_said_to_be_better() {
        for points in [&[(40, 38.0)][..], &[(40, 38.0), (50, 38.2)], &[(20, 45.0), (60, 30.0)]] {
            let curve = curve(points);
            let values: Vec<f64> = (4..280).map(|q| curve.quality(f64::from(q) / 4.0).psnr_y).collect();
            assert!(values.is_sorted_by(|a, b| a > b), "{points:?}");
        }
    }

    #[test]
    fn a_curve_of_one_point_falls_as_another_does() {
        let flat = curve(&[(30, 40.0), (50, 38.0)]);
        let mut one = Curve::as_steep_as(&flat, 40.0);
        one.add(45.0, quality(36.0));
        assert!((one.quality(35.0).psnr_y - 37.0).abs() < 0.1);
    }

    #[test]
    fn the_solution_lies_just_above_the_floor() {
        let library = Library::load(None).unwrap();
        let floor = Floor { psnr_y: Some(36.0), ..Floor::NONE };
        let curve = curve(&[(30, 41.0), (40, 38.5), (50, 35.0)]);
        let found = curve.solve(&floor, 0.1, &library);
        assert!(floor.margin(&curve.quality(found.value())) >= 0.1);
        assert!(floor.margin(&curve.quality(found.value() + 1.0)) < 0.1);
        let too_high = Floor { psnr_y: Some(99.0), ..Floor::NONE };
        assert_eq!(curve.solve(&too_high, 0.0, &library), Quantizer::FINEST);
    }
}
