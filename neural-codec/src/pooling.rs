//! How the values of frames become the one that a floor is about, and of which frames: names alone. `metrics` does the sums.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// How the values of frames become one. Frames without a value, such as the PSNR of lossless ones, are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pooling {
    /// Their mean; of XPSNR, as its authors average it: the decibels of the mean root of the weighted error, in which a lossless
    /// frame counts as no error.
    #[default]
    Mean,
    /// Their harmonic mean, each raised by one as libvmaf does: `1 / mean(1 / (value + 1)) - 1`. Values below 0 count as 0.
    HarmonicMean,
    /// The value that so many percent of the frames lie below, between two frames on the line through both, as in numpy.
    Percentile(u8),
}

impl fmt::Display for Pooling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mean => f.write_str("mean"),
            Self::HarmonicMean => f.write_str("harmonic_mean"),
            Self::Percentile(percent) => write!(f, "p{percent}"),
        }
    }
}

impl FromStr for Pooling {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let percent = |text: &str| text.strip_prefix('p')?.parse().ok().filter(|p| (0..=100).contains(p));
        match text.trim() {
            "mean" => Ok(Self::Mean),
            "harmonic_mean" => Ok(Self::HarmonicMean),
            other => percent(other).map(Self::Percentile).ok_or_else(|| {
                Error::invalid("pooling", "mean, harmonic_mean, or a percentile of frames such as p5", text)
            }),
        }
    }
}

/// What a floor is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scope {
    /// Every scene by itself.
    #[default]
    Scene,
    /// All frames of the clip together.
    Clip,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Clip { "clip" } else { "scene" })
    }
}

impl FromStr for Scope {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.trim() {
            "scene" => Ok(Self::Scene),
            "clip" => Ok(Self::Clip),
            _ => Err(Error::invalid("scope", "scene or clip", text)),
        }
    }
}
