//! How much error a network leaves over patches that were not trained from.

use std::sync::Arc;

use super::batch::Batches;
use super::model::{Patch, Shape};
use super::trainer::ANY_SIZE;
use crate::device::Device;
use crate::error::Result;
use crate::filter::train::{GpuJudge, TrainPatch, TrainShape};
use crate::gpu::Gpu;

/// Patches to judge networks by, and where that is done.
pub struct Judge {
    shape: Shape,
    patches: Vec<Patch>,
    batches: Batches,
    device: Device,
    /// Patches on the GPU, and their squared error without a filter.
    on_device: Option<(GpuJudge, f64)>,
}

impl Judge {
    /// For networks of a shape.
    pub fn new(shape: &Shape, patches: Vec<Patch>, device: &Device) -> Self {
        let batches = Batches::new(shape);
        Self { shape: shape.clone(), patches, batches, device: device.clone(), on_device: None }
    }

    /// Whether there is nothing to judge by.
    pub fn is_empty(&self) -> bool {
        self.patches.is_empty()
    }

    /// Squared error that is left of that without a filter, both weighted. A GPU rounds otherwise than the CPU.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`; none that a device can cause, because the CPU then takes over.
    pub fn error_left(&mut self, parameters: &[f32]) -> Result<f64> {
        let device = self.device.clone();
        let left =
            device.attempt("judging of filters", ANY_SIZE, |gpu| self.error_left_on(gpu, parameters))?;
        left.map_or_else(|| self.error_left_on_cpu(parameters), Ok)
    }

    fn error_left_on(&mut self, gpu: &Arc<Gpu>, parameters: &[f32]) -> Result<f64> {
        let (judge, without) = match self.on_device.take() {
            Some(on_device) => self.on_device.insert(on_device),
            None => {
                let patches: Vec<TrainPatch<'_>> = self.patches.iter().map(TrainPatch::from).collect();
                let mut judge = GpuJudge::new(gpu, &TrainShape::from(&self.shape), &patches)?;
                // A network of zeros leaves every patch as it is.
                let without = judge.loss(&vec![0.0; self.shape.len()])?;
                self.on_device.insert((judge, without))
            }
        };
        Ok(share(judge.loss(parameters)?, *without))
    }

    fn error_left_on_cpu(&self, parameters: &[f32]) -> Result<f64> {
        let losses = self.batches.losses(parameters, &self.patches)?;
        let (mut with, mut without) = (0.0, 0.0);
        for ((after, before), patch) in losses.iter().zip(&self.patches) {
            with += after * f64::from(patch.weight);
            without += before * f64::from(patch.weight);
        }
        Ok(share(with, without))
    }
}

/// Where there is no error without a filter, nothing is left to gain.
fn share(with: f64, without: f64) -> f64 {
    if without > 0.0 { with / without } else { 1.0 }
}
