//! Scenes: where a clip is cut, and what is found out about each part. Rank 2.
//!
//! ```text
//! frame -> Thumbnail -> CutDetector -> scene starts
//!                    -> Profiler    -> Profile with SceneClass
//! ```
//! Everything here looks at a [`Thumbnail`], made once per frame.

mod blend;
mod class;
mod cut;
#[cfg(test)]
mod cut_laws;
mod difference;
mod downscale;
mod frames;
mod list;
mod memory_budget;
mod motion;
mod movement;
mod profile;
#[cfg(test)]
mod profile_laws;
mod texture;

pub use class::{Evidence, SceneClass};
pub use cut::{CutDetector, CutSettings};
pub use downscale::{Coarse, Thumbnail};
pub(crate) use frames::{Reading, SceneFrames};
pub use list::scenes_from_list;
pub(crate) use memory_budget::MemoryBudget;
pub use profile::{Extent, Profile, Profiler};
