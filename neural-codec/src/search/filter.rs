//! The neural filter of a stored scene: trained from its decoded frames, run, measured, kept where it pays.
//!
//! ```text
//! gather   the stored units, decoded      -> patches
//! learn    patches, earlier filters       -> candidates of few and of many bytes
//! run      the best of them, every frame  -> block maps, measured quality, hashes
//! ```
//! It pays where D + lambda R falls: squared error of all samples, and every byte of the packet.

use std::sync::Arc;

use super::attempt::{AttemptContext, EncodeAttempt, at_depth};
use super::floor::LOG_BYTES_PER_DB;
use super::params::EncodeParams;
use super::stage_clock::Running;
use super::target::Target;
use crate::base::Av1Decoder;
use crate::bitstream::{NeuralFilter, PACKET_HEADER_BYTES};
use crate::error::{Error, Result};
use crate::filter::train::{Candidate, PatchSampler, Patches, ScenePlan, TrainedFilter, train_scene};
use crate::filter::{
    Filter, MapWriter, NetworkSize, SceneNetwork, block_count, block_errors, temporal_layer,
};
use crate::frame::{BitDepth, Frame, FrameHash};
use crate::metrics::{Comparison, FrameMetrics, Measures, Metrics};
use crate::scene::SceneFrames;
use crate::settings::{Settings, Strategy};

/// How much is spent on filters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct TrainingConfig {
    /// Size of the network.
    pub(crate) profile: NetworkSize,
    /// Steps of training for a scene that is long enough to be worth them.
    pub(crate) steps: usize,
    /// What a squared error of a chroma sample counts, where one of luma counts 1.
    pub(crate) chroma: f32,
    /// For the choice and the order of patches.
    pub(crate) seed: u64,
}

impl TrainingConfig {
    /// What `settings` allow: nothing where hybrid coding is not, and none beside plain AV1 below the effort that
    /// is worth the time.
    ///
    /// Targets that name figures of luma want errors of luma; the others count all samples alike.
    pub(crate) fn new(settings: &Settings, target: &Target) -> Option<Self> {
        let allows = |strategy| settings.strategies.contains(&strategy);
        let effort = settings.effort.min(9);
        let is_worth_it = effort >= FILTERS_FROM || !allows(Strategy::Av1);
        let chroma = if matches!(target, Target::Floor(_)) { CHROMA_AT_A_FLOOR } else { 1.0 };
        let (profile, steps) = MEANS_OF_EFFORT[usize::from(effort)];
        (allows(Strategy::Hybrid) && is_worth_it).then_some(Self {
            profile,
            steps,
            chroma,
            seed: settings.seed,
        })
    }

    /// Of a frame, in squared levels of 8 bits, chroma by its weight.
    fn squared_error(&self, frame: &FrameMetrics, depth: BitDepth) -> f64 {
        let scale = f64::from(1_u32 << (2 * (depth.bits() - 8)));
        let [luma, u, v] = frame.planes.map(|plane| plane.sum as f64 / scale);
        luma + f64::from(self.chroma) * (u + v)
    }
}

/// What keeps a filter for luma from spoiling chroma.
const CHROMA_AT_A_FLOOR: f32 = 0.2;

/// The least effort that tries filters where plain AV1 is allowed too.
const FILTERS_FROM: u8 = 6;

/// Size and steps for each effort.
const MEANS_OF_EFFORT: [(NetworkSize, usize); 10] = [
    (NetworkSize::M, 200),
    (NetworkSize::M, 200),
    (NetworkSize::M, 200),
    (NetworkSize::M, 400),
    (NetworkSize::M, 600),
    (NetworkSize::M, 1000),
    (NetworkSize::M, 4000),
    (NetworkSize::L, 2000),
    (NetworkSize::L, 4000),
    (NetworkSize::L, 8000),
];

/// Bytes of a scene from which on all steps are spent; fewer bytes pay for fewer differences, which need fewer steps.
const BYTES_FOR_ALL_STEPS: u64 = 100_000;

/// The least share of the steps.
const LEAST_SHARE: f64 = 0.2;

/// Scenes of fewer bytes have nothing to gain: the least filter takes some 40.
const LEAST_BYTES: u64 = 3_000;

/// Patches that are trained from, for each step: a batch has eight, so each comes up some sixteen times, or more often in few.
const PATCHES_A_STEP: f64 = 0.5;
const FEWEST_PATCHES: usize = 768;
const MOST_PATCHES: usize = 3072;

/// Frames that patches are drawn from, about.
const FRAMES_LOOKED_AT: usize = 128;

/// A filter has to lower D + lambda R by this share before it is kept.
const WORTH: f64 = 0.001;

/// Share of what SSIM lacks of 1 that a filter may add to it.
const SSIM_SLACK: f64 = 0.005;

/// Candidates that are run over the whole scene, at most.
const MOST_RUNS: usize = 2;

/// What became of a scene's filter.
#[derive(Debug, Clone)]
pub(crate) struct Filtered {
    /// The packet, where the filter is kept.
    pub(crate) packet: Option<NeuralFilter>,
    pub(crate) profile: NetworkSize,
    /// What was trained and taken, or what was not.
    pub(crate) reason: String,
    /// Quality without the filter.
    pub(crate) base: Metrics,
    /// Everything that was trained.
    pub(crate) candidates: Vec<Candidate>,
    /// Multiplications a luma pixel.
    pub(crate) macs_per_pixel: f64,
}

/// Learns, runs and weighs a filter for a trial that holds its units. The trial comes back filtered where that pays.
///
/// # Errors
///
/// `Cancelled`, and whatever decoding reports.
pub(crate) fn improve(
    context: &AttemptContext,
    means: TrainingConfig,
    frames: &SceneFrames,
    plan: &EncodeParams,
    mut trial: EncodeAttempt,
) -> Result<(EncodeAttempt, Running)> {
    let running = context.clock.begin("filter");
    let base = trial.comparison.finish();
    let macs_per_pixel =
        SceneNetwork::base(means.profile, plan.quantizer.quarters())?.network()?.macs_per_pixel();
    let outcome = |packet, reason, candidates| Filtered {
        packet,
        profile: means.profile,
        reason,
        base: base.clone(),
        candidates,
        macs_per_pixel,
    };
    if trial.bytes < LEAST_BYTES {
        trial.filter =
            Some(outcome(None, format!("a scene of {} bytes has nothing to gain", trial.bytes), Vec::new()));
        return Ok((trial, running));
    }
    let work = Work { context, frames, means, plan, trial: &trial };
    let price = byte_price(trial.bytes);
    let share = (trial.bytes as f64 / BYTES_FOR_ALL_STEPS as f64).clamp(LEAST_SHARE, 1.0);
    let scene_plan = ScenePlan {
        profile: means.profile,
        steps: (means.steps as f64 * share) as usize,
        quantizer: plan.quantizer.quarters(),
        byte_price: price,
        seed: means.seed,
    };
    let patches = work.gather(scene_plan.steps)?;
    let kept = context.kept.found(&context.cancel)?;
    let trained = train_scene(&scene_plan, patches, &kept, &context.device, &context.cancel)?;
    let mut promising: Vec<&Candidate> =
        trained.candidates.iter().filter(|candidate| candidate.cost(price) < 1.0 - WORTH).collect();
    promising.sort_by(|a, b| a.cost(price).total_cmp(&b.cost(price)));
    let mut account = Vec::new();
    if trained.diverged {
        account.push("training diverged".to_owned());
    }
    if promising.is_empty() {
        account.push("no filter is worth its bytes".to_owned());
    }
    let mut packet = None;
    for candidate in promising.into_iter().take(MOST_RUNS) {
        let run = work.run(candidate, price)?;
        let left = run.error_left(&means, &trial);
        let bytes = (run.packet.byte_len() + PACKET_HEADER_BYTES) as f64;
        let verdict = match left + price * bytes < 1.0 - WORTH {
            false => "not worth its bytes",
            true if run.keeps_quality(&base) => "kept",
            true => "PSNR or SSIM of luma would fall",
        };
        account.push(format!(
            "{} trained: {:.2} % of the squared error left by patches, {:.2} % by all frames, {verdict}",
            candidate.name,
            100.0 * candidate.error_left,
            100.0 * left
        ));
        if verdict == "kept" {
            (trial.hashes, trial.frames, trial.comparison) = (run.hashes, run.frames, run.comparison);
            packet = Some(run.packet);
            context
                .kept
                .keep(TrainedFilter { network: candidate.network.clone(), error_left: candidate.error_left });
            break;
        }
    }
    trial.filter = Some(outcome(packet, account.join("; "), trained.candidates));
    Ok((trial, running))
}

/// The share of a scene's squared error that is worth as much as one of its bytes.
fn byte_price(bytes: u64) -> f64 {
    let error_per_log_byte = std::f64::consts::LN_10 / 10.0 / LOG_BYTES_PER_DB;
    error_per_log_byte / bytes as f64
}

/// A stored scene.
struct Work<'a> {
    context: &'a AttemptContext,
    frames: &'a SceneFrames,
    means: TrainingConfig,
    plan: &'a EncodeParams,
    trial: &'a EncodeAttempt,
}

impl Work<'_> {
    /// Calls with the index, the source and the decoded frame of each unit, at the depth of the base layer.
    fn each_pair(&self, mut each: impl FnMut(usize, &Arc<Frame>, Frame) -> Result<()>) -> Result<()> {
        let mut decoder = self.context.decoder(self.plan.depth)?;
        let mut index = 0;
        let mut drain = |decoder: &mut Av1Decoder| -> Result<()> {
            while let Some(decoded) = decoder.receive()? {
                self.context.cancel.check()?;
                let source =
                    self.frames.get(index)?.ok_or_else(|| Error::internal("filter", "a frame is gone"))?;
                each(index as usize, &source, decoded)?;
                index += 1;
            }
            Ok(())
        };
        for unit in &self.trial.units {
            decoder.send(unit)?;
            drain(&mut decoder)?;
        }
        decoder.finish()?;
        drain(&mut decoder)
    }

    /// Patches for so many steps.
    fn gather(&self, steps: usize) -> Result<Patches> {
        let count = ((steps as f64 * PATCHES_A_STEP) as usize).clamp(FEWEST_PATCHES, MOST_PATCHES);
        let every = self.trial.units.len().div_ceil(FRAMES_LOOKED_AT).max(1);
        let mut sampler = PatchSampler::new(count, self.means.chroma, self.means.seed);
        self.each_pair(|index, source, decoded| {
            // Neighbors in the pyramid differ, so that every kind of frame comes up.
            if (index + index / every).is_multiple_of(every) {
                sampler.push(index, &decoded, source)?;
            }
            Ok(())
        })?;
        Ok(sampler.finish())
    }

    /// Runs a candidate over all frames.
    fn run(&self, candidate: &Candidate, price: f64) -> Result<Run> {
        let format = self.context.info.format;
        let filter = Filter::on(&candidate.network.network()?, &self.context.device);
        let (columns, _) = block_count(self.context.info.width, self.context.info.height);
        // Changes of the error are counted in squared levels of 8 bits.
        let error: f64 =
            self.trial.frames.iter().map(|frame| self.means.squared_error(frame, format.depth)).sum();
        let mut maps = MapWriter::new(price / 8.0 * error);
        let mut comparison = Comparison::new(format, Measures::Ssim).on(&self.context.device);
        let (mut hashes, mut frames) = (Vec::new(), Vec::new());
        self.each_pair(|index, source, decoded| {
            let kind = temporal_layer(index);
            let everywhere = filter.apply(&decoded, kind, None)?;
            let before = block_errors(&decoded, source, self.means.chroma)?;
            let after = block_errors(&everywhere, source, self.means.chroma)?;
            let changes: Vec<f64> = after.iter().zip(&before).map(|(after, before)| after - before).collect();
            let map = maps.next(columns, &changes)?;
            let filtered = if map.iter().all(|on| *on) {
                everywhere
            } else {
                filter.apply(&decoded, kind, Some(&map))?
            };
            let shown = at_depth(filtered, format.depth)?;
            frames.push(comparison.push(source, &shown)?);
            hashes.push(FrameHash::of(&shown));
            Ok(())
        })?;
        let packet = NeuralFilter {
            profile: candidate.network.profile as u8,
            quantizer: candidate.network.quantizer,
            steps: candidate.network.steps.clone(),
            differences: candidate.network.to_bytes()?,
            blocks: maps.finish()?,
        };
        Ok(Run { packet, hashes, frames, comparison })
    }
}

/// What running a filter over a scene gave.
struct Run {
    packet: NeuralFilter,
    hashes: Vec<FrameHash>,
    frames: Vec<FrameMetrics>,
    comparison: Comparison,
}

impl Run {
    /// Squared error of that without the filter.
    fn error_left(&self, means: &TrainingConfig, trial: &EncodeAttempt) -> f64 {
        // A ratio, for which any depth does.
        let sum = |frames: &[FrameMetrics]| -> f64 {
            frames.iter().map(|frame| means.squared_error(frame, BitDepth::Eight)).sum()
        };
        let without = sum(&trial.frames);
        if without > 0.0 { sum(&self.frames) / without } else { 1.0 }
    }

    /// Whether no figure that targets name falls.
    fn keeps_quality(&self, base: &Metrics) -> bool {
        let now = self.comparison.finish();
        now.psnr_y.zip(base.psnr_y).is_none_or(|(now, base)| now >= base)
            && now.ssim_y.zip(base.ssim_y).is_none_or(|(now, base)| now >= base - SSIM_SLACK * (1.0 - base))
    }
}
