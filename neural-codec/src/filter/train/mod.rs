//! Training of a scene's filter, on a GPU or the CPU.

mod adam;
mod batch;
mod conv;
mod gpu;
mod judge;
mod model;
mod on_device;
mod patches;
mod rule;
mod scene;
mod schedule;
mod start;
mod trainer;
mod vector;
mod warm_start;

pub use crate::random::Random;
pub use batch::Batches;
pub use gpu::{
    GpuJudge, GpuTrainer, TrainLayer, TrainPatch, TrainPlan, TrainPoint, TrainRates, TrainRule, TrainShape,
};
pub use judge::Judge;
pub use model::{PATCH, Patch, Shape, Workspace};
pub use patches::{PatchSampler, Patches};
pub use rule::Rule;
pub use scene::{Candidate, ScenePlan, Trained, train_scene};
pub use schedule::{Rates, Schedule};
pub use start::starting_parameters;
pub use trainer::Trainer;
pub use warm_start::{TrainedFilter, WarmStart};
