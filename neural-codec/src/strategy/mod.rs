//! How each scene is coded: plans, and the trials that check them. Rank 4.

mod plan;
mod trial;

pub use plan::{BasePlan, ScenePlan};
pub(crate) use trial::{Trial, TrialContext, code_scene};
