//! Color conversion on the GPU, one safe call a kernel.

use cudarc::driver::{LaunchArgs, LaunchConfig, PushKernelArg};

use super::gpu_shape::{ConvertAffine, ConvertDown, ConvertSum, ConvertToRgb, ConvertUp};
use crate::error::{Error, Result};
use crate::gpu::{Buffer, DeviceSample};
use crate::gpu::{Gpu, covering};

/// Samples of one plane on the GPU, of one or two bytes each.
#[derive(Debug)]
pub enum Samples {
    /// Of 8 bits.
    U8(Buffer<u8>),
    /// Of more.
    U16(Buffer<u16>),
}

impl Samples {
    /// Number of samples.
    pub fn len(&self) -> usize {
        match self {
            Self::U8(samples) => samples.len(),
            Self::U16(samples) => samples.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of a sample.
    fn bytes(&self) -> i32 {
        if matches!(self, Self::U8(_)) { 1 } else { 2 }
    }
}

fn read<'a>(call: &mut LaunchArgs<'a>, samples: &'a Samples) {
    match samples {
        Samples::U8(samples) => call.arg(&samples.0),
        Samples::U16(samples) => call.arg(&samples.0),
    };
}

fn write<'a>(call: &mut LaunchArgs<'a>, samples: &'a mut Samples) {
    match samples {
        Samples::U8(samples) => call.arg(&mut samples.0),
        Samples::U16(samples) => call.arg(&mut samples.0),
    };
}

/// Threads, one for each of so many samples in a row.
fn along(gpu: &Gpu, count: usize) -> Result<LaunchConfig> {
    covering(gpu, (count, 1, 1), (256, 1, 1))
}

fn expect(is_right: bool, what: &str) -> Result<()> {
    if is_right { Ok(()) } else { Err(Error::internal("cuda", format!("{what} of another size"))) }
}

/// How large a plane is.
pub type Size = (usize, usize);

impl Gpu {
    /// Memory for samples of 8 bits or of more, which nobody may read before all are written.
    pub(super) fn alloc_samples(&self, len: usize, is_wide: bool) -> Result<Samples> {
        if is_wide { self.alloc(len).map(Samples::U16) } else { self.alloc(len).map(Samples::U8) }
    }

    /// A plane under another depth.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`, `Device`; so of the others.
    pub fn convert_map(&self, from: &Samples, by: ConvertAffine, is_wide: bool) -> Result<Samples> {
        let mut to = self.alloc_samples(from.len(), is_wide)?;
        let (count, from_bytes, to_bytes) = (from.len() as i64, from.bytes(), to.bytes());
        let mut call = self.stream().launch_builder(self.function("convert_map")?);
        read(&mut call, from);
        call.arg(&from_bytes).arg(&count).arg(&by);
        write(&mut call, &mut to);
        call.arg(&to_bytes);
        // SAFETY: arguments are the kernel's; both planes have `count` samples of the sizes given, and each is written.
        #[allow(unsafe_code)]
        let launched = unsafe { call.launch(along(self, from.len())?) };
        self.checked(launched, "convert_map", 0)?;
        Ok(to)
    }

    /// Red, green and blue from Y, U and V, where U and V have the size that `up` says.
    pub fn convert_to_rgb(
        &self,
        [y, u, v]: [&Samples; 3],
        (width, height): Size,
        up: ConvertUp,
        by: ConvertToRgb,
        is_wide: bool,
    ) -> Result<[Samples; 3]> {
        let chroma = up.width as usize * up.height as usize;
        expect([y.len(), u.len(), v.len()] == [width * height, chroma, chroma], "planes of YUV")?;
        expect(y.bytes() == u.bytes() && y.bytes() == v.bytes(), "samples")?;
        let mut red = self.alloc_samples(y.len(), is_wide)?;
        let mut green = self.alloc_samples(y.len(), is_wide)?;
        let mut blue = self.alloc_samples(y.len(), is_wide)?;
        let launch = covering(self, (width, height, 1), (32, 8, 1))?;
        let (from_bytes, to_bytes, width, height) = (y.bytes(), red.bytes(), width as i32, height as i32);
        let mut call = self.stream().launch_builder(self.function("convert_to_rgb")?);
        [y, u, v].into_iter().for_each(|plane| read(&mut call, plane));
        call.arg(&from_bytes).arg(&width).arg(&height).arg(&up).arg(&by);
        [&mut red, &mut green, &mut blue].into_iter().for_each(|plane| write(&mut call, plane));
        call.arg(&to_bytes);
        // SAFETY: arguments are the kernel's; planes have the sizes checked above, and each sample is written.
        #[allow(unsafe_code)]
        let launched = unsafe { call.launch(launch) };
        self.checked(launched, "convert_to_rgb", 0)?;
        Ok([red, green, blue])
    }

    /// A weighted sum of red, green and blue.
    pub fn convert_from_rgb(&self, rgb: [&Samples; 3], by: ConvertSum, is_wide: bool) -> Result<Samples> {
        let [red, green, blue] = rgb;
        expect(red.len() == green.len() && red.len() == blue.len(), "planes of RGB")?;
        expect(red.bytes() == green.bytes() && red.bytes() == blue.bytes(), "samples")?;
        let mut to = self.alloc_samples(red.len(), is_wide)?;
        let (count, from_bytes, to_bytes) = (red.len() as i64, red.bytes(), to.bytes());
        let mut call = self.stream().launch_builder(self.function("convert_from_rgb")?);
        rgb.into_iter().for_each(|plane| read(&mut call, plane));
        call.arg(&from_bytes).arg(&count).arg(&by);
        write(&mut call, &mut to);
        call.arg(&to_bytes);
        // SAFETY: arguments are the kernel's; all planes have `count` samples, and each is written.
        #[allow(unsafe_code)]
        let launched = unsafe { call.launch(along(self, red.len())?) };
        self.checked(launched, "convert_from_rgb", 0)?;
        Ok(to)
    }

    /// A chroma plane at a higher resolution, `size`.
    pub fn convert_raise(
        &self,
        from: &Samples,
        up: ConvertUp,
        by: ConvertAffine,
        (width, height): Size,
        is_wide: bool,
    ) -> Result<Samples> {
        expect(from.len() == up.width as usize * up.height as usize, "a plane")?;
        let mut to = self.alloc_samples(width * height, is_wide)?;
        let launch = covering(self, (width, height, 1), (32, 8, 1))?;
        let (from_bytes, to_bytes, width, height) = (from.bytes(), to.bytes(), width as i32, height as i32);
        let mut call = self.stream().launch_builder(self.function("convert_raise")?);
        read(&mut call, from);
        call.arg(&from_bytes).arg(&up).arg(&by).arg(&width).arg(&height);
        write(&mut call, &mut to);
        call.arg(&to_bytes);
        // SAFETY: arguments are the kernel's; what is read is clamped to the plane, and each sample is written.
        #[allow(unsafe_code)]
        let launched = unsafe { call.launch(launch) };
        self.checked(launched, "convert_raise", 0)?;
        Ok(to)
    }

    /// A chroma plane at a lower resolution, `size`: of one plane, or of the sum of red, green and blue.
    pub fn convert_lower(
        &self,
        from: &[&Samples],
        sum: ConvertSum,
        down: ConvertDown,
        (width, height): Size,
        is_wide: bool,
    ) -> Result<Samples> {
        let (first, is_rgb) = match from {
            [one] => (*one, 0),
            [red, ..] if from.len() == 3 => (*red, 1),
            _ => return Err(Error::internal("cuda", format!("{} planes to lower", from.len()))),
        };
        let rows_in = down.height as usize;
        let is_like = |plane: &&Samples| plane.len() == first.len() && plane.bytes() == first.bytes();
        let halved = |side: usize, is_halved: bool| if is_halved { side.div_ceil(2) } else { side };
        let expected = (halved(down.width as usize, down.halves_x == 1), halved(rows_in, down.step_y == 2));
        expect(from.iter().all(is_like) && first.len() == down.width as usize * rows_in, "planes")?;
        expect((width, height) == expected, "the lower plane")?;
        let mut rows = self.alloc::<i32>(width * rows_in)?;
        let launch = covering(self, (width, rows_in, 1), (32, 8, 1))?;
        let from_bytes = first.bytes();
        let mut call = self.stream().launch_builder(self.function("convert_lower_rows")?);
        (0..3).for_each(|plane| read(&mut call, from.get(plane).copied().unwrap_or(first)));
        call.arg(&from_bytes).arg(&is_rgb).arg(&sum).arg(&down).arg(&mut rows.0);
        // SAFETY: arguments are the kernel's; planes have the size of `down`, and each of width x rows_in sums is written.
        #[allow(unsafe_code)]
        let launched = unsafe { call.launch(launch) };
        self.checked(launched, "convert_lower_rows", 0)?;
        let mut to = self.alloc_samples(width * height, is_wide)?;
        let launch = covering(self, (width, height, 1), (32, 8, 1))?;
        let (to_bytes, width, height) = (to.bytes(), width as i32, height as i32);
        let mut call = self.stream().launch_builder(self.function("convert_lower_columns")?);
        call.arg(&rows.0).arg(&width).arg(&height).arg(&down);
        write(&mut call, &mut to);
        call.arg(&to_bytes);
        // SAFETY: arguments are the kernel's; rows are clamped to those that there are, and each sample is written.
        #[allow(unsafe_code)]
        let launched = unsafe { call.launch(launch) };
        self.checked(launched, "convert_lower_columns", 0)?;
        Ok(to)
    }

    /// Planes of red, green and blue from pixels side by side.
    pub fn deinterleave<T: DeviceSample>(&self, pixels: &Buffer<T>) -> Result<[Buffer<T>; 3]> {
        let count = pixels.len() / 3;
        expect(count * 3 == pixels.len() && count > 0, "pixels")?;
        let (mut red, mut green, mut blue) = (self.alloc(count)?, self.alloc(count)?, self.alloc(count)?);
        let (bytes, samples) = (size_of::<T>() as i32, count as i64);
        let mut call = self.stream().launch_builder(self.function("convert_deinterleave")?);
        call.arg(&pixels.0).arg(&samples).arg(&bytes);
        call.arg(&mut red.0).arg(&mut green.0).arg(&mut blue.0);
        // SAFETY: arguments are the kernel's; there are three times `count` samples of `bytes` each, and each is written.
        #[allow(unsafe_code)]
        let launched = unsafe { call.launch(along(self, count)?) };
        self.checked(launched, "convert_deinterleave", 0)?;
        Ok([red, green, blue])
    }

    /// Pixels side by side from planes of red, green and blue.
    pub fn interleave<T: DeviceSample>(&self, [red, green, blue]: [&Buffer<T>; 3]) -> Result<Buffer<T>> {
        let count = red.len();
        expect(count > 0 && green.len() == count && blue.len() == count, "planes of RGB")?;
        let mut pixels = self.alloc(3 * count)?;
        let (bytes, samples) = (size_of::<T>() as i32, count as i64);
        let mut call = self.stream().launch_builder(self.function("convert_interleave")?);
        call.arg(&red.0).arg(&green.0).arg(&blue.0).arg(&samples).arg(&bytes).arg(&mut pixels.0);
        // SAFETY: arguments are the kernel's; each plane has `count` samples of `bytes` each, and three times as many are written.
        #[allow(unsafe_code)]
        let launched = unsafe { call.launch(along(self, count)?) };
        self.checked(launched, "convert_interleave", 0)?;
        Ok(pixels)
    }

    /// How many samples are above `limit`, once everything before is done.
    pub fn count_over(&self, samples: &Buffer<u16>, limit: u16) -> Result<u64> {
        let mut over = self.zeros::<u64>(1)?;
        let blocks = self.filling_blocks(samples.len().div_ceil(256 * 8));
        let launch = LaunchConfig { grid_dim: (blocks, 1, 1), block_dim: (256, 1, 1), shared_mem_bytes: 0 };
        let (count, limit) = (samples.len() as i64, i32::from(limit));
        let mut call = self.stream().launch_builder(self.function("convert_count_over")?);
        call.arg(&samples.0).arg(&count).arg(&limit).arg(&mut over.0);
        // SAFETY: arguments are the kernel's; it reads `count` samples and adds to one number.
        #[allow(unsafe_code)]
        let launched = unsafe { call.launch(launch) };
        self.checked(launched, "convert_count_over", 0)?;
        Ok(self.download(&over)?.first().copied().unwrap_or_default())
    }
}
