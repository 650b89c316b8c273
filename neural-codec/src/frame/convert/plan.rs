//! What a conversion has to do, before it is done on the CPU or on a GPU.

use super::chroma::subsampling;
use super::matrix::{Affine, ToRgb, ToYuv};
use crate::error::{Error, Result};
use crate::frame::{ChromaLocation, Color, ColorRange, Layout, PixelFormat};

/// The kind of a conversion, its coefficients, and the color of the result; of YUV, the color to convert under.
pub(super) enum Plan {
    /// Nothing changes.
    Same,
    /// RGB of another depth.
    Depth(Affine, Color),
    /// From RGB.
    ToYuv(ToYuv, Color),
    /// To RGB.
    ToRgb(ToRgb, Color),
    /// Between chroma layouts and depths: the color to convert under, then that of the result.
    Layout(Color, Color),
}

/// What takes samples of `from`, of color `own`, to those of `to`.
///
/// # Errors
///
/// Those of [`convert`](super::convert).
pub(super) fn plan(from: PixelFormat, own: Color, to: PixelFormat, yuv: Color) -> Result<Plan> {
    if from == to {
        return Ok(Plan::Same);
    }
    Ok(match (from.layout, to.layout) {
        (Layout::Rgb, Layout::Rgb) => {
            check_rgb(own)?;
            let gain = f64::from(to.depth.max_value()) / f64::from(from.depth.max_value());
            Plan::Depth(Affine::new(gain, 1, 0, 0, to.depth), own.as_rgb())
        }
        (Layout::Rgb, _) => {
            check_rgb(own)?;
            let color = completed(rgb_source_color(own, yuv), to);
            Plan::ToYuv(ToYuv::new(color, from.depth, to.depth)?, color)
        }
        (_, Layout::Rgb) => {
            let color = completed(own.agreed_with(yuv)?, from);
            Plan::ToRgb(ToRgb::new(color, from.depth, to.depth)?, color)
        }
        _ => {
            // The side with less chroma has the location; where both have, they share it.
            let is_subsampled = subsampling(to.layout).0;
            let color = completed(own.agreed_with(yuv)?, if is_subsampled { to } else { from });
            let kept = if is_subsampled { color.chroma_location } else { ChromaLocation::Unspecified };
            Plan::Layout(color, Color { chroma_location: kept, ..color })
        }
    })
}

/// The color to convert under: no range left open, and a chroma location exactly where `format` needs one.
fn completed(color: Color, format: PixelFormat) -> Color {
    let range = if color.range == ColorRange::Full { ColorRange::Full } else { ColorRange::Limited };
    let chroma_location = match color.chroma_location {
        _ if !subsampling(format.layout).0 => ChromaLocation::Unspecified,
        ChromaLocation::Unspecified => ChromaLocation::Left,
        location => location,
    };
    Color { range, chroma_location, ..color }
}

/// What YUV made from an RGB frame is to mean: `yuv`, with the primaries and transfer that the frame says.
fn rgb_source_color(own: Color, yuv: Color) -> Color {
    let pick = |own: u8, other: u8| if own == Color::UNSPECIFIED { other } else { own };
    Color { primaries: pick(own.primaries, yuv.primaries), transfer: pick(own.transfer, yuv.transfer), ..yuv }
}

fn check_rgb(own: Color) -> Result<()> {
    if own.range == ColorRange::Limited {
        return Err(Error::Unsupported {
            what: "conversion from RGB of limited range".into(),
            remedy: "expand it to full range first".into(),
        });
    }
    Ok(())
}
