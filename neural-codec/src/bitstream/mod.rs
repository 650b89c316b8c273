//! The `.nvc` stream: packets read beside packets written. Rank 2.

mod audio;

pub use audio::{AudioPacket, AudioTrack};
