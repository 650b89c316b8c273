//! A sum of floats that does not depend on their order.

/// A mean of finite values, each rounded to 2^-60, summed exactly.
///
/// The sum is an integer, so adding is associative: scenes measured apart and merged give the clip's value to
/// the last bit. A value of 32 or more is not rounded at all; below, the error is at most 2^-61.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct ExactMean {
    /// Sum of the values in units of 2^-60.
    sum: i128,
    count: u64,
}

const ONE: f64 = (1_u64 << 60) as f64;

impl ExactMean {
    /// Takes one value in.
    pub(super) fn add(&mut self, value: f64) {
        self.sum = self.sum.saturating_add((value * ONE).round() as i128);
        self.count += 1;
    }

    /// Takes in all that `other` took in.
    pub(super) fn merge(&mut self, other: &Self) {
        self.sum = self.sum.saturating_add(other.sum);
        self.count += other.count;
    }

    /// The mean, or `None` of nothing.
    pub(super) fn value(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum as f64 / self.count as f64 / ONE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_does_not_depend_on_order_or_grouping() {
        let values: Vec<f64> = (1..500).map(|i| 41.0 / f64::from(i) + 0.1).collect();
        let mut forward = ExactMean::default();
        values.iter().for_each(|&v| forward.add(v));
        let mut grouped = ExactMean::default();
        for group in values.rchunks(7) {
            let mut part = ExactMean::default();
            group.iter().rev().for_each(|&v| part.add(v));
            grouped.merge(&part);
        }
        assert_eq!(forward, grouped);
        let plain = values.iter().sum::<f64>() / values.len() as f64;
        assert!((forward.value().unwrap() - plain).abs() < 1e-13);
    }

    #[test]
    fn the_mean_of_nothing_is_none() {
        assert_eq!(ExactMean::default().value(), None);
    }
}
