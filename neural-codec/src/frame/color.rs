//! What sample values mean: range and the code points of ITU-T H.273.
//!
//! Carried from input to output as they are; "unspecified" stays unspecified. Only a conversion between RGB
//! and YUV has to choose, and says what it chose (see the conversions in this module's siblings).

/// Whether black and white are at the ends of the sample range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ColorRange {
    /// The source does not say. Conversions treat YUV as limited and RGB as full.
    #[default]
    Unspecified,
    /// Luma from 16 to 235, chroma from 16 to 240, scaled by 4 at 10 bits.
    Limited,
    /// The whole range of the bit depth.
    Full,
}

/// Where a chroma sample of 4:2:0 lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ChromaLocation {
    /// The source does not say.
    #[default]
    Unspecified,
    /// Between two luma rows, above each other with the left luma column (MPEG-2, H.264 default).
    Left,
    /// In the center of four luma samples (JPEG, MPEG-1).
    Center,
    /// On the top left luma sample (HDR, BT.2020).
    TopLeft,
}

/// Color description. The three numbers are code points of ITU-T H.273, 2 meaning unspecified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Color {
    /// Limited or full range.
    pub range: ColorRange,
    /// Color primaries (H.273 table 2), such as 1 for BT.709.
    pub primaries: u8,
    /// Transfer characteristics (H.273 table 3).
    pub transfer: u8,
    /// Matrix coefficients (H.273 table 4), such as 1 for BT.709, 5 or 6 for BT.601, 0 for RGB.
    pub matrix: u8,
    /// Position of the chroma samples.
    pub chroma_location: ChromaLocation,
}

impl Color {
    /// H.273 code point for "unspecified".
    pub const UNSPECIFIED: u8 = 2;
}

impl Default for Color {
    fn default() -> Self {
        Self {
            range: ColorRange::Unspecified,
            primaries: Self::UNSPECIFIED,
            transfer: Self::UNSPECIFIED,
            matrix: Self::UNSPECIFIED,
            chroma_location: ChromaLocation::Unspecified,
        }
    }
}
