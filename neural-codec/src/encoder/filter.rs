//! The neural filter of a stored scene: trained on its decoded frames, run, measured, kept where it pays.
//!
//! ```text
//! gather   source and decoded frames     -> patches
//! train    patches, earlier filters       -> candidates of few and of many bytes
//! run      the best of them, every frame  -> block maps, measured quality, hashes
//! ```
//! It pays where D + lambda R falls: squared error of all samples, and every byte of the packet.

use super::filtered::{
    FilterOutcome, Filtered, FilteredMeasurer, StoredFrames, added_bytes, byte_price, empty_report,
};
use crate::bitstream::NeuralFilter;
use crate::defaults::Defaults;
use crate::error::Result;
use crate::filter::train::{
    Candidate, PATCH, PatchSampler, Patches, ScenePlan, TrainedFilter, WarmStart, train_scene,
};
use crate::filter::{Filter, MapWriter, NetworkSize, block_count, block_errors, temporal_layer};
use crate::frame::{BitDepth, Frame};
use crate::metrics::{FrameMetrics, Metrics};
use crate::report::{FilterCandidateReport, FilterVerdict};
use crate::scene::SceneFrames;
use crate::search::{AttemptContext, EncodeAttempt, EncodeParams, Floor, Quality, Resources, Target};
use crate::settings::{Settings, Strategy};

/// How much is spent on filters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct TrainingConfig {
    /// Size of the network.
    pub(super) size: NetworkSize,
    /// Steps of training for a scene that is long enough to be worth them.
    pub(super) steps: usize,
    /// How often a scene's samples are trained from at most.
    pub(super) passes: f64,
    /// What a squared error of a chroma sample counts, where one of luma counts 1.
    pub(super) chroma: f32,
    /// For the choice and the order of patches.
    pub(super) seed: u64,
}

impl TrainingConfig {
    /// What `settings` allow: nothing where hybrid coding is not, and none beside plain AV1 below the effort that
    /// is worth the time, unless layers or steps are asked for.
    ///
    /// Targets that name metrics of luma want errors of luma; the others count all samples alike.
    pub(super) fn new(settings: &Settings, target: &Target) -> Option<Self> {
        let allows = |strategy| settings.strategies.contains(&strategy);
        let effort = settings.effort.min(9);
        let rules = &settings.defaults.filter;
        let is_asked = settings.filter_layers.is_some() || settings.filter_steps.is_some();
        let is_worth_it = is_asked || effort >= rules.from_effort || !allows(Strategy::Av1);
        let most_passes = rules.passes[usize::from(effort)];
        let passes = if settings.filter_steps.is_some() { f64::INFINITY } else { most_passes };
        let chroma = if matches!(target, Target::Floor(_)) { rules.chroma_at_a_floor } else { 1.0 };
        let layers = settings.filter_layers.unwrap_or(rules.layers[usize::from(effort)]);
        let steps = settings.filter_steps.unwrap_or(rules.steps[usize::from(effort)]);
        let size = NetworkSize::of_layers(layers.into())?;
        let config = Self { size, steps, passes, chroma, seed: settings.seed };
        (allows(Strategy::Hybrid) && is_worth_it).then_some(config)
    }

    /// Steps for a scene of so many bytes and luma samples.
    fn steps_for(&self, defaults: &Defaults, bytes: u64, samples: u64) -> usize {
        let Defaults { filter: rules, training, .. } = defaults;
        let share = (bytes as f64 / rules.bytes_for_all_steps as f64).clamp(rules.least_share, 1.0);
        let of_a_step = (training.batch * 4 * PATCH * PATCH) as f64;
        let of_passes = (self.passes * samples as f64 / of_a_step).max(rules.fewest_steps as f64);
        (self.steps as f64 * share).min(of_passes) as usize
    }

    /// Of a frame, in squared levels of 8 bits, chroma by its weight.
    fn squared_error(&self, frame: &FrameMetrics, depth: BitDepth) -> f64 {
        let scale = f64::from(1_u32 << (2 * (depth.bits() - 8)));
        let [luma, u, v] = frame.planes.map(|plane| plane.sum as f64 / scale);
        luma + f64::from(self.chroma) * (u + v)
    }
}

/// Trains, runs and weighs a filter for a stored attempt. Where it pays, the attempt's hashes and distortion become those of
/// the filtered frames.
///
/// # Errors
///
/// `Cancelled`, and whatever decoding reports.
pub(super) fn filter_scene(
    context: &AttemptContext,
    config: TrainingConfig,
    floor: Option<&Floor>,
    frames: &SceneFrames,
    params: &EncodeParams,
    warm_start: &WarmStart,
    attempt: &mut EncodeAttempt,
) -> Result<FilterOutcome> {
    let Defaults { filter: rules, search, training, .. } = &context.clip.defaults;
    let base = attempt.comparison.finish();
    let mut report = empty_report(config.size.name(), &base);
    if attempt.bytes() < rules.least_bytes {
        return Ok(FilterOutcome::nothing_to_gain(report, attempt.bytes()));
    }
    let held = attempt.decoded.take();
    let stored = StoredFrames { context, frames, depth: params.depth, units: &attempt.units, held };
    let scene = Training { context, config, attempt, stored };
    let before = Quality::of(&attempt.frames, context.clip.pooling);
    let is_dear = floor.is_some_and(|floor| !floor.is_bound_by_errors(&before));
    let price =
        byte_price(attempt.bytes(), search.log_bytes_per_db) * if is_dear { rules.dearer } else { 1.0 };
    let info = &context.clip.info;
    let samples = (attempt.units.len() * info.width * info.height) as u64;
    let plan = ScenePlan {
        profile: config.size,
        steps: config.steps_for(&context.clip.defaults, attempt.bytes(), samples),
        quantizer: params.quantizer.quarters(),
        byte_price: price,
        seed: config.seed,
        rules: *training,
    };
    let patches = scene.gather(plan.steps)?;
    let Resources { device, cancel, .. } = &context.resources;
    let trained = train_scene(&plan, patches, &warm_start.filters, device, cancel)?;
    report.candidates = trained.candidates.iter().map(candidate_report).collect();
    let mut promising: Vec<&Candidate> =
        trained.candidates.iter().filter(|candidate| candidate.cost(price) < 1.0 - rules.worth).collect();
    promising.sort_by(|a, b| a.cost(price).total_cmp(&b.cost(price)));
    let mut reasons = Vec::new();
    if trained.diverged {
        reasons.push("training diverged".to_owned());
    }
    if promising.is_empty() {
        reasons.push("no filter is worth its bytes".to_owned());
    }
    let mut kept = None;
    for candidate in promising.into_iter().take(rules.most_runs) {
        let run = scene.run(candidate, price)?;
        // A ratio, for which any depth does.
        let error = |frame: &FrameMetrics| config.squared_error(frame, BitDepth::Eight);
        let left = run.filtered.error_left(scene.attempt, error);
        let bytes = added_bytes(&run.packet) as f64;
        let pays = match floor {
            Some(floor) => {
                let after = Quality::of(&run.filtered.frames, context.clip.pooling);
                let gained = floor.margin(&after) - floor.margin(&before);
                search.log_bytes_per_db * gained > bytes / scene.attempt.bytes() as f64 + rules.worth
            }
            None => left + price * bytes < 1.0 - rules.worth,
        };
        report.verdict = match pays {
            false => FilterVerdict::NotWorthItsBytes,
            true if run.keeps_quality(&base, rules.ssim_slack) => FilterVerdict::Kept,
            true => FilterVerdict::QualityWouldFall,
        };
        reasons.push(format!(
            "{} trained: {:.2} % of the squared error left by patches, {:.2} % by all frames, {}",
            candidate.name,
            100.0 * candidate.error_left,
            100.0 * left,
            report.verdict.text(),
        ));
        if report.verdict == FilterVerdict::Kept {
            kept = Some((run, candidate));
            break;
        }
    }
    report.reason = reasons.join("; ");
    let Some((run, candidate)) = kept else {
        return Ok(FilterOutcome::none(report));
    };
    let macs_per_pixel = candidate.network.network()?.macs_per_pixel();
    let trained = TrainedFilter { network: candidate.network.clone(), error_left: candidate.error_left };
    let outcome = FilterOutcome::kept(report, run.packet, macs_per_pixel, run.filtered, info, attempt);
    Ok(FilterOutcome { trained: Some(trained), ..outcome })
}

fn candidate_report(candidate: &Candidate) -> FilterCandidateReport {
    FilterCandidateReport {
        name: candidate.name.into(),
        bytes: candidate.bytes as u64,
        error_left: candidate.error_left,
    }
}

/// A stored scene that a network is trained on.
struct Training<'a> {
    context: &'a AttemptContext,
    config: TrainingConfig,
    attempt: &'a EncodeAttempt,
    stored: StoredFrames<'a>,
}

impl Training<'_> {
    /// Calls with the index, the source and the decoded frame of each unit.
    fn each_pair(&self, mut each: impl FnMut(usize, &Frame, &Frame) -> Result<()>) -> Result<()> {
        let mut pass = self.stored.pass()?;
        for index in 0..self.attempt.units.len() {
            let (source, decoded) = pass.next()?;
            each(index, &source, &decoded)?;
        }
        Ok(())
    }

    /// Patches for so many steps.
    fn gather(&self, steps: usize) -> Result<Patches> {
        let rules = &self.context.clip.defaults.filter;
        let count = (steps as f64 * rules.patches_a_step) as usize;
        let count = count.clamp(rules.fewest_patches, rules.most_patches);
        let every = self.attempt.units.len().div_ceil(rules.frames_looked_at).max(1);
        let mut sampler = PatchSampler::new(count, self.config.chroma, self.config.seed);
        self.each_pair(|index, source, decoded| {
            // Neighbors in the pyramid differ, so that every kind of frame comes up.
            if (index + index / every).is_multiple_of(every) {
                sampler.push(index, decoded, source)?;
            }
            Ok(())
        })?;
        Ok(sampler.finish())
    }

    /// Runs a candidate over all frames.
    fn run(&self, candidate: &Candidate, price: f64) -> Result<Run> {
        let format = self.context.clip.info.format;
        let filter = Filter::with_device(&candidate.network.network()?, &self.context.resources.device);
        let (columns, _) = block_count(self.context.clip.info.width, self.context.clip.info.height);
        // Changes of the error are counted in squared levels of 8 bits, of frames that are coded.
        let (_, repeats) = self.stored.frames.wait_for_repeats();
        let coded = repeats.coded(&self.attempt.frames);
        let error: f64 = coded.map(|frame| self.config.squared_error(frame, format.depth)).sum();
        let mut maps = MapWriter::new(price / 8.0 * error);
        let mut measurer = FilteredMeasurer::new(self.context, self.stored.frames)?;
        self.each_pair(|index, source, decoded| {
            let kind = temporal_layer(index);
            let everywhere = filter.apply(decoded, kind, None)?;
            let before = block_errors(decoded, source, self.config.chroma)?;
            let after = block_errors(&everywhere, source, self.config.chroma)?;
            let changes: Vec<f64> = after.iter().zip(&before).map(|(after, before)| after - before).collect();
            let map = maps.next(columns, &changes)?;
            let filtered = if map.iter().all(|on| *on) {
                everywhere
            } else {
                filter.apply(decoded, kind, Some(&map))?
            };
            measurer.push(source, filtered)
        })?;
        let packet = NeuralFilter {
            profile: candidate.network.profile as u8,
            quantizer: candidate.network.quantizer,
            steps: candidate.network.steps.clone(),
            differences: candidate.network.to_bytes()?,
            blocks: maps.finish()?,
        };
        Ok(Run { packet, filtered: measurer.finish()? })
    }
}

/// What running a network over a scene gave.
struct Run {
    packet: NeuralFilter,
    filtered: Filtered,
}

impl Run {
    /// Whether no metric that targets name falls.
    fn keeps_quality(&self, base: &Metrics, ssim_slack: f64) -> bool {
        let now = self.filtered.comparison.finish().psnr_y;
        now.zip(base.psnr_y).is_none_or(|(now, base)| now >= base)
            && self.filtered.keeps_ssim(base, ssim_slack)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_follow_the_size_of_a_scene_unless_they_are_asked_for() {
        let mut settings = Settings { effort: 9, strategies: vec![Strategy::Hybrid], ..Settings::default() };
        let steps = |settings: &Settings, bytes, samples| {
            let config = TrainingConfig::new(settings, &Target::of(settings).unwrap()).unwrap();
            config.steps_for(&settings.defaults, bytes, samples)
        };
        // 352x288, 120 frames, six times over, four patches of 132x132 samples a step.
        let samples = 352 * 288 * 120;
        assert_eq!(
            steps(&settings, 1 << 20, samples),
            (6.0 * samples as f64 / (4.0 * 132.0 * 132.0)) as usize
        );
        assert_eq!(steps(&settings, 1 << 20, 100), settings.defaults.filter.fewest_steps);
        assert_eq!(steps(&settings, 1 << 20, 1 << 40), settings.defaults.filter.steps[9]);
        assert_eq!(steps(&settings, 50_000, 1 << 40), settings.defaults.filter.steps[9] / 2);
        settings.filter_steps = Some(5000);
        assert_eq!(steps(&settings, 1 << 20, 100), 5000);
        settings.strategies = Settings::default().strategies;
        settings.filter_steps = None;
        assert_eq!(TrainingConfig::new(&settings, &Target::of(&settings).unwrap()), None);
    }
}
