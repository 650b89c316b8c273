//! Losses of a network over all patches, forward alone.

use std::sync::Arc;

use super::layers::{Batch, Layers, Pass};
use super::patches::{Patches, TrainPatch};
use super::shape::TrainShape;
use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::gpu::Queue;

/// Patches that go through the layers at once where memory allows it.
const MOST_AT_ONCE: usize = 64;

/// Patches on a GPU.
pub struct GpuJudge {
    gpu: Arc<Gpu>,
    queue: Queue,
    shape: TrainShape,
    patches: Patches,
    /// All patches, each once.
    batch: Batch,
}

impl GpuJudge {
    /// Uploads patches.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`, `Device`.
    pub fn new(gpu: &Arc<Gpu>, shape: &TrainShape, patches: &[TrainPatch<'_>]) -> Result<Self> {
        shape.check()?;
        let all: Vec<i32> = (0..patches.len()).map(|patch| patch as i32).collect();
        let batch = Batch { chosen: gpu.upload(&all)?, ..Batch::new(gpu, shape, patches.len())? };
        Ok(Self {
            gpu: gpu.clone(),
            queue: Queue::new(gpu)?,
            shape: shape.clone(),
            patches: Patches::new(gpu, shape, patches)?,
            batch,
        })
    }

    /// Sum of the weighted squared errors of all patches.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`, `Device`.
    pub fn loss(&mut self, parameters: &[f32]) -> Result<f64> {
        if parameters.len() != self.shape.parameters {
            return Err(Error::internal("cuda", "parameters that are not those of the shape"));
        }
        let Self { gpu, queue, shape, patches, batch } = self;
        let mut layers = Layers::fitting(gpu, shape, batch.len.min(MOST_AT_ONCE))?;
        batch.seen = gpu.upload(parameters)?;
        queue.follow()?;
        let parts = layers
            .parts(batch.len)
            .try_for_each(|part| layers.forward_to_loss(&mut Pass { gpu, queue, patches, batch, part }));
        // Buffers may be freed from here on.
        queue.synchronize()?;
        parts?;
        Ok(gpu.download(&batch.losses)?.iter().sum())
    }
}
