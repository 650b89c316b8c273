//! Structural similarity after Wang et al. 2004.
//!
//! Window: Gaussian, 11x11, sigma 1.5. K1 = 0.01, K2 = 0.03. Population covariance. Only windows that lie
//! wholly in the picture count. Means and products are f32, sums f64 in a fixed order.

use rayon::prelude::*;

use super::comparable::{Comparable, check_same_size};
use super::gaussian::{Band, Scale, Similarity, TAPS};
use crate::error::{Error, Result};
use crate::frame::{BitDepth, Plane};

/// The smallest side of a picture that a window fits in.
pub const SSIM_SMALLEST_SIDE: usize = TAPS;

/// Rows of the map a thread makes at once. Part of the definition of the sum's order: never depends on threads.
const BAND: usize = 32;

/// Mean SSIM of two planes, from -1 to 1; exactly 1 for equal planes.
///
/// Source: Wang, Bovik, Sheikh, Simoncelli, "Image quality assessment", IEEE TIP 13(4), 2004.
///
/// ```
/// # use neural_codec::metrics::ssim;
/// # use neural_codec::frame::{BitDepth, Plane};
/// let source = Plane::from_samples(16, 16, (0..=255_u8).collect())?;
/// let mut decoded = source.clone();
/// decoded.row_mut(3)[5] += 2;
/// let value = ssim(&source, &decoded, BitDepth::Eight)?;
/// assert!(0.99 < value && value < 1.0);
/// # Ok::<(), neural_codec::Error>(())
/// ```
///
/// # Errors
///
/// `InvalidArgument` when sizes differ or a side is under [`SSIM_SMALLEST_SIDE`].
pub fn ssim<T: Comparable>(source: &Plane<T>, decoded: &Plane<T>, depth: BitDepth) -> Result<f64> {
    check_same_size(source, decoded)?;
    check_side("ssim", source, SSIM_SMALLEST_SIDE)?;
    let picture = Pair { x: source.samples(), y: decoded.samples(), width: source.width() };
    Ok(mean_similarity(picture, depth, false, T::similarity).ssim)
}

/// # Errors
///
/// `InvalidArgument` when a side of the plane is under `smallest`.
pub(super) fn check_side<T: Comparable>(name: &str, plane: &Plane<T>, smallest: usize) -> Result<()> {
    let (width, height) = (plane.width(), plane.height());
    if width.min(height) < smallest {
        let expected = format!("at least {smallest} samples a side");
        return Err(Error::invalid(format!("plane for {name}"), expected, format!("{width}x{height}")));
    }
    Ok(())
}

/// Samples of two pictures of the same size.
#[derive(Clone, Copy)]
pub(super) struct Pair<'a, T> {
    pub(super) x: &'a [T],
    pub(super) y: &'a [T],
    pub(super) width: usize,
}

/// Means over the whole map, made band by band by `similarity`. Both sides must be at least 11.
pub(super) fn mean_similarity<T: Sync>(
    pair: Pair<'_, T>,
    depth: BitDepth,
    contrast: bool,
    similarity: fn(&Band<'_, T>) -> Similarity,
) -> Similarity {
    let Pair { x, y, width } = pair;
    let scale = Scale::of_peak(depth.max_value());
    let rows = x.len() / width + 1 - TAPS;
    let bands: Vec<Similarity> = (0..rows.div_ceil(BAND))
        .into_par_iter()
        .map(|band| {
            let first = band * BAND;
            let last = (first + BAND).min(rows) + TAPS - 1;
            let samples = first * width..last * width;
            similarity(&Band { x: &x[samples.clone()], y: &y[samples], width, scale, contrast })
        })
        .collect();
    mean_of_bands(&bands, width, x.len() / width)
}

/// Means over the map of a picture from sums over its bands.
pub(super) fn mean_of_bands(bands: &[Similarity], width: usize, height: usize) -> Similarity {
    let count = ((height + 1 - TAPS) * (width + 1 - TAPS)) as f64;
    let mean = |value: fn(&Similarity) -> f64| bands.iter().map(value).sum::<f64>() / count;
    Similarity { ssim: mean(|s| s.ssim), contrast: mean(|s| s.contrast) }
}
