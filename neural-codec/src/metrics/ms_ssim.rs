//! Structural similarity over five scales, after Wang et al. 2003.

use super::comparable::{Comparable, check_same_size};
use super::gaussian::{Similarity, similarity_f32};
use super::halve::{halve, halve_rows_f32};
use super::ssim::{Pair, check_side, mean_similarity};
use crate::error::Result;
use crate::frame::{BitDepth, Plane};

/// The smallest side of a picture that a window fits in at the fifth scale: 11 x 2^4.
pub const MS_SSIM_SMALLEST_SIDE: usize = 176;

/// Exponents from the finest scale to the coarsest; table of the paper, section 3.2.
const WEIGHTS: [f64; 5] = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];

/// MS-SSIM and SSIM of two planes, from 0 to 1; exactly 1 for equal planes.
///
/// Contrast and structure at four scales and the whole SSIM at the fifth, each to the power of its weight.
/// From scale to scale 2x2 samples become their mean; an odd side gets a border of zeros at its start, and a
/// negative factor counts as 0, both as in `pytorch-msssim`.
/// Source: Wang, Simoncelli, Bovik, "Multiscale structural similarity", Asilomar 2003.
///
/// ```
/// # use neural_codec::{frame::{BitDepth, Plane}, metrics::{MS_SSIM_SMALLEST_SIDE, ms_ssim}};
/// let plane = Plane::<u8>::new(MS_SSIM_SMALLEST_SIDE, MS_SSIM_SMALLEST_SIDE);
/// assert_eq!(ms_ssim(&plane, &plane, BitDepth::Eight)?, 1.0);
/// # Ok::<(), neural_codec::Error>(())
/// ```
///
/// # Errors
///
/// `InvalidArgument` when sizes differ or a side is under [`MS_SSIM_SMALLEST_SIDE`], `OutOfMemory`.
pub fn ms_ssim<T: Comparable>(source: &Plane<T>, decoded: &Plane<T>, depth: BitDepth) -> Result<f64> {
    Ok(ms_ssim_and_ssim(source, decoded, depth)?.0)
}

/// Both indices for little more than the first: the finest scale gives the second.
pub(super) fn ms_ssim_and_ssim<T: Comparable>(
    source: &Plane<T>,
    decoded: &Plane<T>,
    depth: BitDepth,
) -> Result<(f64, f64)> {
    check_same_size(source, decoded)?;
    check_side("ms_ssim", source, MS_SSIM_SMALLEST_SIDE)?;
    let pair = Pair { x: source.samples(), y: decoded.samples(), width: source.width() };
    let finest = mean_similarity(pair, depth, true, T::similarity);
    let mut scales = [finest; WEIGHTS.len()];

    let (mut x, mut width) = halve(pair.x, pair.width, T::halve_rows)?;
    let (mut y, _) = halve(pair.y, pair.width, T::halve_rows)?;
    for (scale, means) in scales.iter_mut().enumerate().skip(1) {
        let last = scale + 1 == WEIGHTS.len();
        let pair = Pair { x: &x, y: &y, width };
        *means = mean_similarity(pair, depth, !last, similarity_f32);
        if !last {
            let halved = halve(&x, width, halve_rows_f32)?;
            y = halve(&y, width, halve_rows_f32)?.0;
            (x, width) = halved;
        }
    }
    Ok((product_of_scales(&scales), finest.ssim))
}

/// Contrast and structure of all scales but the coarsest, and the whole SSIM of that, each to the power of its weight.
pub(super) fn product_of_scales(scales: &[Similarity; WEIGHTS.len()]) -> f64 {
    let last = WEIGHTS.len() - 1;
    let factor = |scale: usize| if scale == last { scales[scale].ssim } else { scales[scale].contrast };
    (0..=last).map(|scale| factor(scale).max(0.0).powf(WEIGHTS[scale])).product()
}
