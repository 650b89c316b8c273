//! Training of a scene's filter, on a GPU or the CPU. Rank 3.

mod adam;
mod batch;
mod conv;
mod judge;
mod model;
mod on_device;
mod patches;
mod random;
mod rule;
mod scene;
mod schedule;
mod start;
mod trainer;
mod vector;

pub use batch::Batches;
pub use judge::Judge;
pub use model::{PATCH, Patch, Shape, Workspace};
pub use patches::{PatchSampler, Patches};
pub use random::Random;
pub use rule::Rule;
pub use scene::{Candidate, Kept, Learnt, ScenePlan, learn};
pub use schedule::{Rates, Schedule};
pub use start::starting_parameters;
pub use trainer::Trainer;
