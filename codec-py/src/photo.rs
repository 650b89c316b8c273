//! Photos: picture files into a `.nvc` or `.avif` file, and back.

use std::collections::BTreeMap;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::PathBuf;

use neural_codec::decoder::{self, DecoderSettings};
use neural_codec::encoder::{self, Hooks};
use neural_codec::media::photo;
use pyo3::prelude::*;

use crate::errors::{check_process, to_python};
use crate::job::Job;
use crate::options::settings_from;
use crate::work::json;

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
    Job::start(py, move |reporter| {
        let photo = photo::read_photo(&input)?;
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
