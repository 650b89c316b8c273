//! Structural similarity over five scales, after Wang et al. 2003. Rank 2.

use rayon::prelude::*;

use super::gaussian::{Similarity, similarity_f32};
use super::psnr::{Comparable, check_same_size};
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
/// Errors: `InvalidArgument` when sizes differ or a side is under [`MS_SSIM_SMALLEST_SIDE`].
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
    let mut product = finest.contrast.max(0.0).powf(WEIGHTS[0]);

    let (mut x, mut width) = halve(pair.x, pair.width);
    let (mut y, _) = halve(pair.y, pair.width);
    for (scale, weight) in WEIGHTS.into_iter().enumerate().skip(1) {
        let last = scale + 1 == WEIGHTS.len();
        let pair = Pair { x: &x, y: &y, width };
        let Similarity { ssim, contrast } = mean_similarity(pair, depth, !last, similarity_f32);
        product *= (if last { ssim } else { contrast }).max(0.0).powf(weight);
        if !last {
            let halved = halve(&x, width);
            y = halve(&y, width).0;
            (x, width) = halved;
        }
    }
    Ok((product, finest.ssim))
}

/// Means of 2x2 samples and the new width. Exact: up to 10 bits and 2^8 samples fit the 24 bits of an f32.
fn halve<T: Copy + Sync + Into<f32>>(samples: &[T], width: usize) -> (Vec<f32>, usize) {
    let height = samples.len() / width;
    let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
    let mut half = vec![0.0; half_width * half_height];
    half.par_chunks_exact_mut(half_width).enumerate().for_each(|(row, out)| {
        // The rows and columns 2i - 1 and 2i where the side is odd, 2i and 2i + 1 where it is even.
        let end = 2 * row + 2 - height % 2;
        for y in end.saturating_sub(2)..end {
            add_pairs(&samples[y * width..][..width], out);
        }
        out.iter_mut().for_each(|sum| *sum *= 0.25);
    });
    (half, half_width)
}

/// Adds the sum of each pair of samples to `sums`; in an odd row the first sample stands alone.
fn add_pairs<T: Copy + Into<f32>>(row: &[T], sums: &mut [f32]) {
    let (alone, row) = row.split_at(row.len() % 2);
    let (first, sums) = sums.split_at_mut(alone.len());
    for (sum, &sample) in first.iter_mut().zip(alone) {
        *sum += sample.into();
    }
    for (sum, pair) in sums.iter_mut().zip(row.chunks_exact(2)) {
        *sum += pair[0].into() + pair[1].into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halving_takes_means_and_pads_odd_sides_at_the_start() {
        let even: Vec<u8> = vec![1, 3, 5, 7, 9, 11, 13, 15];
        assert_eq!(halve(&even, 4), (vec![6.0, 10.0], 2));
        let odd: Vec<u16> = vec![4, 8, 12, 16, 20, 24, 28, 32, 36];
        assert_eq!(halve(&odd, 3), (vec![1.0, 5.0, 11.0, 28.0], 2));
    }
}
