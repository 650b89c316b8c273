//! Training of a still: latents and network of one picture, by gradients on the CPU.
//!
//! Floats live here alone; what comes out are whole numbers that a decoder reads.

mod adam;
mod analysis;
mod colors;
mod entropy;
mod features;
mod lanes;
mod mixing;
mod model;
mod planes;
mod quantize;
mod rounding;
mod soap;
mod starts;
mod synthesis;
mod trainer;
mod upsampling;
mod widen;

pub(crate) use analysis::{AnalysisParameters, first_guess};
pub(crate) use colors::Colors;
pub(crate) use model::Cost;
pub(super) use planes::ForgetsSpares;
#[cfg(test)]
pub(super) use planes::spare_bytes;
#[cfg(feature = "images")]
pub(crate) use planes::training_bytes;
pub(crate) use quantize::{parameter_bits, quantize};
pub(crate) use starts::{best_start, steps_given_up};
pub(crate) use trainer::{Schedule, Trainer};
pub(crate) use widen::widen;
