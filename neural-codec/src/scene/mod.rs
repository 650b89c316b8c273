//! Scenes: where a clip is cut, and what is found out about each part.
//!
//! ```text
//! frame -> FrameAnalyzer -> FrameFeatures -> CutDetector -> scene starts
//!                          -> Profiler    -> Profile with SceneClass
//! ```
//! Everything here goes by a [`FrameFeatures`], made once per frame: the frame made small, on the CPU or on a GPU.

mod analyzer;
mod blend;
mod class;
mod classify;
mod cut;
#[cfg(test)]
mod cut_properties;
mod difference;
mod downscale;
mod features;
mod frames;
mod gpu;
mod held;
mod information;
mod list;
mod memory_budget;
mod motion;
mod movement;
mod on_device;
mod profile;
#[cfg(test)]
mod profile_properties;
mod profiler;
mod remembered;
mod shows;
mod spill;
mod texture;

pub use analyzer::FrameAnalyzer;
pub use class::{Evidence, SceneClass};
pub use cut::{CutDetector, CutSettings};
pub use downscale::{Coarse, Thumbnail};
pub use features::FrameFeatures;
pub(crate) use frames::{Reading, SceneFrames};
pub use gpu::{SceneMatch, SceneMeasurements, ScenePair, ScenePicture, ScenePlanes};
pub(crate) use held::HeldFrames;
pub use list::{check_scenes, scenes_from_list};
pub(crate) use memory_budget::MemoryBudget;
pub use profile::{Extent, Profile};
pub use profiler::Profiler;
