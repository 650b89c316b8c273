//! A scene as bytes of its own, encoded apart from all others and joined later.

use super::bytes::Writer;
use super::payload::Payload;
use super::repeats::check_repeats;
use super::{BaseLayer, FRAMES_PER_HASH, FormatVersion, FrameHashes, NeuralFilter, SceneHeader};
use crate::error::{Error, Result};
use crate::memory;

/// All packets of a scene.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScenePackets {
    /// Which frames the scene holds, and how it is coded.
    pub header: SceneHeader,
    /// The AV1 stream, one temporal unit a frame.
    pub base: BaseLayer,
    /// The filter that the decoded frames pass through, in a scene of [`Strategy::Hybrid`](super::Strategy).
    pub filter: Option<NeuralFilter>,
    /// One hash for every [`FRAMES_PER_HASH`](super::FRAMES_PER_HASH) decoded frames.
    pub hashes: Vec<u64>,
}

impl ScenePackets {
    /// The bytes of the scene in any stream; equal scenes give equal bytes.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` where units, hashes and timestamps do not agree in number or the timestamps do
    /// not rise; `OutOfMemory`.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        self.to_bytes_of(FormatVersion::CURRENT)
    }

    /// As [`to_bytes`](Self::to_bytes), the bytes in a stream of an earlier version.
    ///
    /// # Errors
    ///
    /// As [`to_bytes`](Self::to_bytes).
    pub fn to_bytes_of(&self, version: FormatVersion) -> Result<Vec<u8>> {
        let frames = self.header.frame_count();
        check_repeats(&self.header.repeats, frames)?;
        if version < FormatVersion::REPEATS && !self.header.repeats.is_empty() {
            return Err(Error::invalid(
                "format version",
                "1.4 for frames that are shown again",
                format!("{}.{}", version.major, version.minor),
            ));
        }
        for (name, expected, found) in [
            ("temporal units", self.header.coded_count(), self.base.units().len()),
            ("frame hashes", frames.div_ceil(FRAMES_PER_HASH), self.hashes.len()),
        ] {
            if found != expected {
                return Err(Error::invalid(name, format!("{expected} for {frames} frames"), found));
            }
        }
        let mut writer = Writer::default();
        if version >= FormatVersion::SHORT {
            self.head()?.write_packet(&mut writer)?;
            self.base.units.write_packet(&mut writer)?;
            return Ok(writer.bytes);
        }
        self.header.write_packet(&mut writer)?;
        self.base.write_packet(&mut writer)?;
        if let Some(filter) = &self.filter {
            filter.write_packet(&mut writer)?;
        }
        FrameHashes(memory::copied("frame hashes", &self.hashes)?).write_packet(&mut writer)?;
        Ok(writer.bytes)
    }
}
