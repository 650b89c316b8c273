//! A whole clip in one call.

use std::io::Write;
use std::ops::{ControlFlow, Range};
use std::path::Path;

use super::EncodingAgent;
use crate::error::{Error, Result};
use crate::media::{self, AtomicFile, FrameSource};
use crate::progress::{CancelToken, OnProgress, Progress};
use crate::report::Report;
use crate::settings::Settings;

/// What the caller of a long call may hook into it.
#[derive(Default)]
#[non_exhaustive]
pub struct Hooks<'a> {
    /// Called on the caller's thread now and then; breaking cancels.
    pub on_progress: Option<OnProgress<'a>>,
    /// Cancels from any thread.
    pub cancel: CancelToken,
    /// Scenes to use instead of detected ones: contiguous ranges of frames from 0.
    pub scenes: Option<Vec<Range<u64>>>,
}

impl<'a> Hooks<'a> {
    /// Reports progress to a callback, on the caller's thread; breaking cancels.
    #[must_use]
    pub fn with_progress(self, on_progress: impl FnMut(Progress) -> ControlFlow<()> + 'a) -> Self {
        Self { on_progress: Some(Box::new(on_progress)), ..self }
    }

    /// Uses a token that another thread may raise.
    #[must_use]
    pub fn with_cancel(self, cancel: CancelToken) -> Self {
        Self { cancel, ..self }
    }

    /// Uses these scenes instead of detected ones.
    #[must_use]
    pub fn with_scenes(self, scenes: Vec<Range<u64>>) -> Self {
        Self { scenes: Some(scenes), ..self }
    }

    /// Reports to the caller how far the work is.
    ///
    /// # Errors
    ///
    /// `Cancelled` when the caller says so.
    pub(crate) fn report(&mut self, progress: Progress) -> Result<()> {
        if let Some(callback) = &mut self.on_progress
            && callback(progress).is_break()
        {
            self.cancel.cancel();
        }
        self.cancel.check()
    }
}

/// Encodes all frames of a source into a stream.
///
/// ```
/// use neural_codec::encoder::{Hooks, encode};
/// use neural_codec::media::FrameSource;
/// use neural_codec::settings::Settings;
/// # use neural_codec::frame::{Color, Frame, PixelFormat, Rational, VideoInfo};
///
/// /// A second of gray that grows lighter.
/// struct Dawn(VideoInfo, i64);
///
/// impl FrameSource for Dawn {
///     fn info(&self) -> &VideoInfo {
///         &self.0
///     }
///
///     fn next_frame(&mut self) -> neural_codec::Result<Option<Frame>> {
///         let mut frame = Frame::new(64, 48, self.0.format, Color::default())?.with_timestamp(self.1);
///         if let neural_codec::frame::Planes::U8([luma, ..]) = frame.planes_mut() {
///             luma.samples_mut().fill(16 + 8 * self.1 as u8);
///         }
///         self.1 += 1;
///         Ok((self.1 <= 25).then_some(frame))
///     }
/// }
///
/// let info = VideoInfo::new(64, 48, PixelFormat::YUV420_8, Rational::new(25, 1)?);
/// let mut stream = Vec::new();
/// let mut settings = Settings::default();
/// settings.set("effort", "0")?;
/// let report = encode(&mut Dawn(info, 0), &mut stream, &settings, Hooks::default())?;
/// assert_eq!((report.total.frames, report.total.bytes), (25, stream.len() as u64));
/// # Ok::<(), neural_codec::Error>(())
/// ```
///
/// # Errors
///
/// Whatever the source, the encoder or the sink reports; `Cancelled`.
pub fn encode(
    source: &mut dyn FrameSource,
    output: &mut dyn Write,
    settings: &Settings,
    mut hooks: Hooks<'_>,
) -> Result<Report> {
    let mut agent = EncodingAgent::new(*source.info(), settings)?
        .with_cancel(hooks.cancel.clone())
        .with_audio(source.audio_tracks().to_vec())?;
    if let Some(scenes) = hooks.scenes.take() {
        agent = agent.with_scenes(scenes)?;
    }
    let total = source.declared_frame_count();
    while let Some(frame) = source.next_any_frame()? {
        for packet in source.take_audio() {
            agent.send_audio(packet)?;
        }
        agent.send_frame(frame)?;
        while let Some(bytes) = agent.receive_packet()? {
            output.write_all(&bytes)?;
        }
        hooks.report(Progress { frames_total: total, ..agent.progress() })?;
    }
    for packet in source.take_audio() {
        agent.send_audio(packet)?;
    }
    agent.finish()?;
    while let Some(bytes) = agent.wait_packet(|progress| match hooks.report(progress) {
        Ok(()) => ControlFlow::Continue(()),
        Err(_) => ControlFlow::Break(()),
    })? {
        output.write_all(&bytes)?;
    }
    agent.into_report()
}

/// Encodes a media file into a `.nvc` file, which appears whole or not at all.
///
/// # Errors
///
/// As [`encode`], with the file's name; `InvalidArgument` where both are one file.
pub fn encode_file(input: &Path, output: &Path, settings: &Settings, hooks: Hooks<'_>) -> Result<Report> {
    media::expect_distinct(input, output)?;
    let mut source = media::open(input, &media::OpenOptions::default())?;
    let mut file = AtomicFile::create(output)?;
    let report = encode(source.as_mut(), &mut file, settings, hooks).map_err(|error| match error {
        Error::Io { path: None, source } => Error::io(output, source),
        other => other,
    })?;
    file.commit()?;
    Ok(report)
}
