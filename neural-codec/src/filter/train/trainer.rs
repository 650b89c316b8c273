//! Runs of training over patches, on a GPU where there is one, else on the CPU.

use std::sync::Arc;

use super::adam::{Adam, LONGEST_GRADIENT, limit_length};
use super::batch::Batches;
use super::model::{Patch, Shape};
use super::on_device;
use super::rule::Rule;
use super::schedule::Schedule;
use crate::device::Device;
use crate::error::Result;
use crate::filter::train::{GpuTrainer, TrainPatch, TrainShape};
use crate::gpu::Gpu;
use crate::progress::CancelToken;

/// Patches are all of one size, large enough for a GPU whatever the picture.
pub(super) const ANY_SIZE: usize = usize::MAX;

/// Patches to train on, and where that is done.
pub struct Trainer<'a> {
    shape: &'a Shape,
    patches: &'a [Patch],
    batches: Batches,
    device: Device,
    /// Patches on the GPU, for steps of so many; made at the first run.
    on_device: Option<(usize, GpuTrainer)>,
}

impl<'a> Trainer<'a> {
    /// For a network of a shape. Gradients on a GPU are rounded otherwise than those of the CPU.
    pub fn new(shape: &'a Shape, patches: &'a [Patch], device: &Device) -> Self {
        Self { shape, patches, batches: Batches::new(shape), device: device.clone(), on_device: None }
    }

    /// Trains all parameters in place, by a rule.
    ///
    /// A run that the GPU cannot end begins anew on the CPU. Returns the mean loss over the last tenth of the steps, or
    /// `None` where a gradient was not a number.
    ///
    /// # Errors
    ///
    /// `Cancelled`, `OutOfMemory`.
    pub fn run(
        &mut self,
        parameters: &mut [f32],
        schedule: &Schedule,
        rule: Rule<'_>,
        cancel: &CancelToken,
    ) -> Result<Option<f64>> {
        let device = self.device.clone();
        let on_gpu = |gpu: &Arc<Gpu>| self.run_on(gpu, parameters, schedule, rule, cancel);
        match device.attempt("training", ANY_SIZE, on_gpu)? {
            Some(loss) => Ok(loss),
            None => self.run_on_cpu(parameters, schedule, rule, cancel),
        }
    }

    fn run_on(
        &mut self,
        gpu: &Arc<Gpu>,
        parameters: &mut [f32],
        schedule: &Schedule,
        rule: Rule<'_>,
        cancel: &CancelToken,
    ) -> Result<Option<f64>> {
        let trainer = match self.on_device.take().filter(|(batch, _)| *batch == schedule.batch) {
            Some((_, trainer)) => trainer,
            None => {
                let patches: Vec<TrainPatch<'_>> = self.patches.iter().map(TrainPatch::from).collect();
                GpuTrainer::new(gpu, &TrainShape::from(self.shape), &patches, schedule.batch)?
            }
        };
        let (_, trainer) = self.on_device.insert((schedule.batch, trainer));
        let plan = on_device::plan(schedule, self.patches.len(), rule);
        trainer.run(parameters, &plan, &mut || cancel.check())
    }

    fn run_on_cpu(
        &mut self,
        parameters: &mut [f32],
        schedule: &Schedule,
        rule: Rule<'_>,
        cancel: &CancelToken,
    ) -> Result<Option<f64>> {
        let weights = self.shape.weight_count();
        let mut adam = Adam::new(parameters.len());
        let mut gradient = vec![0.0; parameters.len()];
        let mut rates = vec![0.0; parameters.len()];
        let mut reach = vec![0.0; parameters.len()];
        let mut seen = Vec::new();
        let (mut loss, mut counted) = (0.0, 0);
        for (step, chosen) in schedule.choices(self.patches.len()).enumerate() {
            cancel.check()?;
            let batch: Vec<&Patch> = chosen.iter().map(|&patch| &self.patches[patch]).collect();
            rule.view(parameters, &mut seen);
            let found = self.batches.gradient(&seen, &batch, &mut gradient)? / schedule.batch as f64;
            gradient.iter_mut().for_each(|slope| *slope /= schedule.batch as f32);
            if !limit_length(&mut gradient, LONGEST_GRADIENT) {
                return Ok(None);
            }
            let now = schedule.rates_at(step);
            rates[..weights].fill(now.rates.weights);
            rates[weights..].fill(now.rates.gains);
            adam.step(parameters, &gradient, &rates, now.unbias, &mut reach);
            rule.project(parameters, &reach);
            if step >= schedule.counted_from() {
                loss += found;
                counted += 1;
            }
        }
        Ok(Some(loss / f64::from(counted.max(1))))
    }
}
