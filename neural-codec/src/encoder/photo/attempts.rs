//! The attempts at a photo: AV1 at one quantizer after another, and a still where one is worth its time. Each is decoded and measured.

use std::time::Instant;

use cpu_time::ProcessTime;

use super::coder::{PhotoCoder, Presets};
use super::output_format::OutputFormat;
use super::quality::PhotoMeasurer;
use super::search::{Line, last_that_meets};
use super::still::{Candidates, train_still};
use super::target::PhotoTarget;
use crate::base::Quantizer;
use crate::bitstream::{PhotoCode, PhotoPacket};
use crate::defaults::PhotoSearch;
use crate::encoder::hooks::Hooks;
use crate::error::{Error, Result};
use crate::frame::{BitDepth, Frame};
use crate::metrics::Measures;
use crate::progress::{Progress, Stage};
use crate::report::AttemptRecord;
use crate::settings::Settings;
use crate::strategy::Strategy;

/// What may be stored.
pub(super) struct Candidate {
    pub(super) strategy: Strategy,
    /// 0 in a still, as the preset is.
    pub(super) quantizer: f64,
    pub(super) preset: i8,
    /// Bits of a coded sample.
    pub(super) depth: BitDepth,
    pub(super) tools: String,
    pub(super) macs_per_pixel: u64,
    pub(super) code: PhotoCode,
    pub(super) decoded: Frame,
    /// Of the whole file.
    bytes: u64,
    /// How far above the target.
    margin: f64,
}

impl Candidate {
    /// The smaller of two that reach the target; else the one that does, or comes nearer.
    fn better(self, other: Self) -> Self {
        let takes_other = match (self.margin >= 0.0, other.margin >= 0.0) {
            (true, true) => other.bytes < self.bytes,
            (true, false) => false,
            (false, true) => true,
            (false, false) => other.margin > self.margin,
        };
        if takes_other { other } else { self }
    }
}

/// The search for what is stored.
pub(super) struct Search<'a, 'b> {
    measurer: &'a PhotoMeasurer<'a>,
    target: &'a PhotoTarget,
    hooks: &'a mut Hooks<'b>,
    pub(super) coder: PhotoCoder<'a>,
    rules: PhotoSearch,
    presets: Presets,
    /// The quantizers from the one that surely meets the target on.
    line: Vec<Quantizer>,
    /// The file without its samples.
    packet: PhotoPacket,
    format: OutputFormat,
    pub(super) records: Vec<AttemptRecord>,
}

impl<'a, 'b> Search<'a, 'b> {
    pub(super) fn new(
        (coder, measurer): (PhotoCoder<'a>, &'a PhotoMeasurer<'a>),
        (packet, format): (&PhotoPacket, OutputFormat),
        settings: &Settings,
        target: &'a PhotoTarget,
        hooks: &'a mut Hooks<'b>,
    ) -> Self {
        let mut line = coder.quantizers();
        if matches!(target, PhotoTarget::Size(_)) {
            line.reverse();
        }
        let presets = coder.presets(settings);
        let (rules, packet) = (settings.defaults.photo, packet.clone());
        Self { measurer, target, hooks, coder, rules, presets, line, packet, format, records: Vec::new() }
    }

    /// The smallest candidate that reaches the target.
    pub(super) fn best_of(
        &mut self,
        candidates: Candidates,
        source: &Frame,
        settings: &Settings,
    ) -> Result<Candidate> {
        let av1 = candidates.has_av1.then(|| self.search_av1()).transpose()?;
        let still = candidates.still_floor.map(|floor| self.train(source, floor, settings)).transpose()?;
        // One of the two is always a candidate.
        let best = [av1, still].into_iter().flatten().reduce(Candidate::better);
        best.ok_or_else(|| Error::internal("photo", "no way to code it"))
    }

    /// Trains a still: the one attempt that takes no quantizer.
    fn train(&mut self, source: &Frame, floor: f64, settings: &Settings) -> Result<Candidate> {
        let clocks = (Instant::now(), ProcessTime::now());
        let at = self.progress(Stage::Still);
        let still = train_still(source, floor, settings, at, self.hooks)?;
        let candidate = Candidate {
            strategy: Strategy::Still,
            quantizer: 0.0,
            preset: 0,
            depth: still.depth,
            tools: "default".into(),
            macs_per_pixel: still.macs_per_pixel,
            code: still.code,
            decoded: still.decoded,
            bytes: 0,
            margin: 0.0,
        };
        self.judged(candidate, Stage::Still, clocks)
    }

    /// The AV1 at the coarsest quantizer that reaches the target.
    fn search_av1(&mut self) -> Result<Candidate> {
        if let PhotoTarget::Constant(quantizer) = *self.target {
            let quantizer = self.coder.quantizer_for(quantizer);
            return Ok(self.attempt(quantizer, self.presets.stored, Stage::Store)?.1);
        }
        let rules = self.rules;
        let is_size = matches!(self.target, PhotoTarget::Size(_));
        let places = self.line.len();
        let (slope, tolerance) =
            if is_size { (rules.size_slope, rules.size_near) } else { (rules.slope, self.presets.near) };
        let slope = slope * 277.0 / places as f64;
        let mut line = Line { places, guess: places / 2, slope, tolerance, width: 1, rules };
        if let Some(locating) = self.presets.locating {
            let rough = Line { tolerance: rules.located_near * slope, width: rules.located_width, ..line };
            let found = last_that_meets(rough, &mut |place| {
                let (margin, _) = self.attempt(self.line[place], locating, Stage::Locate)?;
                Ok((margin, ()))
            })?;
            line = Line { guess: found.crossing.round() as usize, slope: found.slope, ..line };
        }
        let preset = self.presets.stored;
        let found = last_that_meets(line, &mut |place| self.attempt(self.line[place], preset, Stage::Store))?;
        Ok(found.best.value)
    }

    /// One attempt: coded, decoded, measured, noted.
    fn attempt(&mut self, quantizer: Quantizer, preset: i8, stage: Stage) -> Result<(f64, Candidate)> {
        self.hooks.cancel.check()?;
        let clocks = (Instant::now(), ProcessTime::now());
        let coded = self.coder.attempt(quantizer, preset)?;
        let candidate = Candidate {
            strategy: coded.code.strategy(),
            quantizer: quantizer.value(),
            preset,
            depth: self.coder.depth(),
            tools: self.coder.tools(),
            macs_per_pixel: coded.macs_per_pixel,
            code: coded.code,
            decoded: coded.decoded,
            bytes: 0,
            margin: 0.0,
        };
        let candidate = self.judged(candidate, stage, clocks)?;
        Ok((candidate.margin, candidate))
    }

    /// A candidate with its bytes and margin, measured and noted.
    fn judged(
        &mut self,
        candidate: Candidate,
        stage: Stage,
        (start, cpu): (Instant, ProcessTime),
    ) -> Result<Candidate> {
        let bytes = self.file_bytes(&candidate)?;
        let measures: Measures = self.target.measures();
        let quality = self.measurer.measure(&candidate.decoded, measures, self.target.is_about_luma())?;
        let margin = self.target.margin(&quality, bytes);
        self.records.push(AttemptRecord {
            stage,
            first_frame: 0,
            frames: 1,
            preset: candidate.preset,
            quantizer: candidate.quantizer,
            tools: candidate.tools.clone(),
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
        self.hooks.report(self.progress(stage))?;
        Ok(Candidate { bytes, margin, ..candidate })
    }

    /// Bytes of the file with this candidate.
    fn file_bytes(&mut self, candidate: &Candidate) -> Result<u64> {
        self.packet.macs_per_pixel = candidate.macs_per_pixel;
        self.packet.code = match candidate.code {
            PhotoCode::Av1 { is_444, depth, matrix, .. } => {
                PhotoCode::Av1 { is_444, depth, matrix, unit: Vec::new() }
            }
            PhotoCode::OwnColors { colors, filter, .. } => {
                PhotoCode::OwnColors { colors, filter, unit: Vec::new() }
            }
            PhotoCode::Neural { filter, .. } => PhotoCode::Neural { filter, code: Vec::new() },
        };
        Ok(self.format.file(&self.packet)?.len() as u64 + candidate.code.bytes().len() as u64)
    }

    /// Where the encode stands in a stage.
    fn progress(&self, stage: Stage) -> Progress {
        let attempts = self.records.len() as u64;
        Progress {
            frames_total: Some(1),
            stage: Some(stage),
            attempts,
            frames_coded: attempts,
            ..Progress::default()
        }
    }
}
