//! The same measures on a GPU: it makes the sums, this file adds them in the order of the CPU. Rank 2.
//!
//! Every value equals the CPU's to the last bit, so nothing that an encoder decides by them depends on the device.

use super::comparison::Measures;
use super::gaussian::{Scale, Similarity};
use super::ms_ssim::{MS_SSIM_SMALLEST_SIDE, product_of_scales};
use super::psnr::{Comparable, SquaredError};
use super::report::FrameMetrics;
use super::ssim::{SSIM_SMALLEST_SIDE, mean_of_bands};
use crate::compute::cuda::{Buffer, DeviceSample, Gpu, tiles};
use crate::error::{Error, Result};
use crate::frame::{BitDepth, Plane};

/// Measures one pair of frames; of RGB, squared errors alone. Errors: `OutOfMemory`, `Device`.
pub(super) fn measure<T: Comparable>(
    gpu: &Gpu,
    source: &[Plane<T>; 3],
    decoded: &[Plane<T>; 3],
    depth: BitDepth,
    measures: Option<Measures>,
) -> Result<FrameMetrics> {
    let pairs = [0, 1, 2].map(|plane| Pair::upload(gpu, &source[plane], &decoded[plane]));
    let [luma, second, third] = pairs;
    let (luma, second, third) = (luma?, second?, third?);
    let mut planes = [SquaredError::default(); 3];
    let mut sums = Vec::with_capacity(3);
    for pair in [&luma, &second, &third] {
        sums.push(gpu.squared_error(&pair.x, &pair.y)?);
    }
    let side = luma.width.min(luma.height);
    let mut frame = FrameMetrics { planes, psnr_y: None, ssim_y: None, ms_ssim_y: None };
    match measures {
        Some(Measures::MsSsim) if side >= MS_SSIM_SMALLEST_SIDE => {
            let (ms_ssim, ssim) = luma.ms_ssim_and_ssim(gpu, depth)?;
            (frame.ms_ssim_y, frame.ssim_y) = (Some(ms_ssim), Some(ssim));
        }
        Some(Measures::Ssim | Measures::MsSsim) if side >= SSIM_SMALLEST_SIDE => {
            frame.ssim_y = Some(luma.similarity(gpu, depth)?.ssim);
        }
        _ => {}
    }
    for ((error, sum), plane) in planes.iter_mut().zip(&sums).zip(source) {
        let sum = gpu.download(sum)?.first().copied().unwrap_or_default();
        *error = SquaredError { sum: sum.into(), samples: plane.samples().len() as u64 };
    }
    frame.planes = planes;
    frame.psnr_y = measures.and_then(|_| planes[0].psnr(depth));
    Ok(frame)
}

/// Two planes of one size on the GPU.
struct Pair<T> {
    x: Buffer<T>,
    y: Buffer<T>,
    width: usize,
    height: usize,
}

impl<T: Comparable> Pair<T> {
    fn upload(gpu: &Gpu, source: &Plane<T>, decoded: &Plane<T>) -> Result<Self> {
        let (x, y) = (gpu.upload(source.samples())?, gpu.upload(decoded.samples())?);
        Ok(Self { x, y, width: source.width(), height: source.height() })
    }
}

impl<T: DeviceSample> Pair<T> {
    /// Means over the map of SSIM. Both sides must be at least 11.
    fn similarity(&self, gpu: &Gpu, depth: BitDepth) -> Result<Similarity> {
        let scale = Scale::of_peak(depth.max_value());
        let sums = gpu.download(&gpu.similarity([&self.x, &self.y], self.width, scale.constants())?)?;
        let (bands, tiles) = tiles(self.width, self.height);
        if sums.len() != bands * tiles * 2 {
            return Err(Error::internal("metrics", "sums of another number of tiles"));
        }
        let bands: Vec<Similarity> = sums
            .chunks_exact(tiles * 2)
            .map(|band| {
                let mut total = Similarity::default();
                for tile in band.chunks_exact(2) {
                    total.ssim += tile[0];
                    total.contrast += tile[1];
                }
                total
            })
            .collect();
        Ok(mean_of_bands(&bands, self.width, self.height))
    }

    fn halve(&self, gpu: &Gpu) -> Result<Pair<f32>> {
        let (x, y) = (gpu.halve(&self.x, self.width)?, gpu.halve(&self.y, self.width)?);
        Ok(Pair { x, y, width: self.width.div_ceil(2), height: self.height.div_ceil(2) })
    }

    /// Both indices; both sides must be at least 176.
    fn ms_ssim_and_ssim(&self, gpu: &Gpu, depth: BitDepth) -> Result<(f64, f64)> {
        let second = self.halve(gpu)?;
        let third = second.halve(gpu)?;
        let fourth = third.halve(gpu)?;
        let fifth = fourth.halve(gpu)?;
        let finest = self.similarity(gpu, depth)?;
        let mut scales = [
            finest,
            Similarity::default(),
            Similarity::default(),
            Similarity::default(),
            Similarity::default(),
        ];
        for (scale, pair) in scales[1..].iter_mut().zip([&second, &third, &fourth, &fifth]) {
            *scale = pair.similarity(gpu, depth)?;
        }
        Ok((product_of_scales(&scales), finest.ssim))
    }
}
