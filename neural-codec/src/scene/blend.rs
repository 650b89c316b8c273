//! Whether a picture is a mixture of an earlier and a later one, as in a dissolve.

use crate::frame::Plane;

/// Least share of a picture's variance that a mixture must explain; motion during a dissolve takes from it.
const EXPLAINED: f64 = 0.7;
/// Least weight of either picture.
const LEAST_WEIGHT: f64 = 0.15;
/// What the two weights may add up to.
const WHOLE: std::ops::RangeInclusive<f64> = 0.7..=1.15;
/// A mixture of different pictures has less contrast than they have: at most this share of their mean variance.
const LOST_CONTRAST: f64 = 0.87;

/// How a picture is composed of two others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Mixture {
    /// Share of the earlier and of the later picture.
    pub weights: [f64; 2],
}

/// The mixture of `earlier` and `later`, plus a constant, that comes nearest to `middle`.
///
/// `None` where the pictures are flat or alike, where no mixture comes near, or where one of them hardly counts.
pub(super) fn mixture(earlier: &Plane<u8>, middle: &Plane<u8>, later: &Plane<u8>) -> Option<Mixture> {
    let [e, m, l] = [earlier, middle, later].map(|plane| plane.samples());
    if e.len() != m.len() || l.len() != m.len() {
        return None;
    }
    // Covariances times the square of the number of samples, exact in integers.
    let count = m.len() as i64;
    let covariance = |a: &[u8], b: &[u8]| {
        let sum = |s: &[u8]| s.iter().map(|&v| i64::from(v)).sum::<i64>();
        let products = a.iter().zip(b).map(|(&a, &b)| u64::from(u16::from(a) * u16::from(b))).sum::<u64>();
        ((count * products as i64 - sum(a) * sum(b)) as f64) / (count * count) as f64
    };
    let (ee, ll, mm) = (covariance(e, e), covariance(l, l), covariance(m, m));
    let (el, em, lm) = (covariance(e, l), covariance(e, m), covariance(l, m));
    let determinant = ee * ll - el * el;
    // Flat or nearly the same picture (correlation above 0.95): the weights would mean nothing.
    if mm < 16.0 || mm > LOST_CONTRAST * (ee + ll) / 2.0 || determinant < 0.1 * ee * ll {
        return None;
    }
    let weights = [(em * ll - lm * el) / determinant, (lm * ee - em * el) / determinant];
    let explained = (weights[0] * em + weights[1] * lm) / mm;
    let is_mixture = explained >= EXPLAINED
        && weights[0].min(weights[1]) >= LEAST_WEIGHT
        && WHOLE.contains(&(weights[0] + weights[1]));
    is_mixture.then_some(Mixture { weights })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(step: usize) -> Plane<u8> {
        let mut plane = Plane::new(40, 20);
        for y in 0..20 {
            for x in 0..40 {
                plane.row_mut(y)[x] = ((x * step + y * y) % 200) as u8;
            }
        }
        plane
    }

    #[test]
    fn the_weights_of_a_mixture_are_found() {
        let (a, b) = (wave(7), wave(31));
        let mut middle = a.clone();
        for (m, &b) in middle.samples_mut().iter_mut().zip(b.samples()) {
            *m = ((u16::from(*m) * 3 + u16::from(b) * 2) / 5) as u8;
        }
        let [first, second] = mixture(&a, &middle, &b).unwrap().weights;
        assert!((first - 0.6).abs() < 0.02 && (second - 0.4).abs() < 0.02, "{first} {second}");
    }

    #[test]
    fn an_unrelated_picture_is_no_mixture() {
        assert_eq!(mixture(&wave(7), &wave(13), &wave(31)), None);
        assert_eq!(mixture(&wave(7), &wave(7), &wave(7)), None);
    }
}
