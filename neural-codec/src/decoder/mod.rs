//! From a stream to frames. Never imports the encoder's strategy.
//!
//! ```text
//! bytes -> PacketReader -> scene -> base layer -> neural filter -> depth, hash check -> frames
//! ```

mod agent;
mod ahead;
mod compare;
#[cfg(feature = "ffmpeg")]
mod export;
mod inspect;
mod memory_need;
mod one_shot;
mod scene;
mod seeking;
mod settings;
mod stream;

pub use agent::{DecodingAgent, Received};
pub use compare::{ClipMetrics, FrameDistortion, compare, compare_frames, compare_with_device};
#[cfg(feature = "ffmpeg")]
pub use export::{ExportReport, export_base};
pub use inspect::{SceneSummary, StreamSummary, inspect};
pub use one_shot::{DecodeReport, decode_file, open_clip};
pub use seeking::SeekingDecoder;
pub use settings::{DecoderSettings, OnDamage};
pub use stream::StreamDecoder;
