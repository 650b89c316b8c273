//! A Python file object as a Rust reader.

use std::io::{self, Read};

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::errors::{copied, to_python};

/// Reads through the object's `read(n)`, taking the interpreter's lock for each call.
pub(crate) struct PythonFile {
    object: Py<PyAny>,
    /// Bytes read but not yet asked for.
    rest: Vec<u8>,
    position: usize,
}

/// Bytes to ask for at a time.
const PIECE: usize = 1 << 18;

impl PythonFile {
    pub(crate) fn new(object: Py<PyAny>) -> Self {
        Self { object, rest: Vec::new(), position: 0 }
    }

    fn refill(&mut self) -> io::Result<()> {
        let read = || {
            Python::try_attach(|py| {
                let bytes = self.object.call_method1(py, "read", (PIECE,))?;
                let bytes = bytes.bind(py).cast::<PyBytes>().map_err(PyErr::from)?;
                copied("bytes of the stream", bytes.as_bytes()).map_err(|error| to_python(py, error))
            })
        };
        let gone = || io::Error::other("the interpreter is shutting down");
        self.rest = read().ok_or_else(gone)?.map_err(io::Error::other)?;
        self.position = 0;
        Ok(())
    }
}

impl Read for PythonFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.position == self.rest.len() {
            self.refill()?;
        }
        let n = (&self.rest[self.position..]).read(buffer)?;
        self.position += n;
        Ok(n)
    }
}
