//! Scenes: where a clip is cut, and what is found out about each part. Rank 2.

mod frames;
mod memory_budget;

pub(crate) use frames::{Reading, SceneFrames};
pub(crate) use memory_budget::MemoryBudget;
