//! A whole clip in one call.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;

use super::EncodingAgent;
use super::hooks::Hooks;
#[cfg(feature = "ffmpeg")]
use crate::base::shown_padding;
#[cfg(feature = "ffmpeg")]
use crate::decoder::remux;
use crate::decoder::{DecoderSettings, open_clip_with};
use crate::error::{Error, Result};
use crate::media::{self, AtomicFile, FrameSource, OutputKind};
#[cfg(feature = "ffmpeg")]
use crate::media::{Container, ContainerTracks};
use crate::progress::Progress;
use crate::report::Report;
use crate::settings::Settings;

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
    #[cfg(feature = "ffmpeg")]
    media::ffmpeg::expect_known_audio(source.tracks())?;
    let mut agent = EncodingAgent::new(*source.info(), settings)?
        .with_cancel(hooks.cancel.clone())
        .with_tracks(source.tracks().clone())?;
    let by_output = std::mem::take(&mut hooks.lost_by_output);
    let lost = |source: &dyn FrameSource| [source.lost(), by_output.clone()].concat();
    if let Some(on_lost) = &mut hooks.on_lost {
        let lost = lost(source);
        if !lost.is_empty() {
            on_lost(&lost);
        }
    }
    if let Some(scenes) = hooks.scenes.take() {
        agent = agent.with_scenes(scenes)?;
    }
    let total = source.declared_frame_count();
    agent.expect_frames(total);
    if let Some(container) = hooks.container {
        agent.count_for(container);
    }
    while let Some(frame) = source.next_any_frame()? {
        send_packets(&mut agent, source)?;
        agent.send_frame(frame)?;
        while let Some(bytes) = agent.receive_packet()? {
            output.write_all(&bytes)?;
        }
        hooks.report(Progress { frames_total: total, ..agent.progress() })?;
    }
    send_packets(&mut agent, source)?;
    agent.set_last_duration(source.last_duration())?;
    agent.set_lost(lost(source), source.notes())?;
    agent.finish()?;
    while let Some(bytes) = agent.wait_packet(|progress| match hooks.report(progress) {
        Ok(()) => ControlFlow::Continue(()),
        Err(_) => ControlFlow::Break(()),
    })? {
        output.write_all(&bytes)?;
    }
    agent.into_report()
}

fn send_packets(agent: &mut EncodingAgent, source: &mut dyn FrameSource) -> Result<()> {
    for packet in source.take_audio() {
        agent.send_audio(packet)?;
    }
    for packet in source.take_subtitles() {
        agent.send_subtitle(packet)?;
    }
    Ok(())
}

/// What an `.avif` file is for.
const AVIF_HOLDS: &str = "one picture for .avif: a PNG, JPEG, TIFF, WebP or BMP file";

/// Encodes a media file into a file that appears whole or not at all: `.nvc`, or `.mp4`, `.mkv` or `.webm` that any
/// player plays. A picture file becomes a photo in `.nvc` and `.avif`.
///
/// # Errors
///
/// As [`encode_to`]; `InvalidArgument` where both are one file.
pub fn encode_file(input: &Path, output: &Path, settings: &Settings, hooks: Hooks<'_>) -> Result<Report> {
    let kind = OutputKind::of(output)?;
    #[cfg(feature = "images")]
    if matches!(kind, OutputKind::Stream | OutputKind::Avif) && media::photo::is_photo(input) {
        return super::photo::encode_photo_file(input, output, settings, hooks);
    }
    if kind == OutputKind::Avif {
        return Err(Error::invalid("output", AVIF_HOLDS, output.display()));
    }
    media::expect_distinct(input, output)?;
    let mut source = open_clip_with(input, &DecoderSettings::default(), &media::OpenOptions::of(settings))?;
    encode_to(source.as_mut(), output, settings, hooks)
}

/// Encodes all frames of a source into a file that appears whole or not at all, of the kind that its name's ending says.
///
/// # Errors
///
/// As [`encode`], with the file's name; `InvalidArgument` listing the endings for another; `Unsupported`, before the first
/// frame is coded, where the container cannot hold a track of sound.
pub fn encode_to(
    source: &mut dyn FrameSource,
    output: &Path,
    settings: &Settings,
    hooks: Hooks<'_>,
) -> Result<Report> {
    match OutputKind::of(output)? {
        OutputKind::Avif => Err(Error::invalid("output", AVIF_HOLDS, output.display())),
        OutputKind::Stream => {
            let (report, file) = encode_stream(source, output, settings, hooks)?;
            file.commit()?;
            Ok(report)
        }
        #[cfg(feature = "ffmpeg")]
        OutputKind::Container(container) => encode_container(source, output, container, settings, hooks),
    }
}

/// The stream in a file beside the output, which is not there yet.
fn encode_stream(
    source: &mut dyn FrameSource,
    output: &Path,
    settings: &Settings,
    hooks: Hooks<'_>,
) -> Result<(Report, AtomicFile)> {
    let mut file = AtomicFile::create(output)?;
    let report = encode(source, &mut file, settings, hooks).map_err(|error| match error {
        Error::Io { path: None, source } => Error::io(output, source),
        other => other,
    })?;
    Ok((report, file))
}

/// Encodes into a stream beside the output, and writes that into the container: all packets are known then, so that players
/// find the index first.
#[cfg(feature = "ffmpeg")]
fn encode_container(
    source: &mut dyn FrameSource,
    output: &Path,
    container: Container,
    settings: &Settings,
    mut hooks: Hooks<'_>,
) -> Result<Report> {
    hooks.lost_by_output = ContainerTracks::new(container, source.tracks())?.lost;
    hooks.lost_by_output.extend(shown_padding(source.info().width, source.info().height));
    hooks.container = Some(container);
    let cancel = hooks.cancel.clone();
    let settings = &settings.for_players();
    let (mut report, stream) = encode_stream(source, output, settings, hooks)?;
    let settings_of_decoder = DecoderSettings::default();
    remux(&stream.path(), output, &settings_of_decoder, &cancel, &mut |_| ControlFlow::Continue(()))?;
    let length = std::fs::metadata(output).map_err(|error| Error::io(output, error))?.len();
    account_for(&mut report, length, settings);
    Ok(report)
}

/// The report of a stream, of a file of so many bytes that holds it.
#[cfg(feature = "ffmpeg")]
fn account_for(report: &mut Report, bytes: u64, settings: &Settings) {
    let total = &mut report.total;
    total.compression_ratio *= total.bytes as f64 / bytes as f64;
    total.bytes = bytes;
    total.bitrate_bps = bytes as f64 * 8.0 / total.duration_seconds;
    if settings.is_exceeded_by(bytes, total.bitrate_bps) {
        report.miss("The container's own bytes bring the file over the target.");
    }
}
