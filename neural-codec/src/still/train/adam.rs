//! Adam: gradient steps scaled by running moments. Source: Kingma and Ba 2014.

use super::lanes::trained;
use super::planes::zeros;
use crate::error::Result;

const FIRST_DECAY: f32 = 0.9;
const SECOND_DECAY: f32 = 0.99;

/// Moments of some values.
#[derive(Clone)]
pub(super) struct Adam {
    first: Vec<f32>,
    second: Vec<f32>,
}

impl Adam {
    /// # Errors
    ///
    /// `OutOfMemory`.
    pub(super) fn new(len: usize) -> Result<Self> {
        Ok(Self { first: zeros(len)?, second: zeros(len)? })
    }

    /// Moves values against the gradient. `steps`: taken before with these moments.
    pub(super) fn step(&mut self, values: &mut [f32], gradient: &[f32], rate: f32, steps: u32) {
        let steps = steps.min(100_000) as i32 + 1;
        let corrections = (1.0 - FIRST_DECAY.powi(steps), 1.0 - SECOND_DECAY.powi(steps));
        update(
            values,
            gradient,
            (&mut self.first, &mut self.second),
            (rate / corrections.0, 1.0 / corrections.1),
        );
    }
}

trained! {
    fn update(values: &mut [f32], gradient: &[f32], moments: (&mut [f32], &mut [f32]), scale: (f32, f32)) { update_body }
}

#[inline(always)]
fn update_body<const FUSED: bool>(
    values: &mut [f32],
    gradient: &[f32],
    (first, second): (&mut [f32], &mut [f32]),
    (rate, correction): (f32, f32),
) {
    for (((value, &slope), first), second) in values.iter_mut().zip(gradient).zip(first).zip(second) {
        *first += (1.0 - FIRST_DECAY) * (slope - *first);
        *second += (1.0 - SECOND_DECAY) * (slope * slope - *second);
        *value -= rate * *first / ((*second * correction).sqrt() + 1e-12);
    }
}
