//! A stream whose bytes Python pushes, for frames as they come.

use std::sync::{Mutex, PoisonError};

use neural_codec::Error;
use neural_codec::decoder::{DecodingAgent, Received};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyDict;

use crate::decoding::{Decoding, decoder_settings};
use crate::errors::{check_process, detached};
use crate::gpu_picture::Shape;
use crate::pictures::picture_of;
use crate::source::described;

/// A decoder that takes bytes and gives frames.
#[pyclass(frozen, module = "neural_codec._native")]
pub(crate) struct Pusher {
    agent: Mutex<Option<DecodingAgent>>,
}

/// What a decoder gave: `data` where it needs bytes, `end`, or timestamp, whether the frame is provisional, and the picture.
#[derive(IntoPyObject)]
enum Next<'py> {
    Nothing(&'static str),
    Picture(i64, bool, Bound<'py, PyAny>),
}

#[pymethods]
impl Pusher {
    #[new]
    fn new(py: Python<'_>, decoding: Decoding, whole_scenes: bool) -> PyResult<Self> {
        check_process(py)?;
        let agent = detached(py, || {
            DecodingAgent::new(decoder_settings(Some(decoding))?.with_whole_scenes(whole_scenes))
        })?;
        Ok(Self { agent: Mutex::new(Some(agent)) })
    }

    /// Takes bytes; false, and takes none, where enough wait.
    fn send(&self, py: Python<'_>, bytes: PyBackedBytes) -> PyResult<bool> {
        self.with(py, "push", |agent| agent.send_data(&bytes))
    }

    /// Says that no bytes will follow.
    fn finish(&self, py: Python<'_>) -> PyResult<()> {
        self.with(py, "finish", DecodingAgent::finish)
    }

    /// The next frame that the bytes allow.
    #[pyo3(signature = (as_planes, channels_first=false))]
    fn receive<'py>(&self, py: Python<'py>, as_planes: bool, channels_first: bool) -> PyResult<Next<'py>> {
        let found = self.with(py, "next_frame", |agent| {
            let frame = match agent.receive_frame()? {
                Received::Frame(frame) => frame,
                Received::NeedsData => return Ok(Err("data")),
                Received::End => return Ok(Err("end")),
            };
            let (timestamp, is_provisional) = (frame.timestamp(), agent.is_provisional());
            let picture = picture_of(frame, Shape::wanted(as_planes, channels_first))?;
            Ok(Ok((timestamp, is_provisional, picture)))
        })?;
        Ok(match found {
            Ok((timestamp, is_provisional, picture)) => {
                Next::Picture(timestamp, is_provisional, picture.into_python(py)?)
            }
            Err(what) => Next::Nothing(what),
        })
    }

    /// What is known before the first frame, by name, once the head of the stream was decoded.
    fn describe<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        let header = self.with(py, "info", |agent| Ok(agent.header()))?;
        header.map(|header| described(py, &header.info, None, None)).transpose()
    }

    /// Frees what the decoder holds; in a forked child, where its threads are the parent's, nothing.
    fn close(&self, py: Python<'_>) {
        if check_process(py).is_err() {
            return;
        }
        py.detach(|| drop(self.agent.lock().unwrap_or_else(PoisonError::into_inner).take()));
    }
}

impl Pusher {
    fn with<T: Send>(
        &self,
        py: Python<'_>,
        call: &'static str,
        work: impl FnOnce(&mut DecodingAgent) -> neural_codec::Result<T> + Send,
    ) -> PyResult<T> {
        check_process(py)?;
        detached(py, || {
            let mut agent = self.agent.lock().unwrap_or_else(PoisonError::into_inner);
            let closed = || Error::WrongOrder { call, reason: "the decoder is closed".into() };
            work(agent.as_mut().ok_or_else(closed)?)
        })
    }
}
