//! Training of one scene's filter: from the base network to differences that are worth their bytes.
//!
//! ```text
//! base     the base network as it is
//! earlier  a network that an earlier scene, or an earlier coding of this one, has trained
//! gains    gains and offsets alone
//! weights  all differences, each pulled to zero by what it would cost in the stream; the last quarter of the steps runs
//!          on rounded parameters, so that the trained network is the one that is stored
//! ```
//! The best is the one of the least J = D + lambda R, or none. Where a kept network does here about what it did where it was
//! trained, training continues from it and takes half of the steps.

use super::judge::Judge;
use super::model::Shape;
use super::patches::Patches;
use super::rule::Rule;
use super::schedule::{Rates, Schedule};
use super::trainer::Trainer;
use super::warm_start::TrainedFilter;
use crate::defaults::Training;
use crate::device::Device;
use crate::error::Result;
use crate::filter::{GridPoint, NetworkSize, SceneNetwork};
use crate::progress::CancelToken;

/// What to train, and how long.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScenePlan {
    /// Size of the network.
    pub profile: NetworkSize,
    /// Steps in all.
    pub steps: usize,
    /// The base layer's quantizer, in quarter steps.
    pub quantizer: u16,
    /// What a byte costs: share of the scene's squared error that is as good as one byte fewer.
    pub byte_price: f64,
    /// For the order of patches.
    pub seed: u64,
    /// How to train.
    pub rules: Training,
}

/// A network that a scene may be stored with.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// What was trained: `base`, `earlier`, `gains` or `weights`.
    pub name: &'static str,
    /// The network.
    pub network: SceneNetwork,
    /// Bytes of its differences.
    pub bytes: usize,
    /// Squared error that is left of that without a filter, over patches that were not trained from.
    pub error_left: f64,
}

impl Candidate {
    /// D + lambda R, where nothing at all is 1.
    pub fn cost(&self, byte_price: f64) -> f64 {
        self.error_left + byte_price * self.bytes as f64
    }
}

/// All candidates, and whether training went wrong on the way.
#[derive(Debug, Clone, PartialEq)]
pub struct Trained {
    /// In the order of the module's text.
    pub candidates: Vec<Candidate>,
    /// A gradient was not a number, or the error grew: what came after is left out.
    pub diverged: bool,
}

/// Trains a scene's filter on its patches, and from networks that were trained elsewhere.
///
/// Deterministic for given patches, plan, networks, and instruction set or GPU; the number of threads does not matter. Networks of
/// another profile are left out.
///
/// # Errors
///
/// `Cancelled`, `Internal` for a damaged library.
pub fn train_scene(
    plan: &ScenePlan,
    patches: Patches,
    kept: &[TrainedFilter],
    device: &Device,
    cancel: &CancelToken,
) -> Result<Trained> {
    let Patches { training, judges } = patches;
    let shape = plan.profile.base()?.shape();
    let mut scene_trainer = SceneTrainer {
        plan: *plan,
        shape: shape.clone(),
        judge: Judge::new(shape, judges, device),
        cancel: cancel.clone(),
    };
    let mut trained = Trained { candidates: Vec::new(), diverged: false };
    if !scene_trainer.judge.is_empty() && !training.is_empty() {
        let mut trainer = Trainer::new(shape, &training, device);
        let start = scene_trainer.start(kept, &mut trained.candidates)?;
        trained.diverged = !scene_trainer.run(&start, &mut trainer, &mut trained.candidates)?;
    }
    Ok(trained)
}

struct SceneTrainer {
    plan: ScenePlan,
    shape: Shape,
    judge: Judge,
    cancel: CancelToken,
}

/// What training begins with.
struct Start {
    network: SceneNetwork,
    /// Steps to take.
    steps: usize,
}

impl SceneTrainer {
    /// The base network and the best kept one as candidates, and the better of both to begin with.
    fn start(&mut self, kept: &[TrainedFilter], candidates: &mut Vec<Candidate>) -> Result<Start> {
        let ScenePlan { profile, steps, quantizer, byte_price, rules, .. } = self.plan;
        let base = SceneNetwork::base(profile, quantizer)?;
        candidates.push(self.judged("base", base.clone())?);
        let mut best: Option<(&TrainedFilter, Candidate)> = None;
        for kept in kept.iter().filter(|kept| kept.network.profile == profile) {
            let candidate = self.judged("earlier", kept.network.clone())?;
            if best.as_ref().is_none_or(|(_, best)| candidate.cost(byte_price) < best.cost(byte_price)) {
                best = Some((kept, candidate));
            }
        }
        let Some((kept, candidate)) = best.filter(|(_, candidate)| candidate.cost(byte_price) < 1.0) else {
            return Ok(Start { network: base, steps });
        };
        let is_alike = 1.0 - candidate.error_left > rules.alike * (1.0 - kept.error_left);
        let steps = if is_alike { steps / rules.shorter } else { steps };
        let start = Start { network: kept.network.clone(), steps };
        candidates.push(candidate);
        Ok(start)
    }

    /// False where training went wrong.
    fn run(
        &mut self,
        start: &Start,
        trainer: &mut Trainer<'_>,
        candidates: &mut Vec<Candidate>,
    ) -> Result<bool> {
        let (steps, rules) = (start.steps, self.plan.rules);
        let mut parameters = start.network.parameters()?;
        let flat = start.network.steps.clone();
        let grid = self.grid(&vec![rules.first_weight_step; self.shape.layers()])?;
        let price = (self.plan.byte_price / 8.0) as f32 * rules.first_unit_bits;
        let rule = Rule::Pulled { grid: &grid, price };
        let gains = self.schedule(steps / 8, Rates { weights: 0.0, gains: rules.gains_alone_rate });
        if trainer.run(&mut parameters, &gains, rule, &self.cancel)?.is_none() {
            return Ok(false);
        }
        candidates.push(self.judged("gains", self.nearest(&flat, &parameters)?)?);

        let all =
            self.schedule(steps * 5 / 8, Rates { weights: rules.weights_rate, gains: rules.gains_rate });
        if trainer.run(&mut parameters, &all, rule, &self.cancel)?.is_none() {
            return Ok(false);
        }
        let chosen = self.choose_steps(&parameters)?;
        let rounded = self.round(&chosen, steps / 4, trainer, &mut parameters)?;
        if let Some(network) = rounded {
            candidates.push(self.judged("weights", network)?);
        }
        let left = candidates.iter().map(|candidate| candidate.error_left).fold(f64::MAX, f64::min);
        Ok(left.is_finite() && left < 2.0)
    }

    fn schedule(&self, steps: usize, rates: Rates) -> Schedule {
        Schedule { steps: steps.max(1), batch: self.plan.rules.batch, rates, seed: self.plan.seed }
    }

    fn nearest(&self, steps: &[u8], parameters: &[f32]) -> Result<SceneNetwork> {
        SceneNetwork::nearest(self.plan.profile, self.plan.quantizer, steps, parameters)
    }

    fn grid(&self, steps: &[u8]) -> Result<Vec<GridPoint>> {
        SceneNetwork::grid(self.plan.profile, self.plan.quantizer, steps)
    }

    fn judged(&mut self, name: &'static str, network: SceneNetwork) -> Result<Candidate> {
        let bytes = network.to_bytes()?.len();
        let error_left = self.judge.error_left(&network.parameters()?)?;
        Ok(Candidate { name, network, bytes, error_left })
    }

    /// The exponent of each layer's step by J, one layer after the other.
    fn choose_steps(&mut self, parameters: &[f32]) -> Result<Vec<u8>> {
        let Training { first_weight_step, weight_steps: [least, most], .. } = self.plan.rules;
        let mut steps = vec![first_weight_step; self.shape.layers()];
        for layer in 0..self.shape.layers() {
            let mut best = (f64::MAX, first_weight_step);
            for step in least..=most {
                steps[layer] = step;
                let candidate = self.judged("weights", self.nearest(&steps, parameters)?)?;
                let cost = candidate.cost(self.plan.byte_price);
                if cost < best.0 {
                    best = (cost, step);
                }
            }
            steps[layer] = best.1;
        }
        Ok(steps)
    }

    /// The last quarter: what is rounded to the base stays there, the rest trains on rounded values.
    fn round(
        &self,
        exponents: &[u8],
        steps: usize,
        trainer: &mut Trainer<'_>,
        parameters: &mut [f32],
    ) -> Result<Option<SceneNetwork>> {
        let start = self.nearest(exponents, parameters)?;
        let is_moved: Vec<bool> =
            start.weights.iter().chain(&start.set).map(|&difference| difference != 0).collect();
        let grid = self.grid(exponents)?;
        let rule = Rule::Rounded { grid: &grid, is_moved: &is_moved };
        rule.settle(parameters);
        let Training { weights_rate, gains_rate, rounded_rate, .. } = self.plan.rules;
        let rates = Rates { weights: weights_rate * rounded_rate, gains: gains_rate * rounded_rate };
        let schedule = self.schedule(steps, rates);
        let trained = trainer.run(parameters, &schedule, rule, &self.cancel)?;
        trained.map(|_| self.nearest(exponents, parameters)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::defaults::Defaults;
    use crate::filter::train::{PATCH, Patch, Random, Workspace};
    use crate::filter::{Filter, SITE_CHANNELS, Sites};
    use crate::frame::{Color, Frame, PixelFormat};
    use crate::with_planes;

    fn rules() -> Training {
        Defaults::default().training
    }

    fn picture(random: &mut Random) -> Frame {
        let mut frame = Frame::new(132, 132, PixelFormat::YUV420_10, Color::default()).unwrap();
        with_planes!(frame.planes_mut(), planes => for plane in planes.iter_mut() {
            for sample in plane.samples_mut() {
                *sample = (400 + random.below(200)) as _;
            }
        });
        frame
    }

    #[test]
    fn what_is_trained_is_what_runs() {
        let mut random = Random::new(8);
        for profile in [NetworkSize::M, NetworkSize::L] {
            let (decoded, source) = (picture(&mut random), picture(&mut random));
            let mut network = SceneNetwork::base(profile, 200).unwrap();
            network.weights.iter_mut().for_each(|value| *value = random.below(3) as i32 - 1);
            network.steps.fill(3);
            let patch = Patch {
                decoded: Sites::of(&decoded).unwrap().square(0, 0, PATCH).into(),
                source: Sites::of(&source).unwrap().square(0, 0, PATCH).into(),
                temporal_layer: 2,
                set: 0,
                weight: 1.0,
                chroma: 1.0,
            };
            let shape = profile.base().unwrap().shape();
            let (float, without) =
                Workspace::new(shape).unwrap().loss(shape, &network.parameters().unwrap(), &patch);
            let filtered = Filter::new(&network.network().unwrap()).apply(&decoded, 2, None).unwrap();
            let (margin, side) = (shape.layers() as isize, shape.result());
            let square = |frame: &Frame| Sites::of(frame).unwrap().square(margin, margin, side);
            let squares = square(&filtered).into_iter().zip(square(&source)).map(|(a, b)| {
                let difference = f64::from(a) - f64::from(b);
                difference * difference / 4096.0
            });
            let integer: f64 = squares.sum();
            assert!(
                (integer - float).abs() < 0.01 * (float - without).abs(),
                "{profile:?}: {integer} {float} {without}"
            );
        }
    }

    /// Decoded frames that are too bright by what a filter can be trained to take away.
    fn patches(random: &mut Random, chance: f32) -> Patches {
        let mut some = |count: usize| -> Vec<Patch> {
            let patch = |random: &mut Random| {
                let source: Arc<[i16]> =
                    (0..SITE_CHANNELS * PATCH * PATCH).map(|_| (random.normal() * 500.0) as i16).collect();
                let decoded =
                    source.iter().map(|&value| value + if random.uniform() < chance { 128 } else { 0 });
                let decoded = decoded.collect();
                let weight = 1.0 / (4.0 * (128.0_f32 / 4096.0).powi(2) * (PATCH * PATCH) as f32);
                Patch { decoded, source, temporal_layer: 0, set: 0, weight, chroma: 1.0 }
            };
            (0..count).map(|_| patch(random)).collect()
        };
        Patches { training: some(12), judges: some(4) }
    }

    #[test]
    fn what_can_be_trained_is_and_costs_more_where_bytes_are_cheap() {
        let trained = |byte_price: f64| {
            let plan = ScenePlan {
                profile: NetworkSize::M,
                steps: 160,
                quantizer: 180,
                byte_price,
                seed: 1,
                rules: rules(),
            };
            train_scene(&plan, patches(&mut Random::new(2), 1.0), &[], &Device::cpu(), &CancelToken::new())
                .unwrap()
        };
        let (cheap, dear) = (trained(1e-7), trained(1e-2));
        assert!(!cheap.diverged && !dear.diverged);
        let last = |trained: &Trained| trained.candidates.last().unwrap().clone();
        assert!(last(&cheap).error_left < 0.3, "{}", last(&cheap).error_left);
        assert!(last(&dear).bytes < last(&cheap).bytes / 4, "{} {}", last(&dear).bytes, last(&cheap).bytes);
        assert_eq!(trained(1e-2), dear, "the same seed trains the same");
    }

    #[test]
    fn training_resumes_from_an_earlier_network_that_suits_and_passes_over_others() {
        let plan = ScenePlan {
            profile: NetworkSize::M,
            steps: 160,
            quantizer: 180,
            byte_price: 1e-6,
            seed: 1,
            rules: rules(),
        };
        let trained = |steps: usize, kept: &[TrainedFilter]| {
            let plan = ScenePlan { steps, ..plan };
            train_scene(&plan, patches(&mut Random::new(2), 1.0), kept, &Device::cpu(), &CancelToken::new())
                .unwrap()
        };
        let names = |trained: &Trained| trained.candidates.iter().map(|c| c.name).collect::<Vec<_>>();
        let alone = trained(160, &[]);
        assert_eq!(names(&alone), ["base", "gains", "weights"]);
        let of = |candidate: &Candidate| TrainedFilter {
            network: candidate.network.clone(),
            error_left: candidate.error_left,
        };
        let whole = alone.candidates.last().unwrap();
        let after = trained(160, &[of(whole)]);
        assert_eq!(names(&after), ["base", "earlier", "gains", "weights"]);
        assert_eq!(after.candidates[1].error_left, whole.error_left, "the network as it was");
        let left = |trained: &Trained| trained.candidates.last().unwrap().error_left;
        assert!(left(&after) < left(&trained(160 / rules().shorter, &[])), "it begins with what was trained");
        // A network that spoils the scene, and one of another size.
        let mut spoiling = of(whole);
        spoiling.network.set.iter_mut().for_each(|value| *value = 500);
        let other =
            TrainedFilter { network: SceneNetwork::base(NetworkSize::L, 180).unwrap(), error_left: 0.5 };
        assert_eq!(trained(160, &[spoiling, other]), alone);
    }

    #[test]
    fn training_that_diverges_says_so_and_can_be_cancelled() {
        let mut broken = patches(&mut Random::new(3), 1.0);
        broken.training.iter_mut().for_each(|patch| patch.weight = f32::INFINITY);
        let plan = ScenePlan {
            profile: NetworkSize::M,
            steps: 80,
            quantizer: 180,
            byte_price: 1e-5,
            seed: 1,
            rules: rules(),
        };
        let trained = train_scene(&plan, broken.clone(), &[], &Device::cpu(), &CancelToken::new()).unwrap();
        assert!(trained.diverged);
        assert_eq!(trained.candidates.len(), 1);
        let cancel = CancelToken::new();
        cancel.cancel();
        assert!(matches!(
            train_scene(&plan, broken, &[], &Device::cpu(), &cancel),
            Err(crate::Error::Cancelled)
        ));
    }
}
