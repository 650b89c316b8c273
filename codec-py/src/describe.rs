//! What there is: settings and versions; and what is computed from numbers alone.

use std::collections::BTreeMap;
use std::path::PathBuf;

use neural_codec::base::{self, Library};
use neural_codec::metrics::{RatePoint, bd_rate as delta_rate, suggest_vmaf, vmaf_version};
use neural_codec::settings::Settings;
use pyo3::prelude::*;
use serde_json::json;

use crate::errors::detached;
use crate::options::settings_from;

/// Name, meaning and default of every setting, in the order of the documentation.
#[pyfunction]
pub(crate) fn settings() -> Vec<(&'static str, &'static str, String)> {
    let defaults = Settings::default();
    let row = |name: &str| defaults.get(name).unwrap_or_default();
    Settings::DESCRIPTIONS.iter().map(|d| (d.name, d.meaning.trim(), row(d.name))).collect()
}

/// A table of constants as JSON: what it is named by, as a whole and as what differs from what is compiled in, and every constant.
///
/// # Errors
///
/// `InvalidArgument` that names key, range and value.
#[pyfunction]
pub(crate) fn defaults(py: Python<'_>, text: String) -> PyResult<String> {
    let mut settings = Settings::default();
    detached(py, || settings.set("defaults", &text))?;
    let table = settings.defaults;
    let constants: Vec<_> = table.constants().into_iter().map(|each| json!({
        "key": each.key, "value": each.value, "low": each.low, "high": each.high, "is_whole": each.is_whole, "meaning": each.meaning,
    })).collect();
    let told = json!({
        "hash": table.hash(), "toml": table.to_toml(), "changes": table.changes_to_toml(), "constants": constants,
    });
    Ok(told.to_string())
}

/// Version and file of the base layer's encoder.
///
/// # Errors
///
/// `MissingLibrary`.
#[pyfunction]
pub(crate) fn encoder_version(py: Python<'_>) -> PyResult<(String, String)> {
    let library = detached(py, || Library::load(None))?;
    Ok((format!("SVT-AV1 {}", library.version()), library.file().display().to_string()))
}

/// Version and file of the base layer's decoder.
///
/// # Errors
///
/// `MissingLibrary`.
#[pyfunction]
pub(crate) fn decoder_version(py: Python<'_>) -> PyResult<(String, String)> {
    let (version, file) = detached(py, base::decoder_version)?;
    Ok((format!("dav1d {version}"), file.display().to_string()))
}

/// Version of what reads and writes video files.
#[pyfunction]
pub(crate) fn ffmpeg_version() -> String {
    format!("FFmpeg {}", neural_codec::media::ffmpeg::version())
}

/// Version and file of what measures VMAF.
///
/// # Errors
///
/// `MissingLibrary`.
#[pyfunction]
#[pyo3(name = "vmaf_version")]
pub(crate) fn version_of_vmaf(py: Python<'_>) -> PyResult<(String, String)> {
    let (version, file) = detached(py, vmaf_version)?;
    Ok((format!("libvmaf {version}"), file.display().to_string()))
}

/// Version and file of what codes photos of color.
///
/// # Errors
///
/// `MissingLibrary`.
#[pyfunction]
#[pyo3(name = "aom_version")]
pub(crate) fn version_of_aom(py: Python<'_>) -> PyResult<(String, String)> {
    let (version, file) = detached(py, base::aom_version)?;
    Ok((format!("libaom {version}"), file.display().to_string()))
}

/// Names files of SVT-AV1, dav1d, libvmaf and libaom to try before the system's own.
#[pyfunction]
#[pyo3(signature = (*, encoder=None, decoder=None, vmaf=None, aom=None))]
pub(crate) fn suggest_libraries(
    encoder: Option<PathBuf>,
    decoder: Option<PathBuf>,
    vmaf: Option<PathBuf>,
    aom: Option<PathBuf>,
) {
    aom.iter().for_each(|path| base::suggest_aom(path));
    vmaf.iter().for_each(|path| suggest_vmaf(path));
    encoder.iter().for_each(|path| Library::suggest(path));
    decoder.iter().for_each(|path| base::suggest_decoder(path));
}

/// Mean difference in rate of `test` against `anchor` in percent; points are `(rate, quality)`.
#[pyfunction]
pub(crate) fn bd_rate(py: Python<'_>, anchor: Vec<(f64, f64)>, test: Vec<(f64, f64)>) -> PyResult<f64> {
    let points = |curve: Vec<(f64, f64)>| -> Vec<RatePoint> {
        curve.into_iter().map(|(rate, quality)| RatePoint { rate, quality }).collect()
    };
    detached(py, || delta_rate(&points(anchor), &points(test)))
}

/// Reads settings and drops them.
///
/// # Errors
///
/// `InvalidArgument` that names the setting, its range or names, and the value.
#[pyfunction]
pub(crate) fn check_settings(py: Python<'_>, texts: BTreeMap<String, String>) -> PyResult<()> {
    detached(py, || settings_from(&texts).map(drop))
}
