//! Training of a scene's filter on the CPU. Rank 3.

mod adam;
mod batch;
mod conv;
mod gradients;
mod model;
mod patches;
mod random;
mod scene;
mod trainer;
mod vector;

pub use batch::Batches;
pub use gradients::Gradients;
pub use model::{PATCH, Patch, Shape, Workspace};
pub use patches::{PatchSampler, Patches};
pub use random::Random;
pub use scene::{Candidate, Learnt, ScenePlan, learn};
pub use trainer::{Rates, Schedule, starting_parameters, train};
