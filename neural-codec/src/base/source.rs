//! Pictures as the encoder takes them: even sides of at least 64 samples.

use std::borrow::Cow;

use super::abi::PictureIn;
use crate::error::Result;
use crate::frame::{Frame, Plane, Sample};
use crate::lost::Lost;
use crate::memory;
use crate::with_planes;

/// Smallest side that every supported version of SVT-AV1 codes.
const MIN_SIDE: usize = 64;

/// Width and height that a picture of `width x height` is coded at: even, and at least 64.
///
/// The added columns and rows repeat the last ones; the decoder cuts them off.
pub const fn coded_size(width: usize, height: usize) -> (usize, usize) {
    const fn side(side: usize) -> usize {
        if side < MIN_SIDE { MIN_SIDE } else { side.next_multiple_of(2) }
    }
    (side(width), side(height))
}

/// What players other than this library's decoder show beside a picture of `width x height`: the columns and rows that were added.
pub fn shown_padding(width: usize, height: usize) -> Option<Lost> {
    let coded = coded_size(width, height);
    (coded != (width, height)).then(|| {
        let why = format!(
            "pictures of {width}x{height} are coded as {}x{}, and players show the columns and rows that were added; this library's \
             decoder cuts them off",
            coded.0, coded.1
        );
        Lost::new("shown size", why)
    })
}

/// Calls `send` with the planes of a frame at its coded size; copies only where the size differs.
///
/// # Errors
///
/// `OutOfMemory`.
pub(super) fn with_picture<R>(
    frame: &Frame,
    pts: i64,
    quantizer: u8,
    send: impl FnOnce(&PictureIn) -> R,
) -> Result<R> {
    let (width, height) = coded_size(frame.width(), frame.height());
    with_planes!(frame.planes(), planes => {
        let padded = [
            padded(&planes[0], width, height)?,
            padded(&planes[1], width / 2, height / 2)?,
            padded(&planes[2], width / 2, height / 2)?,
        ];
        Ok(send(&PictureIn {
            planes: [padded[0].as_ptr().cast(), padded[1].as_ptr().cast(), padded[2].as_ptr().cast()],
            strides: [width as u32, width as u32 / 2, width as u32 / 2],
            width: width as u32,
            height: height as u32,
            byte_len: padded.iter().map(|p| size_of_val(&**p) as u32).sum(),
            pts,
            quantizer: quantizer.into(),
        }))
    })
}

/// The samples of a plane with its last column and row repeated up to `width x height`.
pub(super) fn padded<T: Sample>(plane: &Plane<T>, width: usize, height: usize) -> Result<Cow<'_, [T]>> {
    if (plane.width(), plane.height()) == (width, height) {
        return Ok(Cow::Borrowed(plane.samples()));
    }
    let mut out = memory::reserved("samples of a plane", width * height)?;
    for y in 0..height {
        let row = plane.row(y.min(plane.height() - 1));
        out.extend_from_slice(row);
        out.resize((y + 1) * width, row.last().copied().unwrap_or_default());
    }
    Ok(Cow::Owned(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coded_sizes_are_even_and_at_least_64() {
        assert_eq!(coded_size(1, 1), (64, 64));
        assert_eq!(coded_size(97, 65), (98, 66));
        assert_eq!(coded_size(1920, 1080), (1920, 1080));
    }

    #[test]
    fn padding_repeats_the_last_column_and_row() {
        let plane = Plane::from_samples(2, 2, vec![1_u8, 2, 3, 4]).unwrap();
        assert_eq!(*padded(&plane, 3, 4).unwrap(), [1, 2, 2, 3, 4, 4, 3, 4, 4, 3, 4, 4]);
        assert!(matches!(padded(&plane, 2, 2).unwrap(), Cow::Borrowed(_)));
    }
}
