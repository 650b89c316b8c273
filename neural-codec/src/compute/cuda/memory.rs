//! Memory of a GPU. Rank 0.

use cudarc::driver::{CudaSlice, DeviceRepr, ValidAsZeroBits};

use super::gpu::Gpu;
use super::staging::LEAST_STAGED;
use crate::error::Result;

/// Values in the memory of a GPU, freed when dropped.
#[derive(Debug)]
pub struct Buffer<T>(pub(super) CudaSlice<T>);

impl<T> Buffer<T> {
    /// Number of values.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A value that kernels and the host lay out alike.
pub trait DeviceSample: DeviceRepr + ValidAsZeroBits + Default + Copy {
    /// The end of the names of kernels for this type.
    const SUFFIX: &str;
}

impl DeviceSample for u8 {
    const SUFFIX: &str = "u8";
}
impl DeviceSample for u16 {
    const SUFFIX: &str = "u16";
}
impl DeviceSample for f32 {
    const SUFFIX: &str = "f32";
}
impl DeviceSample for i16 {
    const SUFFIX: &str = "i16";
}
impl DeviceSample for i32 {
    const SUFFIX: &str = "i32";
}
impl DeviceSample for u64 {
    const SUFFIX: &str = "u64";
}
impl DeviceSample for f64 {
    const SUFFIX: &str = "f64";
}

impl Gpu {
    /// A copy of values of the host, which may be changed at once. Errors: `OutOfMemory`, `Device`.
    pub fn upload<T: DeviceSample>(&self, values: &[T]) -> Result<Buffer<T>> {
        self.check_usable()?;
        let bytes = size_of_val(values);
        if bytes >= LEAST_STAGED
            && let Some(mut staging) = self.staging()
        {
            let allocated = staging.alloc(values.len(), self.stream());
            let mut buffer = self.checked(allocated, "a buffer of the device", bytes as u64)?;
            let filled = staging.fill(values, &mut buffer, self.stream());
            return self.checked(filled, "copying to the device", 0).map(|()| Buffer(buffer));
        }
        let mut buffer = self.alloc(values.len())?;
        if !values.is_empty() {
            let copied = self.stream().memcpy_htod(values, &mut buffer.0);
            self.checked(copied, "copying to the device", 0)?;
        }
        Ok(buffer)
    }

    /// Zeros. Errors: `OutOfMemory`, `Device`.
    pub fn zeros<T: DeviceSample>(&self, len: usize) -> Result<Buffer<T>> {
        let mut buffer = self.alloc(len)?;
        let cleared = self.stream().memset_zeros(&mut buffer.0);
        self.checked(cleared, "clearing memory of the device", 0)?;
        Ok(buffer)
    }

    /// Another buffer with the same values. Errors: `OutOfMemory`, `Device`.
    pub fn copy<T: DeviceSample>(&self, from: &Buffer<T>) -> Result<Buffer<T>> {
        let mut to = self.alloc(from.len())?;
        let copied = self.stream().memcpy_dtod(&from.0, &mut to.0);
        self.checked(copied, "copying within the device", 0)?;
        Ok(to)
    }

    /// The values, once everything before is done. Errors: `Device`.
    pub fn download<T: DeviceSample>(&self, buffer: &Buffer<T>) -> Result<Vec<T>> {
        let mut values = vec![T::default(); buffer.len()];
        self.download_to(buffer, &mut values)?;
        Ok(values)
    }

    /// As [`download`](Self::download), into memory that is there. Panics: when it is shorter than the buffer.
    pub fn download_to<T: DeviceSample>(&self, buffer: &Buffer<T>, to: &mut [T]) -> Result<()> {
        self.check_usable()?;
        let copied = self.stream().memcpy_dtoh(&buffer.0, to);
        self.checked(copied, "copying from the device", 0)?;
        self.synchronize()
    }

    /// Memory whose values nobody may read before a kernel or a copy wrote all of them.
    pub(super) fn alloc<T: DeviceSample>(&self, len: usize) -> Result<Buffer<T>> {
        self.check_usable()?;
        // SAFETY: plain numbers; every caller in this folder writes all of them before they are read.
        #[allow(unsafe_code)]
        let allocated = unsafe { self.stream().alloc::<T>(len.max(1)) };
        self.checked(allocated, "a buffer of the device", (len * size_of::<T>()) as u64).map(Buffer)
    }
}
