//! An output file that appears whole or not at all, for bytes that come through Python.

use std::io::Write;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use neural_codec::Error;
use neural_codec::media::AtomicFile;
use pyo3::prelude::*;

use crate::errors::{detached, to_python};

/// A file under construction; it gets its name at `commit`, and dropped before leaves nothing.
#[pyclass(frozen, module = "neural_codec._native")]
pub(crate) struct OutputFile {
    path: PathBuf,
    file: Mutex<Option<AtomicFile>>,
}

#[pymethods]
impl OutputFile {
    #[new]
    fn new(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let file = detached(py, || AtomicFile::create(&path))?;
        Ok(Self { path, file: Mutex::new(Some(file)) })
    }

    fn write(&self, py: Python<'_>, bytes: &[u8]) -> PyResult<()> {
        detached(py, || match &mut *self.lock() {
            Some(file) => file.write_all(bytes).map_err(|error| Error::io(&self.path, error)),
            None => Err(closed("write")),
        })
    }

    fn commit(&self, py: Python<'_>) -> PyResult<()> {
        let file = self.lock().take().ok_or_else(|| to_python(py, closed("commit")))?;
        detached(py, || file.commit())
    }

    fn discard(&self) {
        // In a forked child the file is the parent's, and stays.
        drop(self.lock().take());
    }
}

impl OutputFile {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<AtomicFile>> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn closed(call: &'static str) -> Error {
    Error::WrongOrder { call, reason: "the file is closed".into() }
}
