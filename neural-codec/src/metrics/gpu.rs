//! Squared error and SSIM on the GPU.

use cudarc::driver::{LaunchConfig, PushKernelArg};

use crate::error::{Error, Result};
use crate::gpu::{Buffer, DeviceSample};
use crate::gpu::{Gpu, covering};

/// Side of the window, rows of a band and columns of a tile: those of kernels/similarity.cu.
const WINDOW: usize = 11;
const BAND: usize = 32;
const COLUMNS: usize = 128;

/// Bands and tiles of the map of a picture, both sides of which are at least 11.
pub(crate) fn tiles(width: usize, height: usize) -> (usize, usize) {
    ((height + 1 - WINDOW).div_ceil(BAND), (width + 1 - WINDOW).div_ceil(COLUMNS))
}

impl Gpu {
    /// The exact squared error of two planes of samples, `u8` or `u16`.
    pub fn squared_error<T: DeviceSample>(&self, a: &Buffer<T>, b: &Buffer<T>) -> Result<Buffer<u64>> {
        self.check_usable()?;
        same_length(a.len(), b.len())?;
        let mut sum = self.zeros::<u64>(1)?;
        let blocks = self.filling_blocks((a.len() * size_of::<T>()).div_ceil(256 * 16));
        let launch = LaunchConfig { grid_dim: (blocks, 1, 1), block_dim: (256, 1, 1), shared_mem_bytes: 0 };
        let count = a.len() as i64;
        let function = self.function(&format!("squared_error_{}", T::SUFFIX))?;
        let mut call = self.stream().launch_builder(function);
        call.arg(&a.0).arg(&b.0).arg(&count).arg(&mut sum.0);
        // SAFETY: arguments are the kernel's; it reads `count` samples of each plane, which both have, and adds to one number.
        #[allow(unsafe_code)]
        let launched = unsafe { call.launch(launch) };
        self.checked(launched, "squared_error", 0)?;
        Ok(sum)
    }

    /// Sums of the maps of SSIM and contrast of two pictures whose sides are at least 11, with the constants 2 C1 and 2 C2.
    ///
    /// Shape: `[bands][tiles][2]` of `tiles`. Exactly what metrics/gaussian.rs sums.
    pub fn similarity<T: DeviceSample>(
        &self,
        [x, y]: [&Buffer<T>; 2],
        width: usize,
        (c1, c2): (f32, f32),
    ) -> Result<Buffer<f64>> {
        self.check_usable()?;
        same_length(x.len(), y.len())?;
        let height = rows_of(x.len(), width)?;
        if width.min(height) < WINDOW {
            return Err(Error::internal("cuda", "a picture smaller than the window of SSIM"));
        }
        let (bands, tiles) = tiles(width, height);
        let mut sums = self.alloc::<f64>(bands * tiles * 2)?;
        let mut launch = covering(self, (tiles, bands, 1), (1, 1, 1))?;
        launch.block_dim = (160, 1, 1);
        let (width, height) = (width as i32, height as i32);
        let bytes = size_of::<T>() as i32;
        let mut call = self.stream().launch_builder(self.function("similarity")?);
        call.arg(&x.0).arg(&y.0).arg(&bytes).arg(&width).arg(&height).arg(&c1).arg(&c2).arg(&mut sums.0);
        // SAFETY: arguments are the kernel's; it reads width x height samples of both pictures, which have them, and
        // each block writes its own two sums.
        #[allow(unsafe_code)]
        let launched = unsafe { call.launch(launch) };
        self.checked(launched, "similarity", 0)?;
        Ok(sums)
    }

    /// EffortParams of 2x2 samples; an odd side gets a border of zeros at its start. Both sides are rounded up.
    pub fn halve<T: DeviceSample>(&self, samples: &Buffer<T>, width: usize) -> Result<Buffer<f32>> {
        self.check_usable()?;
        let height = rows_of(samples.len(), width)?;
        let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
        let mut means = self.alloc::<f32>(half_width * half_height)?;
        let launch = covering(self, (half_width, half_height, 1), (32, 8, 1))?;
        let (width, height) = (width as i32, height as i32);
        let function = self.function(&format!("halve_{}", T::SUFFIX))?;
        let mut call = self.stream().launch_builder(function);
        call.arg(&samples.0).arg(&width).arg(&height).arg(&mut means.0);
        // SAFETY: arguments are the kernel's; it reads width x height samples, which are there, and writes each mean once.
        #[allow(unsafe_code)]
        let launched = unsafe { call.launch(launch) };
        self.checked(launched, "halve", 0)?;
        Ok(means)
    }
}

fn same_length(a: usize, b: usize) -> Result<()> {
    if a == b { Ok(()) } else { Err(Error::internal("cuda", format!("planes of {a} and {b} samples"))) }
}

/// Rows of a picture, which has at least one.
fn rows_of(samples: usize, width: usize) -> Result<usize> {
    let fits = width > 0
        && samples >= width
        && samples.is_multiple_of(width)
        && i32::try_from(samples / width).is_ok();
    if fits && i32::try_from(width).is_ok() {
        Ok(samples / width)
    } else {
        Err(Error::internal("cuda", format!("{samples} samples in rows of {width}")))
    }
}
