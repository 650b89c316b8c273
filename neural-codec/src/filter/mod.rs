//! The neural layer: a small integer network over the decoded frames of a scene.
//!
//! ```text
//! encode   decoded frames + source -> training -> network -> code -> packet
//! decode   packet -> network -> inference over decoded frames
//! ```

mod base_network;
mod block_errors;
mod code;
mod grid;
mod infer;
mod network;
mod photo_network;
mod scene_filter;
mod scene_network;
mod sites;
pub mod train;

pub use base_network::{BaseNetwork, NetworkSize};
pub use block_errors::block_errors;
pub(crate) use code::blocks::MapWriter;
pub use grid::GridPoint;
pub use infer::{BLOCK_SIDE, Filter, FilterLayer, FilterPlanes, GpuFilter, Kernel, block_count, reference};
pub use network::{
    ACTIVATION_BITS, GAIN_BITS, Layer, MAX_CHANNELS, MAX_LAYERS, MAX_SHIFT, Network, SITE_CHANNELS,
    SITE_CHANNELS_444, TAPS, TEMPORAL_LAYERS, UNIT_GAIN, temporal_layer,
};
pub use photo_network::{PHOTO_NETWORK, STILL_NETWORK, photo_network};
pub use scene_filter::{SceneFilter, cut_filter};
pub use scene_network::{MAX_STEP, SceneNetwork};
pub use sites::Sites;
