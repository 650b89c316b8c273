//! Scene-adaptive video codec: an AV1 base layer with integer neural layers.
//!
//! ```text
//! encode   source frames -> scenes -> profile -> plan -> base layer -> neural layer -> bitstream
//! decode   bitstream -> scene packets -> base layer -> neural layer -> frames -> metrics
//! ```
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
