//! A photo in, a file out.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use cpu_time::ProcessTime;

use super::av1::Av1Coder;
use super::avif::avif_file;
use super::quality::{PhotoMeasurer, PhotoQuality};
use super::report::{by_name, profile, quality_report};
use super::search::{Line, last_that_meets};
use super::target::PhotoTarget;
use crate::base::{Library, Quantizer, retries_note};
use crate::bitstream::{PhotoCode, PhotoPacket};
use crate::defaults::PhotoSearch;
use crate::encoder::hooks::Hooks;
use crate::error::{Error, Result};
use crate::frame::{BitDepth, Frame, FrameHash};
use crate::lost::Lost;
use crate::media::photo::{Photo, is_gray, read_photo};
use crate::media::{AtomicFile, OutputKind, expect_distinct};
use crate::metrics::{Measures, Metric};
use crate::progress::{Progress, Stage};
use crate::report::{
    AttemptRecord, ClipReport, PhotoReport, Report, SCHEMA, SceneReport, SceneVerdict, StageReport,
    TotalReport,
};
use crate::settings::Settings;
use crate::strategy::Strategy;

/// A stored photo.
#[derive(Debug)]
#[non_exhaustive]
pub struct EncodedPhoto {
    /// What is stored.
    pub packet: PhotoPacket,
    /// The account, of a `.nvc` file.
    pub report: Report,
}

/// Codes a photo as the settings ask.
///
/// # Errors
///
/// `InvalidArgument` for settings that mean nothing for a photo; `MissingLibrary`; those of the base encoder; `Cancelled`.
pub fn encode_photo(photo: &Photo, settings: &Settings, mut hooks: Hooks<'_>) -> Result<EncodedPhoto> {
    encode(photo, settings, &mut hooks, |_| Vec::new())
}

/// Codes a photo into a `.nvc` or `.avif` file, which appears whole or not at all.
///
/// # Errors
///
/// As [`encode_photo`]; `InvalidArgument` for other endings; `Io`.
pub fn encode_photo_to(
    photo: &Photo,
    output: &Path,
    settings: &Settings,
    mut hooks: Hooks<'_>,
) -> Result<Report> {
    let is_avif = match OutputKind::of(output)? {
        OutputKind::Stream => false,
        OutputKind::Avif => true,
        #[cfg(feature = "ffmpeg")]
        OutputKind::Container(_) => {
            return Err(Error::invalid("output", "a photo ends in .nvc or .avif", output.display()));
        }
    };
    let mut file = AtomicFile::create(output)?;
    let lost_by_file = |packet: &PhotoPacket| if is_avif { super::avif::lost(packet) } else { Vec::new() };
    let EncodedPhoto { packet, mut report } = encode(photo, settings, &mut hooks, lost_by_file)?;
    let bytes = if is_avif { avif_file(&packet)? } else { packet.to_file()? };
    account_for(&mut report, &packet, bytes.len() as u64, settings);
    file.write_all(&bytes).map_err(|error| Error::io(output, error))?;
    file.commit()?;
    Ok(report)
}

/// Codes a picture file into a `.nvc` or `.avif` file.
///
/// # Errors
///
/// As [`encode_photo_to`] and [`read_photo`]; `InvalidArgument` where both are one file.
pub fn encode_photo_file(
    input: &Path,
    output: &Path,
    settings: &Settings,
    hooks: Hooks<'_>,
) -> Result<Report> {
    expect_distinct(input, output)?;
    encode_photo_to(&read_photo(input)?, output, settings, hooks)
}

fn encode(
    photo: &Photo,
    settings: &Settings,
    hooks: &mut Hooks<'_>,
    lost_by_file: impl Fn(&PhotoPacket) -> Vec<Lost>,
) -> Result<EncodedPhoto> {
    let (start, cpu) = (Instant::now(), ProcessTime::now());
    if hooks.scenes.is_some() {
        return Err(Error::invalid("scenes", "none for a photo", "a list of scenes"));
    }
    let target = PhotoTarget::of(settings)?;
    let mut packet = empty_packet(photo)?;
    let lost = [photo.lost.clone(), lost_by_file(&packet)].concat();
    if let Some(on_lost) = &mut hooks.on_lost
        && !lost.is_empty()
    {
        on_lost(&lost);
    }
    let library = Library::load(None)?;
    let measurer = PhotoMeasurer::new(&photo.frame)?;
    let mut search = Search::new((photo, &measurer), &packet, settings, &target, &library, hooks)?;
    let (stored, preset) = search.run()?;
    let Search { coder, records, .. } = search;
    packet.hash = FrameHash::of(&stored.decoded).0;
    packet.code = stored.code;
    let measures = target.measures().with(Metric::SsimY);
    let quality = measurer.measure(&stored.decoded, measures, true)?;
    let bytes = packet.to_file()?.len() as u64;
    let target_met = target.margin(&quality, bytes) >= 0.0;
    let (verdict, reason) = match (&target, target_met) {
        (PhotoTarget::Constant(_), _) => (SceneVerdict::AsAsked, target.text()),
        (PhotoTarget::Size(_), true) => {
            (SceneVerdict::ShareOfBytes, format!("the best with {}", target.text()))
        }
        (PhotoTarget::Floor(_), true) => {
            (SceneVerdict::FloorMet, format!("the coarsest quantizer with {}", target.text()))
        }
        (_, false) => (SceneVerdict::FloorMissed, format!("the closest to {}", target.text())),
    };
    let duration = measurer.info.frame_rate.inverse().value();
    let scene = SceneReport {
        index: 0,
        first_frame: 0,
        frames: 1,
        strategy: Strategy::Av1,
        profile: profile(&measurer.yuv, settings.defaults.classes)?,
        quantizer: stored.quantizer.value(),
        preset,
        bit_depth: coder.depth().bits(),
        tools: coder.tools(),
        asked: BTreeMap::new(),
        verdict,
        reason,
        target_met,
        predicted: None,
        attempts: records,
        filter: None,
        bytes,
        bitrate_bps: bytes as f64 * 8.0 / duration,
        quality: quality_report(&quality),
        pooled: by_name(&quality),
        seconds: start.elapsed().as_secs_f64(),
    };
    let mut report = Report {
        schema: SCHEMA.into(),
        library_version: env!("CARGO_PKG_VERSION").into(),
        base_encoder: format!("SVT-AV1 {}", library.version()),
        settings: target.in_force(settings).to_json(),
        source: ClipReport::new(&measurer.info),
        coded: ClipReport::new(&measurer.info),
        total: TotalReport {
            scenes: 1,
            frames: 1,
            duration_seconds: duration,
            bytes,
            audio_bytes: 0,
            bitrate_bps: scene.bitrate_bps,
            target_met,
            compression_ratio: 1.0,
            quality: scene.quality,
            pooled: scene.pooled.clone(),
            seconds: scene.seconds,
            frames_per_second: 1.0 / scene.seconds,
            cpu_seconds: cpu.elapsed().as_secs_f64(),
            stages: stages(&scene.attempts),
        },
        scenes: vec![scene],
        notes: Vec::new(),
        lost,
        photo: None,
    };
    if settings.cache_dir.is_some() {
        report.notes.push("A photo is coded at once; cache_dir keeps nothing of it.".into());
    }
    report.notes.extend(retries_note(coder.retries));
    account_for(&mut report, &packet, bytes, settings);
    Ok(EncodedPhoto { packet, report })
}

/// What is known before the samples are coded.
fn empty_packet(photo: &Photo) -> Result<PhotoPacket> {
    let frame = &photo.frame;
    let alpha = photo.alpha.as_ref().filter(|alpha| !alpha.is_opaque());
    if let Some(alpha) = alpha
        && alpha.size() != (frame.width(), frame.height())
    {
        let (width, height) = alpha.size();
        let expected = format!("{}x{}, as the picture", frame.width(), frame.height());
        return Err(Error::invalid("alpha", expected, format!("{width}x{height}")));
    }
    Ok(PhotoPacket {
        width: frame.width() as u32,
        height: frame.height() as u32,
        depth: frame.format().depth,
        is_gray: is_gray(frame),
        macs_per_pixel: 0,
        hash: 0,
        tags: photo.tags.clone(),
        alpha: alpha.map(|alpha| alpha.to_png()).transpose()?.unwrap_or_default(),
        code: PhotoCode::Neural(Vec::new()),
    })
}

/// The report of a file of so many bytes.
fn account_for(report: &mut Report, packet: &PhotoPacket, bytes: u64, settings: &Settings) {
    let total = &mut report.total;
    let pixels = f64::from(packet.width) * f64::from(packet.height);
    total.bytes = bytes;
    total.bitrate_bps = bytes as f64 * 8.0 / total.duration_seconds;
    // Raw 4:2:0, as for clips.
    total.compression_ratio = pixels * 1.5 * f64::from(packet.depth.bits().div_ceil(8)) / bytes as f64;
    report.photo = Some(PhotoReport::new(packet, bytes));
    if settings.size_bytes.is_some_and(|limit| bytes > limit) && total.target_met {
        total.target_met = false;
        report.notes.push("The container's own bytes bring the file over the target.".into());
    }
}

/// What the attempts of each stage took.
fn stages(attempts: &[AttemptRecord]) -> BTreeMap<String, StageReport> {
    let mut stages = BTreeMap::new();
    for attempt in attempts {
        let stage = stages.entry(attempt.stage.name().to_owned()).or_insert(StageReport {
            runs: 0,
            seconds: 0.0,
            cpu_seconds: 0.0,
        });
        stage.runs += 1;
        stage.seconds += attempt.seconds;
        stage.cpu_seconds += attempt.cpu_seconds;
    }
    stages
}

/// What may be stored.
struct Candidate {
    quantizer: Quantizer,
    code: PhotoCode,
    decoded: Frame,
}

/// The search for the quantizer.
struct Search<'a, 'b> {
    measurer: &'a PhotoMeasurer<'a>,
    target: &'a PhotoTarget,
    hooks: &'a mut Hooks<'b>,
    coder: Av1Coder,
    rules: PhotoSearch,
    preset: i8,
    /// The quantizers from the one that surely meets the target on.
    line: Vec<Quantizer>,
    /// Bytes of the file beside the AV1.
    overhead: u64,
    records: Vec<AttemptRecord>,
}

impl<'a, 'b> Search<'a, 'b> {
    fn new(
        (photo, measurer): (&Photo, &'a PhotoMeasurer<'a>),
        packet: &PhotoPacket,
        settings: &Settings,
        target: &'a PhotoTarget,
        library: &Arc<Library>,
        hooks: &'a mut Hooks<'b>,
    ) -> Result<Self> {
        // Ten bits inside save bytes whatever the source has.
        let depth = settings.bit_depth.unwrap_or(BitDepth::Ten).max(photo.frame.format().depth);
        let (has_profile, threads) = (!packet.tags.icc.is_empty(), settings.thread_count());
        let (frame, is_gray, tune) = (&photo.frame, packet.is_gray, target.tune());
        let coder = Av1Coder::new(library, frame, depth, is_gray, has_profile, tune, threads)?;
        let mut line: Vec<Quantizer> =
            (4..=280).map(|quarters| library.quantizer_at_most(f64::from(quarters) / 4.0)).collect();
        line.dedup();
        if matches!(target, PhotoTarget::Size(_)) {
            line.reverse();
        }
        let rules = settings.defaults.photo;
        let preset = settings.preset.unwrap_or(rules.presets[usize::from(settings.effort.min(9))]).max(0);
        let code = PhotoCode::Av1 { depth, matrix: 0, unit: Vec::new() };
        let overhead = PhotoPacket { code, ..packet.clone() }.to_file()?.len() as u64;
        Ok(Self { measurer, target, hooks, coder, rules, preset, line, overhead, records: Vec::new() })
    }

    /// What is stored, and the preset that made it.
    fn run(&mut self) -> Result<(Candidate, i8)> {
        if let PhotoTarget::Constant(quantizer) = *self.target {
            let (_, candidate) = self.attempt(quantizer, self.preset, Stage::Store)?;
            return Ok((candidate, self.preset));
        }
        let rules = self.rules;
        let is_size = matches!(self.target, PhotoTarget::Size(_));
        let places = self.line.len();
        let (slope, tolerance) =
            if is_size { (rules.size_slope, rules.size_near) } else { (rules.slope, rules.near) };
        let slope = slope * 277.0 / places as f64;
        let mut line = Line { places, guess: places / 2, slope, tolerance, width: 1, rules };
        if self.preset < rules.stored_at_once_from {
            let rough = Line { tolerance: rules.located_near * slope, width: rules.located_width, ..line };
            let found = last_that_meets(rough, &mut |place| {
                let (margin, _) = self.attempt(self.line[place], rules.locate_preset, Stage::Locate)?;
                Ok((margin, ()))
            })?;
            line = Line { guess: found.crossing.round() as usize, slope: found.slope, ..line };
        }
        let preset = self.preset;
        let found = last_that_meets(line, &mut |place| self.attempt(self.line[place], preset, Stage::Store))?;
        Ok((found.best.value, preset))
    }

    /// One attempt: coded, decoded, measured, noted.
    fn attempt(&mut self, quantizer: Quantizer, preset: i8, stage: Stage) -> Result<(f64, Candidate)> {
        self.hooks.cancel.check()?;
        let (start, cpu) = (Instant::now(), ProcessTime::now());
        let coded = self.coder.attempt(quantizer, preset)?;
        let bytes = self.overhead + coded.code.bytes().len() as u64;
        let measures: Measures = self.target.measures();
        let quality = self.measurer.measure(&coded.decoded, measures, self.target.is_about_luma())?;
        let margin = self.target.margin(&quality, bytes);
        self.note(quantizer, preset, stage, bytes, &quality, (start, cpu))?;
        Ok((margin, Candidate { quantizer, code: coded.code, decoded: coded.decoded }))
    }

    fn note(
        &mut self,
        quantizer: Quantizer,
        preset: i8,
        stage: Stage,
        bytes: u64,
        quality: &PhotoQuality,
        (start, cpu): (Instant, ProcessTime),
    ) -> Result<()> {
        self.records.push(AttemptRecord {
            stage,
            first_frame: 0,
            frames: 1,
            preset,
            quantizer: quantizer.value(),
            tools: self.coder.tools(),
            bytes,
            psnr_y: quality.psnr_y,
            psnr_rgb: quality.psnr_rgb,
            ssim_y: quality.ssim_y,
            ms_ssim_y: quality.ms_ssim_y,
            ssimulacra2: quality.ssimulacra2,
            vmaf: None,
            xpsnr_y: None,
            seconds: start.elapsed().as_secs_f64(),
            cpu_seconds: cpu.elapsed().as_secs_f64(),
        });
        let attempts = self.records.len() as u64;
        self.hooks.report(Progress {
            frames_total: Some(1),
            stage: Some(stage),
            attempts,
            frames_coded: attempts,
            ..Progress::default()
        })
    }
}
