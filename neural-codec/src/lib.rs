//! Video codec that meets a quality floor in every scene with few AV1 bytes, by measurement.
//!
//! ```text
//! encode   source frames -> scenes -> encode params -> base layer -> filter -> bitstream
//! decode   bitstream -> scene packets -> base layer -> filter -> frames -> metrics
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
//! Features, both on by default:
//!
//! | feature | brings | needs to build |
//! |---|---|---|
//! | `ffmpeg` | mp4, mkv, webm, avi, raw H.264 and HEVC in; mkv and mp4 out; sound; `decoder::export_base` | FFmpeg's development files, clang |
//! | `images` | PNG, JPEG, BMP, TIFF and WebP pictures and numbered sequences in; PNG sequences out; photos | nothing |
//!
//! Without them there are Y4M files and frames in memory. SVT-AV1, libaom and dav1d are loaded at run time, and so is the driver of an
//! NVIDIA GPU where there is one; nothing links to them.
//!
//! Modules are ranked; each imports only from ranks below its own (see `docs/ARCHITECTURE.md`).

#![cfg_attr(
    not(all(feature = "ffmpeg", feature = "images")),
    allow(dead_code, reason = "readers and writers of files use it")
)]

mod audio_plan;
pub mod base;
pub mod bitstream;
pub mod decoder;
pub mod defaults;
pub mod device;
pub mod encoder;
pub mod error;
pub mod filter;
pub mod frame;
pub mod gpu;
mod loader;
mod lost;
pub mod media;
mod memory;
pub mod metrics;
mod pooling;
pub mod process;
pub mod progress;
mod random;
mod range_coder;
pub mod repeats;
pub mod report;
pub mod scene;
pub mod scene_choice;
pub mod search;
pub mod settings;
pub mod simd;
pub mod still;
pub mod strategy;
mod threads;
pub mod wiener;

pub use error::{Error, Result};
