//! A photo in, a file out.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use cpu_time::ProcessTime;

use super::attempts::Search;
use super::coder::PhotoCoder;
use super::output_format::OutputFormat;
use super::quality::PhotoMeasurer;
use super::report::{by_name, profile, quality_report};
use super::still::Candidates;
use super::target::PhotoTarget;
use crate::base::retries_note;
use crate::bitstream::{PhotoCode, PhotoPacket};
use crate::encoder::hooks::Hooks;
use crate::error::{Error, Result};
use crate::frame::FrameHash;
use crate::media::photo::{Photo, is_gray, read_photo};
use crate::media::{AtomicFile, OutputKind, expect_distinct};
use crate::metrics::Metric;
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
    encode(photo, settings, &mut hooks, OutputFormat::Stream)
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
    let format = match OutputKind::of(output)? {
        OutputKind::Stream => OutputFormat::Stream,
        OutputKind::Avif => OutputFormat::Avif,
        #[cfg(feature = "ffmpeg")]
        OutputKind::Container(_) => {
            return Err(Error::invalid("output", "a photo ends in .nvc or .avif", output.display()));
        }
    };
    let mut file = AtomicFile::create(output)?;
    let EncodedPhoto { packet, mut report } = encode(photo, settings, &mut hooks, format)?;
    let bytes = format.file(&packet)?;
    if let (OutputFormat::Avif, Some(photo)) = (format, &mut report.photo) {
        // What `lost` names is not in the file.
        (photo.icc_bytes, photo.xmp_bytes, photo.alpha_bytes) = (0, 0, 0);
    }
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
    format: OutputFormat,
) -> Result<EncodedPhoto> {
    let (start, cpu) = (Instant::now(), ProcessTime::now());
    if hooks.scenes.is_some() {
        return Err(Error::invalid("scenes", "none for a photo", "a list of scenes"));
    }
    let target = PhotoTarget::of(settings)?;
    target.expect_defined((photo.frame.width(), photo.frame.height()))?;
    let mut packet = empty_packet(photo)?;
    let lost = [photo.lost.clone(), format.lost(&packet)].concat();
    if let Some(on_lost) = &mut hooks.on_lost
        && !lost.is_empty()
    {
        on_lost(&lost);
    }
    let candidates = Candidates::of(settings, &target, &packet, format == OutputFormat::Stream)?;
    let (coder, note) =
        PhotoCoder::new(&photo.frame, &packet, settings, &target, format == OutputFormat::Avif)?;
    let measurer = PhotoMeasurer::new(&photo.frame)?;
    let mut search = Search::new((coder, &measurer), (&packet, format), settings, &target, hooks);
    let stored = search.best_of(candidates, &photo.frame, settings)?;
    let Search { coder, records, .. } = search;
    packet.hash = FrameHash::of(&stored.decoded).0;
    let is_still = stored.strategy == Strategy::Still;
    packet.is_gray &= !is_still;
    packet.macs_per_pixel = stored.macs_per_pixel;
    packet.code = stored.code;
    let rounded = match target {
        PhotoTarget::Constant(asked) if asked.value() != stored.quantizer => {
            Some(format!("The quantizer is {}: there is none at {asked}.", stored.quantizer))
        }
        _ => None,
    };
    let measures = target.measures().with(Metric::SsimY);
    let quality = measurer.measure(&stored.decoded, measures, true)?;
    let bytes = format.file(&packet)?.len() as u64;
    let target_met = target.margin(&quality, bytes) >= 0.0;
    let (verdict, reason) = match (&target, target_met) {
        (PhotoTarget::Constant(_), _) => (SceneVerdict::AsAsked, target.text()),
        (PhotoTarget::Size(_), true) => {
            (SceneVerdict::ShareOfBytes, format!("the best with {}", target.text()))
        }
        (PhotoTarget::Floor(_), true) => {
            let what = match stored.strategy {
                Strategy::Still => "a neural still",
                _ => "the coarsest quantizer",
            };
            (SceneVerdict::FloorMet, format!("{what} with {}", target.text()))
        }
        (_, false) => (SceneVerdict::FloorMissed, format!("the closest to {}", target.text())),
    };
    let duration = measurer.info.frame_rate.inverse().value();
    let scene = SceneReport {
        index: 0,
        first_frame: 0,
        frames: 1,
        coded_frames: 1,
        strategy: stored.strategy,
        profile: profile(&measurer.yuv, settings.defaults.classes)?,
        quantizer: stored.quantizer,
        preset: stored.preset,
        bit_depth: stored.depth.bits(),
        tools: stored.tools,
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
        base_encoder: coder.name(),
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
        notes: if is_still { Vec::new() } else { note.into_iter().chain(rounded).collect() },
        lost,
        photo: None,
    };
    if settings.cache_dir.is_some() {
        report.notes.push("A photo is coded at once; cache_dir keeps nothing of it.".into());
    }
    report.notes.extend(of_clips_alone(settings));
    if settings.strategies == [Strategy::Hybrid] && report.scenes[0].strategy == Strategy::Av1 {
        report.notes.push(NO_FILTER.into());
    }
    report.notes.extend(retries_note(coder.retries()));
    account_for(&mut report, &packet, bytes);
    Ok(EncodedPhoto { packet, report })
}

/// A note of settings that were asked for and change nothing of a photo.
fn of_clips_alone(settings: &Settings) -> Option<String> {
    let usual = Settings::default();
    let names: Vec<_> = [
        ("pooling", settings.pooling != usual.pooling),
        ("scope", settings.scope != usual.scope),
        ("max_scene_seconds", settings.max_scene_seconds != usual.max_scene_seconds),
        ("audio", settings.audio != usual.audio),
        ("deinterlace", settings.deinterlace != usual.deinterlace),
    ]
    .into_iter()
    .filter_map(|(name, is_asked)| is_asked.then_some(name))
    .collect();
    (!names.is_empty())
        .then(|| format!("Settings that only clips have change nothing of a photo: {}.", names.join(", ")))
}

/// Where a filter was asked for and none is there.
const NO_FILTER: &str = "No filter lies over the photo, though hybrid was asked for: only photos of color in .nvc that libaom codes have one, \
    where the target is not SSIMULACRA 2 alone, from effort 3 on, and where it brings them nearer to the source.";

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
        code: PhotoCode::Neural { filter: None, code: Vec::new() },
    })
}

/// The report of a file of so many bytes.
fn account_for(report: &mut Report, packet: &PhotoPacket, bytes: u64) {
    let total = &mut report.total;
    let pixels = f64::from(packet.width) * f64::from(packet.height);
    total.bytes = bytes;
    total.bitrate_bps = bytes as f64 * 8.0 / total.duration_seconds;
    // Raw 4:2:0, as for clips.
    total.compression_ratio = pixels * 1.5 * f64::from(packet.depth.bits().div_ceil(8)) / bytes as f64;
    report.photo = Some(PhotoReport::new(packet, bytes));
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
