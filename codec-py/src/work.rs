//! The kinds of work a [`Job`] does. Each takes its sources over and ends with JSON.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};

use neural_codec::bitstream::{AudioPacket, Limits, SubtitlePacket};
use neural_codec::decoder::{ClipMetrics, DecoderSettings, FrameDistortion};
use neural_codec::encoder::Hooks;
use neural_codec::frame::{AnyFrame, Frame, VideoInfo};
use neural_codec::media::{self, FrameSink, FrameSource, Lost, OutputKind};
use neural_codec::metrics::Measures;
use neural_codec::progress::{CancelToken, Progress};
use neural_codec::settings::DeviceChoice;
use neural_codec::{Error, Result};
use pyo3::prelude::*;

use crate::errors::{check_process, to_python};
use crate::job::{Job, Reporter};
use crate::options::settings_from;
use crate::source::Source;

/// Encodes a source into the file `output`, or where that is not given into `bytes` events; the result is a report. What of
/// the source is lost comes as a `lost` event before the first frame is coded.
#[pyfunction]
#[pyo3(signature = (source, settings, scenes, output=None))]
pub(crate) fn encode(
    py: Python<'_>,
    source: &Source,
    settings: BTreeMap<String, String>,
    scenes: Option<Vec<(u64, u64)>>,
    output: Option<PathBuf>,
) -> PyResult<Job> {
    let settings = settings_from(&settings).map_err(|error| to_python(py, error))?;
    let scenes = scenes.map(|list| list.into_iter().map(|(start, end)| Range { start, end }).collect());
    let mut source = source.take(py)?;
    Job::start(py, move |reporter| {
        let mut bytes = reporter.clone();
        let progress = |at| {
            reporter.progress(at);
            ControlFlow::Continue(())
        };
        let mut hooks = Hooks::default().with_progress(progress).with_cancel(reporter.cancel.clone());
        hooks = hooks.with_lost(|lost| reporter.lost(json(&lost).unwrap_or_default()));
        hooks.scenes = scenes;
        let report = match output {
            Some(path) => neural_codec::encoder::encode_to(source.as_mut(), &path, &settings, hooks),
            None => neural_codec::encoder::encode(source.as_mut(), &mut bytes, &settings, hooks),
        };
        Ok(report?.to_json())
    })
}

/// Measures `clip` against `reference` by metrics that are named with commas between them.
#[pyfunction]
pub(crate) fn compare(
    py: Python<'_>,
    reference: &Source,
    clip: &Source,
    metrics: &str,
    device: &str,
    per_frame: bool,
) -> PyResult<Job> {
    let device: DeviceChoice = device.parse().map_err(|error| to_python(py, error))?;
    let (mut reference, clip) = (reference.take(py)?, clip.take(py)?);
    let measures: Measures = metrics.parse().map_err(|error| to_python(py, error))?;
    Job::start(py, move |reporter| {
        let mut clip = Watched::new(clip, reporter);
        let device = device.open(clip.info().width * clip.info().height)?;
        let reference = reference.as_mut();
        clip.at.frames_total = clip.at.frames_total.or(reference.declared_frame_count());
        if !per_frame {
            return json(&neural_codec::decoder::compare_with_device(
                &device, reference, &mut clip, measures,
            )?);
        }
        let mut frames = Vec::new();
        let mut push = |frame| {
            frames.push(frame);
            Ok(())
        };
        let clip = neural_codec::decoder::compare_frames(&device, reference, &mut clip, measures, &mut push)?;
        json(&Detailed { clip, per_frame: frames })
    })
}

/// What a comparison found, with the values of each frame.
#[derive(serde::Serialize)]
struct Detailed {
    #[serde(flatten)]
    clip: ClipMetrics,
    per_frame: Vec<FrameDistortion>,
}

/// Finds the scenes of a source, as `encode` does without a list.
#[pyfunction]
pub(crate) fn detect_scenes(
    py: Python<'_>,
    source: &Source,
    max_scene_seconds: f64,
    device: &str,
) -> PyResult<Job> {
    let device: DeviceChoice = device.parse().map_err(|error| to_python(py, error))?;
    let source = source.take(py)?;
    Job::start(py, move |reporter| {
        let mut source = Watched::new(source, reporter);
        let device = device.open(source.info().width * source.info().height)?;
        let scenes = neural_codec::encoder::detect_scenes(&mut source, max_scene_seconds, &device)?;
        json(&scenes.iter().map(|scene| (scene.start, scene.end)).collect::<Vec<_>>())
    })
}

/// Writes the frames and audio of a source into a media file, which appears whole or not at all: how many frames, and what it does not
/// hold.
#[pyfunction]
pub(crate) fn write(py: Python<'_>, source: &Source, path: PathBuf) -> PyResult<Job> {
    let source = source.take(py)?;
    Job::start(py, move |reporter| {
        let mut source = Watched::new(source, reporter);
        let lost = write_all(&mut source, &path)?;
        json(&(source.at.frames_done, lost))
    })
}

fn write_all(source: &mut Watched, path: &Path) -> Result<Vec<Lost>> {
    let mut sink = media::create(path, source.info(), source.clip.tracks())?;
    while let Some(frame) = source.next_frame()? {
        write_audio(source, sink.as_mut())?;
        sink.write_frame(&frame)?;
    }
    write_audio(source, sink.as_mut())?;
    let lost = [sink.lost(), &source.clip.lost()].concat();
    sink.finish(source.clip.last_duration())?;
    Ok(lost)
}

fn write_audio(source: &mut Watched, sink: &mut dyn FrameSink) -> Result<()> {
    source.take_audio().iter().try_for_each(|packet| sink.write_audio(packet))?;
    source.take_subtitles().iter().try_for_each(|packet| sink.write_subtitle(packet))
}

/// Writes the base layer of a stream into a video file, which appears whole or not at all; the result is what was written.
#[pyfunction]
pub(crate) fn export_base(py: Python<'_>, input: PathBuf, output: PathBuf) -> PyResult<Job> {
    check_process(py)?;
    Job::start(py, move |reporter| {
        let mut on_progress = |at| {
            reporter.progress(at);
            ControlFlow::Continue(())
        };
        let limits = Limits::default();
        json(&neural_codec::decoder::export_base(
            &input,
            &output,
            &limits,
            &reporter.cancel,
            &mut on_progress,
        )?)
    })
}

/// Writes a stream into another container, nothing coded anew; the result is what was written.
#[pyfunction]
pub(crate) fn remux(py: Python<'_>, input: PathBuf, output: PathBuf) -> PyResult<Job> {
    check_process(py)?;
    Job::start(py, move |reporter| {
        let mut on_progress = |at| {
            reporter.progress(at);
            ControlFlow::Continue(())
        };
        let settings = DecoderSettings::default();
        json(&neural_codec::decoder::remux(&input, &output, &settings, &reporter.cancel, &mut on_progress)?)
    })
}

/// The kind of output that a path names: `stream`, or a container's ending.
#[pyfunction]
pub(crate) fn output_kind(py: Python<'_>, path: PathBuf) -> PyResult<&'static str> {
    Ok(match OutputKind::of(&path).map_err(|error| to_python(py, error))? {
        OutputKind::Stream => "stream",
        OutputKind::Avif => "avif",
        OutputKind::Container(container) => container.ending(),
    })
}

/// Panics in a job, to test that Python sees an exception.
#[pyfunction]
pub(crate) fn panic_on_purpose(py: Python<'_>) -> PyResult<Job> {
    #[allow(clippy::panic)]
    Job::start(py, |_| panic!("on purpose"))
}

/// A source that can be cancelled and tells how many frames were read.
struct Watched {
    clip: Box<dyn FrameSource>,
    reporter: Reporter,
    cancel: CancelToken,
    at: Progress,
}

impl Watched {
    fn new(clip: Box<dyn FrameSource>, reporter: Reporter) -> Self {
        let mut at = Progress::default();
        at.frames_total = clip.declared_frame_count();
        let cancel = reporter.cancel.clone();
        Self { clip, reporter, cancel, at }
    }
}

impl FrameSource for Watched {
    fn info(&self) -> &VideoInfo {
        self.clip.info()
    }

    fn next_frame(&mut self) -> Result<Option<Frame>> {
        self.next_any_frame()?.map(AnyFrame::into_host).transpose()
    }

    fn next_any_frame(&mut self) -> Result<Option<AnyFrame>> {
        self.cancel.check()?;
        let frame = self.clip.next_any_frame()?;
        if frame.is_some() {
            self.at.frames_done += 1;
            self.reporter.progress(self.at);
        }
        Ok(frame)
    }

    fn take_subtitles(&mut self) -> Vec<SubtitlePacket> {
        self.clip.take_subtitles()
    }

    fn take_audio(&mut self) -> Vec<AudioPacket> {
        self.clip.take_audio()
    }
}

pub(crate) fn json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::internal("JSON", error))
}
