//! Layout and bit depth of a picture.

use std::fmt;

use crate::error::{Error, Result};

/// How the three planes relate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layout {
    /// Luma, and chroma at half width and half height.
    Yuv420,
    /// Luma, and chroma at half width.
    Yuv422,
    /// Luma and chroma at the same size.
    Yuv444,
    /// Red, green, blue.
    Rgb,
}

/// Bits of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BitDepth {
    /// 8 bits, stored as `u8`.
    Eight,
    /// 10 bits, stored in the low bits of `u16`.
    Ten,
}

impl BitDepth {
    /// The number of bits.
    pub const fn bits(self) -> u8 {
        match self {
            Self::Eight => 8,
            Self::Ten => 10,
        }
    }

    /// The largest sample value.
    pub const fn max_value(self) -> u16 {
        (1 << self.bits()) - 1
    }
}

impl TryFrom<u8> for BitDepth {
    type Error = Error;

    fn try_from(bits: u8) -> Result<Self> {
        match bits {
            8 => Ok(Self::Eight),
            10 => Ok(Self::Ten),
            _ => Err(Error::invalid("bit depth", "8 or 10", bits)),
        }
    }
}

/// Layout and bit depth of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PixelFormat {
    /// How the planes relate.
    pub layout: Layout,
    /// Bits of a sample.
    pub depth: BitDepth,
}

impl PixelFormat {
    /// 4:2:0 at 8 bits.
    pub const YUV420_8: Self = Self { layout: Layout::Yuv420, depth: BitDepth::Eight };
    /// 4:2:0 at 10 bits.
    pub const YUV420_10: Self = Self { layout: Layout::Yuv420, depth: BitDepth::Ten };
    /// RGB at 8 bits.
    pub const RGB_8: Self = Self { layout: Layout::Rgb, depth: BitDepth::Eight };
    /// RGB at 10 bits.
    pub const RGB_10: Self = Self { layout: Layout::Rgb, depth: BitDepth::Ten };

    /// Every format there is.
    pub const ALL: [Self; 8] = {
        const fn both(layout: Layout) -> [PixelFormat; 2] {
            [PixelFormat { layout, depth: BitDepth::Eight }, PixelFormat { layout, depth: BitDepth::Ten }]
        }
        let [a, b] = both(Layout::Yuv420);
        let [c, d] = both(Layout::Yuv422);
        let [e, f] = both(Layout::Yuv444);
        let [g, h] = both(Layout::Rgb);
        [a, b, c, d, e, f, g, h]
    };

    /// Width and height of planes 1 and 2 of a picture of `width x height`; odd sizes round up.
    pub const fn chroma_size(self, width: usize, height: usize) -> (usize, usize) {
        match self.layout {
            Layout::Yuv420 => (width.div_ceil(2), height.div_ceil(2)),
            Layout::Yuv422 => (width.div_ceil(2), height),
            Layout::Yuv444 | Layout::Rgb => (width, height),
        }
    }

    /// Bytes of the samples of a picture of `width x height` in memory.
    pub(crate) const fn byte_len(self, width: usize, height: usize) -> usize {
        let (across, down) = self.chroma_size(width, height);
        let samples = width * height + 2 * across * down;
        match self.depth {
            BitDepth::Eight => samples,
            BitDepth::Ten => 2 * samples,
        }
    }

    /// FFmpeg's name of the format, such as `yuv420p10`.
    pub const fn name(self) -> &'static str {
        match (self.layout, self.depth) {
            (Layout::Yuv420, BitDepth::Eight) => "yuv420p",
            (Layout::Yuv422, BitDepth::Eight) => "yuv422p",
            (Layout::Yuv444, BitDepth::Eight) => "yuv444p",
            (Layout::Rgb, BitDepth::Eight) => "gbrp",
            (Layout::Yuv420, BitDepth::Ten) => "yuv420p10",
            (Layout::Yuv422, BitDepth::Ten) => "yuv422p10",
            (Layout::Yuv444, BitDepth::Ten) => "yuv444p10",
            (Layout::Rgb, BitDepth::Ten) => "gbrp10",
        }
    }
}

impl fmt::Display for PixelFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn format_names_differ() {
        let names: std::collections::HashSet<_> = PixelFormat::ALL.iter().map(|f| f.name()).collect();
        assert_eq!(names.len(), PixelFormat::ALL.len());
    }
}
