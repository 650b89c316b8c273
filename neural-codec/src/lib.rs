//! Scene-adaptive video codec: an AV1 base layer with integer neural layers.
//!
//! ```text
//! encode   source frames -> scenes -> profile -> plan -> base layer -> neural layer -> bitstream
//! decode   bitstream -> scene packets -> base layer -> neural layer -> frames -> metrics
//! ```
//! Files in, files out:
//!
//! ```no_run
//! use std::path::Path;
//! use neural_codec::{encoder, settings::Settings};
//!
//! let mut settings = Settings::default();
//! settings.set("min_psnr_y", "38")?;
//! let hooks = encoder::Hooks::default();
//! let report = encoder::encode_file(Path::new("clip.mp4"), Path::new("clip.nvc"), &settings, hooks)?;
//! println!("{} b/s", report.total.bitrate_bps);
//! # Ok::<(), neural_codec::Error>(())
//! ```
//! Frame by frame: [`encoder::EncodingAgent`] and [`decoder::DecodingAgent`]. From any frame on:
//! [`decoder::SeekingDecoder`]. Quality alone: [`metrics::Comparison`].
//!
//! Modules are ranked; each imports only from ranks below its own (see `docs/ARCHITECTURE.md`).

pub mod base;
pub mod bitstream;
pub mod compute;
pub mod decoder;
pub mod encoder;
pub mod error;
pub mod frame;
pub mod media;
pub mod metrics;
pub mod neural;
pub mod progress;
pub mod report;
pub mod scene;
pub mod settings;
pub mod strategy;

pub use error::{Error, Result};
