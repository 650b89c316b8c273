//! Where frames come from: a file, a stream in memory or behind a file object, or a [`Feeder`].

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use neural_codec::Error;
use neural_codec::bitstream::Limits;
use neural_codec::decoder::{DecoderSettings, StreamDecoder};
use neural_codec::frame::{Rational, VideoInfo, check_size};
use neural_codec::media::{self, AudioChoice, FrameSource, OpenOptions};
use neural_codec::report::ClipReport;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyDict;

use crate::decoding::{Decoding, decoder_settings};
use crate::errors::{check_process, detached, to_python};
use crate::feeder::{Feeder, pair};
use crate::gpu_picture::Shape;
use crate::options::settings_from;
use crate::pictures::{frame_from_python, picture_of};
use crate::python_file::PythonFile;

/// A clip that is read from front to back, once.
#[pyclass(frozen, module = "neural_codec._native")]
pub(crate) struct Source {
    clip: Mutex<Option<Box<dyn FrameSource>>>,
    info: VideoInfo,
    declared_frames: Option<u64>,
    /// Description of the `.nvc` stream that it is.
    stream: Option<(String, String)>,
}

#[pymethods]
impl Source {
    /// Opens a file: a stream, or unless `stream_only` whatever the media readers take.
    #[staticmethod]
    #[pyo3(signature = (path, *, fps=None, stream_only=false, audio=true, reading=None, decoding=None))]
    fn open(
        py: Python<'_>,
        path: PathBuf,
        fps: Option<(u32, u32)>,
        stream_only: bool,
        audio: bool,
        reading: Option<BTreeMap<String, String>>,
        decoding: Option<Decoding>,
    ) -> PyResult<Self> {
        check_process(py)?;
        let settings = decoder_settings(decoding).map_err(|error| to_python(py, error))?;
        let options = options_of(py, fps, audio, reading, &settings)?;
        detached(py, || {
            if stream_only || neural_codec::decoder::holds_stream(&path, &settings) {
                let decoder = StreamDecoder::open_file(&path, settings);
                return decoder
                    .and_then(|decoder| Self::of_stream(decoder, &options))
                    .map_err(|error| named(&path, error));
            }
            media::open(&path, &options).map(|clip| Self::of(clip, None))
        })
    }

    /// A stream in memory.
    #[staticmethod]
    #[pyo3(signature = (bytes, *, fps=None, audio=true, reading=None, decoding=None))]
    fn from_bytes(
        py: Python<'_>,
        bytes: PyBackedBytes,
        fps: Option<(u32, u32)>,
        audio: bool,
        reading: Option<BTreeMap<String, String>>,
        decoding: Option<Decoding>,
    ) -> PyResult<Self> {
        check_process(py)?;
        let settings = decoder_settings(decoding).map_err(|error| to_python(py, error))?;
        let options = options_of(py, fps, audio, reading, &settings)?;
        detached(py, || Self::of_stream(StreamDecoder::open(Cursor::new(bytes), settings)?, &options))
    }

    /// A stream behind an object with `read(n)`.
    #[staticmethod]
    #[pyo3(signature = (file, *, fps=None, audio=true, reading=None, decoding=None))]
    fn from_file(
        py: Python<'_>,
        file: Py<PyAny>,
        fps: Option<(u32, u32)>,
        audio: bool,
        reading: Option<BTreeMap<String, String>>,
        decoding: Option<Decoding>,
    ) -> PyResult<Self> {
        check_process(py)?;
        let settings = decoder_settings(decoding).map_err(|error| to_python(py, error))?;
        let options = options_of(py, fps, audio, reading, &settings)?;
        detached(py, || Self::of_stream(StreamDecoder::open(PythonFile::new(file), settings)?, &options))
    }

    /// What is known before the first frame, by name.
    fn describe<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        described(py, &self.info, self.declared_frames, self.stream.clone())
    }

    /// The next frame as `(timestamp, array or planes)`; nothing after the last. A GPU-resident one stays there, with channels
    /// first where that is wanted.
    #[pyo3(signature = (as_planes, channels_first=false))]
    fn next_picture<'py>(
        &self,
        py: Python<'py>,
        as_planes: bool,
        channels_first: bool,
    ) -> PyResult<Option<(i64, Bound<'py, PyAny>)>> {
        check_process(py)?;
        let next = detached(py, || {
            let mut clip = self.lock();
            let clip = clip.as_mut().ok_or_else(|| closed("next_picture"))?;
            let Some(frame) = clip.next_any_frame()? else { return Ok(None) };
            clip.leave_packets();
            Ok(Some((frame.timestamp(), picture_of(frame, Shape::wanted(as_planes, channels_first))?)))
        })?;
        next.map(|(timestamp, picture)| Ok((timestamp, picture.into_python(py)?))).transpose()
    }

    /// Frees what the source holds; in a forked child, where its threads are the parent's, nothing.
    fn close(&self, py: Python<'_>) {
        if check_process(py).is_err() {
            return;
        }
        py.detach(|| drop(self.lock().take()));
    }
}

impl Source {
    fn of(clip: Box<dyn FrameSource>, stream: Option<(String, String)>) -> Self {
        let (info, declared_frames) = (*clip.info(), clip.declared_frame_count());
        Self { clip: Mutex::new(Some(clip)), info, declared_frames, stream }
    }

    /// A stream, as the options ask.
    fn of_stream(
        decoder: StreamDecoder<impl Read + Send + 'static>,
        options: &OpenOptions,
    ) -> neural_codec::Result<Self> {
        let stream = Some(version_of(&decoder));
        Ok(Self::of(media::as_asked(Box::new(decoder), options)?, stream))
    }

    /// Hands the clip over.
    ///
    /// # Errors
    ///
    /// `WrongOrder` where it was closed or handed over before.
    pub(crate) fn take(&self, py: Python<'_>) -> PyResult<Box<dyn FrameSource>> {
        check_process(py)?;
        py.detach(|| self.lock().take()).ok_or_else(|| to_python(py, closed("take")))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Box<dyn FrameSource>>> {
        self.clip.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a source is to be read: at another rate, with or without sound, and as the settings of an encode say.
fn options_of(
    py: Python<'_>,
    fps: Option<(u32, u32)>,
    audio: bool,
    reading: Option<BTreeMap<String, String>>,
    decoding: &DecoderSettings,
) -> PyResult<OpenOptions> {
    let settings = settings_from(&reading.unwrap_or_default()).map_err(|error| to_python(py, error))?;
    let mut options = OpenOptions::of(&settings);
    options.frame_rate = fps.map(|(num, den)| Rational { num, den });
    options.threads = decoding.threads;
    options.audio = if audio { AudioChoice::Keep } else { AudioChoice::Discard };
    Ok(options)
}

/// A source of frames like `first`, and the feeder to push them through; the first one is not pushed.
#[pyfunction]
pub(crate) fn fed(py: Python<'_>, first: &Bound<'_, PyAny>, fps: (u32, u32)) -> PyResult<(Source, Feeder)> {
    check_process(py)?;
    let frame = frame_from_python(first)?;
    let info = Rational::new(fps.0, fps.1).and_then(|frame_rate| {
        check_size(frame.width(), frame.height())?;
        let info = VideoInfo::new(frame.width(), frame.height(), frame.format(), frame_rate);
        Ok(VideoInfo { color: frame.color(), ..info })
    });
    let (source, feeder) = pair(info.map_err(|error| to_python(py, error))?);
    Ok((Source::of(Box::new(source), None), feeder))
}

/// The summary of a stream in a file or in memory, as JSON.
#[pyfunction]
#[pyo3(signature = (*, path=None, bytes=None))]
pub(crate) fn inspect(
    py: Python<'_>,
    path: Option<PathBuf>,
    bytes: Option<PyBackedBytes>,
) -> PyResult<String> {
    check_process(py)?;
    detached(py, || {
        let summary = match (&path, bytes) {
            (Some(path), _) => neural_codec::decoder::inspect_file(path, Limits::default())?,
            (None, Some(bytes)) => neural_codec::decoder::inspect_any(Cursor::new(bytes), Limits::default())?,
            (None, None) => neural_codec::decoder::inspect_any(Cursor::new([]), Limits::default())?,
        };
        serde_json::to_string(&summary).map_err(|error| Error::internal("summary", error))
    })
}

/// What is known of a clip, by name.
pub(crate) fn described<'py>(
    py: Python<'py>,
    info: &VideoInfo,
    declared_frames: Option<u64>,
    stream: Option<(String, String)>,
) -> PyResult<Bound<'py, PyDict>> {
    let out = PyDict::new(py);
    let clip = ClipReport::new(info);
    let (rate, base) = (info.frame_rate, info.time_base);
    out.set_item("width", clip.width)?;
    out.set_item("height", clip.height)?;
    out.set_item("pixel_format", clip.pixel_format)?;
    out.set_item("bit_depth", info.format.depth.bits())?;
    out.set_item("color_range", clip.color_range)?;
    out.set_item("color_primaries", clip.color_primaries)?;
    out.set_item("color_transfer", clip.color_transfer)?;
    out.set_item("color_matrix", clip.color_matrix)?;
    out.set_item("frame_rate", (rate.num, rate.den))?;
    out.set_item("time_base", (base.num, base.den))?;
    out.set_item("declared_frames", declared_frames)?;
    out.set_item("stream", stream)?;
    Ok(out)
}

/// Version and encoder of a stream.
fn version_of(decoder: &StreamDecoder<impl Read>) -> (String, String) {
    let header = decoder.header();
    (format!("{}.{}", header.version.major, header.version.minor), header.encoder.clone())
}

/// Names the file in an I/O error that does not.
fn named(path: &Path, error: Error) -> Error {
    match error {
        Error::Io { path: None, source } => Error::io(path, source),
        other => other,
    }
}

fn closed(call: &'static str) -> Error {
    Error::WrongOrder { call, reason: "the source is closed".into() }
}
