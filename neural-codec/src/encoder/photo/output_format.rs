//! What a photo becomes: what its file holds, and how many bytes it has.

use super::avif::{self, avif_file};
use crate::bitstream::PhotoPacket;
use crate::error::Result;
use crate::lost::Lost;

/// What a photo becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OutputFormat {
    Stream,
    Avif,
}

impl OutputFormat {
    /// What of a photo such a file does not hold.
    pub(super) fn lost(self, packet: &PhotoPacket) -> Vec<Lost> {
        match self {
            Self::Stream => Vec::new(),
            Self::Avif => avif::lost(packet),
        }
    }

    /// The file.
    ///
    /// # Errors
    ///
    /// As [`PhotoPacket::to_file`] and [`avif_file`].
    pub(super) fn file(self, packet: &PhotoPacket) -> Result<Vec<u8>> {
        match self {
            Self::Stream => packet.to_file(),
            Self::Avif => avif_file(packet),
        }
    }
}
