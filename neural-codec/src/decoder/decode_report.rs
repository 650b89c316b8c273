//! What a decode of a whole file tells at its end.

use serde::Serialize;

use crate::lost::Lost;

/// The account of a decode.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct DecodeReport {
    /// Frames written.
    pub frames: u64,
    /// Audio packets written.
    pub audio_packets: u64,
    /// What the file does not hold of what the stream has beside the pictures.
    pub lost: Vec<Lost>,
    /// What a person should know, in sentences.
    pub notes: Vec<String>,
    /// Wall seconds, reading and writing included.
    pub seconds: f64,
    /// Frames / seconds.
    pub frames_per_second: f64,
}
