//! Gradients over chosen patches, on a GPU where there is one, else on the CPU. Rank 3, used by the trainer.

use super::batch::Batches;
use super::model::{Patch, Shape};
use crate::compute::Device;
use crate::compute::cuda::{GpuTrainer, TrainLayer, TrainPatch, TrainShape};
use crate::error::Result;

/// Patches to learn from, and where their gradients are taken.
pub struct Gradients<'a> {
    shape: &'a Shape,
    patches: &'a [Patch],
    batches: Batches,
    device: Device,
    /// Patches on the GPU, for steps of so many; made at the first step.
    on_device: Option<(usize, GpuTrainer)>,
}

/// Patches are all of one size, large enough for a GPU whatever the picture.
const ANY_SIZE: usize = usize::MAX;

impl<'a> Gradients<'a> {
    /// For a network of a shape. Gradients on a GPU are rounded otherwise than those of the CPU.
    pub fn new(shape: &'a Shape, patches: &'a [Patch], device: &Device) -> Self {
        Self { shape, patches, batches: Batches::new(shape), device: device.clone(), on_device: None }
    }

    /// The shape of the network.
    pub fn shape(&self) -> &'a Shape {
        self.shape
    }

    /// Number of patches.
    pub(super) fn count(&self) -> usize {
        self.patches.len()
    }

    /// Sum of the weighted losses of the chosen patches, and its gradient into `total`.
    ///
    /// Errors: none that a device can cause, because the CPU then takes over.
    pub fn at(&mut self, parameters: &[f32], chosen: &[usize], total: &mut [f32]) -> Result<f64> {
        let (shape, patches, on_device) = (self.shape, self.patches, &mut self.on_device);
        let loss = self.device.attempt("training", ANY_SIZE, |gpu| {
            let trainer = match on_device.take().filter(|(batch, _)| *batch == chosen.len()) {
                Some((_, trainer)) => trainer,
                None => {
                    let patches: Vec<TrainPatch<'_>> = patches.iter().map(TrainPatch::from).collect();
                    GpuTrainer::new(gpu, &TrainShape::from(shape), &patches, chosen.len())?
                }
            };
            let (_, trainer) = on_device.insert((chosen.len(), trainer));
            trainer.gradient(parameters, chosen, total)
        })?;
        Ok(loss.unwrap_or_else(|| {
            let batch: Vec<&Patch> = chosen.iter().map(|&patch| &self.patches[patch]).collect();
            self.batches.gradient(parameters, &batch, total)
        }))
    }
}

impl<'a> From<&'a Patch> for TrainPatch<'a> {
    fn from(patch: &'a Patch) -> Self {
        let Patch { decoded, source, temporal_layer, set, weight, chroma } = patch;
        Self { decoded, source, kind: *temporal_layer, set: *set, weight: *weight, chroma: *chroma }
    }
}

impl From<&Shape> for TrainShape {
    fn from(shape: &Shape) -> Self {
        let layer = |layer: usize| TrainLayer {
            inputs: shape.channels[layer],
            outputs: shape.channels[layer + 1],
            weights_at: shape.weights(layer).start,
            gains_at: shape.weight_count() + shape.gains(layer, 0).0,
            kinds: shape.kinds(layer),
        };
        Self {
            layers: (0..shape.layers()).map(layer).collect(),
            parameters: shape.len(),
            weights: shape.weight_count(),
            set_len: shape.set_len(),
        }
    }
}
