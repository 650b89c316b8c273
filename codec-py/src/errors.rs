//! From the crate's error to the package's exceptions, and from a panic to `InternalError`.

use std::any::Any;
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};

use neural_codec::{Error, Result};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// The exception for an error; the exception itself where the error began as one in Python code.
pub(crate) fn to_python(py: Python<'_>, error: Error) -> PyErr {
    let (errno, path) = match &error {
        Error::Io { path, source } => {
            if let Some(original) = source.get_ref().and_then(|inner| inner.downcast_ref::<PyErr>()) {
                return original.clone_ref(py);
            }
            (errno(source), path.as_ref().map(|path| path.display().to_string()))
        }
        _ => (None, None),
    };
    let place = error.place();
    let fields = (code(&error), error.to_string(), place.offset, place.scene, place.frame, errno, path);
    let make = || py.import("neural_codec.errors")?.getattr("from_native")?.call1(fields);
    make().map_or_else(|error| error, PyErr::from_value)
}

/// The system's number for an error, also where a library on the way kept no more than its kind (Linux numbers).
fn errno(error: &std::io::Error) -> Option<i32> {
    error.raw_os_error().or(match error.kind() {
        ErrorKind::NotFound => Some(2),
        ErrorKind::PermissionDenied => Some(13),
        ErrorKind::StorageFull => Some(28),
        _ => None,
    })
}

/// The name of an error's kind; `neural_codec.errors` has a class for each.
fn code(error: &Error) -> &'static str {
    match error {
        Error::InvalidArgument { .. } => "invalid_argument",
        Error::WrongOrder { .. } => "wrong_order",
        Error::Corrupt { .. } => "corrupt",
        Error::Truncated { .. } => "truncated",
        Error::UnsupportedVersion { .. } => "unsupported_version",
        Error::Unsupported { .. } => "unsupported",
        Error::MissingLibrary { .. } => "missing_library",
        Error::LimitExceeded { .. } => "limit_exceeded",
        Error::OutOfMemory { .. } => "out_of_memory",
        Error::Device { .. } => "device",
        Error::Cancelled => "cancelled",
        Error::Io { .. } => "io",
        _ => "internal",
    }
}

/// Does work without the interpreter's lock; a panic becomes an error.
pub(crate) fn detached<T: Send>(py: Python<'_>, work: impl FnOnce() -> Result<T> + Send) -> PyResult<T> {
    py.detach(|| caught(work)).map_err(|error| to_python(py, error))
}

/// Does work; a panic becomes an error.
pub(crate) fn caught<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|panic| Err(Error::internal("library", reason(&*panic))))
}

fn reason(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("panic: {}", text.unwrap_or("no reason given"))
}

/// Refuses a process that was forked after the library had started threads.
///
/// # Errors
///
/// `WrongOrder` in such a process.
pub(crate) fn check_process(py: Python<'_>) -> PyResult<()> {
    neural_codec::process::check("fork").map_err(|error| to_python(py, error))
}

/// A copy of what Python holds.
///
/// # Errors
///
/// `OutOfMemory`.
pub(crate) fn copied<T: Copy>(what: &'static str, values: &[T]) -> Result<Vec<T>> {
    let mut copy = Vec::new();
    let room = copy.try_reserve_exact(values.len());
    room.map_err(|_| Error::OutOfMemory { what, bytes: size_of_val(values) as u64 })?;
    copy.extend_from_slice(values);
    Ok(copy)
}

/// Bytes for Python.
///
/// # Errors
///
/// `MemoryError`.
pub(crate) fn python_bytes<'py>(py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let new = PyBytes::new_with(py, bytes.len(), |to| {
        to.copy_from_slice(bytes);
        Ok(())
    });
    new.map_err(|_| to_python(py, Error::OutOfMemory { what: "bytes", bytes: bytes.len() as u64 }))
}
