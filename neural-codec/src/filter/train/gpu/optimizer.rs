//! Parameters and the state of Adam on a GPU, and the kernels around a gradient.

use cudarc::driver::{LaunchConfig, PushKernelArg};

use super::layers::{Batch, blocks};
use super::patches::Patches;
use super::plan::LoadedPlan;
use super::shape::TrainShape;
use crate::error::Result;
use crate::gpu::Buffer;
use crate::gpu::Gpu;
use crate::gpu::Queue;

/// What steps move.
pub(super) struct Optimizer {
    /// Parameters in all, weights among them, and values of a set.
    numbers: [i32; 3],
    pub(super) parameters: Buffer<f32>,
    mean: Buffer<f32>,
    square: Buffer<f32>,
    /// The mean gradient of the last batch, and the sums of its squares by block.
    pub(super) total: Buffer<f32>,
    squares: Buffer<f64>,
    /// Where the gradients of gains lie.
    places: Buffer<i32>,
    /// The rates of the step.
    now: Buffer<f32>,
    /// Steps begun, and whether a gradient was not a number.
    state: Buffer<i32>,
    /// Sum of the losses that count.
    loss: Buffer<f64>,
}

impl Optimizer {
    /// # Errors
    ///
    /// `OutOfMemory`, `Device`.
    pub(super) fn new(gpu: &Gpu, shape: &TrainShape, parameters: &[f32], batch: usize) -> Result<Self> {
        let count = shape.parameters;
        Ok(Self {
            numbers: [count, shape.weights, shape.set_len].map(|n| n as i32),
            parameters: gpu.upload(parameters)?,
            mean: gpu.zeros(count)?,
            square: gpu.zeros(count)?,
            total: gpu.alloc(count)?,
            squares: gpu.alloc(count.div_ceil(256))?,
            places: gpu.upload(&shape.gain_places(batch))?,
            now: gpu.alloc(4)?,
            state: gpu.zeros(2)?,
            loss: gpu.zeros(1)?,
        })
    }

    /// Whether a gradient was not a number, once all that was queued is done.
    pub(super) fn has_diverged(&self, queue: &Queue) -> Result<bool> {
        let mut state = [0; 2];
        queue.read(&self.state, &mut state)?;
        Ok(state[1] != 0)
    }

    /// Sum of the losses that count, likewise.
    pub(super) fn loss(&self, queue: &Queue) -> Result<f64> {
        let mut loss = [0.0];
        queue.read(&self.loss, &mut loss)?;
        Ok(loss[0])
    }

    /// The start of a step: what the loss is taken at, patches, rates.
    pub(super) fn begin(&mut self, queue: &Queue, plan: &LoadedPlan, batch: &mut Batch) -> Result<()> {
        let launch = self.covering();
        let items = batch.len as i32;
        let mut call = queue.call("train_begin")?;
        call.arg(&self.parameters.0).arg(&self.numbers[0]).arg(&plan.rule).arg(&plan.points.0);
        call.arg(&plan.chosen.0).arg(&plan.rates.0).arg(&items).arg(&mut self.state.0);
        call.arg(&mut batch.seen.0).arg(&mut batch.chosen.0).arg(&mut self.now.0);
        // SAFETY: arguments are the kernel's; the plan has as many points as there are parameters where its rule reads them,
        // and steps are begun no more often than it has steps.
        #[allow(unsafe_code)]
        let launched = unsafe { call.launch(launch) };
        queue.launched(launched, "train_begin")
    }

    /// The mean gradient of a batch from what its patches left.
    pub(super) fn total(&mut self, queue: &Queue, patches: &Patches, batch: &Batch) -> Result<()> {
        let launch = self.covering();
        let (items, [count, weights, set_len]) = (batch.len as i32, &self.numbers);
        let mut call = queue.call("train_total")?;
        call.arg(&batch.found.0).arg(weights).arg(set_len).arg(count).arg(&self.places.0);
        call.arg(&patches.kinds.0).arg(&patches.sets.0).arg(&batch.chosen.0).arg(&items);
        call.arg(&mut self.total.0).arg(&mut self.squares.0);
        // SAFETY: arguments are the kernel's; `places` point into `found`, both made by the shape for the same batch.
        #[allow(unsafe_code)]
        let launched = unsafe { call.launch(launch) };
        queue.launched(launched, "train_total")
    }

    /// One step by that gradient.
    pub(super) fn step(&mut self, queue: &Queue, plan: &LoadedPlan, batch: &Batch) -> Result<()> {
        let launch = self.covering();
        let (items, losses) = (batch.len as i32, batch.losses.len() as i32);
        let [count, weights, _] = &self.numbers;
        let mut call = queue.call("train_adam")?;
        call.arg(&self.total.0).arg(&self.squares.0).arg(weights).arg(count).arg(&plan.longest);
        call.arg(&self.now.0).arg(&plan.rule).arg(&plan.points.0).arg(&plan.price);
        call.arg(&mut self.parameters.0).arg(&mut self.mean.0).arg(&mut self.square.0);
        call.arg(&batch.losses.0).arg(&losses).arg(&items).arg(&plan.counted_from);
        call.arg(&mut self.state.0).arg(&mut self.loss.0);
        // SAFETY: as in `begin`; the grid is that of `total`, which wrote a sum for each block.
        #[allow(unsafe_code)]
        let launched = unsafe { call.launch(launch) };
        queue.launched(launched, "train_adam")
    }

    /// A thread for each parameter.
    fn covering(&self) -> LaunchConfig {
        blocks((self.parameters.len().div_ceil(256), 1))
    }
}
