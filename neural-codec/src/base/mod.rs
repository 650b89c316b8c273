//! The base layer: AV1 encoding by SVT-AV1, of photos by libaom too, AV1 decoding.
//!
//! Frames go in and temporal units come out ([`SvtAv1Encoder`]), and the way back. One temporal unit shows
//! exactly one frame, and units travel in the order in which their frames are shown.

mod abi;
mod activity;
mod aside;
mod config;
mod copy;
mod dav1d;
mod decoder;
mod encoder;
mod hdr;
mod instance;
mod libaom;
mod library;
mod obu;
mod quantizer;
mod retries;
mod source;
mod still_encoder;
mod temporal_unit;
mod version;

pub use config::EncoderConfig;
pub use dav1d::{DECODER_VARIABLE, decoder_version, suggest_decoder};
pub use decoder::{Av1Decoder, DecoderConfig};
pub use encoder::SvtAv1Encoder;
pub(crate) use encoder::{MOST_HELD, MOST_OF_A_FRAME};
pub use hdr::read_hdr;
pub use libaom::{AOM_VARIABLE, Libaom, aom_version, suggest_aom};
pub use library::{LIBRARY_VARIABLE, Library};
pub use obu::{
    ForeignUnit, SequenceHeader, UnitInfo, insert_hdr, insert_message, probe, sequence_header,
    sequence_header_obu, take_apart,
};
pub use quantizer::Quantizer;
pub(crate) use retries::{retries_note, retry, with_retries};
pub use source::{coded_size, shown_padding};
pub use still_encoder::{StillEncoder, StillTune};
pub use temporal_unit::TemporalUnit;
pub use version::Version;

#[cfg(test)]
mod tests;
