//! Arrays of torch, cupy and others that lie on a GPU, and the frames in them. Nothing here goes through the host.

use std::sync::Arc;

use neural_codec::device::Device;
use neural_codec::error::{Error, Result};
use neural_codec::frame::Samples;
use neural_codec::frame::{BitDepth, Color, GpuFrame, PixelFormat};
use neural_codec::gpu::{Buffer, DeviceSample, Gpu};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::dlpack::{Tensor, cuda_device};
use crate::errors::{check_process, to_python};
use crate::layout::layout_of;

/// An array on a GPU that another library owns; held as long as its frames are read.
#[pyclass(frozen, module = "neural_codec._native")]
pub(crate) struct DeviceArray {
    gpu: Arc<Gpu>,
    tensor: Tensor,
}

#[pymethods]
impl DeviceArray {
    /// Takes an object's memory by `__dlpack__`; nothing where it does not lie on a CUDA device.
    #[staticmethod]
    fn take(object: &Bound<'_, PyAny>) -> PyResult<Option<Self>> {
        let py = object.py();
        check_process(py)?;
        let Some(index) = cuda_device(object)? else { return Ok(None) };
        let taken = |error| to_python(py, error);
        let device = Device::cuda(index).map_err(taken)?;
        let Some(gpu) = device.gpu() else { return Ok(None) };
        // The other library makes its memory ready for the stream that we read it on.
        let options = PyDict::new(py);
        options.set_item("stream", gpu.stream_handle())?;
        let capsule = object.call_method("__dlpack__", (), Some(&options))?;
        let tensor = Tensor::take(&capsule, index).map_err(taken)?;
        Ok(Some(Self { gpu: gpu.clone(), tensor }))
    }

    #[getter]
    fn shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.tensor.shape)
    }

    #[getter]
    fn dtype(&self) -> &str {
        &self.tensor.dtype
    }

    /// One frame of an array of shape `[frames, height, width, 3]`, `[frames, 3, height, width]` or without `frames`.
    fn frame(slf: Bound<'_, Self>, index: usize, is_planar: bool) -> PyResult<DeviceFrame> {
        let shape = &slf.get().tensor.shape;
        let (frames, sides) = match shape.as_slice() {
            [frames, rest @ ..] if rest.len() == 3 => (*frames, rest),
            rest => (1, rest),
        };
        let (height, width) = match (sides, is_planar) {
            (&[3, height, width], true) | (&[height, width, 3], false) if index < frames => (height, width),
            _ => {
                let error =
                    Error::internal("dlpack", format!("frame {index} of an array of shape {shape:?}"));
                return Err(to_python(slf.py(), error));
            }
        };
        Ok(DeviceFrame { array: slf.unbind(), index, width, height, is_planar })
    }
}

impl Drop for DeviceArray {
    fn drop(&mut self) {
        // Copies out of the array may still be on their way; a lost device makes none.
        let _ = self.gpu.synchronize();
    }
}

/// One frame of a [`DeviceArray`].
#[pyclass(frozen, module = "neural_codec._native")]
pub(crate) struct DeviceFrame {
    array: Py<DeviceArray>,
    index: usize,
    width: usize,
    height: usize,
    is_planar: bool,
}

#[pymethods]
impl DeviceFrame {
    #[getter]
    fn shape(&self) -> (usize, usize, usize) {
        (self.height, self.width, 3)
    }

    #[getter]
    fn dtype(&self) -> &str {
        &self.array.get().tensor.dtype
    }
}

impl DeviceFrame {
    /// A copy of the frame, on its GPU, which is made when this returns: the caller may write the next frame to the same memory.
    pub(crate) fn picture(&self) -> Result<GpuFrame> {
        let array = self.array.get();
        let picture = match array.depth()? {
            BitDepth::Eight => {
                self.read(array, PixelFormat::RGB_8, Samples::U8, GpuFrame::from_rgb8_interleaved)
            }
            BitDepth::Ten => {
                self.read(array, PixelFormat::RGB_10, Samples::U16, GpuFrame::from_rgb10_interleaved)
            }
        }?;
        array.gpu.synchronize()?;
        Ok(picture)
    }

    fn read<T: DeviceSample>(
        &self,
        array: &DeviceArray,
        format: PixelFormat,
        samples: fn(Buffer<T>) -> Samples,
        interleaved: fn(&Arc<Gpu>, &Buffer<T>, usize, usize) -> Result<GpuFrame>,
    ) -> Result<GpuFrame> {
        let area = self.width * self.height;
        let start = self.index * 3 * area;
        if !self.is_planar {
            return interleaved(&array.gpu, &array.copy(start, 3 * area)?, self.width, self.height);
        }
        let [red, green, blue] = [0, 1, 2].map(|plane| array.copy(start + plane * area, area).map(samples));
        let (size, color) = ((self.width, self.height), Color::default().as_rgb());
        GpuFrame::from_planes(&array.gpu, size, [red?, green?, blue?], format, color)
    }
}

impl DeviceArray {
    fn depth(&self) -> Result<BitDepth> {
        match self.tensor.dtype.as_str() {
            "uint8" => Ok(BitDepth::Eight),
            "uint16" => Ok(BitDepth::Ten),
            other => Err(Error::invalid("dtype", "uint8 or uint16", other)),
        }
    }

    /// A copy of elements of the array, of the type that `depth` says.
    fn copy<T: DeviceSample>(&self, start: usize, count: usize) -> Result<Buffer<T>> {
        let bytes = size_of::<T>();
        let elements = self.tensor.shape.iter().try_fold(1_usize, |all, &length| all.checked_mul(length));
        let is_inside = start.checked_add(count).is_some_and(|end| elements.is_some_and(|all| end <= all));
        if !is_inside || self.depth()? != (if bytes == 1 { BitDepth::Eight } else { BitDepth::Ten }) {
            return Err(Error::internal(
                "dlpack",
                format!("elements {start} to {}", start.wrapping_add(count)),
            ));
        }
        let address = self.tensor.address + (start * bytes) as u64;
        // SAFETY: the owner says that these elements lie there, written for this GPU's stream, until the tensor is dropped,
        // which waits for the copy.
        #[allow(unsafe_code)]
        unsafe {
            self.gpu.copy_foreign(address, count)
        }
    }

    fn plane(&self) -> Result<((usize, usize), Samples)> {
        let [height, width] = self.tensor.shape[..] else {
            return Err(Error::invalid("plane", "shape (height, width)", format!("{:?}", self.tensor.shape)));
        };
        let area = width * height;
        let samples = match self.depth()? {
            BitDepth::Eight => Samples::U8(self.copy(0, area)?),
            BitDepth::Ten => Samples::U16(self.copy(0, area)?),
        };
        Ok(((width, height), samples))
    }
}

/// A copy of planes Y, U and V that lie on one GPU, there, which is made when this returns.
pub(crate) fn picture_of_planes(planes: [&DeviceArray; 3]) -> Result<GpuFrame> {
    let gpu = &planes[0].gpu;
    if planes.iter().any(|plane| !Arc::ptr_eq(&plane.gpu, gpu)) {
        return Err(Error::invalid("planes", "three arrays on one GPU", "arrays on several"));
    }
    let depth = planes[0].depth()?;
    let [(size, y), (chroma, u), (other, v)] = [planes[0].plane()?, planes[1].plane()?, planes[2].plane()?];
    let layout = layout_of(size, chroma, depth)?;
    if chroma != other {
        return Err(Error::invalid("planes", "U and V of one size", "of two"));
    }
    let picture =
        GpuFrame::from_planes(gpu, size, [y, u, v], PixelFormat { layout, depth }, Color::default())?;
    gpu.synchronize()?;
    Ok(picture)
}
