//! Scenes: where a clip is cut, and what is found out about each part. Rank 2.
//!
//! ```text
//! frame -> Analyst -> Look -> CutDetector -> scene starts
//!                          -> Profiler    -> Profile with SceneClass
//! ```
//! Everything here goes by a [`Look`], made once per frame: the frame made small, on the CPU or on a GPU.

mod blend;
mod class;
mod cut;
#[cfg(test)]
mod cut_laws;
mod difference;
mod downscale;
mod frames;
mod information;
mod list;
mod look;
mod memory_budget;
mod motion;
mod movement;
mod on_device;
mod profile;
#[cfg(test)]
mod profile_laws;
mod remembered;
mod texture;

pub use class::{Evidence, SceneClass};
pub use cut::{CutDetector, CutSettings};
pub use downscale::{Coarse, Thumbnail};
pub(crate) use frames::{Reading, SceneFrames};
pub use list::scenes_from_list;
pub use look::{Analyst, Look};
pub(crate) use memory_budget::MemoryBudget;
pub use profile::{Extent, Profile, Profiler};
