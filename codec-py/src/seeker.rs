//! Frames of a stream in any order, for Python.

use std::io::Cursor;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use neural_codec::decoder::{ReadSeek, SeekingDecoder};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;

use crate::decoding::{Decoding, decoder_settings};
use crate::errors::{check_process, detached};
use crate::gpu_picture::Shape;
use crate::pictures::picture_of;

/// A stream whose frames are asked for by number.
#[pyclass(frozen, module = "neural_codec._native")]
pub(crate) struct Seeker {
    decoder: Mutex<SeekingDecoder<Box<dyn ReadSeek>>>,
}

#[pymethods]
impl Seeker {
    /// The stream in a file or in memory.
    #[staticmethod]
    #[pyo3(signature = (*, path=None, bytes=None, decoding=None))]
    fn open(
        py: Python<'_>,
        path: Option<PathBuf>,
        bytes: Option<PyBackedBytes>,
        decoding: Option<Decoding>,
    ) -> PyResult<Self> {
        check_process(py)?;
        detached(py, || {
            let settings = decoder_settings(decoding)?;
            let decoder = match (&path, bytes) {
                (Some(path), _) => SeekingDecoder::open_file(path, settings),
                (None, Some(bytes)) => SeekingDecoder::open_any(Cursor::new(bytes), settings),
                (None, None) => SeekingDecoder::open_any(Cursor::new([]), settings),
            };
            Ok(Self { decoder: Mutex::new(decoder?) })
        })
    }

    /// Number of frames.
    fn frame_count(&self, py: Python<'_>) -> PyResult<u64> {
        self.with(py, |decoder| Ok(decoder.frame_count()))
    }

    /// The first frame of the scene behind the one that holds this frame; the number of frames for the last scene.
    fn scene_end(&self, py: Python<'_>, frame: u64) -> PyResult<u64> {
        self.with(py, |decoder| Ok(decoder.scene_end(frame)))
    }

    /// A frame as `(timestamp, array or planes)`; nothing past the last. The one after the last that was asked for costs
    /// nothing more than itself.
    #[pyo3(signature = (frame, as_planes, channels_first=false))]
    fn picture<'py>(
        &self,
        py: Python<'py>,
        frame: u64,
        as_planes: bool,
        channels_first: bool,
    ) -> PyResult<Option<(i64, Bound<'py, PyAny>)>> {
        let found = self.with(py, |decoder| {
            decoder.seek(frame)?;
            let Some(frame) = decoder.decode_any_frame()? else { return Ok(None) };
            Ok(Some((frame.timestamp(), picture_of(frame, Shape::wanted(as_planes, channels_first))?)))
        })?;
        found.map(|(timestamp, picture)| Ok((timestamp, picture.into_python(py)?))).transpose()
    }
}

impl Seeker {
    fn with<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut SeekingDecoder<Box<dyn ReadSeek>>) -> neural_codec::Result<T> + Send,
    ) -> PyResult<T> {
        check_process(py)?;
        detached(py, || work(&mut self.decoder.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}
