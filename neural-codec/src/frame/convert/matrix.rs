//! Integer coefficients between RGB and YUV.
//!
//! The real coefficients follow from two luma weights (ITU-T H.273, equations 38 to 43) and from where the range puts
//! black, white and neutral chroma (equations 24 to 32). Each is rounded once, to a fixed point that
//! fills 32-bit sums; sums that must be exact (white, neutral grays) are made exact. IEEE add, multiply, divide and
//! round give the same integers on every machine.

use super::units::{DOWN_UNIT_BITS, up_unit};
use crate::error::{Error, Result};
use crate::frame::{BitDepth, Color, ColorRange};

/// Where a range and depth put the ends of luma and chroma, in code values.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quantization {
    /// Black.
    pub(super) black: i32,
    /// White minus black.
    pub(super) luma: i32,
    /// Largest minus smallest chroma.
    pub(super) chroma: i32,
    /// Neutral chroma.
    pub(super) neutral: i32,
    /// Largest code value.
    pub(super) max: i32,
}

impl Quantization {
    pub(super) fn new(range: ColorRange, depth: BitDepth) -> Self {
        let max = i32::from(depth.max_value());
        let step = 1 << (depth.bits() - 8);
        let neutral = 128 * step;
        match range {
            ColorRange::Full => Self { black: 0, luma: max, chroma: max, neutral, max },
            _ => Self { black: 16 * step, luma: 219 * step, chroma: 224 * step, neutral, max },
        }
    }
}

/// Weights of red and blue in luma (H.273 table 4).
///
/// # Errors
///
/// `InvalidArgument` for an unspecified matrix, `Unsupported` for one that is not linear or not YUV.
pub(super) fn luma_weights(matrix: u8) -> Result<(f64, f64)> {
    match matrix {
        Color::BT709 => Ok((0.2126, 0.0722)),
        4 => Ok((0.30, 0.11)),
        5 | 6 => Ok((0.299, 0.114)),
        7 => Ok((0.212, 0.087)),
        Color::BT2020 => Ok((0.2627, 0.0593)),
        Color::UNSPECIFIED => Err(Error::invalid(
            "matrix",
            "an H.273 code point (see Color::resolve_for_conversion)",
            "unspecified",
        )),
        other => Err(Error::Unsupported {
            what: format!("color matrix {other} for YUV"),
            remedy: "convert to BT.709, BT.601 or BT.2020 (code points 1, 5, 6, 9) first".into(),
        }),
    }
}

fn round(value: f64) -> i32 {
    value.round() as i32
}

/// `clamp((gain * x + bias) >> shift, min, max)`: a change of depth or unit with one rounding.
#[derive(Debug, Clone, Copy)]
pub(super) struct Affine {
    pub(super) gain: i32,
    pub(super) bias: i32,
    pub(super) shift: u32,
    pub(super) min: i32,
    pub(super) max: i32,
}

impl Affine {
    /// What leaves every code value as it is.
    pub(super) const IDENTITY: Self = Self { gain: 1, bias: 0, shift: 0, min: 0, max: u16::MAX as i32 };

    /// Code values from `from_zero + x / unit` steps to `to_zero + gain * x / unit` steps.
    pub(super) fn new(gain: f64, unit: i32, from_zero: i32, to_zero: i32, depth: BitDepth) -> Self {
        let shift = 29 - u32::from(depth.bits());
        let integer = round(gain / f64::from(unit) * f64::from(1 << shift));
        let bias = (1 << (shift - 1)) + (to_zero << shift) - from_zero * integer;
        Self { gain: integer, bias, shift, min: 0, max: i32::from(depth.max_value()) }
    }

    /// Chroma at depth `from`, times `gain`, to the unit that halving to depth `to` takes.
    pub(super) fn to_halve(gain: f64, from: BitDepth, to: BitDepth) -> Self {
        let neutral = 1 << (from.bits() - 1);
        let unit = f64::from(1 << (DOWN_UNIT_BITS - u32::from(to.bits()))) / 800.0;
        let gain = round(gain * unit * 1024.0);
        Self { gain, bias: 512 - neutral * gain, shift: 10, min: i32::MIN, max: i32::MAX }
    }
}

/// Luma and upsampled chroma to one of red, green and blue:
/// `clamp((y * gain + cb * u + cr * v + bias) >> shift, 0, max)`.
#[derive(Debug, Clone, Copy)]
pub(super) struct ToRgb {
    pub(super) y: i32,
    /// Factors of U for red (always 0), green and blue.
    pub(super) u: [i32; 3],
    /// Factors of V for red, green and blue (always 0).
    pub(super) v: [i32; 3],
    pub(super) bias: i32,
    pub(super) shift: u32,
    pub(super) max: i32,
}

impl ToRgb {
    /// From YUV of `color` at depth `from` to full-range RGB at depth `to`.
    ///
    /// The sums stay below 2^31: out of gamut they reach 2.9 times white, which stands at 2^29.
    pub(super) fn new(color: Color, from: BitDepth, to: BitDepth) -> Result<Self> {
        let (kr, kb) = luma_weights(color.matrix)?;
        let kg = 1.0 - kr - kb;
        let source = Quantization::new(color.range, from);
        let shift = 29 - u32::from(to.bits());
        let white = f64::from(to.max_value()) * f64::from(1 << shift);
        let chroma = |factor: f64| round(factor * white / f64::from(source.chroma * up_unit(from)));
        let y = round(white / f64::from(source.luma));
        Ok(Self {
            y,
            u: [0, chroma(-2.0 * kb * (1.0 - kb) / kg), chroma(2.0 * (1.0 - kb))],
            v: [chroma(2.0 * (1.0 - kr)), chroma(-2.0 * kr * (1.0 - kr) / kg), 0],
            bias: (1 << (shift - 1)) - source.black * y,
            shift,
            max: i32::from(to.max_value()),
        })
    }
}

/// `(r * rgb[0] + g * rgb[1] + b * rgb[2] + bias) >> shift`, clamped to `range`.
#[derive(Debug, Clone, Copy)]
pub(super) struct WeightedSum {
    pub(super) rgb: [i32; 3],
    pub(super) bias: i32,
    pub(super) shift: u32,
    pub(super) min: i32,
    pub(super) max: i32,
}

/// Red, green and blue to luma and chroma.
#[derive(Debug, Clone, Copy)]
pub(super) struct ToYuv {
    /// To code values.
    pub(super) y: WeightedSum,
    /// To code values of U and V, for 4:4:4.
    pub(super) chroma: [WeightedSum; 2],
    /// To the unit that the chroma filters take, for 4:2:0 and 4:2:2.
    pub(super) unfiltered: [WeightedSum; 2],
}

impl ToYuv {
    /// From full-range RGB at depth `from` to YUV of `color` at depth `to`.
    pub(super) fn new(color: Color, from: BitDepth, to: BitDepth) -> Result<Self> {
        let (kr, kb) = luma_weights(color.matrix)?;
        let kg = 1.0 - kr - kb;
        let target = Quantization::new(color.range, to);
        let white = f64::from(from.max_value());
        let shift = 30 - u32::from(to.bits());
        let one = f64::from(1 << shift);

        let gain = f64::from(target.luma) * one / white;
        let (r, b) = (round(kr * gain), round(kb * gain));
        let y = WeightedSum {
            rgb: [r, round(gain) - r - b, b],
            bias: (target.black << shift) + (1 << (shift - 1)),
            shift,
            min: 0,
            max: target.max,
        };

        // Weights of red, green and blue in Cb and Cr, each summing to 0.
        let difference = [[-kr, -kg, 1.0 - kb], [1.0 - kr, -kg, -kb]];
        let slope = [0.5 / (1.0 - kb), 0.5 / (1.0 - kr)];
        let weights = |plane: usize, unit: f64| {
            let gain = f64::from(target.chroma) / white * slope[plane] * unit;
            let (r, b) = (round(difference[plane][0] * gain), round(difference[plane][2] * gain));
            [r, -r - b, b]
        };
        let chroma = [0, 1].map(|plane| WeightedSum {
            rgb: weights(plane, one),
            bias: (target.neutral << shift) + (1 << (shift - 1)),
            shift,
            min: 0,
            max: target.max,
        });
        // The filters take 2^30 / 2^depth / 800 a code value (see `chroma`); ten more bits before rounding to it.
        let unit = f64::from(1 << (DOWN_UNIT_BITS - u32::from(to.bits()))) / 800.0;
        let unfiltered = [0, 1].map(|plane| WeightedSum {
            rgb: weights(plane, unit * 1024.0),
            bias: 512,
            shift: 10,
            min: i32::MIN,
            max: i32::MAX,
        });
        Ok(Self { y, chroma, unfiltered })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::ChromaLocation;

    #[test]
    fn an_unspecified_matrix_is_an_error_that_names_the_remedy() {
        let error = ToRgb::new(Color::default(), BitDepth::Eight, BitDepth::Eight).unwrap_err();
        assert!(error.to_string().contains("resolve_for_conversion"), "{error}");
        assert!(matches!(luma_weights(8), Err(Error::Unsupported { .. })));
    }

    #[test]
    fn grays_have_no_chroma() {
        for matrix in [1, 5, 9] {
            let color = Color {
                matrix,
                range: ColorRange::Limited,
                chroma_location: ChromaLocation::Left,
                ..Color::default()
            };
            let yuv = ToYuv::new(color, BitDepth::Eight, BitDepth::Ten).unwrap();
            for sum in yuv.chroma.iter().chain(&yuv.unfiltered) {
                assert_eq!(sum.rgb.iter().sum::<i32>(), 0);
            }
        }
    }
}
