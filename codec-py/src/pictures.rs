//! Between numpy arrays and frames.

use neural_codec::device::Device;
use neural_codec::error::{Error, Result};
use neural_codec::frame::{
    AnyFrame, BitDepth, Color, Frame, GpuFrame, Layout, PixelFormat, Plane, Planes, Sample,
    from_rgb8_interleaved, from_rgb10_interleaved, rgb8_interleaved, rgb10_interleaved,
};
use numpy::{Element, PyArray1, PyArrayMethods, PyReadonlyArray2, PyReadonlyArray3, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::device_array::{DeviceArray, DeviceFrame, picture_of_planes};
use crate::errors::{copied, to_python};
use crate::gpu_picture::{self, GpuPicture, Shape};
use crate::layout::layout_of;

/// A frame from an array of shape `[height, width, 3]`, or from a tuple of planes Y, U, V, wherever they lie.
///
/// The package has checked types and made arrays contiguous; what does not fit here is a mistake of the package.
pub(crate) fn frame_from_python(picture: &Bound<'_, PyAny>) -> PyResult<AnyFrame> {
    if let Some(frame) = frame_on_gpu(picture)? {
        return frame.map(AnyFrame::Gpu).map_err(|error| to_python(picture.py(), error));
    }
    frame_on_host(picture).map(AnyFrame::Host)
}

/// A GPU-resident frame, or nothing.
fn frame_on_gpu(picture: &Bound<'_, PyAny>) -> PyResult<Option<Result<GpuFrame>>> {
    if let Ok(frame) = picture.cast::<DeviceFrame>() {
        return Ok(Some(frame.get().picture()));
    }
    let Ok(planes) = picture.cast::<PyTuple>() else { return Ok(None) };
    let (y, u, v) = (planes.get_item(0)?, planes.get_item(1)?, planes.get_item(2)?);
    match (y.cast::<DeviceArray>(), u.cast::<DeviceArray>(), v.cast::<DeviceArray>()) {
        (Ok(y), Ok(u), Ok(v)) => Ok(Some(picture_of_planes([y.get(), u.get(), v.get()]))),
        _ => Ok(None),
    }
}

fn frame_on_host(picture: &Bound<'_, PyAny>) -> PyResult<Frame> {
    let py = picture.py();
    let frame = if let Ok(planes) = picture.cast::<PyTuple>() {
        frame_from_planes(planes)?
    } else if let Ok(array) = picture.extract::<PyReadonlyArray3<'_, u8>>() {
        let (height, width) = (array.shape()[0], array.shape()[1]);
        from_rgb8_interleaved(array.as_slice()?, width, height)
    } else {
        let array = picture.extract::<PyReadonlyArray3<'_, u16>>()?;
        let (height, width) = (array.shape()[0], array.shape()[1]);
        from_rgb10_interleaved(array.as_slice()?, width, height)
    };
    frame.map_err(|error| to_python(py, error))
}

fn frame_from_planes(planes: &Bound<'_, PyTuple>) -> PyResult<Result<Frame>> {
    let (y, u, v) = (planes.get_item(0)?, planes.get_item(1)?, planes.get_item(2)?);
    if let Ok(y) = plane::<u8>(&y) {
        return Ok(y.and_then(|y| assemble(y, BitDepth::Eight, Planes::U8, plane(&u), plane(&v))));
    }
    let y = plane::<u16>(&y)?;
    Ok(y.and_then(|y| assemble(y, BitDepth::Ten, Planes::U16, plane(&u), plane(&v))))
}

fn plane<T: Sample + Element>(array: &Bound<'_, PyAny>) -> PyResult<Result<Plane<T>>> {
    let array = array.extract::<PyReadonlyArray2<'_, T>>()?;
    let (height, width) = (array.shape()[0], array.shape()[1]);
    let samples = copied("samples of a plane", array.as_slice()?);
    Ok(samples.and_then(|samples| Plane::from_samples(width, height, samples)))
}

fn assemble<T: Sample>(
    y: Plane<T>,
    depth: BitDepth,
    planes: impl Fn([Plane<T>; 3]) -> Planes,
    u: PyResult<Result<Plane<T>>>,
    v: PyResult<Result<Plane<T>>>,
) -> Result<Frame> {
    let same_type = |_| Error::invalid("planes", "three arrays of one type", "arrays of different types");
    let (u, v) = (u.map_err(same_type)??, v.map_err(same_type)??);
    let chroma = (u.width(), u.height());
    let layout = layout_of((y.width(), y.height()), chroma, depth)?;
    Frame::from_planes(planes([y, u, v]), PixelFormat { layout, depth }, Color::default())
}

/// Samples of a frame on their way to Python.
pub(crate) enum Picture {
    /// Arrays on a GPU, one or three.
    Gpu(Vec<GpuPicture>),
    /// `[height, width, 3]` at 8 bits.
    Rgb8(Vec<u8>, [usize; 3]),
    /// `[height, width, 3]` at 10 bits.
    Rgb10(Vec<u16>, [usize; 3]),
    /// The planes as they are.
    Planes(Frame),
}

/// The samples of a frame: on its GPU where it is resident there, on the host otherwise and where its GPU fails.
pub(crate) fn picture_of(frame: AnyFrame, shape: Shape) -> Result<Picture> {
    let frame = if shape == Shape::Planes { frame } else { rgb(frame)? };
    if let AnyFrame::Gpu(resident) = &frame
        && let Some(pictures) = gpu_picture::pictures(resident, shape)?
    {
        return Ok(Picture::Gpu(pictures));
    }
    let frame = frame.into_host()?;
    let sides = [frame.height(), frame.width(), 3];
    Ok(match (shape, frame.format().depth) {
        (Shape::Planes, _) => Picture::Planes(frame),
        (_, BitDepth::Eight) => Picture::Rgb8(rgb8_interleaved(&frame)?, sides),
        (_, BitDepth::Ten) => Picture::Rgb10(rgb10_interleaved(&frame)?, sides),
    })
}

/// The same frame as RGB at its own depth.
fn rgb(frame: AnyFrame) -> Result<AnyFrame> {
    let format = frame.format();
    let color = frame.color().resolve_for_conversion(format.layout, frame.width(), frame.height());
    frame.convert(&Device::cpu(), PixelFormat { layout: Layout::Rgb, depth: format.depth }, color)
}

impl Picture {
    /// An array of shape `[height, width, 3]`, or a tuple of three of shape `[height, width]`; on a GPU, as it was shaped there.
    pub(crate) fn into_python(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        match self {
            Self::Gpu(pictures) => gpu_picture::into_python(pictures, py),
            Self::Rgb8(samples, shape) => Ok(PyArray1::from_vec(py, samples).reshape(shape)?.into_any()),
            Self::Rgb10(samples, shape) => Ok(PyArray1::from_vec(py, samples).reshape(shape)?.into_any()),
            Self::Planes(frame) => match frame.into_planes() {
                Planes::U8(planes) => tuple(py, planes),
                Planes::U16(planes) => tuple(py, planes),
            },
        }
    }
}

/// The planes as arrays, without a copy.
fn tuple<T: Sample + Element>(py: Python<'_>, planes: [Plane<T>; 3]) -> PyResult<Bound<'_, PyAny>> {
    let mut arrays = Vec::with_capacity(3);
    for plane in planes {
        let sides = [plane.height(), plane.width()];
        arrays.push(PyArray1::from_vec(py, plane.into_samples()).reshape(sides)?);
    }
    Ok(PyTuple::new(py, arrays)?.into_any())
}
