//! Pictures at half the size, for the scales of MS-SSIM.

use rayon::prelude::*;

use crate::error::Result;
use crate::memory;
use crate::simd::simd_body;

/// Means of 2x2 samples and the new width. Exact: up to 10 bits and 2^8 samples fit the 24 bits of an f32.
///
/// # Errors
///
/// `OutOfMemory`.
pub(super) fn halve<T: Sync>(
    samples: &[T],
    width: usize,
    halve_rows: fn(&[T], usize, &mut [f32]),
) -> Result<(Vec<f32>, usize)> {
    let height = samples.len() / width;
    let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
    let mut half = memory::filled("a picture at half its size", half_width * half_height, 0.0)?;
    half.par_chunks_exact_mut(half_width).enumerate().for_each(|(row, out)| {
        // The rows 2i - 1 and 2i where the height is odd, 2i and 2i + 1 where it is even.
        let end = 2 * row + 2 - height % 2;
        halve_rows(&samples[end.saturating_sub(2) * width..end * width], width, out);
    });
    Ok((half, half_width))
}

simd_body! {
    pub(super) fn halve_rows_u8(rows: &[u8], width: usize, means: &mut [f32]) { halve_rows(rows, width, means) }
}
simd_body! {
    pub(super) fn halve_rows_u16(rows: &[u16], width: usize, means: &mut [f32]) { halve_rows(rows, width, means) }
}
simd_body! {
    pub(super) fn halve_rows_f32(rows: &[f32], width: usize, means: &mut [f32]) { halve_rows(rows, width, means) }
}

/// Means of pairs of samples in two rows or one; in an odd row the first sample stands alone.
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
        assert_eq!(halve(&even, 4, halve_rows_u8).unwrap(), (vec![6.0, 10.0], 2));
        let odd: Vec<u16> = vec![4, 8, 12, 16, 20, 24, 28, 32, 36];
        assert_eq!(halve(&odd, 3, halve_rows_u16).unwrap(), (vec![1.0, 5.0, 11.0, 28.0], 2));
    }
}
