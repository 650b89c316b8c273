//! A stream of its own for long work, which runs beside the work of all others.
//!
//! Buffers belong to the device's one stream. Before a queue touches them, that stream is waited for; before anybody else
//! does, or frees them, the queue is.

use std::sync::Arc;

use cudarc::driver::sys::{CUgraphInstantiate_flags, CUstreamCaptureMode};
use cudarc::driver::{CudaGraph, CudaStream, DriverError, LaunchArgs};

use super::context::Gpu;
use super::memory::Buffer;
use super::sample::DeviceSample;
use crate::error::Result;

/// A stream beside the device's own.
pub(crate) struct Queue {
    gpu: Arc<Gpu>,
    stream: Arc<CudaStream>,
}

/// Launches that were taken down, to be run as one, again and again.
pub(crate) struct Replay(CudaGraph);

impl Queue {
    /// # Errors
    ///
    /// `Device`, `OutOfMemory`.
    pub(crate) fn new(gpu: &Arc<Gpu>) -> Result<Self> {
        Ok(Self { gpu: gpu.clone(), stream: gpu.new_stream()? })
    }

    /// The call of a kernel, to which arguments are added.
    pub(crate) fn call<'a>(&'a self, kernel: &str) -> Result<LaunchArgs<'a>> {
        Ok(self.stream.launch_builder(self.gpu.function(kernel)?))
    }

    /// The result of a launch.
    ///
    /// # Errors
    ///
    /// `Device`, which names the kernel.
    pub(crate) fn launched<T>(&self, result: Result<T, DriverError>, kernel: &'static str) -> Result<()> {
        self.gpu.checked(result, kernel, 0).map(drop)
    }

    /// Lets work that is queued from now on see what the device's own stream was asked for before.
    pub(crate) fn follow(&self) -> Result<()> {
        self.gpu.synchronize()
    }

    /// Waits until everything that was queued is done.
    pub(crate) fn synchronize(&self) -> Result<()> {
        self.gpu.checked(self.stream.synchronize(), "waiting for the device", 0)
    }

    /// Waits, and copies values to the host. Panics: where there is less room than values.
    pub(crate) fn read<T: DeviceSample>(&self, buffer: &Buffer<T>, to: &mut [T]) -> Result<()> {
        let copied = self.stream.memcpy_dtoh(&buffer.0, to);
        self.gpu.checked(copied, "copying from the device", 0)?;
        self.synchronize()
    }

    /// Takes launches down from here on instead of running them. False where that is not to be had.
    pub(crate) fn take_down(&self) -> bool {
        // Other threads may go on to allocate and copy.
        let mode = CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_THREAD_LOCAL;
        self.stream.begin_capture(mode).is_ok()
    }

    /// What was taken down, ready to run. `None` where it is not to be had; launches run again either way.
    pub(crate) fn taken_down(&self) -> Option<Replay> {
        self.stream.end_capture(CUgraphInstantiate_flags(0)).ok().flatten().map(Replay)
    }

    /// Runs what was taken down.
    ///
    /// # Errors
    ///
    /// `Device`.
    pub(crate) fn replay(&self, replay: &Replay) -> Result<()> {
        self.gpu.checked(replay.0.launch(), "a graph of kernels", 0)
    }
}
