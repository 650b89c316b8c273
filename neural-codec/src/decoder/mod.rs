//! From a stream to frames. Rank 5; never imports the encoder's strategy.
//!
//! ```text
//! bytes -> PacketReader -> scene -> base layer -> crop, depth, hash check -> frames
//! ```

mod agent;
mod compare;
mod inspect;
mod one_shot;
mod scene;
mod settings;
mod stream;

pub use agent::{DecodingAgent, Received};
pub use compare::{ClipMetrics, compare};
pub use inspect::{SceneSummary, StreamSummary, inspect};
pub use one_shot::{DecodeReport, decode_file, open_clip};
pub use stream::{DecoderSettings, OnDamage, StreamDecoder};
