//! The base layer's quantizer: one number from fine to coarse.

use std::fmt;

use crate::error::{Error, Result};

/// Constant quality (CRF), 1 (best) to 70, in quarter steps; 63 is the end of what older encoders have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Quantizer(u16);

impl Quantizer {
    /// The finest.
    pub const FINEST: Self = Self(4);
    /// The coarsest.
    pub const COARSEST: Self = Self(4 * 70);

    /// The quantizer of this value.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` outside 1 to 70 and between quarter steps.
    pub fn new(value: f64) -> Result<Self> {
        let quarters = value * 4.0;
        if quarters.fract() == 0.0 && (4.0..=280.0).contains(&quarters) {
            Ok(Self(quarters as u16))
        } else {
            Err(Error::invalid("quantizer", "1 to 70 in quarter steps", value))
        }
    }

    /// The next grid value at or below `value`, in whole steps or quarter steps, kept within bounds.
    #[must_use]
    pub fn at_most(value: f64, whole: bool) -> Self {
        let quarters = if whole { 4.0 * value.floor() } else { (4.0 * value).floor() };
        Self(quarters.clamp(4.0, 280.0) as u16)
    }

    /// The value, 1 to 70.
    pub fn value(self) -> f64 {
        f64::from(self.0) / 4.0
    }

    /// The value in quarter steps, 4 to 280.
    pub const fn quarters(self) -> u16 {
        self.0
    }

    /// Whether it lies on a whole step.
    pub const fn is_whole(self) -> bool {
        self.0.is_multiple_of(4)
    }
}

impl From<u8> for Quantizer {
    /// A whole step, moved into the bounds.
    fn from(value: u8) -> Self {
        Self(4 * u16::from(value.clamp(1, 70)))
    }
}

impl fmt::Display for Quantizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_between_quarter_steps_and_out_of_bounds_are_refused() {
        for value in [0.75, 70.25, 30.1, f64::NAN, f64::INFINITY, -1.0] {
            assert!(Quantizer::new(value).is_err(), "{value}");
        }
        assert_eq!(Quantizer::new(30.25).unwrap().to_string(), "30.25");
        assert_eq!(Quantizer::new(30.0).unwrap().to_string(), "30");
        assert_eq!(Quantizer::from(30), Quantizer::new(30.0).unwrap());
    }

    #[test]
    fn the_grid_value_at_most_is_never_coarser() {
        for value in [1.0, 1.3, 30.0, 30.24, 30.99, 69.9] {
            for whole in [false, true] {
                let found = Quantizer::at_most(value, whole);
                assert!(found.value() <= value && (!whole || found.is_whole()));
            }
        }
        assert_eq!(Quantizer::at_most(-5.0, false), Quantizer::FINEST);
        assert_eq!(Quantizer::at_most(500.0, true), Quantizer::COARSEST);
    }
}
