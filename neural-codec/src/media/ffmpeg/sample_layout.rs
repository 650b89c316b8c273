//! How a pixel format of FFmpeg lays out its samples, and which format of the library holds them.

use super::super::Lost;
use crate::error::{Error, Result};
use crate::frame::{BitDepth, Layout, PixelFormat};

/// Where the samples of one component lie (see `AVComponentDescriptor` in FFmpeg's `pixdesc.h`).
#[derive(Debug, Clone, Copy)]
pub(super) struct Component {
    pub(super) plane: usize,
    /// Bytes from one sample to the next.
    pub(super) step: usize,
    /// Bytes before the first sample.
    pub(super) offset: usize,
    /// Bits below the value.
    pub(super) shift: u32,
    pub(super) depth: u32,
}

/// How a pixel format lays out its samples. Alpha is not listed: it is dropped.
#[derive(Debug, Clone)]
pub(super) struct SampleLayout {
    pub(super) name: String,
    /// False for hardware surfaces, floats, Bayer patterns, XYZ, and samples that share a byte.
    pub(super) readable: bool,
    /// One for gray, else three.
    pub(super) components: Vec<Component>,
    /// Halvings of width and height of the chroma planes.
    pub(super) chroma_shift: (u32, u32),
    pub(super) is_rgb: bool,
    pub(super) is_big_endian: bool,
    pub(super) has_palette: bool,
    pub(super) has_alpha: bool,
    /// Whether a sample is one bit, the first of a byte being its highest, and what black is; of such samples alone.
    pub(super) black_bit: Option<u8>,
}

impl Component {
    /// Whether a sample lies within one byte.
    pub(super) fn is_byte(&self) -> bool {
        self.shift + self.depth <= 8
    }

    /// The sample within its byte or word, at `depth` bits.
    pub(super) fn value(&self, word: u16, depth: u32) -> u16 {
        fit_depth((word >> self.shift) & (u16::MAX >> (16 - self.depth)), self.depth, depth)
    }
}

impl SampleLayout {
    /// Whether the bytes or words of a plane are its samples as they are.
    pub(super) fn is_plain(&self, plane: usize, depth: u32) -> bool {
        self.components.get(plane).is_none_or(|c| c.shift == 0 && c.depth == depth)
    }

    /// Halvings of a plane's width and height in the source, and how many of them the target makes good by
    /// repeating samples.
    pub(super) fn shift_and_repeat(&self, plane: usize, target: Layout) -> [(u32, u32); 2] {
        // Only chroma planes are smaller than the picture.
        if plane == 0 || self.is_rgb || self.has_palette {
            return [(0, 0), (0, 0)];
        }
        let kept = match target {
            Layout::Yuv420 => (1, 1),
            Layout::Yuv422 => (1, 0),
            Layout::Yuv444 | Layout::Rgb => (0, 0),
        };
        let (x, y) = self.chroma_shift;
        [(x, y), (x.saturating_sub(kept.0), y.saturating_sub(kept.1))]
    }

    /// Where the alpha of a pixel of four bytes lies among them; none where it lies elsewhere.
    pub(super) fn alpha_byte(&self) -> Option<usize> {
        // Not `rgba64le` and its like, whose alpha has two bytes.
        matches!(self.name.as_str(), "bgra" | "rgba" | "argb" | "abgr").then(|| self.name.find('a')).flatten()
    }

    /// What [`target`](Self::target) leaves out. `is_opaque`: whether nothing shows through the pictures.
    pub(super) fn lost(&self, is_opaque: bool) -> Vec<Lost> {
        let mut lost = Vec::new();
        if self.has_alpha && !is_opaque {
            lost.push(Lost::new(
                "alpha",
                format!("the source is {}; what is transparent is coded as it is without alpha", self.name),
            ));
        }
        let deepest = self.deepest();
        if deepest > 10 {
            lost.push(Lost::new(
                "bits",
                format!("the source is {} of {deepest} bits; 10 are kept", self.name),
            ));
        }
        if matches!(self.chroma_shift, (2, _) | (0, 1) | (_, 2)) && self.components.len() >= 3 {
            lost.push(Lost::new(
                "chroma",
                format!("the source is {}; its color samples are repeated to fit", self.name),
            ));
        }
        lost
    }

    fn deepest(&self) -> u32 {
        self.components.iter().map(|component| component.depth).max().unwrap_or(8)
    }

    /// The library's format that holds the samples: the same, or the next that loses nothing but alpha and
    /// depth beyond 10 bits.
    ///
    /// Gray becomes 4:2:0 with neutral chroma; 4:4:0 becomes 4:4:4, 4:1:1 becomes 4:2:2 and 4:1:0 becomes
    /// 4:2:0 by repeating samples; palettes become RGB.
    ///
    /// # Errors
    ///
    /// `Unsupported` for formats that cannot be read.
    pub(super) fn target(&self) -> Result<PixelFormat> {
        if !self.readable {
            return Err(Error::Unsupported {
                what: format!("pixel format {}", self.name),
                remedy: "convert the clip first, for example with ffmpeg -pix_fmt yuv420p".into(),
            });
        }
        let layout = match (self.components.len(), self.chroma_shift) {
            _ if self.is_rgb || self.has_palette => Layout::Rgb,
            (1, _) => Layout::Yuv420,
            (_, (0, _)) => Layout::Yuv444,
            (_, (_, 0)) => Layout::Yuv422,
            _ => Layout::Yuv420,
        };
        Ok(PixelFormat { layout, depth: if self.deepest() <= 8 { BitDepth::Eight } else { BitDepth::Ten } })
    }
}

/// A sample of `from` bits at `to` bits.
///
/// Deeper samples lose their low bits, rounded to nearest and cut at the top; 9 bits gain a zero bit; fewer
/// than 8 bits (packed RGB of 15 or 16 bits) are stretched, so that white stays white.
pub(super) fn fit_depth(value: u16, from: u32, to: u32) -> u16 {
    if from == to {
        value
    } else if from > to {
        let rounded = (u32::from(value) + (1 << (from - to - 1))) >> (from - to);
        rounded.min((1 << to) - 1) as u16
    } else if from == 9 {
        value << 1
    } else {
        let (value, most) = (u32::from(value), (1 << from) - 1);
        ((value * ((1 << to) - 1) + most / 2) / most) as u16
    }
}
