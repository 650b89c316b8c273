//! Photos: picture files and arrays into a `.nvc` or `.avif` file, and back.

use std::collections::BTreeMap;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::PathBuf;

use neural_codec::bitstream::PhotoTags;
use neural_codec::decoder::{self, DecoderSettings};
use neural_codec::encoder::{self, Hooks};
use neural_codec::frame::Plane;
use neural_codec::media::photo::{self, Alpha, Photo};
use numpy::{PyArray1, PyArrayMethods, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyDict};

use crate::errors::{check_process, copied, detached, to_python};
use crate::gpu_picture::Shape;
use crate::job::Job;
use crate::options::settings_from;
use crate::pictures::{frame_from_python, picture_of};
use crate::work::json;

/// Whether a file is one picture, which is coded as a photo.
#[pyfunction]
pub(crate) fn is_photo(py: Python<'_>, path: PathBuf) -> bool {
    py.detach(|| photo::is_photo(&path))
}

/// A photo of an array `[height, width, 3]`, with alpha `[height, width]`, ICC profile, EXIF and XMP.
fn photo_of(
    picture: &Bound<'_, PyAny>,
    alpha: Option<&Bound<'_, PyAny>>,
    (icc, exif, xmp): (Vec<u8>, Vec<u8>, Vec<u8>),
) -> PyResult<Photo> {
    let py = picture.py();
    let frame = frame_from_python(picture)?.into_host().map_err(|error| to_python(py, error))?;
    let mut photo = Photo::new(frame);
    photo.tags = PhotoTags { icc, exif, xmp };
    photo.alpha = alpha.map(alpha_of).transpose()?;
    Ok(photo)
}

fn alpha_of(array: &Bound<'_, PyAny>) -> PyResult<Alpha> {
    let py = array.py();
    let found = if let Ok(array) = array.extract::<PyReadonlyArray2<'_, u8>>() {
        let samples = copied("alpha", array.as_slice()?);
        samples.and_then(|s| Plane::from_samples(array.shape()[1], array.shape()[0], s)).map(Alpha::Eight)
    } else {
        let array = array.extract::<PyReadonlyArray2<'_, u16>>()?;
        let samples = copied("alpha", array.as_slice()?);
        samples.and_then(|s| Plane::from_samples(array.shape()[1], array.shape()[0], s)).map(Alpha::Sixteen)
    };
    found.map_err(|error| to_python(py, error))
}

/// Codes a picture file, or an array with what belongs to it, into the file `output`, or where that is not given into `bytes` events;
/// the result is a report.
#[pyfunction]
#[pyo3(signature = (settings, output=None, *, path=None, picture=None, alpha=None, icc=Vec::new(), exif=Vec::new(), xmp=Vec::new()))]
#[allow(clippy::too_many_arguments, reason = "keywords of Python")]
pub(crate) fn encode_photo(
    py: Python<'_>,
    settings: BTreeMap<String, String>,
    output: Option<PathBuf>,
    path: Option<PathBuf>,
    picture: Option<&Bound<'_, PyAny>>,
    alpha: Option<&Bound<'_, PyAny>>,
    icc: Vec<u8>,
    exif: Vec<u8>,
    xmp: Vec<u8>,
) -> PyResult<Job> {
    check_process(py)?;
    let settings = settings_from(&settings).map_err(|error| to_python(py, error))?;
    let given = picture.map(|picture| photo_of(picture, alpha, (icc, exif, xmp))).transpose()?;
    Job::start(py, move |reporter| {
        let photo = match (given, path) {
            (Some(photo), _) => photo,
            (None, path) => photo::read_photo(&path.unwrap_or_default())?,
        };
        let mut bytes = reporter.clone();
        let progress = |at| {
            reporter.progress(at);
            ControlFlow::Continue(())
        };
        let hooks = Hooks::default()
            .with_progress(progress)
            .with_cancel(reporter.cancel.clone())
            .with_lost(|lost| reporter.lost(json(&lost).unwrap_or_default()));
        if let Some(output) = output {
            return Ok(encoder::encode_photo_to(&photo, &output, &settings, hooks)?.to_json());
        }
        let encoded = encoder::encode_photo(&photo, &settings, hooks)?;
        bytes.write_all(&encoded.packet.to_file()?)?;
        Ok(encoded.report.to_json())
    })
}

/// Decodes one picture into a PNG or TIFF file; the result is the account of it.
#[pyfunction]
pub(crate) fn decode_photo(py: Python<'_>, input: PathBuf, output: PathBuf, threads: usize) -> PyResult<Job> {
    check_process(py)?;
    Job::start(py, move |_| {
        json(&decoder::decode_photo_file(&input, &output, &DecoderSettings::default().with_threads(threads))?)
    })
}

/// A stored photo or picture file by name: `pixels` `[height, width, 3]`, `alpha` or None, `icc`, `exif` and `xmp` as bytes.
#[pyfunction]
#[pyo3(signature = (*, path=None, bytes=None))]
pub(crate) fn read_photo<'py>(
    py: Python<'py>,
    path: Option<PathBuf>,
    bytes: Option<PyBackedBytes>,
) -> PyResult<Bound<'py, PyDict>> {
    check_process(py)?;
    let (picture, alpha, tags) = detached(py, || {
        let settings = DecoderSettings::default();
        let photo = match (&path, bytes) {
            (Some(path), _) => decoder::open_photo(path, &settings)?,
            (None, bytes) => decoder::decode_photo_bytes(bytes.as_deref().unwrap_or_default(), &settings)?,
        };
        let picture =
            picture_of(neural_codec::frame::AnyFrame::Host(photo.frame), Shape::wanted(false, false))?;
        Ok((picture, photo.alpha, photo.tags))
    })?;
    let out = PyDict::new(py);
    out.set_item("pixels", picture.into_python(py)?)?;
    let alpha = match alpha {
        None => None,
        Some(Alpha::Eight(plane)) => {
            let shape = [plane.height(), plane.width()];
            Some(PyArray1::from_vec(py, plane.into_samples()).reshape(shape)?.into_any())
        }
        Some(Alpha::Sixteen(plane)) => {
            let shape = [plane.height(), plane.width()];
            Some(PyArray1::from_vec(py, plane.into_samples()).reshape(shape)?.into_any())
        }
    };
    out.set_item("alpha", alpha)?;
    for (name, bytes) in [("icc", tags.icc), ("exif", tags.exif), ("xmp", tags.xmp)] {
        out.set_item(name, PyBytes::new(py, &bytes))?;
    }
    Ok(out)
}
