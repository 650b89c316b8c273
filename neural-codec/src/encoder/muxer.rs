//! Puts encoded scenes and audio into the stream, in order, and keeps the account of the clip.

use std::time::Instant;

use super::encoded_scene::EncodedScene;
use super::scene_report::{duration_seconds, quality_report};
use super::track_queue::OtherPacket;
use crate::bitstream::{Limits, PacketWriter, StreamHeader, Tracks, TracksEntry};
use crate::error::{Error, Result};
use crate::frame::VideoInfo;
use crate::lost::Lost;
use crate::memory::Bytes;
use crate::metrics::{Comparison, FrameMetrics, Measures};
use crate::pooling::Pooling;
use crate::report::{ClipReport, Report, SCHEMA, SceneReport, StageReport, TotalReport};
use crate::search::{Pooled, Spent, StageClock};
use crate::settings::Settings;

/// The stream under construction.
pub(super) struct StreamMuxer {
    writer: PacketWriter<Bytes>,
    source: VideoInfo,
    coded: VideoInfo,
    settings: Settings,
    base_encoder: String,
    notes: Vec<String>,
    scenes: Vec<SceneReport>,
    measures: Measures,
    comparison: Comparison,
    /// The values of all frames, where they are pooled otherwise than by their mean.
    frames: Vec<FrameMetrics>,
    worst: Option<(u64, f64)>,
    /// First and last timestamp so far.
    span: Option<(i64, i64)>,
    audio_bytes: u64,
    /// Duration of the last frame in the time base, where the source says.
    last_duration: Option<u64>,
    lost: Vec<Lost>,
    /// Whether the stream is put into a container, whose bytes are what counts.
    is_for_container: bool,
    start: Instant,
}

impl StreamMuxer {
    pub(super) fn new(
        source: VideoInfo,
        coded: VideoInfo,
        tracks: &Tracks,
        settings: Settings,
        measures: Measures,
        base_encoder: String,
        start: Instant,
    ) -> Result<Self> {
        let header = StreamHeader {
            encoder: format!("neural-codec {}", env!("CARGO_PKG_VERSION")),
            audio_tracks: tracks.audio.clone(),
            ..StreamHeader::new(coded)
        };
        let mut writer = PacketWriter::new(Bytes::default(), &header, Limits::default())?;
        writer.write_tracks(tracks)?;
        Ok(Self {
            writer,
            last_duration: None,
            lost: Vec::new(),
            is_for_container: false,
            source,
            coded,
            settings,
            base_encoder,
            notes: Vec::new(),
            scenes: Vec::new(),
            measures,
            comparison: Comparison::new(coded.format, measures),
            frames: Vec::new(),
            worst: None,
            span: None,
            audio_bytes: 0,
            start,
        })
    }

    /// Adds a sentence to the report.
    pub(super) fn note(&mut self, sentence: String) {
        self.notes.push(sentence);
    }

    /// Says that the stream is put into a container, whose bytes are what counts.
    pub(super) fn count_elsewhere(&mut self) {
        self.is_for_container = true;
    }

    /// Names what of the source is not in the stream.
    pub(super) fn lose(&mut self, lost: Vec<Lost>) {
        self.lost.extend(lost);
    }

    /// Says how long the last frame is shown, in the time base.
    pub(super) fn set_last_duration(&mut self, duration: Option<u64>) {
        self.last_duration = duration;
    }

    pub(super) fn add_packet(&mut self, packet: &OtherPacket) -> Result<()> {
        match packet {
            OtherPacket::Audio(packet) => {
                self.writer.write_audio(packet)?;
                self.audio_bytes += packet.data.len() as u64;
            }
            OtherPacket::Subtitle(packet) => {
                self.writer.write_entries(vec![TracksEntry::SubtitlePacket(packet.clone())])?;
            }
        }
        Ok(())
    }

    /// Appends a scene.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` where it does not follow the scene before.
    pub(super) fn add_scene(&mut self, scene: EncodedScene) -> Result<()> {
        self.writer.write_scene_bytes(&scene.bytes)?;
        let size = (self.coded.width, self.coded.height);
        let comparison = Comparison::of_frames(self.coded.format, self.measures, size, &scene.frames);
        self.comparison.merge(&comparison)?;
        if self.settings.pooling != Pooling::Mean {
            self.frames.extend(&scene.frames);
        }
        let quality = &scene.report.quality;
        if let Some((frame, psnr)) = quality.worst_frame.zip(quality.worst_frame_psnr_y)
            && self.worst.is_none_or(|(_, least)| psnr < least)
        {
            self.worst = Some((frame, psnr));
        }
        let (first, last) = scene.span;
        self.span = Some((self.span.map_or(first, |(start, _)| start), last));
        self.scenes.push(scene.report);
        Ok(())
    }

    /// Bytes of the stream so far.
    pub(super) fn position(&self) -> u64 {
        self.writer.position()
    }

    /// Bytes written since the last call.
    pub(super) fn take_bytes(&mut self) -> Vec<u8> {
        std::mem::take(self.writer.sink_mut()).0
    }

    /// Ends the stream: its last bytes and the report.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for a clip without frames.
    pub(super) fn finish(mut self, clock: &StageClock) -> Result<(Vec<u8>, Report)> {
        if self.scenes.is_empty() {
            return Err(Error::invalid("clip", "at least 1 frame", 0));
        }
        let repeated: u64 = self.scenes.iter().map(|scene| scene.frames - scene.coded_frames).sum();
        if repeated > 0 {
            self.notes.push(format!("{repeated} frames show the one before again and are not coded."));
        }
        let nominal = nominal_duration(&self.coded);
        if let Some(duration) = self.last_duration.filter(|&duration| duration > 0 && duration != nominal) {
            self.writer.write_entries(vec![TracksEntry::LastDuration(duration)])?;
        }
        let written = self.writer.position() - self.writer.sink_mut().0.len() as u64;
        let rest = self.writer.finish()?.0;
        let bytes = written + rest.len() as u64;
        let frames = self.comparison.finish().frames;
        let last_seconds = self.last_duration.map(|units| units as f64 * self.coded.time_base.value());
        let duration = duration_seconds(&self.coded, self.span, frames, last_seconds);
        let seconds = self.start.elapsed().as_secs_f64();
        let (chroma_width, chroma_height) =
            self.coded.format.chroma_size(self.coded.width, self.coded.height);
        let samples = self.coded.width * self.coded.height + 2 * chroma_width * chroma_height;
        let raw = samples as f64 * frames as f64 * f64::from(self.coded.format.depth.bits().div_ceil(8));
        let pooled = match self.settings.pooling {
            Pooling::Mean => Pooled::of_means(&self.comparison.finish()),
            pooling => Pooled::of(&self.frames, pooling),
        };
        let mut report = Report {
            schema: SCHEMA.into(),
            library_version: env!("CARGO_PKG_VERSION").into(),
            base_encoder: self.base_encoder,
            settings: self.settings.to_json(),
            source: ClipReport::new(&self.source),
            coded: ClipReport::new(&self.coded),
            total: TotalReport {
                scenes: self.scenes.len() as u32,
                frames,
                duration_seconds: duration,
                bytes,
                audio_bytes: self.audio_bytes,
                bitrate_bps: bytes as f64 * 8.0 / duration,
                target_met: self.scenes.iter().all(|scene| scene.target_met),
                compression_ratio: raw / bytes as f64,
                quality: quality_report(&self.comparison, self.worst),
                pooled: pooled.by_name(),
                seconds,
                frames_per_second: frames as f64 / seconds,
                cpu_seconds: clock.cpu_seconds(),
                stages: clock
                    .spent()
                    .into_iter()
                    .map(|(stage, spent)| (stage.into(), stage_report(spent)))
                    .collect(),
            },
            scenes: self.scenes,
            notes: self.notes,
            lost: self.lost,
            photo: None,
        };
        if !self.is_for_container && self.settings.is_exceeded_by(bytes, report.total.bitrate_bps) {
            report.miss("What the stream holds beside its pictures brings it over the target.");
        }
        Ok((rest, report))
    }
}

/// Duration of a frame of the nominal rate, in the time base.
fn nominal_duration(info: &VideoInfo) -> u64 {
    // A float to an integer keeps within its bounds.
    (1.0 / info.frame_rate.value() / info.time_base.value()).round() as u64
}

fn stage_report(spent: Spent) -> StageReport {
    let Spent { runs, seconds, cpu_seconds } = spent;
    StageReport { runs, seconds, cpu_seconds }
}
