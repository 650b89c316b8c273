//! Structural similarity over five scales, after Wang et al. 2003.

use rayon::prelude::*;

use super::gaussian::{Similarity, similarity_f32};
use super::psnr::{Comparable, check_same_size};
use super::ssim::{Pair, check_side, mean_similarity};
use crate::error::Result;
use crate::frame::{BitDepth, Plane};
use crate::simd::simd_body;

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
/// `InvalidArgument` when sizes differ or a side is under [`MS_SSIM_SMALLEST_SIDE`].
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

    let (mut x, mut width) = halve(pair.x, pair.width, T::halve_rows);
    let (mut y, _) = halve(pair.y, pair.width, T::halve_rows);
    for (scale, means) in scales.iter_mut().enumerate().skip(1) {
        let last = scale + 1 == WEIGHTS.len();
        let pair = Pair { x: &x, y: &y, width };
        *means = mean_similarity(pair, depth, !last, similarity_f32);
        if !last {
            let halved = halve(&x, width, halve_rows_f32);
            y = halve(&y, width, halve_rows_f32).0;
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

/// EffortParams of 2x2 samples and the new width. Exact: up to 10 bits and 2^8 samples fit the 24 bits of an f32.
fn halve<T: Sync>(samples: &[T], width: usize, halve_rows: fn(&[T], usize, &mut [f32])) -> (Vec<f32>, usize) {
    let height = samples.len() / width;
    let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
    let mut half = vec![0.0; half_width * half_height];
    half.par_chunks_exact_mut(half_width).enumerate().for_each(|(row, out)| {
        // The rows 2i - 1 and 2i where the height is odd, 2i and 2i + 1 where it is even.
        let end = 2 * row + 2 - height % 2;
        halve_rows(&samples[end.saturating_sub(2) * width..end * width], width, out);
    });
    (half, half_width)
}

simd_body! {
    pub(super) fn halve_rows_u8(rows: &[u8], width: usize, means: &mut [f32]) { halve_rows(rows, width, means) }
}
simd_body! {
    pub(super) fn halve_rows_u16(rows: &[u16], width: usize, means: &mut [f32]) { halve_rows(rows, width, means) }
}
simd_body! {
    fn halve_rows_f32(rows: &[f32], width: usize, means: &mut [f32]) { halve_rows(rows, width, means) }
}

/// EffortParams of pairs of samples in two rows or one; in an odd row the first sample stands alone.
#[inline(always)]
fn halve_rows<T: Copy + Into<f32>>(rows: &[T], width: usize, means: &mut [f32]) {
    let (top, bottom) = rows.split_at(width);
    let odd = width % 2;
    if odd == 1 {
        means[0] = 0.25 * (top[0].into() + bottom.first().map_or(0.0, |&sample| sample.into()));
    }
    let pairs = |row| <[T]>::chunks_exact(row, 2);
    let means = &mut means[odd..];
    if bottom.is_empty() {
        for (mean, top) in means.iter_mut().zip(pairs(&top[odd..])) {
            *mean = 0.25 * (top[0].into() + top[1].into());
        }
    } else {
        for ((mean, top), bottom) in means.iter_mut().zip(pairs(&top[odd..])).zip(pairs(&bottom[odd..])) {
            *mean = 0.25 * ((top[0].into() + top[1].into()) + (bottom[0].into() + bottom[1].into()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halving_takes_means_and_pads_odd_sides_at_the_start() {
        let even: Vec<u8> = vec![1, 3, 5, 7, 9, 11, 13, 15];
        assert_eq!(halve(&even, 4, halve_rows_u8), (vec![6.0, 10.0], 2));
        let odd: Vec<u16> = vec![4, 8, 12, 16, 20, 24, 28, 32, 36];
        assert_eq!(halve(&odd, 3, halve_rows_u16), (vec![1.0, 5.0, 11.0, 28.0], 2));
    }
}
