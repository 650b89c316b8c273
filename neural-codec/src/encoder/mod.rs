//! From frames to a stream: the encoding agent names every step and does none.
//!
//! ```text
//! frames -> SceneSplitter -> SceneFrames -> scene job (worker thread) -> StreamMuxer -> bytes and report
//! ```

mod agent;
mod muxer;
mod one_shot;
mod rate;
mod scene;
mod scenes;
mod source_format;
mod splitter;
mod workers;

pub use agent::EncodingAgent;
pub use one_shot::{Hooks, encode, encode_file};
pub use scenes::{detect_scenes, detect_scenes_on};
