//! Scene analysis on the GPU: one safe call a kernel, and what the host reads back.

mod measured;
mod picture;
mod shape;

pub use measured::{SceneMatch, SceneMeasurements, ScenePair};
pub use picture::{ScenePicture, ScenePlanes};
