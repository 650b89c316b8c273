//! From a picture to a payload: training, whole numbers, bytes.

use std::fmt;
use std::sync::Arc;

use super::base::{base_parameters, nearest, written};
use super::choose::{choose_latents, choose_parameters};
use super::decode_payload;
use super::payload::Payload;
use super::picture::StillPicture;
use super::plan::{Plan, StillNetwork, in_floats};
use super::train::{
    Colors, Cost, ForgetsSpares, Schedule, Trainer, best_start, first_guess, quantize, steps_given_up, widen,
};
use crate::error::{Error, Result};
use crate::memory;
use crate::progress::CancelToken;
use crate::threads::with_threads;

/// What a still is coded to.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum StillTarget {
    /// Least of `mean squared error + lambda bits a pixel`, with 1.0 as the full range: 1e-4 (large) to 2e-2 (small).
    Lambda(f64),
    /// At least this [`StillPicture::psnr_rgb`] for a [reader](StillSettings::reader), in few bytes. Units: dB. Training that ends below it gives what came nearest.
    MinPsnr(f64),
}

/// What becomes of a decoded still before anyone sees it, as of a filter over it: floors are of that.
#[derive(Clone)]
pub struct StillReader {
    /// The [`StillPicture::psnr_rgb`] of what is seen, against what it was coded from. Units: dB.
    pub psnr_rgb: Arc<dyn Fn(StillPicture) -> Result<f64> + Send + Sync>,
    /// About how far that lies above the decoded still itself. Units: dB.
    pub expected_gain: f64,
}

impl fmt::Debug for StillReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StillReader").field("expected_gain", &self.expected_gain).finish_non_exhaustive()
    }
}

/// How a still is coded.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StillSettings {
    /// 0 (fastest) to 9.
    pub effort: u8,
    /// What is wanted.
    pub target: StillTarget,
    /// Most threads; 0: as many as there are cores. The bytes do not depend on it.
    pub threads: usize,
    /// Of the noise in training: the same seed gives the same bytes on one machine.
    pub seed: u64,
    /// Stops the work where it is raised.
    pub cancel: CancelToken,
    /// What becomes of it; none: it is seen as it is decoded.
    pub reader: Option<StillReader>,
}

impl StillSettings {
    /// Settings for a target, the others usual ones.
    pub fn new(effort: u8, target: StillTarget) -> Self {
        Self { effort, target, threads: 0, seed: 1, cancel: CancelToken::new(), reader: None }
    }
}

/// How far an encode has come.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct StillProgress {
    /// Steps of training taken; the same more than once while what they gave is chosen from.
    pub step: u32,
    /// Steps of training in all.
    pub steps: u32,
    /// Of the step before, with latents as training has them. Units: dB.
    pub psnr_rgb: f64,
    /// Of the latents of the step before.
    pub bits_per_pixel: f64,
}

/// Fewest pixels that the large network pays for itself on at a lambda of 1e-3; the bits that it saves a pixel fall by the cube root of
/// lambda, those that it takes do not.
const LARGE_FROM: f64 = 150_000.0;

/// Tells how far an encode has come, and hears whether it should stop.
struct Teller<'a> {
    progress: &'a mut (dyn FnMut(StillProgress) + Send),
    cancel: &'a CancelToken,
    pixels: f64,
    at: StillProgress,
}

impl Teller<'_> {
    /// Before a step of training. `cost`: of the one before.
    fn step(&mut self, cost: Cost) -> Result<()> {
        (self.at.psnr_rgb, self.at.bits_per_pixel) = (-10.0 * cost.error.log10(), cost.bits / self.pixels);
        let heard = self.say();
        self.at.step += 1;
        heard
    }

    /// Between steps, while parameters and latents are chosen.
    fn say(&mut self) -> Result<()> {
        (self.progress)(self.at);
        self.cancel.check()
    }
}

/// Size of the network, schedule and rounds of the search for steps, by effort.
fn plan_of_effort(effort: u8, pixels: f64, lambda: f64) -> (StillNetwork, Schedule, u32) {
    let is_large = pixels >= LARGE_FROM * (lambda / 1e-3).cbrt();
    let most = if is_large { StillNetwork::Large } else { StillNetwork::Medium };
    let (network, steps, last_steps, rounds) = match effort {
        0 => (StillNetwork::Small, 40, 10, 0),
        1 => (StillNetwork::Small, 80, 20, 0),
        2 => (StillNetwork::Small, 150, 30, 1),
        3 => (StillNetwork::Medium, 150, 30, 1),
        4 => (StillNetwork::Medium, 250, 40, 1),
        5 => (StillNetwork::Medium, 500, 60, 1),
        6 => (StillNetwork::Medium, 900, 80, 1),
        7 => (StillNetwork::Medium, 1200, 150, 1),
        8 => (StillNetwork::Medium, 2000, 200, 1),
        _ => (most, 8000, 600, 1),
    };
    (network, Schedule { steps, last_steps }, rounds)
}

/// Fewer steps than this begin at a first guess of the latents, others at zeros: with 200 steps a guess costs 3 to 7 % less, with 500 it costs
/// 1 to 3 % more (docs/decisions/0018).
const GUESSED_BELOW: u32 = 400;

/// The first effort that tries several starts of training: a fifth more steps, for 3 % less cost after 500 than a start has on the mean
/// (docs/decisions/0018).
const STARTS_FROM: u8 = 9;

/// The first effort that chooses latents after training: that takes as long as 550 steps, and saves 2 % of the cost.
const CHOSEN_FROM: u8 = 7;

/// The first effort that chooses parameters too: that takes as long as 1,200 steps of the large network, and saves 0.2 to 0.7 % of the cost.
const PARAMETERS_CHOSEN_FROM: u8 = 9;

/// How near above a floor is near enough. Units: dB.
const NEAR: f64 = 0.03;

/// Trainings that go on where the first missed a floor, or lies far above it.
const CORRECTIONS: u32 = 4;

/// Codes a picture.
///
/// # Errors
///
/// `InvalidArgument` for a picture or settings that cannot be coded, `Cancelled`, `OutOfMemory`.
pub fn encode(
    picture: &StillPicture,
    settings: &StillSettings,
    progress: &mut (dyn FnMut(StillProgress) + Send),
) -> Result<Vec<u8>> {
    picture.check()?;
    if settings.effort > 9 {
        return Err(Error::invalid("effort", "0 to 9", settings.effort));
    }
    let lambda = match settings.target {
        StillTarget::Lambda(lambda) => lambda,
        StillTarget::MinPsnr(floor) => usual_lambda(floor),
    };
    if !(lambda > 0.0 && lambda.is_finite()) {
        return Err(Error::invalid("target", "a positive lambda or a floor in dB", lambda));
    }
    with_threads(settings.threads, || {
        let _spares = ForgetsSpares;
        let pixels = f64::from(picture.width) * f64::from(picture.height);
        let (network, schedule, rounds) = plan_of_effort(settings.effort, pixels, lambda);
        let plan = Plan::new(picture.width, picture.height, network)?;
        let colors = picture.colors()?;
        let known = nearest(network, lambda);
        let base = known.as_ref().map_or(0, |(number, _)| *number);
        let steps = schedule.steps + schedule.last_steps;
        let at = StillProgress { step: 0, steps, psnr_rgb: f64::NEG_INFINITY, bits_per_pixel: 0.0 };
        let mut teller = Teller { progress, cancel: &settings.cancel, pixels, at };
        let mut trainer = if settings.effort >= STARTS_FROM {
            let trained = trained_starts(&plan, network, settings.seed)?;
            teller.at.steps += steps_given_up(trained.len());
            let (how, check) = ((lambda, settings.seed), &mut |cost| teller.step(cost));
            best_start(&plan, &trained, how, (&colors, schedule), check)?
        } else {
            let start =
                if base > 0 { Some(in_floats(&base_parameters(&plan, network, base)?)) } else { None };
            Trainer::new(plan, start.as_deref(), lambda, settings.seed)?
        };
        if let Some((_, analysis)) = &known
            && schedule.steps < GUESSED_BELOW
        {
            trainer.begin_at(first_guess(&trainer.plan, analysis, &colors)?);
        }
        let is_chosen = settings.effort >= CHOSEN_FROM;
        let whole = |trainer: &Trainer| finish(trainer, network, base, &colors, (picture.bit_depth, rounds));
        let psnr_of = |payload: &Payload| {
            let decoded = decode_payload(payload)?;
            match &settings.reader {
                Some(reader) => (reader.psnr_rgb)(decoded),
                None => picture.psnr_rgb(&decoded),
            }
        };
        // `psnr_rgb`: of the payload as it comes.
        let coded = |mut payload: Payload, mut psnr_rgb: f64, trainer: &Trainer, teller: &mut Teller<'_>| {
            if is_chosen {
                let price = f64::from(trainer.price);
                let check = &mut || teller.say();
                if settings.effort >= PARAMETERS_CHOSEN_FROM {
                    choose_parameters(&mut payload, picture, price, check)?;
                }
                choose_latents(&mut payload, &trainer.latents, picture, price, check)?;
                psnr_rgb = psnr_of(&payload)?;
            }
            Ok::<_, Error>(Coded { psnr_rgb, bytes: payload.write()? })
        };
        if let StillTarget::MinPsnr(floor) = settings.target {
            let added = settings.reader.as_ref().map_or(0.0, |reader| reader.expected_gain);
            trainer.aim(10_f64.powf(-0.1 * (floor - added)));
        }
        trainer.run(&colors, schedule, &mut |cost| teller.step(cost))?;
        let payload = whole(&trainer)?;
        let plain = psnr_of(&payload)?;
        let mut best = coded(payload, plain, &trainer, &mut teller)?;
        if let StillTarget::MinPsnr(floor) = settings.target {
            // What choosing latents and parameters adds changes little from one correction to the next.
            let (mut last, mut added) = (best.psnr_rgb, best.psnr_rgb - plain);
            // A short training follows the weight of rate by a part only; by which shows once it did.
            let mut stride = 1.0;
            for left in (0..CORRECTIONS).rev() {
                let is_near = |psnr: f64| (floor..floor + NEAR).contains(&psnr);
                if is_near(last) || last.is_infinite() {
                    break;
                }
                let above = last - floor - NEAR / 2.0;
                trainer.correct(stride * above);
                let schedule = Schedule { steps: steps / 12, last_steps: schedule.last_steps / 2 };
                trainer.refine(&colors, schedule, &mut |cost| teller.step(cost))?;
                let payload = whole(&trainer)?;
                let plain = psnr_of(&payload)?;
                let followed = (last - plain - added) / above;
                stride = (stride / followed.max(0.25)).clamp(0.5, 4.0);
                last = plain + added;
                if is_chosen && left > 0 && !is_near(last) && last.is_finite() {
                    continue;
                }
                let coded = coded(payload, plain, &trainer, &mut teller)?;
                (last, added) = (coded.psnr_rgb, coded.psnr_rgb - plain);
                best = best.better(coded, floor);
            }
        }
        Ok(best.bytes)
    })
}

/// Networks that know other pictures, as starts of one of a size: those there are of it, or else smaller ones, widened.
fn trained_starts(plan: &Plan, network: StillNetwork, seed: u64) -> Result<Vec<Vec<f32>>> {
    let known = if network == StillNetwork::Large { StillNetwork::Medium } else { network };
    let from = Plan::new(plan.width as u32, plan.height as u32, known)?;
    let start = |number| Ok(widen(plan, &from, &in_floats(&base_parameters(&from, known, number)?), seed));
    written(known).map(start).collect()
}

/// About the weight of rate that gives a quality; training corrects it. Source: the published means of Cool-chic 5 on Kodak's
/// pictures, 34.2 dB at 1e-3, with the error falling as lambda to two thirds.
fn usual_lambda(psnr_rgb: f64) -> f64 {
    1e-3 * (10_f64.powf(-0.1 * psnr_rgb) / 3.8e-4).powf(1.5)
}

/// A payload and what it decodes to.
struct Coded {
    bytes: Vec<u8>,
    psnr_rgb: f64,
}

impl Coded {
    /// The smaller of two that reach a floor; else the one that reaches it or comes nearer.
    fn better(self, other: Self, floor: f64) -> Self {
        let takes_other = match (self.psnr_rgb >= floor, other.psnr_rgb >= floor) {
            (true, true) => other.bytes.len() < self.bytes.len(),
            (is_met, false) if is_met => false,
            _ => other.psnr_rgb > self.psnr_rgb,
        };
        if takes_other { other } else { self }
    }
}

/// What a training gives, in whole numbers.
fn finish(
    trainer: &Trainer,
    network: StillNetwork,
    base: u8,
    colors: &Colors,
    (depth, rounds): (u8, u32),
) -> Result<Payload> {
    let start = base_parameters(&trainer.plan, network, base)?;
    let (shifts, parameters) = quantize(trainer, &start, colors, rounds)?;
    let whole = |&value: &f32| value.clamp(-63.0, 63.0).round_ties_even() as i16;
    let rounded = |grid: &Vec<f32>| memory::collected("latents", grid.iter().map(whole));
    let latents: Vec<Vec<i16>> = trainer.latents.iter().map(rounded).collect::<Result<_>>()?;
    let bounds = latents
        .iter()
        .map(|grid| {
            grid.iter()
                .fold((0, 0), |(least, most), &value| (least.min(value.into()), most.max(value.into())))
        })
        .collect();
    let plan = trainer.plan.clone();
    Ok(Payload { plan, network, depth, base, shifts, parameters, bounds, latents })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_large_network_is_for_pictures_that_pay_for_it() {
        let network = |effort, pixels, lambda| plan_of_effort(effort, pixels, lambda).0;
        for (pixels, lambda, expected) in [
            (149_999.0, 1e-3, StillNetwork::Medium),
            (150_000.0, 1e-3, StillNetwork::Large),
            // Eight times the weight: twice the pixels.
            (299_000.0, 8e-3, StillNetwork::Medium),
            (301_000.0, 8e-3, StillNetwork::Large),
        ] {
            assert_eq!(network(9, pixels, lambda), expected, "{pixels} at {lambda}");
        }
        assert_eq!(network(8, 1e6, 1e-3), StillNetwork::Medium);
    }
}
