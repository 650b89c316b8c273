//! A scene as it leaves `encode_scene`: its packets, their account, and what it leaves to later scenes. It may travel to
//! another process or machine before it is joined with others.

use serde::{Deserialize, Serialize};

use crate::bitstream::{Limits, ScenePackets};
use crate::error::{Error, Result};
use crate::filter::train::TrainedFilter;
use crate::metrics::FrameMetrics;
use crate::report::SceneReport;
use crate::search::CodedFrames;

/// Begins the bytes of an encoded scene; the last digit is the version.
const MAGIC: &[u8; 8] = b"ncscene4";

/// One scene, encoded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EncodedScene {
    /// The scene's packets, as they stand in a stream.
    pub bytes: Vec<u8>,
    /// The account of the scene, measured on what these bytes decode to.
    pub report: SceneReport,
    /// The filter that scenes after this one may begin from.
    pub trained: Option<TrainedFilter>,
    /// Distortion of each frame.
    pub(crate) frames: Vec<FrameMetrics>,
    /// First and last timestamp.
    pub(crate) span: (i64, i64),
    /// The frames of the base layer.
    pub(crate) base: CodedFrames,
    /// Sum of squared errors of the luma samples, on the scale of 8 bits.
    pub(crate) squared_error: f64,
}

impl EncodedScene {
    /// The same scene of a clip that has so many more scenes before it.
    ///
    /// # Errors
    ///
    /// None that a valid scene can cause.
    pub(super) fn moved_by(mut self, scenes: u32) -> Result<Self> {
        if scenes > 0 {
            let mut packets = ScenePackets::from_bytes(&self.bytes, &Limits::default())?;
            packets.header.index += scenes;
            self.bytes = packets.to_bytes()?;
            // The number of the scene takes more bytes from 128 on, and from 16,384.
            let size = self.bytes.len() as u64;
            self.report.index = packets.header.index;
            self.report.bitrate_bps *= size as f64 / self.report.bytes as f64;
            self.report.bytes = size;
        }
        Ok(self)
    }

    /// The scene as bytes, for [`from_bytes`](Self::from_bytes).
    ///
    /// # Errors
    ///
    /// None that a valid scene can cause.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        postcard::to_extend(self, MAGIC.to_vec()).map_err(|e| Error::internal("encoded scene", e.to_string()))
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote. The packets inside are checked when scenes are joined.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for anything else, and for a network that cannot be.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let wrong = |found: String| Error::invalid("encoded scene", "bytes of one, of this version", found);
        let rest = bytes.strip_prefix(MAGIC).ok_or_else(|| wrong(format!("{} other bytes", bytes.len())))?;
        let scene: Self = postcard::from_bytes(rest).map_err(|error| wrong(error.to_string()))?;
        if let Some(trained) = &scene.trained
            && !trained.network.is_well_formed()?
        {
            return Err(wrong("a network of another shape".into()));
        }
        Ok(scene)
    }
}
