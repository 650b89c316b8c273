//! What a picture's color means where its source does not say.

use crate::error::{Error, Result};
use crate::frame::{ChromaLocation, Color, ColorRange, Layout};

impl Color {
    /// H.273 code point of the matrix of BT.709.
    pub const BT709: u8 = 1;
    /// H.273 code point of the matrix of BT.601 (as SMPTE 170M; 5 has the same coefficients).
    pub const BT601: u8 = 6;
    /// H.273 code point of the matrix of BT.2020 with non-constant luminance.
    pub const BT2020: u8 = 9;
    /// H.273 code point of planes that hold red, green and blue as they are.
    pub const IDENTITY: u8 = 0;

    /// The color of an RGB picture made from samples of this color: same primaries and transfer.
    #[must_use]
    pub fn as_rgb(self) -> Self {
        Self {
            range: ColorRange::Full,
            matrix: Self::IDENTITY,
            chroma_location: ChromaLocation::Unspecified,
            ..self
        }
    }

    /// This color with the matrix, range and chroma location that a conversion assumes where they are unspecified.
    ///
    /// The result is what [`convert`](super::convert) takes; compare it with `self` to report what was assumed.
    /// - Matrix: BT.709 for pictures at least 1280 wide or 720 high, BT.601 for smaller ones.
    /// - Range: limited for YUV, full for RGB.
    /// - Chroma location of 4:2:0 and 4:2:2: left.
    ///
    /// The color of an RGB picture (matrix 0), asked about a YUV layout, says nothing of matrix or range: both
    /// are then unspecified. `width` and `height` are in pixels. Primaries and transfer stay as they are.
    #[must_use]
    pub fn resolve_for_conversion(self, layout: Layout, width: usize, height: usize) -> Self {
        if layout == Layout::Rgb {
            return match self.range {
                ColorRange::Unspecified => self.as_rgb(),
                range => Self { range, ..self.as_rgb() },
            };
        }
        let from_rgb = self.matrix == Self::IDENTITY;
        let by_size = if width >= 1280 || height >= 720 { Self::BT709 } else { Self::BT601 };
        let subsampled = layout != Layout::Yuv444;
        Self {
            matrix: if from_rgb || self.matrix == Self::UNSPECIFIED { by_size } else { self.matrix },
            range: match self.range {
                ColorRange::Full if !from_rgb => ColorRange::Full,
                _ => ColorRange::Limited,
            },
            chroma_location: match self.chroma_location {
                ChromaLocation::Unspecified if subsampled => ChromaLocation::Left,
                location => location,
            },
            ..self
        }
    }

    /// This color with unspecified parts taken from `other`.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` where both say something of matrix, range or chroma location and differ.
    pub(super) fn agreed_with(self, other: Self) -> Result<Self> {
        let code = |name, a: u8, b: u8| match (a, b) {
            (Self::UNSPECIFIED, b) => Ok(b),
            (a, Self::UNSPECIFIED) => Ok(a),
            // BT.470BG and SMPTE 170M are one matrix under two numbers.
            (5 | 6, 5 | 6) => Ok(a),
            (a, b) if a == b => Ok(a),
            (a, b) => Err(Error::invalid(name, format!("{a}, as the frame says"), b)),
        };
        let pick = |mine: u8, theirs: u8| if mine == Self::UNSPECIFIED { theirs } else { mine };
        Ok(Self {
            matrix: code("matrix", self.matrix, other.matrix)?,
            range: match (self.range, other.range) {
                (ColorRange::Unspecified, range) | (range, ColorRange::Unspecified) => range,
                (a, b) if a == b => a,
                (a, b) => {
                    return Err(Error::invalid(
                        "range",
                        format!("{a:?}, as the frame says"),
                        format!("{b:?}"),
                    ));
                }
            },
            chroma_location: match (self.chroma_location, other.chroma_location) {
                (ChromaLocation::Unspecified, location) | (location, ChromaLocation::Unspecified) => location,
                (a, b) if a == b => a,
                (a, b) => {
                    let expected = format!("{a:?}, as the frame says");
                    return Err(Error::invalid("chroma location", expected, format!("{b:?}")));
                }
            },
            primaries: pick(self.primaries, other.primaries),
            transfer: pick(self.transfer, other.transfer),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_unspecified_is_chosen() {
        let resolve = |color: Color, w, h| color.resolve_for_conversion(Layout::Yuv420, w, h);
        let unknown = Color::default();
        assert_eq!(resolve(unknown, 720, 576).matrix, Color::BT601);
        assert_eq!(resolve(unknown, 720, 720).matrix, Color::BT709);
        assert_eq!(resolve(unknown, 1280, 544).matrix, Color::BT709);
        assert_eq!(resolve(unknown, 720, 576).range, ColorRange::Limited);
        assert_eq!(resolve(unknown, 720, 576).chroma_location, ChromaLocation::Left);
        let known = Color {
            range: ColorRange::Full,
            matrix: Color::BT2020,
            chroma_location: ChromaLocation::TopLeft,
            ..unknown
        };
        assert_eq!(resolve(known, 64, 64), known);
    }

    #[test]
    fn the_range_of_an_rgb_picture_says_nothing_of_the_yuv_made_from_it() {
        let color = Color::default().as_rgb().resolve_for_conversion(Layout::Yuv444, 64, 64);
        assert_eq!((color.range, color.matrix), (ColorRange::Limited, Color::BT601));
        assert_eq!(color.chroma_location, ChromaLocation::Unspecified);
    }
}
