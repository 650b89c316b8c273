//! The neural layer: a small integer network over the decoded frames of a scene. Rank 3.
//!
//! ```text
//! encode   decoded frames + source -> training -> network -> code -> packet
//! decode   packet -> network -> inference over decoded frames
//! ```

mod infer;
mod network;

pub use infer::{BLOCK_SIDE, Filter, Kernel, block_count, reference};
pub use network::{
    ACTIVATION_BITS, GAIN_BITS, Layer, MAX_CHANNELS, MAX_LAYERS, MAX_SHIFT, Network, SITE_CHANNELS, TAPS,
    TEMPORAL_LAYERS, UNIT_GAIN, temporal_layer,
};
