//! What the base encoder gives for a frame, and the stream stores.

/// The coded form of one frame, with whatever hidden frames it needs first.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TemporalUnit {
    /// AV1 low-overhead bytes, without a temporal delimiter.
    pub data: Vec<u8>,
    /// Index of the frame it shows, counted from 0 in the order in which frames were sent.
    pub index: u64,
    /// Whether decoding can begin here.
    pub is_key: bool,
    /// Quantizer of the shown frame on the scale of [`EncoderConfig::quantizer`](super::EncoderConfig::quantizer), as SVT-AV1 reports it.
    pub quantizer: u8,
    /// Temporal layer of the shown frame, 0 lowest; only version 3 and newer say it.
    pub temporal_layer: Option<u8>,
}
