//! An encode in parts: split a clip, encode one scene, concat the scenes. What travels between the calls are bytes.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use neural_codec::encoder::{CutScene, EncodedScene, SceneCutter, ScenePlace};
use neural_codec::filter::train::WarmStart;
use neural_codec::frame::AnyFrame;
use neural_codec::media::FrameSource;
use neural_codec::progress::Progress;
use neural_codec::{Error, Result};
use numpy::PyReadonlyArray1;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::errors::{detached, python_bytes, to_python};
use crate::job::{Job, Reporter};
use crate::options::settings_from;
use crate::source::Source;
use crate::work::json;

/// The scenes of a source, as `encode` finds them with these settings.
#[pyfunction]
pub(crate) fn split(py: Python<'_>, source: &Source, settings: BTreeMap<String, String>) -> PyResult<Job> {
    let settings = settings_from(&settings).map_err(|error| to_python(py, error))?;
    let mut source = source.take(py)?;
    Job::start(py, move |_| {
        let scenes = neural_codec::encoder::split(source.as_mut(), &settings)?;
        json(&scenes.iter().map(|scene| (scene.start, scene.end)).collect::<Vec<_>>())
    })
}

/// The scenes of a source with their profiles.
#[pyfunction]
pub(crate) fn profile_scenes(
    py: Python<'_>,
    source: &Source,
    settings: BTreeMap<String, String>,
) -> PyResult<Job> {
    let settings = settings_from(&settings).map_err(|error| to_python(py, error))?;
    let mut source = source.take(py)?;
    Job::start(py, move |reporter| {
        json(&neural_codec::encoder::profile_scenes(source.as_mut(), &settings, &reporter.cancel)?)
    })
}

/// What coding frames `start` to `end` of a source with these settings gives.
#[pyfunction]
pub(crate) fn probe(
    py: Python<'_>,
    source: &Source,
    scene: (u64, u64),
    settings: BTreeMap<String, String>,
) -> PyResult<Job> {
    let settings = settings_from(&settings).map_err(|error| to_python(py, error))?;
    let (start, end) = scene;
    let mut source = source.take(py)?;
    Job::start(py, move |reporter| {
        let info = *source.info();
        let cancel = reporter.cancel.clone();
        let frames = Frames { source: source.as_mut(), reporter: reporter.clone(), next: 0, start, end };
        json(&neural_codec::encoder::probe(&info, frames, &settings, &cancel)?)
    })
}

/// Encodes frames `start` to `end` of a source as scene `index`; the encoded scene comes as bytes, its report is the result.
#[pyfunction]
pub(crate) fn encode_scene(
    py: Python<'_>,
    source: &Source,
    scene: (u64, u64),
    index: u32,
    settings: BTreeMap<String, String>,
    warm_start: &[u8],
) -> PyResult<Job> {
    let settings = settings_from(&settings).map_err(|error| to_python(py, error))?;
    let (start, end) = scene;
    let warm_start = WarmStart::from_bytes(warm_start).map_err(|error| to_python(py, error))?;
    let mut source = source.take(py)?;
    Job::start(py, move |mut reporter| {
        let info = *source.info();
        let place = ScenePlace { index, first_frame: start };
        let cancel = reporter.cancel.clone();
        let frames = Frames { source: source.as_mut(), reporter: reporter.clone(), next: 0, start, end };
        let scene =
            neural_codec::encoder::encode_scene(&info, frames, place, &settings, &warm_start, &cancel)?;
        reporter.write_all(&scene.to_bytes()?)?;
        json(&scene.report)
    })
}

/// Cuts a source into scenes with their frames, one at a time.
#[pyclass(frozen, module = "neural_codec._native", name = "SceneCutter")]
pub(crate) struct PySceneCutter {
    cutter: Arc<Mutex<Option<SceneCutter>>>,
}

#[pymethods]
impl PySceneCutter {
    #[new]
    fn new(py: Python<'_>, source: &Source, settings: BTreeMap<String, String>) -> PyResult<Self> {
        let source = source.take(py)?;
        detached(py, || {
            let cutter = SceneCutter::new(source, &settings_from(&settings)?)?;
            Ok(Self { cutter: Arc::new(Mutex::new(Some(cutter))) })
        })
    }

    /// The next scene as bytes; its first frame and number of frames are the result, null after the last.
    fn next(&self, py: Python<'_>) -> PyResult<Job> {
        let cutter = Arc::clone(&self.cutter);
        Job::start(py, move |reporter| {
            let mut cutter = cutter.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(cutter) = cutter.as_mut() else { return json(&()) };
            let Some(scene) = cutter.next_scene(&reporter.cancel)? else { return json(&()) };
            reporter.bytes(scene.to_bytes()?);
            json(&(scene.place().first_frame, scene.frame_count()))
        })
    }

    /// Joins the encoded scenes with the other tracks of the source, once; the stream comes as bytes, its report is the result.
    fn concat(
        &self,
        py: Python<'_>,
        scenes: Vec<Vec<u8>>,
        settings: BTreeMap<String, String>,
    ) -> PyResult<Job> {
        let settings = settings_from(&settings).map_err(|error| to_python(py, error))?;
        let cutter = Arc::clone(&self.cutter);
        Job::start(py, move |mut reporter| {
            let cutter = cutter.lock().unwrap_or_else(PoisonError::into_inner).take();
            let cutter =
                cutter.ok_or_else(|| Error::invalid("scenes", "to be joined once", "a second time"))?;
            Ok(cutter.concat(&mut reporter, &settings, encoded(&scenes)?)?.to_json())
        })
    }
}

/// Encodes a scene that a cutter gave, its bytes as an array, which may lie in shared memory; the encoded scene comes as bytes, its report is the result.
#[pyfunction]
pub(crate) fn encode_cut(
    py: Python<'_>,
    scene: PyReadonlyArray1<'_, u8>,
    settings: BTreeMap<String, String>,
    warm_start: &[u8],
) -> PyResult<Job> {
    let settings = settings_from(&settings).map_err(|error| to_python(py, error))?;
    let warm_start = WarmStart::from_bytes(warm_start).map_err(|error| to_python(py, error))?;
    let scene = CutScene::from_bytes(scene.as_slice()?).map_err(|error| to_python(py, error))?;
    Job::start(py, move |mut reporter| {
        let cancel = reporter.cancel.clone();
        let scene = scene.encode(&settings, &warm_start, &cancel)?;
        reporter.write_all(&scene.to_bytes()?)?;
        json(&scene.report)
    })
}

/// Whether scenes start warm from earlier ones.
#[pyfunction]
pub(crate) fn scenes_start_warm(py: Python<'_>, settings: BTreeMap<String, String>) -> PyResult<bool> {
    let settings = settings_from(&settings).map_err(|error| to_python(py, error))?;
    neural_codec::encoder::scenes_start_warm(&settings).map_err(|error| to_python(py, error))
}

/// The strategies of these settings for a file that players show, as the setting has them.
#[pyfunction]
pub(crate) fn strategies_for_players(py: Python<'_>, settings: BTreeMap<String, String>) -> PyResult<String> {
    let settings = settings_from(&settings).map_err(|error| to_python(py, error))?.for_players();
    Ok(settings.strategies.iter().map(|strategy| strategy.name()).collect::<Vec<_>>().join(","))
}

/// Joins encoded scenes; the stream comes as bytes, its report is the result.
#[pyfunction]
pub(crate) fn concat(
    py: Python<'_>,
    source: &Source,
    scenes: Vec<Vec<u8>>,
    settings: BTreeMap<String, String>,
) -> PyResult<Job> {
    let settings = settings_from(&settings).map_err(|error| to_python(py, error))?;
    let mut source = source.take(py)?;
    Job::start(py, move |mut reporter| {
        let scenes = encoded(&scenes)?;
        let info = *source.info();
        let source: &mut dyn FrameSource = source.as_mut();
        Ok(neural_codec::encoder::concat(&info, Some(source), &mut reporter, &settings, scenes)?.to_json())
    })
}

/// What scene `index` begins from in a whole encode, out of earlier scenes.
#[pyfunction]
pub(crate) fn warm_start<'py>(
    py: Python<'py>,
    index: u32,
    scenes: Vec<Vec<u8>>,
) -> PyResult<Bound<'py, PyBytes>> {
    let bytes = detached(py, || neural_codec::encoder::warm_start(index, &encoded(&scenes)?).to_bytes())?;
    python_bytes(py, &bytes)
}

fn encoded(scenes: &[Vec<u8>]) -> Result<Vec<EncodedScene>> {
    scenes.iter().map(|bytes| EncodedScene::from_bytes(bytes)).collect()
}

/// Frames `start` to `end` of a source that is read from its begin.
struct Frames<'a> {
    source: &'a mut dyn FrameSource,
    reporter: Reporter,
    next: u64,
    start: u64,
    end: u64,
}

impl Frames<'_> {
    fn read(&mut self) -> Result<AnyFrame> {
        loop {
            self.reporter.cancel.check()?;
            let frame = self.source.next_any_frame()?.ok_or_else(|| {
                let expected = format!("frames {} to {} of the clip", self.start, self.end);
                Error::invalid("scene", expected, format!("an end after {} frames", self.next))
            })?;
            self.source.leave_packets();
            self.next += 1;
            if self.next > self.start {
                let frames_done = self.next - self.start;
                let mut at = Progress::default();
                at.frames_done = frames_done;
                self.reporter.progress(at);
                return Ok(frame);
            }
        }
    }
}

impl Iterator for Frames<'_> {
    type Item = Result<AnyFrame>;

    fn next(&mut self) -> Option<Self::Item> {
        (self.next < self.end).then(|| self.read())
    }
}
