//! The metrics by name, and sets of them.

use std::fmt;
use std::str::FromStr;

use super::ms_ssim::MS_SSIM_SMALLEST_SIDE;
use super::ssim::SSIM_SMALLEST_SIDE;
use super::vmaf::VMAF_SMALLEST_SIDE;
use crate::error::{Error, Result};

/// A metric that a floor may name, as `docs/GLOSSARY.md` defines it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Metric {
    /// Luma PSNR. Units: dB.
    PsnrY,
    /// Luma SSIM, at most 1.
    SsimY,
    /// Luma MS-SSIM, 0 to 1.
    MsSsimY,
    /// SSIMULACRA 2, at most 100.
    Ssimulacra2,
    /// VMAF, 0 to 100.
    Vmaf,
    /// Luma XPSNR. Units: dB.
    XpsnrY,
}

impl Metric {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 6] =
        [Self::PsnrY, Self::SsimY, Self::MsSsimY, Self::Ssimulacra2, Self::Vmaf, Self::XpsnrY];

    /// The name of its field in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PsnrY => "psnr_y",
            Self::SsimY => "ssim_y",
            Self::MsSsimY => "ms_ssim_y",
            Self::Ssimulacra2 => "ssimulacra2",
            Self::Vmaf => "vmaf",
            Self::XpsnrY => "xpsnr_y",
        }
    }

    /// The shortest side of pictures that have it. Units: samples.
    pub(crate) const fn smallest_side(self) -> usize {
        match self {
            Self::SsimY => SSIM_SMALLEST_SIDE,
            Self::MsSsimY => MS_SSIM_SMALLEST_SIDE,
            Self::Vmaf => VMAF_SMALLEST_SIDE,
            Self::PsnrY | Self::Ssimulacra2 | Self::XpsnrY => 0,
        }
    }

    /// Whether pictures of a width and height have it.
    pub(crate) fn is_defined(self, (width, height): (usize, usize)) -> bool {
        width.min(height) >= self.smallest_side()
    }

    /// The pictures that have it, in words.
    pub(crate) fn smallest_text(self) -> String {
        format!("pictures of at least {} samples a side", self.smallest_side())
    }

    /// Checks that pictures of a size have it, as a floor of it can be met by nothing else. `setting`: what asks for it.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` with the shortest side.
    pub(crate) fn expect_defined(self, setting: &'static str, (width, height): (usize, usize)) -> Result<()> {
        if self.is_defined((width, height)) {
            return Ok(());
        }
        Err(Error::invalid(setting, self.smallest_text(), format!("{width}x{height}")))
    }

    /// Its place in [`ALL`](Self::ALL).
    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Metric {
    type Err = Error;

    /// Reads a name, with `_y` or without: `vmaf`, `ms_ssim`, `xpsnr_y`.
    fn from_str(text: &str) -> Result<Self> {
        let name = text.trim();
        let is_named =
            |metric: &Self| metric.name() == name || metric.name().strip_suffix("_y") == Some(name);
        Self::ALL.into_iter().find(is_named).ok_or_else(|| {
            let names = Self::ALL.map(|metric| metric.name().trim_end_matches("_y")).join(", ");
            Error::invalid("metric", format!("one of {names}"), name)
        })
    }
}

/// Which metrics to measure; squared errors and PSNR always are.
///
/// ```
/// use neural_codec::metrics::{Measures, Metric};
///
/// let measures: Measures = "vmaf,xpsnr".parse()?;
/// assert_eq!(measures, Measures::PSNR.with(Metric::Vmaf).with(Metric::XpsnrY));
/// assert!(Measures::MS_SSIM.has(Metric::SsimY) && !Measures::SSIM.has(Metric::Vmaf));
/// # Ok::<(), neural_codec::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Measures(u8);

impl Measures {
    /// Squared errors and PSNR alone.
    pub const PSNR: Self = Self(1 << Metric::PsnrY.index());
    /// And SSIM.
    pub const SSIM: Self = Self::PSNR.with(Metric::SsimY);
    /// And MS-SSIM, at about twice the time.
    pub const MS_SSIM: Self = Self::PSNR.with(Metric::MsSsimY);

    /// This and one more. MS-SSIM brings SSIM, which it is made of.
    #[must_use]
    pub const fn with(self, metric: Metric) -> Self {
        let brought = match metric {
            Metric::MsSsimY => 1 << Metric::SsimY.index(),
            _ => 0,
        };
        Self(self.0 | 1 << metric.index() | brought)
    }

    /// Whether it is among them.
    pub const fn has(self, metric: Metric) -> bool {
        self.0 & 1 << metric.index() != 0
    }

    /// Whether all of them can be measured on a GPU.
    pub(crate) const fn fit_a_gpu(self) -> bool {
        !self.has(Metric::Ssimulacra2) && !self.has(Metric::Vmaf) && !self.has(Metric::XpsnrY)
    }
}

impl Default for Measures {
    fn default() -> Self {
        Self::SSIM
    }
}

impl FromStr for Measures {
    type Err = Error;

    /// Reads names with commas between them.
    fn from_str(text: &str) -> Result<Self> {
        text.split(',').try_fold(Self::PSNR, |set, name| Ok(set.with(name.parse()?)))
    }
}

impl fmt::Debug for Measures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = Metric::ALL.iter().filter(|m| self.has(**m)).map(|m| m.name()).collect();
        f.write_str(&names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_stands_where_its_index_says_and_reads_its_name() {
        for (index, metric) in Metric::ALL.into_iter().enumerate() {
            assert_eq!(metric.index(), index);
            assert_eq!(metric.name().parse::<Metric>().unwrap(), metric);
        }
        assert_eq!("xpsnr".parse::<Metric>().unwrap(), Metric::XpsnrY);
        let message = "vmaf,butteraugli".parse::<Measures>().unwrap_err().to_string();
        assert!(message.contains("ssimulacra2") && message.contains("butteraugli"), "{message}");
    }
}
