//! The base layer: AV1 encoding by SVT-AV1, AV1 decoding. Rank 3.
//!
//! Frames go in and temporal units come out ([`SvtAv1Encoder`]), and the way back. One temporal unit shows
//! exactly one frame, and units travel in the order in which their frames are shown.

mod abi;
mod encoder;
mod library;
mod source;

pub use encoder::{EncoderConfig, SvtAv1Encoder, TemporalUnit};
pub use library::{LIBRARY_VARIABLE, Library, Version};
pub use source::coded_size;

#[cfg(test)]
mod tests;
mod interim;
pub use interim::*;
