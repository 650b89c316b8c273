//! The gradient of several patches at once, the same for any number of threads.

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::model::{Patch, Shape, Workspace};
use crate::error::Result;
use crate::memory;

/// Buffers that threads share.
pub struct Batches {
    shape: Shape,
    workspaces: Mutex<Vec<Workspace>>,
    gradients: Vec<Vec<f32>>,
}

impl Batches {
    /// For networks of a shape.
    pub fn new(shape: &Shape) -> Self {
        Self { shape: shape.clone(), workspaces: Mutex::default(), gradients: Vec::new() }
    }

    /// Sum of the weighted losses of `patches`, and its gradient into `total`.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`.
    pub fn gradient(&mut self, parameters: &[f32], patches: &[&Patch], total: &mut [f32]) -> Result<f64> {
        while self.gradients.len() < patches.len() {
            self.gradients.push(memory::filled("gradients", parameters.len(), 0.0)?);
        }
        let (shape, workspaces) = (&self.shape, &self.workspaces);
        let losses: Result<Vec<f64>> = patches
            .par_iter()
            .zip(&mut self.gradients)
            .map(|(patch, gradient)| {
                gradient.fill(0.0);
                with(workspaces, shape, |workspace| {
                    workspace.add_gradient(shape, parameters, patch, gradient)
                })
            })
            .collect();
        let losses = losses?;
        total.fill(0.0);
        for gradient in &self.gradients[..patches.len()] {
            total.iter_mut().zip(gradient).for_each(|(total, slope)| *total += slope);
        }
        Ok(losses.iter().sum())
    }

    /// Squared errors of each patch with and without the filter, in squared levels of 8 bits.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`.
    pub fn losses(&self, parameters: &[f32], patches: &[Patch]) -> Result<Vec<(f64, f64)>> {
        let (shape, workspaces) = (&self.shape, &self.workspaces);
        let one =
            |patch: &Patch| with(workspaces, shape, |workspace| workspace.loss(shape, parameters, patch));
        patches.par_iter().map(one).collect()
    }
}

/// Runs with a workspace that nobody else uses.
fn with<T>(
    workspaces: &Mutex<Vec<Workspace>>,
    shape: &Shape,
    run: impl FnOnce(&mut Workspace) -> T,
) -> Result<T> {
    let lock = || workspaces.lock().unwrap_or_else(PoisonError::into_inner);
    let taken = lock().pop();
    let mut workspace = taken.map_or_else(|| Workspace::new(shape), Ok)?;
    let result = run(&mut workspace);
    lock().push(workspace);
    Ok(result)
}
