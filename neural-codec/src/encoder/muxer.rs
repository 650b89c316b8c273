//! Puts finished scenes and audio into the stream, in order, and keeps the account.

use std::time::Instant;

use super::scene::FinishedScene;
use crate::bitstream::{AudioPacket, AudioTrack, Limits, PacketWriter, StreamHeader};
use crate::error::{Error, Result};
use crate::filter::train::Candidate;
use crate::frame::VideoInfo;
use crate::metrics::{Comparison, Measures};
use crate::report::{
    AttemptReport, ClipReport, FilterCandidateReport, FilterReport, PredictedReport, ProfileReport,
    QualityReport, Report, SCHEMA, SceneReport, StageReport, TotalReport,
};
use crate::search::{AttemptRecord, Filtered, Spent, StageClock};
use crate::settings::{Settings, Strategy};

/// The stream under construction.
pub(super) struct StreamMuxer {
    writer: PacketWriter<Vec<u8>>,
    source: VideoInfo,
    coded: VideoInfo,
    settings: Settings,
    base_encoder: String,
    notes: Vec<String>,
    scenes: Vec<SceneReport>,
    comparison: Comparison,
    worst: Option<(u64, f64)>,
    /// First and last timestamp so far.
    span: Option<(i64, i64)>,
    audio_bytes: u64,
    start: Instant,
}

impl StreamMuxer {
    pub(super) fn new(
        source: VideoInfo,
        coded: VideoInfo,
        audio_tracks: Vec<AudioTrack>,
        settings: &Settings,
        base_encoder: String,
    ) -> Result<Self> {
        let header = StreamHeader {
            encoder: format!("neural-codec {}", env!("CARGO_PKG_VERSION")),
            audio_tracks,
            ..StreamHeader::new(coded)
        };
        Ok(Self {
            writer: PacketWriter::new(Vec::new(), &header, Limits::default())?,
            source,
            coded,
            settings: settings.clone(),
            base_encoder,
            notes: Vec::new(),
            scenes: Vec::new(),
            comparison: Comparison::new(coded.format, Measures::Ssim),
            worst: None,
            span: None,
            audio_bytes: 0,
            start: Instant::now(),
        })
    }

    /// Counts the seconds of the encode from here, in place of the first finished scene.
    pub(super) fn started(&mut self, start: Instant) {
        self.start = start;
    }

    /// Adds a sentence to the report.
    pub(super) fn note(&mut self, sentence: String) {
        self.notes.push(sentence);
    }

    pub(super) fn add_audio(&mut self, packet: &AudioPacket) -> Result<()> {
        let before = self.writer.position();
        self.writer.write_audio(packet)?;
        self.audio_bytes += self.writer.position() - before;
        Ok(())
    }

    pub(super) fn add_scene(&mut self, scene: FinishedScene) -> Result<()> {
        self.writer.write_scene_bytes(&scene.bytes)?;
        self.comparison.merge(&scene.comparison)?;
        if let Some((frame, psnr)) = scene.worst
            && self.worst.is_none_or(|(_, least)| psnr < least)
        {
            self.worst = Some((frame, psnr));
        }
        let (first, last) = (scene.timestamps.first(), scene.timestamps.last());
        if let (Some(&first), Some(&last)) = (first, last) {
            self.span = Some((self.span.map_or(first, |(start, _)| start), last));
        }
        let bytes = scene.bytes.len() as u64;
        let frames = scene.timestamps.len() as u64;
        let duration = duration_seconds(&self.coded, first.copied().zip(last.copied()), frames);
        self.scenes.push(SceneReport {
            index: scene.index,
            first_frame: scene.first_frame,
            frames,
            strategy: strategy_of(&scene).name().into(),
            profile: ProfileReport::new(&scene.profile),
            quantizer: scene.plan.quantizer.value(),
            preset: scene.plan.preset,
            bit_depth: scene.plan.depth.bits(),
            tools: scene.plan.tools.to_string(),
            reason: scene.reason,
            target_met: scene.is_met,
            predicted: scene.predicted.map(|(psnr_y, ssim_y)| PredictedReport { psnr_y, ssim_y }),
            tried: scene.tried.iter().map(trial_report).collect(),
            filter: scene.filter.as_ref().map(|filter| filter_report(filter, &self.coded)),
            bytes,
            bitrate_bps: bytes as f64 * 8.0 / duration,
            quality: quality(&scene.comparison, scene.worst),
            seconds: scene.seconds,
        });
        Ok(())
    }

    /// Bytes written since the last call.
    pub(super) fn take_bytes(&mut self) -> Vec<u8> {
        std::mem::take(self.writer.sink_mut())
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
        let written = self.writer.position() - self.writer.sink_mut().len() as u64;
        let rest = self.writer.finish()?;
        let bytes = written + rest.len() as u64;
        let frames = self.comparison.finish().frames;
        let duration = duration_seconds(&self.coded, self.span, frames);
        let seconds = self.start.elapsed().as_secs_f64();
        let (chroma_width, chroma_height) =
            self.coded.format.chroma_size(self.coded.width, self.coded.height);
        let samples = self.coded.width * self.coded.height + 2 * chroma_width * chroma_height;
        let raw = samples as f64 * frames as f64 * f64::from(self.coded.format.depth.bits().div_ceil(8));
        let report = Report {
            schema: SCHEMA.into(),
            library_version: env!("CARGO_PKG_VERSION").into(),
            base_encoder: self.base_encoder,
            settings: Settings::DESCRIPTIONS
                .iter()
                .filter_map(|row| Some((row.name.to_owned(), self.settings.get(row.name)?)))
                .collect(),
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
                quality: quality(&self.comparison, self.worst),
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
        };
        Ok((rest, report))
    }
}

/// From the first frame's start to the last one's end, the last one lasting one nominal frame.
pub(super) fn duration_seconds(info: &VideoInfo, span: Option<(i64, i64)>, frames: u64) -> f64 {
    let frame = info.frame_rate.inverse().value();
    match span {
        Some((first, last)) => last.abs_diff(first) as f64 * info.time_base.value() + frame,
        None => frames as f64 * frame,
    }
}

fn trial_report(tried: &AttemptRecord) -> AttemptReport {
    AttemptReport {
        stage: tried.stage.into(),
        first_frame: tried.frames.start,
        frames: tried.frames.end - tried.frames.start,
        preset: tried.plan.preset,
        quantizer: tried.plan.quantizer.value(),
        tools: tried.plan.tools.to_string(),
        bytes: tried.bytes,
        psnr_y: tried.psnr_y,
        ssim_y: tried.ssim_y,
        seconds: tried.seconds,
        cpu_seconds: tried.cpu_seconds,
    }
}

fn quality(comparison: &Comparison, worst: Option<(u64, f64)>) -> QualityReport {
    let metrics = comparison.finish();
    QualityReport {
        psnr_y: metrics.psnr_y,
        psnr_yuv: metrics.psnr_yuv,
        ssim_y: metrics.ssim_y,
        lossless_frames: metrics.lossless_frames,
        worst_frame_psnr_y: worst.map(|(_, psnr)| psnr),
        worst_frame: worst.map(|(frame, _)| frame),
    }
}

fn strategy_of(scene: &FinishedScene) -> Strategy {
    let is_filtered = scene.filter.as_ref().is_some_and(|filter| filter.packet.is_some());
    if is_filtered { Strategy::Hybrid } else { Strategy::Av1 }
}

fn filter_report(filter: &Filtered, info: &VideoInfo) -> FilterReport {
    let macs_per_pixel = if filter.packet.is_some() { filter.macs_per_pixel } else { 0.0 };
    FilterReport {
        profile: filter.profile.name().into(),
        kept: filter.packet.is_some(),
        reason: filter.reason.clone(),
        bytes: filter.packet.as_ref().map_or(0, |packet| packet.byte_len() as u64),
        base_psnr_y: filter.base.psnr_y,
        base_psnr_yuv: filter.base.psnr_yuv,
        base_ssim_y: filter.base.ssim_y,
        macs_per_pixel,
        candidates: filter.candidates.iter().map(candidate_report).collect(),
        tops_per_frame: 2.0 * macs_per_pixel * (info.width * info.height) as f64 / 1e12,
    }
}

fn candidate_report(candidate: &Candidate) -> FilterCandidateReport {
    FilterCandidateReport {
        name: candidate.name.into(),
        bytes: candidate.bytes as u64,
        error_left: candidate.error_left,
    }
}

fn stage_report(spent: Spent) -> StageReport {
    let Spent { runs, seconds, cpu_seconds } = spent;
    StageReport { runs, seconds, cpu_seconds }
}
