//! From frames to a stream.
//!
//! ```text
//! frames -> SceneSplitter -> SceneFrames -> encode_scene (worker threads) -> StreamMuxer -> bytes and report
//! ```
//! `agent` is the API, `pipeline` the threads and the order, `scene` how a scene is made, `rate` how scenes share bytes, and
//! `parts` the same work in pieces for many machines.

mod agent;
mod clip_control;
mod clip_floor;
mod clip_length;
mod cut;
mod encoded_scene;
mod filter;
mod filter_plan;
mod filtered;
mod hooks;
mod memory_plan;
mod muxer;
mod one_shot;
mod parts;
#[cfg(feature = "images")]
mod photo;
mod pipeline;
mod preview;
mod rate;
mod scene;
mod scene_job;
mod scene_report;
mod session;
mod shared_scene;
mod source_format;
mod split;
mod splitter;
mod task;
mod track_queue;
mod warm_starts;
mod wiener;
mod workers;

pub use agent::EncodingAgent;
pub use cut::{CutScene, SceneCutter};
pub use encoded_scene::EncodedScene;
pub use hooks::{Hooks, OnLost};
pub use one_shot::{encode, encode_file, encode_to};
pub use parts::{ScenePlace, concat, encode_scene, scenes_start_warm, split, warm_start};
#[cfg(feature = "images")]
pub use photo::{EncodedPhoto, encode_photo, encode_photo_file, encode_photo_to};
pub use preview::{ProbeReport, ProfiledScene, probe, profile_scenes};
pub use split::detect_scenes;
