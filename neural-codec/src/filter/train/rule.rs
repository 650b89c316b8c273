//! What keeps parameters near values that can be stored.

use crate::filter::GridPoint;

/// What is done to parameters before and after each step.
#[derive(Debug, Clone, Copy)]
pub enum Rule<'a> {
    /// Nothing.
    Free,
    /// Differences from the base network are pulled to zero by what they cost: the proximal step of a penalty that grows
    /// with the logarithm of the difference (Candes, Wakin and Boyd 2008, reweighted l1).
    Pulled {
        /// Of every parameter.
        grid: &'a [GridPoint],
        /// What the first unit of a difference costs; the next cost less: the derivative is this over one more than the
        /// difference.
        price: f32,
    },
    /// The loss is taken at values that can be stored.
    Rounded {
        /// Of every parameter.
        grid: &'a [GridPoint],
        /// Of every parameter: whether it is trained, or is put back to its origin.
        is_moved: &'a [bool],
    },
}

impl Rule<'_> {
    /// The parameters that the loss is taken at.
    pub(super) fn view(&self, parameters: &[f32], to: &mut Vec<f32>) {
        match self {
            Self::Free | Self::Pulled { .. } => parameters.clone_into(to),
            Self::Rounded { grid, .. } => {
                to.clear();
                to.extend(parameters.iter().zip(*grid).map(|(&parameter, point)| point.nearest(parameter)));
            }
        }
    }

    /// What follows a step. `reach`: how far a gradient of 1 moved each parameter.
    pub(super) fn project(&self, parameters: &mut [f32], reach: &[f32]) {
        match self {
            Self::Free => {}
            Self::Pulled { grid, price } => {
                for ((parameter, point), &reach) in parameters.iter_mut().zip(*grid).zip(reach) {
                    let difference = *parameter - point.origin;
                    let slope = price / (point.unit + difference.abs());
                    let left = (difference.abs() - reach * slope).max(0.0);
                    *parameter = point.origin + left.copysign(difference);
                }
            }
            Self::Rounded { .. } => self.settle(parameters),
        }
    }

    /// Puts parameters that do not move back to their origin.
    pub(super) fn settle(&self, parameters: &mut [f32]) {
        if let Self::Rounded { grid, is_moved } = self {
            for ((parameter, point), &is_moved) in parameters.iter_mut().zip(*grid).zip(*is_moved) {
                if !is_moved {
                    *parameter = point.origin;
                }
            }
        }
    }
}
