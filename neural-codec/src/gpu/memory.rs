//! Memory of a GPU.

use cudarc::driver::{CudaSlice, DevicePtr, sys};

use super::context::Gpu;
use super::pinned::LEAST_STAGED;
use super::sample::DeviceSample;
use crate::error::{Error, Result};

/// Values in the memory of a GPU, freed when dropped.
#[derive(Debug)]
pub struct Buffer<T>(pub(crate) CudaSlice<T>);

impl<T> Buffer<T> {
    /// Number of values.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Where the first of them lies in the device's memory, for libraries that share it.
    pub fn address(&self) -> u64 {
        let (address, _no_events) = self.0.device_ptr(self.0.stream());
        address
    }
}

impl Gpu {
    /// A copy of values of the host, which may be changed at once.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`, `Device`.
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

    /// Zeros.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`, `Device`.
    pub fn zeros<T: DeviceSample>(&self, len: usize) -> Result<Buffer<T>> {
        let mut buffer = self.alloc(len)?;
        let cleared = self.stream().memset_zeros(&mut buffer.0);
        self.checked(cleared, "clearing memory of the device", 0)?;
        Ok(buffer)
    }

    /// Another buffer with the same values.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`, `Device`.
    pub fn copy<T: DeviceSample>(&self, from: &Buffer<T>) -> Result<Buffer<T>> {
        let mut to = self.alloc(from.len())?;
        let copied = self.stream().memcpy_dtod(&from.0, &mut to.0);
        self.checked(copied, "copying within the device", 0)?;
        Ok(to)
    }

    /// A buffer with the values of one after the other.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`, `Device`.
    pub fn concat<T: DeviceSample>(&self, parts: &[&Buffer<T>]) -> Result<Buffer<T>> {
        let mut to = self.alloc(parts.iter().map(|part| part.len()).sum())?;
        let mut start = 0;
        for part in parts {
            let mut place = to.0.slice_mut(start..start + part.len());
            let copied = self.stream().memcpy_dtod(&part.0, &mut place);
            self.checked(copied, "copying within the device", 0)?;
            start += part.len();
        }
        Ok(to)
    }

    /// A copy of memory of this device that another library owns.
    ///
    /// # Safety
    ///
    /// `len` values lie at `address` in this device's memory, written for the stream of [`stream_handle`](Self::stream_handle).
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for an address that is not of this device, `OutOfMemory`, `Device`.
    /// The copy is made when the stream gets to it: the memory must stay until [`synchronize`](Self::synchronize).
    #[allow(unsafe_code)]
    pub unsafe fn copy_foreign<T: DeviceSample>(&self, address: u64, len: usize) -> Result<Buffer<T>> {
        let mut to = self.alloc(len)?;
        if len > 0 {
            self.expect_own(address)?;
            // SAFETY: the caller says that the values are there; what is made of them is leaked below, so never freed.
            let foreign = unsafe { self.stream().upgrade_device_ptr::<T>(address, len) };
            let copied = self.stream().memcpy_dtod(&foreign, &mut to.0);
            let _ = foreign.leak();
            self.checked(copied, "copying within the device", 0)?;
        }
        Ok(to)
    }

    /// # Errors
    ///
    /// `InvalidArgument` for an address that the driver does not know as this device's.
    fn expect_own(&self, address: u64) -> Result<()> {
        let bound = self.stream().context().bind_to_thread();
        self.checked(bound, "choosing the device", 0)?;
        let mut ordinal = -1_i32;
        let attribute = sys::CUpointer_attribute::CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL;
        // SAFETY: writes one integer to a place that is there; the address is looked up, not read.
        #[allow(unsafe_code)]
        let asked = unsafe { sys::cuPointerGetAttribute((&raw mut ordinal).cast(), attribute, address) };
        if asked.result().is_ok() && i64::from(ordinal) == i64::from(self.index()) {
            return Ok(());
        }
        let found = if ordinal < 0 { "of no device".to_owned() } else { format!("of cuda:{ordinal}") };
        Err(Error::invalid("memory", format!("an address of cuda:{}", self.index()), found))
    }

    /// The values, once everything before is done.
    ///
    /// # Errors
    ///
    /// `Device`.
    pub fn download<T: DeviceSample>(&self, buffer: &Buffer<T>) -> Result<Vec<T>> {
        let mut values = Vec::new();
        let (what, bytes) = ("values of a device", (buffer.len() * size_of::<T>()) as u64);
        values.try_reserve_exact(buffer.len()).map_err(|_| Error::OutOfMemory { what, bytes })?;
        values.resize(buffer.len(), T::default());
        self.download_to(buffer, &mut values)?;
        Ok(values)
    }

    /// As [`download`](Self::download), into memory that is there. Panics: when it is shorter than the buffer.
    pub fn download_to<T: DeviceSample>(&self, buffer: &Buffer<T>, to: &mut [T]) -> Result<()> {
        self.check_usable()?;
        if buffer.len() * size_of::<T>() >= LEAST_STAGED
            && let Some(mut landing) = self.landing()
        {
            return self.checked(landing.empty(&buffer.0, to, self.stream()), "copying from the device", 0);
        }
        let copied = self.stream().memcpy_dtoh(&buffer.0, to);
        self.checked(copied, "copying from the device", 0)?;
        self.synchronize()
    }

    /// Memory whose values nobody may read before a kernel or a copy wrote all of them.
    pub(crate) fn alloc<T: DeviceSample>(&self, len: usize) -> Result<Buffer<T>> {
        self.check_usable()?;
        // SAFETY: plain numbers; every caller in this folder writes all of them before they are read.
        #[allow(unsafe_code)]
        let allocated = unsafe { self.stream().alloc::<T>(len.max(1)) };
        self.checked(allocated, "a buffer of the device", (len * size_of::<T>()) as u64).map(Buffer)
    }
}
