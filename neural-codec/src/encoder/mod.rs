//! From frames to a stream: the encoding agent names every step and does none. Rank 5.
//!
//! ```text
//! frames -> Cutter -> SceneFrames -> scene job (worker thread) -> Assembly -> bytes and report
//! ```

mod agent;
mod assembly;
mod budget;
mod coded;
mod cutter;
mod job;
mod one_shot;
mod scenes;
mod workers;

pub use agent::EncodingAgent;
pub use one_shot::{Hooks, encode, encode_file};
pub use scenes::{detect_scenes, detect_scenes_on};
