//! The same measures on a GPU: it makes the sums, this file adds them in the order of the CPU.
//!
//! Every value equals the CPU's to the last bit, so nothing that an encoder decides by them depends on the device.

use super::comparable::Comparable;
use super::gaussian::{Scale, Similarity};
use super::gpu::tiles;
use super::metric::{Measures, Metric};
use super::ms_ssim::{MS_SSIM_SMALLEST_SIDE, product_of_scales};
use super::psnr::SquaredError;
use super::report::FrameMetrics;
use super::ssim::{SSIM_SMALLEST_SIDE, mean_of_bands};
use crate::error::{Error, Result};
use crate::frame::Samples;
use crate::frame::{BitDepth, GpuFrame, Plane};
use crate::gpu::{Buffer, DeviceSample, Gpu};

/// Uploads a pair of frames and measures it; of RGB, squared errors alone.
///
/// # Errors
///
/// `OutOfMemory`, `Device`.
pub(super) fn measure<T: Comparable>(
    gpu: &Gpu,
    source: &[Plane<T>; 3],
    decoded: &[Plane<T>; 3],
    depth: BitDepth,
    measures: Option<Measures>,
) -> Result<FrameMetrics> {
    let upload = |planes: &[Plane<T>; 3]| {
        let [first, second, third] = planes.each_ref().map(|plane| gpu.upload(plane.samples()));
        Ok::<_, Error>([first?, second?, third?])
    };
    let (source_on_gpu, decoded_on_gpu) = (upload(source)?, upload(decoded)?);
    let sizes = source.each_ref().map(|plane| (plane.width(), plane.height()));
    let pairs = pairs(source_on_gpu.each_ref(), decoded_on_gpu.each_ref(), sizes);
    measure_pairs(gpu, &pairs, depth, measures)
}

/// Measures a pair of frames that lie on one GPU, of one size and format.
///
/// # Errors
///
/// `OutOfMemory`, `Device`.
pub(super) fn measure_gpu_frames(
    source: &GpuFrame,
    decoded: &GpuFrame,
    measures: Option<Measures>,
) -> Result<FrameMetrics> {
    let depth = source.format().depth;
    match (source.planes(), decoded.planes()) {
        (
            [Samples::U8(a), Samples::U8(b), Samples::U8(c)],
            [Samples::U8(x), Samples::U8(y), Samples::U8(z)],
        ) => {
            let pairs = pairs([a, b, c], [x, y, z], source.sizes());
            measure_pairs(source.gpu(), &pairs, depth, measures)
        }
        (
            [Samples::U16(a), Samples::U16(b), Samples::U16(c)],
            [Samples::U16(x), Samples::U16(y), Samples::U16(z)],
        ) => {
            let pairs = pairs([a, b, c], [x, y, z], source.sizes());
            measure_pairs(source.gpu(), &pairs, depth, measures)
        }
        _ => Err(Error::internal("metrics", "frames of different sample types")),
    }
}

fn pairs<'a, T>(
    source: [&'a Buffer<T>; 3],
    decoded: [&'a Buffer<T>; 3],
    sizes: [(usize, usize); 3],
) -> [Pair<'a, T>; 3] {
    [0, 1, 2].map(|plane| {
        let (width, height) = sizes[plane];
        Pair { x: source[plane], y: decoded[plane], width, height }
    })
}

fn measure_pairs<T: DeviceSample>(
    gpu: &Gpu,
    pairs: &[Pair<'_, T>; 3],
    depth: BitDepth,
    measures: Option<Measures>,
) -> Result<FrameMetrics> {
    let luma = &pairs[0];
    let mut planes = [SquaredError::default(); 3];
    let mut sums = Vec::with_capacity(3);
    for pair in pairs {
        sums.push(gpu.squared_error(pair.x, pair.y)?);
    }
    let side = luma.width.min(luma.height);
    let mut frame = FrameMetrics { planes, ..FrameMetrics::default() };
    let asks = |metric| measures.is_some_and(|measures| measures.has(metric));
    if asks(Metric::MsSsimY) && side >= MS_SSIM_SMALLEST_SIDE {
        let (ms_ssim, ssim) = luma.ms_ssim_and_ssim(gpu, depth)?;
        (frame.ms_ssim_y, frame.ssim_y) = (Some(ms_ssim), Some(ssim));
    } else if asks(Metric::SsimY) && side >= SSIM_SMALLEST_SIDE {
        frame.ssim_y = Some(luma.similarity(gpu, depth)?.ssim);
    }
    for ((error, sum), pair) in planes.iter_mut().zip(&sums).zip(pairs) {
        let sum = gpu.download(sum)?.first().copied().unwrap_or_default();
        *error = SquaredError { sum: sum.into(), samples: (pair.width * pair.height) as u64 };
    }
    frame.planes = planes;
    frame.psnr_y = measures.and_then(|_| planes[0].psnr(depth));
    Ok(frame)
}

/// Two planes of one size on the GPU.
struct Pair<'a, T> {
    x: &'a Buffer<T>,
    y: &'a Buffer<T>,
    width: usize,
    height: usize,
}

/// Two planes at half the size.
struct Halved {
    x: Buffer<f32>,
    y: Buffer<f32>,
    width: usize,
    height: usize,
}

impl Halved {
    fn pair(&self) -> Pair<'_, f32> {
        Pair { x: &self.x, y: &self.y, width: self.width, height: self.height }
    }
}

impl<T: DeviceSample> Pair<'_, T> {
    /// Means over the map of SSIM. Both sides must be at least 11.
    fn similarity(&self, gpu: &Gpu, depth: BitDepth) -> Result<Similarity> {
        let scale = Scale::of_peak(depth.max_value());
        let sums = gpu.download(&gpu.similarity([self.x, self.y], self.width, scale.constants())?)?;
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

    fn halve(&self, gpu: &Gpu) -> Result<Halved> {
        let (x, y) = (gpu.halve(self.x, self.width)?, gpu.halve(self.y, self.width)?);
        Ok(Halved { x, y, width: self.width.div_ceil(2), height: self.height.div_ceil(2) })
    }

    /// Both indices; both sides must be at least 176.
    fn ms_ssim_and_ssim(&self, gpu: &Gpu, depth: BitDepth) -> Result<(f64, f64)> {
        let second = self.halve(gpu)?;
        let third = second.pair().halve(gpu)?;
        let fourth = third.pair().halve(gpu)?;
        let fifth = fourth.pair().halve(gpu)?;
        let finest = self.similarity(gpu, depth)?;
        let mut scales = [
            finest,
            Similarity::default(),
            Similarity::default(),
            Similarity::default(),
            Similarity::default(),
        ];
        for (scale, pair) in scales[1..].iter_mut().zip([&second, &third, &fourth, &fifth]) {
            *scale = pair.pair().similarity(gpu, depth)?;
        }
        Ok((product_of_scales(&scales), finest.ssim))
    }
}
