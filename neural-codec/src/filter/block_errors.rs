//! The error of a frame block by block, to choose where it is filtered.

use super::infer::{BLOCK_SIDE, block_count};
use super::network::{ACTIVATION_BITS, SITE_CHANNELS};
use super::sites::Sites;
use crate::error::{Error, Result};
use crate::frame::Frame;
use crate::memory;

/// Squared errors of the samples of all planes in each block of 64x64 luma samples, those of U and V counted `chroma`
/// times. Depths may differ.
///
/// Shape: `[rows][columns]`, see [`block_count`]. Units: squared levels of 8 bits.
///
/// # Errors
///
/// `InvalidArgument` for layouts other than 4:2:0 and for frames of two sizes.
pub fn block_errors(decoded: &Frame, source: &Frame, chroma: f32) -> Result<Vec<f64>> {
    let size = |frame: &Frame| format!("{}x{}", frame.width(), frame.height());
    if size(decoded) != size(source) {
        return Err(Error::invalid("size of the source", size(decoded), size(source)));
    }
    let (columns, rows) = block_count(decoded.width(), decoded.height());
    let (decoded, source) = (Sites::of(decoded)?, Sites::of(source)?);
    let side = BLOCK_SIDE / 2;
    let mut sums = memory::filled("blocks of a frame", columns * rows, 0.0)?;
    for channel in 0..SITE_CHANNELS {
        let weight = if channel < 4 { 1.0 } else { f64::from(chroma) };
        let pairs = decoded
            .channel(channel)
            .chunks(decoded.width())
            .zip(source.channel(channel).chunks(source.width()));
        for (y, (a, b)) in pairs.enumerate() {
            let blocks = &mut sums[y / side * columns..][..columns];
            for (sum, (a, b)) in blocks.iter_mut().zip(a.chunks(side).zip(b.chunks(side))) {
                let squares = a.iter().zip(b).map(|(&a, &b)| {
                    let difference = i32::from(a) - i32::from(b);
                    // At most 255 * 64 squared: 32 sites of it fit in 34 bits.
                    u64::from((difference * difference).unsigned_abs())
                });
                *sum += squares.sum::<u64>() as f64 * weight;
            }
        }
    }
    let unit = f64::from(1_u32 << (2 * ACTIVATION_BITS));
    sums.iter_mut().for_each(|sum| *sum /= unit);
    Ok(sums)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{BitDepth, Color, PixelFormat};
    use crate::with_planes;

    #[test]
    fn a_wrong_sample_counts_in_its_block_alone_at_any_depth() {
        let source = Frame::new(130, 70, PixelFormat::YUV420_8, Color::default()).unwrap();
        let mut wrong = source.clone();
        with_planes!(wrong.planes_mut(), planes => {
            planes[0].row_mut(65)[129] = 3;
            planes[2].row_mut(0)[33] = 2;
        });
        let expected = [0.0, 4.0, 0.0, 0.0, 0.0, 9.0];
        assert_eq!(block_errors(&wrong, &source, 1.0).unwrap(), expected);
        assert_eq!(block_errors(&wrong.shifted_to(BitDepth::Ten).unwrap(), &source, 1.0).unwrap(), expected);
        let other = Frame::new(130, 72, PixelFormat::YUV420_8, Color::default()).unwrap();
        assert!(block_errors(&other, &source, 1.0).is_err());
    }
}
