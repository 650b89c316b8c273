//! Scene-adaptive video codec: an AV1 base layer with integer neural layers.
//!
//! ```text
//! encode   source frames -> scenes -> profile -> plan -> base layer -> neural layer -> bitstream
//! decode   bitstream -> scene packets -> base layer -> neural layer -> frames -> metrics
//! ```
//! A clip of ten frames to a stream and back (files take one call each, [`encoder::encode_file`] and
//! [`decoder::decode_file`]):
//!
//! ```
//! use neural_codec::decoder::{DecoderSettings, SeekingDecoder};
//! use neural_codec::encoder::EncodingAgent;
//! use neural_codec::frame::{Color, Frame, PixelFormat, Rational, VideoInfo};
//! use neural_codec::settings::Settings;
//!
//! # fn main() -> neural_codec::Result<()> {
//! let mut settings = Settings::default(); // every scene at least 35 dB and SSIM 0.95
//! settings.set("effort", "0")?;
//! let info = VideoInfo::new(64, 48, PixelFormat::YUV420_8, Rational::new(25, 1)?);
//!
//! let mut agent = EncodingAgent::new(info, &settings)?;
//! let mut stream = Vec::new();
//! for number in 0..10 {
//!     let frame = Frame::new(info.width, info.height, info.format, Color::default())?;
//!     agent.send_frame(frame.with_timestamp(number))?;
//!     while let Some(bytes) = agent.receive_packet()? {
//!         stream.extend(bytes);
//!     }
//! }
//! agent.finish()?;
//! while let Some(bytes) = agent.receive_packet()? {
//!     stream.extend(bytes);
//! }
//! let report = agent.into_report()?;
//! assert!(report.total.target_met && report.total.bytes == stream.len() as u64);
//!
//! let mut decoder = SeekingDecoder::open(std::io::Cursor::new(stream), DecoderSettings::default())?;
//! decoder.seek(7)?;
//! let frame = decoder.decode_frame()?.expect("frame 7 of 10");
//! assert_eq!((frame.width(), frame.timestamp), (64, 7));
//! # Ok(())
//! # }
//! ```
//!
//! Modules are ranked; each imports only from ranks below its own (see `docs/ARCHITECTURE.md`).

pub mod base;
pub mod bitstream;
pub mod decoder;
pub mod device;
pub mod encoder;
pub mod error;
pub mod filter;
pub mod frame;
pub mod gpu;
pub mod media;
pub mod metrics;
pub mod progress;
pub mod report;
pub mod scene;
pub mod search;
pub mod settings;
pub mod simd;
pub mod strategy;

pub use error::{Error, Result};
