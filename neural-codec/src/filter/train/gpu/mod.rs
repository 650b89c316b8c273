//! Training of a filter network in floats on a GPU: a whole run of steps without the host.
//!
//! ```text
//! step   begin -> each part of the batch through the layers and back -> total -> Adam      (optimizer, layers)
//! ```
//! What differs from step to step lies in a plan on the GPU, so that all steps are the same launches: the first is run kernel by
//! kernel, the others as one graph. Sums are made in a fixed order: the same every time, but rounded
//! otherwise than the CPU's.

mod judge;
mod layers;
mod optimizer;
mod patches;
mod plan;
mod shape;

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::gpu::{Queue, Replay};
pub use judge::GpuJudge;
use layers::{Batch, Layers, Pass};
use optimizer::Optimizer;
use patches::Patches;
pub use patches::TrainPatch;
use plan::LoadedPlan;
pub use plan::{TrainPlan, TrainPoint, TrainRates, TrainRule};
pub use shape::{TrainLayer, TrainShape};

/// After so many steps the host looks whether to go on.
const STEPS_UNSEEN: usize = 32;

/// Patches on a GPU.
pub struct GpuTrainer {
    gpu: Arc<Gpu>,
    queue: Queue,
    shape: TrainShape,
    patches: Patches,
    batch: Batch,
}

/// What a run needs besides.
struct Run {
    optimizer: Optimizer,
    plan: LoadedPlan,
    layers: Layers,
}

impl GpuTrainer {
    /// Uploads patches for steps of `batch` of them.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`, `Device`.
    pub fn new(gpu: &Arc<Gpu>, shape: &TrainShape, patches: &[TrainPatch<'_>], batch: usize) -> Result<Self> {
        shape.check()?;
        if batch == 0 {
            return Err(Error::internal("cuda", "a batch of no patches"));
        }
        Ok(Self {
            gpu: gpu.clone(),
            queue: Queue::new(gpu)?,
            shape: shape.clone(),
            patches: Patches::new(gpu, shape, patches)?,
            batch: Batch::new(gpu, shape, batch)?,
        })
    }

    /// Trains parameters by a plan. `go_on` is asked now and then.
    ///
    /// Returns the mean of the losses that count, or `None` where a gradient was not a number; parameters then stay as they
    /// were.
    ///
    /// # Errors
    ///
    /// `Device`, `OutOfMemory`; those of `go_on`; `Internal` for a plan that does not fit the patches.
    pub fn run(
        &mut self,
        parameters: &mut [f32],
        plan: &TrainPlan,
        go_on: &mut dyn FnMut() -> Result<()>,
    ) -> Result<Option<f64>> {
        let mut run = self.load(parameters, plan)?;
        self.queue.follow()?;
        let ran = self.steps(&mut run, go_on);
        // Buffers may be freed from here on.
        self.queue.synchronize()?;
        if !ran? || run.optimizer.has_diverged(&self.queue)? {
            return Ok(None);
        }
        let loss = run.optimizer.loss(&self.queue)?;
        // Whole or not at all: after a failure, training begins anew from what was given.
        let trained = self.gpu.download(&run.optimizer.parameters)?;
        parameters.copy_from_slice(&trained);
        Ok(Some(loss / run.plan.counted().max(1) as f64))
    }

    /// Mean of the weighted losses of the chosen patches, and its gradient into `total`.
    ///
    /// # Errors
    ///
    /// As for `run`.
    pub fn gradient(&mut self, parameters: &[f32], chosen: &[usize], total: &mut [f32]) -> Result<f64> {
        let rates = TrainRates { weights: 0.0, gains: 0.0, unbias: (1.0, 1.0) };
        let plan = TrainPlan {
            chosen: chosen.to_vec(),
            rates: vec![rates],
            counted_from: 0,
            longest: f32::MAX,
            rule: TrainRule::Free,
        };
        let mut run = self.load(parameters, &plan)?;
        self.queue.follow()?;
        let stepped = self.step(&mut run);
        self.queue.synchronize()?;
        stepped?;
        self.queue.read(&run.optimizer.total, total)?;
        run.optimizer.loss(&self.queue)
    }

    /// The parameters that the last loss was taken at.
    ///
    /// # Errors
    ///
    /// `Device`.
    pub fn seen(&self) -> Result<Vec<f32>> {
        self.gpu.download(&self.batch.seen)
    }

    /// What a run needs; work space comes last, which can do with less.
    fn load(&self, parameters: &[f32], plan: &TrainPlan) -> Result<Run> {
        if parameters.len() != self.shape.parameters {
            return Err(Error::internal("cuda", "parameters that are not those of the shape"));
        }
        let (gpu, shape, batch) = (&self.gpu, &self.shape, self.batch.len);
        Ok(Run {
            optimizer: Optimizer::new(gpu, shape, parameters, batch)?,
            plan: LoadedPlan::new(gpu, plan, shape, batch, self.patches.count)?,
            layers: Layers::fitting(gpu, shape, batch)?,
        })
    }

    /// All steps of a plan, or until a gradient is not a number: then false.
    fn steps(&mut self, run: &mut Run, go_on: &mut dyn FnMut() -> Result<()>) -> Result<bool> {
        let mut replay = None;
        for step in 0..run.plan.steps {
            if step % STEPS_UNSEEN == 0 {
                go_on()?;
                if step > 0 && run.optimizer.has_diverged(&self.queue)? {
                    return Ok(false);
                }
            }
            match &replay {
                Some(replay) => self.queue.replay(replay)?,
                None => self.step(run)?,
            }
            if step == 0 && run.plan.steps > 1 {
                replay = self.taken_down(run)?;
            }
        }
        Ok(true)
    }

    /// A step as one launch; all steps have the same kernels and arguments. `None` where that is not to be had.
    fn taken_down(&mut self, run: &mut Run) -> Result<Option<Replay>> {
        if !self.queue.take_down() {
            return Ok(None);
        }
        let stepped = self.step(run);
        let replay = self.queue.taken_down();
        match stepped {
            Err(error) if self.gpu.is_lost() => Err(error),
            Err(_) => Ok(None),
            Ok(()) => Ok(replay),
        }
    }

    fn step(&mut self, run: &mut Run) -> Result<()> {
        let Self { gpu, queue, patches, batch, .. } = self;
        let Run { optimizer, plan, layers } = run;
        optimizer.begin(queue, plan, batch)?;
        for part in layers.parts(batch.len) {
            layers.run(&mut Pass { gpu, queue, patches, batch, part })?;
        }
        optimizer.total(queue, patches, batch)?;
        optimizer.step(queue, plan, batch)
    }
}
