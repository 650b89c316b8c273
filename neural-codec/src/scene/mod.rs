//! Scenes: where a clip is cut, and what is found out about each part. Rank 2.

mod frames;
mod memory_budget;

pub(crate) use frames::{Reading, SceneFrames};
pub(crate) use memory_budget::MemoryBudget;
//!
//! ```text
//! frame -> Thumbnail -> CutDetector -> scene starts
//! ```
//! Everything here looks at a [`Thumbnail`], made once per frame.

mod blend;
mod cut;
#[cfg(test)]
mod cut_laws;
mod difference;
mod downscale;
mod list;
mod motion;

pub use cut::{CutDetector, CutSettings};
pub use downscale::{Coarse, Thumbnail};
pub use list::scenes_from_list;
