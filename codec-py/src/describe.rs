//! What there is: settings and versions.

use std::path::PathBuf;

use neural_codec::base::Library;
use neural_codec::settings::Settings;
use pyo3::prelude::*;

use crate::errors::detached;

/// Name, meaning and default of every setting, in the order of the documentation.
#[pyfunction]
pub(crate) fn settings() -> Vec<(&'static str, &'static str, String)> {
    let defaults = Settings::default();
    let row = |name: &str| defaults.get(name).unwrap_or_default();
    Settings::DESCRIPTIONS.iter().map(|d| (d.name, d.meaning.trim(), row(d.name))).collect()
}

/// Version of the library, and version and file of the base layer's encoder.
///
/// Errors: `MissingLibrary`.
#[pyfunction]
pub(crate) fn versions(py: Python<'_>) -> PyResult<(String, String)> {
    let library = detached(py, || Library::load(None))?;
    Ok((format!("SVT-AV1 {}", library.version()), library.file().display().to_string()))
}

/// Names a file to try before the system's own SVT-AV1.
#[pyfunction]
pub(crate) fn suggest_library(path: PathBuf) {
    Library::suggest(&path);
}
