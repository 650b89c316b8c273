//! Scene analysis on the GPU: one safe call a kernel, and what the host reads back.

mod figures;
mod picture;
mod shape;

pub use figures::{SceneFigures, SceneMatch, ScenePair};
pub use picture::{ScenePicture, ScenePlanes};
