//! Frame rates, time bases, and the description of a clip.

use std::fmt;

use super::{Color, PixelFormat};
use crate::error::{Error, Result};

/// A positive fraction, such as 30000/1001 frames a second or 1/90000 seconds.
///
/// ```
/// # use neural_codec::frame::Rational;
/// let ntsc = Rational::new(30000, 1001)?;
/// assert_eq!(ntsc.inverse().to_string(), "1001/30000");
/// assert!(Rational::new(1, 0).is_err());
/// # Ok::<(), neural_codec::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rational {
    /// Numerator, at least 1.
    pub num: u32,
    /// Denominator, at least 1.
    pub den: u32,
}

impl Rational {
    /// A fraction.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` when either part is 0.
    pub fn new(num: u32, den: u32) -> Result<Self> {
        if num == 0 || den == 0 {
            return Err(Error::invalid("fraction", "both parts at least 1", format!("{num}/{den}")));
        }
        Ok(Self { num, den })
    }

    /// The value as a float.
    pub fn value(self) -> f64 {
        f64::from(self.num) / f64::from(self.den)
    }

    /// One over the fraction.
    #[must_use]
    pub fn inverse(self) -> Self {
        Self { num: self.den, den: self.num }
    }
}

impl fmt::Display for Rational {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.num, self.den)
    }
}

/// What holds for a whole clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VideoInfo {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Layout and bit depth.
    pub format: PixelFormat,
    /// Meaning of the sample values.
    pub color: Color,
    /// Nominal frames a second; the mean rate where the rate varies.
    pub frame_rate: Rational,
    /// Seconds per unit of [`Frame::timestamp`](super::Frame::timestamp).
    pub time_base: Rational,
    /// Width over height of a pixel; 1/1 for square pixels.
    pub pixel_aspect: Rational,
}

impl VideoInfo {
    /// A clip of constant rate and square pixels whose timestamps count frames.
    pub fn new(width: usize, height: usize, format: PixelFormat, frame_rate: Rational) -> Self {
        Self {
            width,
            height,
            format,
            color: Color::default(),
            frame_rate,
            time_base: frame_rate.inverse(),
            pixel_aspect: Rational { num: 1, den: 1 },
        }
    }
}
