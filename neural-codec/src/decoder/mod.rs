//! From a stream to frames. Never imports the encoder's strategy.
//!
//! ```text
//! bytes -> PacketReader -> scene -> base layer -> filter -> depth, hash check -> frames
//! ```

mod agent;
mod ahead;
mod base_stage;
mod compare;
mod decode_report;
#[cfg(feature = "ffmpeg")]
mod export;
#[cfg(feature = "ffmpeg")]
mod file_scenes;
mod inspect;
mod item;
mod items;
mod layer;
mod memory_need;
mod one_shot;
mod open_clip;
mod photo;
#[cfg(feature = "images")]
mod photo_file;
#[cfg(feature = "ffmpeg")]
mod remux;
mod scene;
mod seeking;
mod settings;
mod stream;
mod unit_feed;

pub use agent::{DecodingAgent, Received};
pub use compare::{ClipMetrics, FrameDistortion, compare, compare_frames, compare_with_device};
pub use decode_report::DecodeReport;
#[cfg(feature = "ffmpeg")]
pub use export::{ExportReport, export_base};
pub use inspect::{SceneSummary, StreamSummary, inspect, inspect_any, inspect_file};
pub use one_shot::decode_file;
pub use open_clip::{holds_stream, open_clip, open_clip_with};
pub use photo::decode_photo;
#[cfg(feature = "images")]
pub(crate) use photo::{
    Av1Photo, color_of_photo, decode_av1_photo, decode_own_planes, filter_planes, frame_of_still,
};
#[cfg(feature = "images")]
pub use photo_file::{decode_photo_bytes, decode_photo_file, open_photo};
#[cfg(feature = "ffmpeg")]
pub use remux::{remux, remux_into};
pub use seeking::{ReadSeek, SeekingDecoder};
pub use settings::{DecoderSettings, OnDamage};
pub use stream::StreamDecoder;
