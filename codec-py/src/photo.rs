//! Photos: picture files and arrays into a `.nvc` or `.avif` file, and back.

use std::collections::BTreeMap;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::PathBuf;

use neural_codec::Result;
use neural_codec::bitstream::PhotoTags;
use neural_codec::decoder;
use neural_codec::encoder::{self, Hooks};
use neural_codec::media::photo::{self, Interleaved, Photo, Samples};
use neural_codec::settings::Settings;
use numpy::{PyArray1, PyArrayMethods, PyReadonlyArray3, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use crate::decoding::{Decoding, decoder_settings};
use crate::errors::{check_process, copied, detached, to_python};
use crate::job::{Job, Reporter};
use crate::options::settings_from;
use crate::work::json;

/// ICC, EXIF and XMP; empty where there is none.
type Tags = (Vec<u8>, Vec<u8>, Vec<u8>);

/// Whether a file is one picture, which is coded as a photo.
#[pyfunction]
pub(crate) fn is_photo(py: Python<'_>, path: PathBuf) -> bool {
    py.detach(|| photo::is_photo(&path))
}

/// Codes a picture file into the file `output`, or where that is not given into `bytes` events; the result is a report.
#[pyfunction]
#[pyo3(signature = (input, settings, output=None))]
pub(crate) fn encode_photo(
    py: Python<'_>,
    input: PathBuf,
    settings: BTreeMap<String, String>,
    output: Option<PathBuf>,
) -> PyResult<Job> {
    check_process(py)?;
    let settings = settings_from(&settings).map_err(|error| to_python(py, error))?;
    Job::start(py, move |reporter| coded(&photo::read_photo(&input)?, &settings, output, &reporter))
}

/// As `encode_photo`, of an array of shape `[height, width, channels]`, 1 to 4 of them, of uint8 or of uint16 that fill 16 bits.
#[pyfunction]
#[pyo3(signature = (picture, tags, settings, output=None))]
pub(crate) fn encode_picture(
    py: Python<'_>,
    picture: Bound<'_, PyAny>,
    tags: Tags,
    settings: BTreeMap<String, String>,
    output: Option<PathBuf>,
) -> PyResult<Job> {
    check_process(py)?;
    let settings = settings_from(&settings).map_err(|error| to_python(py, error))?;
    let picture = interleaved(&picture)?.map_err(|error| to_python(py, error))?;
    let (icc, exif, xmp) = tags;
    Job::start(py, move |reporter| {
        let photo = Photo { tags: PhotoTags { icc, exif, xmp }, ..Photo::from_samples(&picture)? };
        drop(picture);
        coded(&photo, &settings, output, &reporter)
    })
}

fn coded(photo: &Photo, settings: &Settings, output: Option<PathBuf>, reporter: &Reporter) -> Result<String> {
    let progress = |at| {
        reporter.progress(at);
        ControlFlow::Continue(())
    };
    let hooks = Hooks::default()
        .with_progress(progress)
        .with_cancel(reporter.cancel.clone())
        .with_lost(|lost| reporter.lost(json(&lost).unwrap_or_default()));
    if let Some(output) = output {
        return Ok(encoder::encode_photo_to(photo, &output, settings, hooks)?.to_json());
    }
    let encoded = encoder::encode_photo(photo, settings, hooks)?;
    reporter.clone().write_all(&encoded.packet.to_file()?)?;
    Ok(encoded.report.to_json())
}

fn interleaved(picture: &Bound<'_, PyAny>) -> PyResult<Result<Interleaved>> {
    let with = |shape: &[usize], samples| Interleaved {
        height: shape[0],
        width: shape[1],
        channels: shape[2],
        samples,
    };
    if let Ok(array) = picture.extract::<PyReadonlyArray3<'_, u8>>() {
        let samples = copied("a picture", array.as_slice()?);
        return Ok(samples.map(|samples| with(array.shape(), Samples::Eight(samples))));
    }
    let array = picture.extract::<PyReadonlyArray3<'_, u16>>()?;
    let samples = copied("a picture", array.as_slice()?);
    Ok(samples.map(|samples| with(array.shape(), Samples::Sixteen(samples))))
}

/// Decodes one picture into a PNG or TIFF file; the result is the account of it.
#[pyfunction]
pub(crate) fn decode_photo(
    py: Python<'_>,
    input: PathBuf,
    output: PathBuf,
    decoding: Decoding,
) -> PyResult<Job> {
    check_process(py)?;
    let settings = decoder_settings(Some(decoding)).map_err(|error| to_python(py, error))?;
    Job::start(py, move |_| json(&decoder::decode_photo_file(&input, &output, &settings)?))
}

/// Decodes one picture of a file, or of the bytes of a `.nvc` file: an array of shape `[height, width, channels]`, 3 or 4 of them, then
/// ICC, EXIF and XMP, and what is lost as JSON.
#[pyfunction]
#[pyo3(signature = (decoding, *, path=None, bytes=None))]
pub(crate) fn decode_picture<'py>(
    py: Python<'py>,
    decoding: Decoding,
    path: Option<PathBuf>,
    bytes: Option<Vec<u8>>,
) -> PyResult<Bound<'py, PyTuple>> {
    check_process(py)?;
    let settings = decoder_settings(Some(decoding)).map_err(|error| to_python(py, error))?;
    let (picture, tags, lost) = detached(py, || {
        let photo = match (path, bytes) {
            (Some(path), _) => decoder::open_photo(&path, &settings)?,
            (None, bytes) => decoder::decode_photo_bytes(&bytes.unwrap_or_default(), &settings)?,
        };
        Ok((photo.to_samples()?, photo.tags, json(&photo.lost)?))
    })?;
    let shape = [picture.height, picture.width, picture.channels];
    let array = match picture.samples {
        Samples::Eight(samples) => PyArray1::from_vec(py, samples).reshape(shape)?.into_any(),
        Samples::Sixteen(samples) => PyArray1::from_vec(py, samples).reshape(shape)?.into_any(),
    };
    let [icc, exif, xmp] = [tags.icc, tags.exif, tags.xmp].map(|tag| PyBytes::new(py, &tag));
    (array, icc, exif, xmp, lost).into_pyobject(py)
}
