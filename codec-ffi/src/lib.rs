//! The C library `libneuralcodec`: the public facade of `neural-codec` behind C calls.
//!
//! ```text
//! C caller -> entry (encoder, decoder, files) -> pointer checks -> Handle (lock, panic guard) -> neural-codec
//! ```
//! Doc comments on exported items become `include/neural_codec.h`, so they speak to the C reader and use C's names.
//! What a caller must keep to is written in that header; the `SAFETY` comments here refer to it.

// Safety sections would land in the header, where each call states the rules already.
#![allow(clippy::missing_safety_doc)]

mod audio;
mod decoder;
mod encoder;
mod files;
mod handle;
mod library;
mod log;
mod options;
mod planes;
mod pointer;
mod progress;
mod status;
mod video;

pub use audio::*;
pub use decoder::*;
pub use encoder::*;
pub use files::*;
pub use library::*;
pub use log::*;
pub use progress::*;
pub use status::*;
pub use video::*;
