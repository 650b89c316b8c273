//! Decoded pictures that stay on a GPU, offered to torch, cupy and others by DLPack.

use std::mem::ManuallyDrop;
use std::sync::Arc;

use neural_codec::error::{Error, Result};
use neural_codec::frame::GpuFrame;
use neural_codec::frame::Samples;
use neural_codec::gpu::Gpu;
use numpy::{PyArray1, PyArrayMethods};
use pyo3::exceptions::PyBufferError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::dlpack::CUDA;
use crate::errors::{check_process, detached, to_python};
use crate::offer::Offer;

/// Samples on a GPU that others may be reading.
struct Shared {
    gpu: Arc<Gpu>,
    samples: ManuallyDrop<Samples>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Whoever took the memory may have given it back before its own work there is done. Where that cannot be waited for,
        // the device is lost, or it is another process's: then the memory goes with the process.
        if self.gpu.settle().is_ok() {
            // SAFETY: this happens once, and nobody uses the samples after it.
            #[allow(unsafe_code)]
            unsafe {
                ManuallyDrop::drop(&mut self.samples);
            }
        }
    }
}

/// An array on a GPU: a picture or a plane of one.
#[pyclass(frozen, module = "neural_codec._native")]
pub(crate) struct GpuPicture {
    shared: Arc<Shared>,
    shape: Vec<usize>,
}

#[pymethods]
impl GpuPicture {
    #[getter]
    fn shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.shape)
    }

    #[getter]
    fn dtype(&self) -> &'static str {
        if self.bits() == 8 { "uint8" } else { "uint16" }
    }

    /// The number of the CUDA device.
    #[getter]
    fn device(&self) -> u32 {
        self.shared.gpu.index()
    }

    fn __dlpack_device__(&self) -> (i32, u32) {
        (CUDA, self.device())
    }

    /// The memory itself, or where `copy` is true one of its own. All work on it is done, whatever `stream` says.
    #[pyo3(signature = (*, stream=None, max_version=None, dl_device=None, copy=None))]
    fn __dlpack__<'py>(
        &self,
        py: Python<'py>,
        stream: Option<&Bound<'py, PyAny>>,
        max_version: Option<&Bound<'py, PyAny>>,
        dl_device: Option<(i32, i64)>,
        copy: Option<bool>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let _ = (stream, max_version);
        check_process(py)?;
        if dl_device.is_some_and(|wanted| wanted != (CUDA, i64::from(self.device()))) {
            return Err(PyBufferError::new_err(
                "the picture stays on its GPU: call numpy() for one on the host",
            ));
        }
        let owner = detached(py, || {
            let owner = if copy == Some(true) { Arc::new(self.shared.copy()?) } else { self.shared.clone() };
            owner.gpu.synchronize()?;
            Ok(owner)
        })?;
        let (address, bits, shape) = (owner.address(), self.bits(), self.shape.iter().map(|&n| n as i64));
        Offer { owner, address, device: self.device(), bits, shape: shape.collect() }.capsule(py)
    }

    /// A copy in the memory of the host.
    fn numpy<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let Shared { gpu, samples } = &*self.shared;
        match &**samples {
            Samples::U8(samples) => {
                let host = detached(py, || gpu.download(samples))?;
                Ok(PyArray1::from_vec(py, host).reshape(self.shape.as_slice())?.into_any())
            }
            Samples::U16(samples) => {
                let host = detached(py, || gpu.download(samples))?;
                Ok(PyArray1::from_vec(py, host).reshape(self.shape.as_slice())?.into_any())
            }
        }
    }
}

impl GpuPicture {
    fn new(gpu: &Arc<Gpu>, samples: Samples, shape: Vec<usize>) -> Self {
        Self { shared: Arc::new(Shared { gpu: gpu.clone(), samples: ManuallyDrop::new(samples) }), shape }
    }

    fn bits(&self) -> u8 {
        if matches!(*self.shared.samples, Samples::U8(_)) { 8 } else { 16 }
    }
}

impl Shared {
    fn address(&self) -> u64 {
        match &*self.samples {
            Samples::U8(samples) => samples.address(),
            Samples::U16(samples) => samples.address(),
        }
    }

    fn copy(&self) -> Result<Self> {
        let samples = copied(&self.gpu, &self.samples)?;
        Ok(Self { gpu: self.gpu.clone(), samples: ManuallyDrop::new(samples) })
    }
}

fn copied(gpu: &Gpu, samples: &Samples) -> Result<Samples> {
    match samples {
        Samples::U8(samples) => gpu.copy(samples).map(Samples::U8),
        Samples::U16(samples) => gpu.copy(samples).map(Samples::U16),
    }
}

/// How a picture is laid out for Python.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// The planes as they are.
    Planes,
    /// `[height, width, 3]`
    Interleaved,
    /// `[3, height, width]`
    Stacked,
}

impl Shape {
    /// As a caller wants frames.
    pub(crate) fn wanted(as_planes: bool, channels_first: bool) -> Self {
        match (as_planes, channels_first) {
            (true, _) => Self::Planes,
            (false, false) => Self::Interleaved,
            (false, true) => Self::Stacked,
        }
    }
}

/// A GPU-resident frame, RGB unless planes are wanted, as arrays there, one or three. `None` where the GPU fails at it.
pub(crate) fn pictures(frame: &GpuFrame, shape: Shape) -> Result<Option<Vec<GpuPicture>>> {
    let one = |samples, sides: [usize; 3]| vec![GpuPicture::new(frame.gpu(), samples, sides.to_vec())];
    let (width, height) = (frame.width(), frame.height());
    let made = match shape {
        Shape::Planes => planes(frame),
        Shape::Interleaved => frame.interleaved().map(|samples| one(samples, [height, width, 3])),
        Shape::Stacked => frame.stacked().map(|samples| one(samples, [3, height, width])),
    };
    match made {
        Err(Error::Device { .. } | Error::OutOfMemory { .. }) => Ok(None),
        made => made.map(Some),
    }
}

fn planes(frame: &GpuFrame) -> Result<Vec<GpuPicture>> {
    let copy = |(plane, (width, height)): (&Samples, (usize, usize))| {
        Ok(GpuPicture::new(frame.gpu(), copied(frame.gpu(), plane)?, vec![height, width]))
    };
    frame.planes().iter().zip(frame.sizes()).map(copy).collect()
}

/// One array, or a tuple of three.
pub(crate) fn into_python(pictures: Vec<GpuPicture>, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    let mut arrays = Vec::with_capacity(pictures.len());
    for picture in pictures {
        arrays.push(Bound::new(py, picture)?.into_any());
    }
    match arrays.len() {
        1 => arrays.pop().ok_or_else(|| to_python(py, Error::internal("picture", "no array"))),
        _ => Ok(PyTuple::new(py, arrays)?.into_any()),
    }
}
