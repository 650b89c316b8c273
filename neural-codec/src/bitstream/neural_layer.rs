//! The neural layer of a scene where its AV1 lies in another container: what travels in a metadata OBU of the first
//! temporal unit, and everything that a scene needs beside its AV1.
//!
//! ```text
//! UUID | version | fields | NEURAL_FILTER | FRAME_HASHES | CRC-32C
//! ```
//! No index, first frame or timestamp: files are cut, joined and shifted.

use super::bytes::{Reader, Writer};
use super::header::{read_color, read_depth, read_layout, read_size, write_color, write_layout};
use super::payload::Payload;
use super::scene::read_strategy;
use super::{FRAMES_PER_HASH, FrameHashes, Limits, NeuralFilter, ScenePackets};
use crate::error::{Error, Place, Result};
use crate::frame::{Color, PixelFormat, Rational, VideoInfo};
use crate::strategy::Strategy;

/// What tells a neural layer from all other metadata.
pub const LAYER_UUID: [u8; 16] = *b"\x6e\x63\x6c\x61\x79\x72\x4e\x56\x9f\x1d\x4b\x3a\x5c\x27\xe8\x61";

/// The version that is written, and the only one that is read.
const VERSION: u8 = 1;

/// Bytes of the checksum at the end.
const CRC_BYTES: usize = 4;

/// What a scene carries beside its AV1.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NeuralLayer {
    /// How the scene is coded.
    pub strategy: Strategy,
    /// Width of the decoded picture in pixels.
    pub width: u32,
    /// Height of the decoded picture in pixels.
    pub height: u32,
    /// Layout and depth of the decoded picture.
    pub format: PixelFormat,
    /// What its samples mean.
    pub color: Color,
    /// Nominal frames a second of the stream.
    pub frame_rate: Rational,
    /// Seconds per unit of the stream's timestamps, which a container may count more coarsely.
    pub time_base: Rational,
    /// Frames of the whole scene; a file that was cut holds fewer.
    pub frames: u32,
    /// The network that decoded frames pass through.
    pub filter: Option<NeuralFilter>,
    /// One hash for every [`FRAMES_PER_HASH`](super::FRAMES_PER_HASH) decoded frames.
    pub hashes: Vec<u64>,
}

impl NeuralLayer {
    /// The layer of a scene of a stream, whose filter and hashes are for `frames` frames.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for more than 2^32 frames or pixels a side.
    pub fn of(scene: &ScenePackets, info: &VideoInfo, frames: usize) -> Result<Self> {
        let small = |name: &'static str, value: usize| {
            u32::try_from(value).map_err(|_| Error::invalid(name, "below 2^32", value))
        };
        Ok(Self {
            strategy: scene.header.strategy,
            width: small("width", info.width)?,
            height: small("height", info.height)?,
            format: info.format,
            color: info.color,
            frame_rate: info.frame_rate,
            time_base: info.time_base,
            frames: small("frames of a scene", frames)?,
            filter: scene.filter.clone(),
            hashes: scene.hashes.clone(),
        })
    }

    /// The layer as bytes, for [`from_bytes`](Self::from_bytes).
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for what the fields cannot hold.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut writer = Writer::behind(LAYER_UUID.to_vec());
        writer.u8(VERSION);
        writer.u8(self.strategy as u8);
        write_layout(&mut writer, self.format.layout);
        writer.u8(self.format.depth.bits());
        write_color(&mut writer, self.color);
        writer.u32(self.width);
        writer.u32(self.height);
        writer.rational(self.frame_rate);
        writer.rational(self.time_base);
        writer.varint(self.frames.into());
        let mut filter = Writer::default();
        self.filter.as_ref().map_or(Ok(()), |packet| packet.write(&mut filter))?;
        writer.varint(filter.bytes.len() as u64);
        writer.raw(&filter.bytes);
        FrameHashes(self.hashes.clone()).write(&mut writer)?;
        let crc = crc32c::crc32c(&writer.bytes);
        writer.u32(crc);
        filter.check()?;
        writer.check()?;
        Ok(writer.bytes)
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote; `None` for metadata of another kind.
    ///
    /// # Errors
    ///
    /// `Corrupt` with the offset in `bytes`, `LimitExceeded`, `Unsupported` for another version.
    pub fn from_bytes(bytes: &[u8], limits: &Limits) -> Result<Option<Self>> {
        if !bytes.starts_with(&LAYER_UUID) {
            return Ok(None);
        }
        let truncated = || Error::Truncated { what: "neural layer", place: Place::default() };
        let (content, crc) = bytes.split_last_chunk::<CRC_BYTES>().ok_or_else(truncated)?;
        let (expected, found) = (u32::from_le_bytes(*crc), crc32c::crc32c(content));
        if expected != found {
            let (expected, found) = (format!("{expected:08x}"), format!("{found:08x}"));
            return Err(Error::corrupt("checksum of a neural layer", expected, found, Place::default()));
        }
        let start = LAYER_UUID.len();
        let body = content.get(start..).ok_or_else(truncated)?;
        Self::read(&mut Reader::new(body, start as u64), limits).map(Some)
    }

    fn read(reader: &mut Reader<'_>, limits: &Limits) -> Result<Self> {
        let version = reader.u8("version of a neural layer")?;
        if version != VERSION {
            return Err(Error::Unsupported {
                what: format!("version {version} of a neural layer"),
                remedy: "a newer version of this library may read it".into(),
            });
        }
        let strategy = read_strategy(reader, 0)?;
        let format = PixelFormat { layout: read_layout(reader)?, depth: read_depth(reader)? };
        let color = read_color(reader)?;
        let (width, height) = read_size(reader, limits)?;
        let (frame_rate, time_base) = (reader.rational("frame rate")?, reader.rational("time base")?);
        let frames = reader.varint("frames of a scene")?;
        reader.limited("frames of a scene", frames, limits.max_scene_frames.into())?;
        if frames == 0 {
            return Err(reader.corrupt("frames of a scene", "at least 1", 0));
        }
        let length = reader.varint("bytes of a filter")?;
        reader.limited("bytes of a filter", length, limits.max_scene_bytes)?;
        let mut inner = reader.nested(usize::try_from(length).unwrap_or(usize::MAX), "filter")?;
        let filter = if length == 0 { None } else { Some(NeuralFilter::read(&mut inner, limits)?) };
        inner.finish("filter")?;
        if filter.is_some() != (strategy == Strategy::Hybrid) {
            let found = if filter.is_some() { "one" } else { "none" };
            return Err(reader.corrupt("filter", format!("what {strategy:?} has"), found));
        }
        let FrameHashes(hashes) = FrameHashes::read(reader, limits)?;
        let expected = (frames as usize).div_ceil(FRAMES_PER_HASH);
        if hashes.len() != expected {
            return Err(reader.corrupt("frame hashes of a scene", expected, hashes.len()));
        }
        // At most `max_scene_frames`, which is 32 bits.
        Ok(Self {
            strategy,
            width,
            height,
            format,
            color,
            frame_rate,
            time_base,
            frames: frames as u32,
            filter,
            hashes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategy::Strategy;
    use proptest::prelude::*;

    fn layer(filter: bool) -> NeuralLayer {
        NeuralLayer {
            strategy: if filter { Strategy::Hybrid } else { Strategy::Av1 },
            width: 175,
            height: 143,
            format: PixelFormat::YUV420_10,
            color: Color { primaries: 9, transfer: 16, matrix: 9, ..Color::default() },
            frame_rate: Rational { num: 30_000, den: 1001 },
            time_base: Rational { num: 1001, den: 30_000 },
            frames: 33,
            filter: filter.then(|| NeuralFilter {
                profile: 1,
                quantizer: 100,
                steps: vec![1, 2, 3],
                differences: vec![7; 40],
                blocks: vec![],
            }),
            hashes: vec![1, u64::MAX],
        }
    }

    #[test]
    fn a_layer_reads_back_with_and_without_a_filter() {
        for layer in [layer(true), layer(false)] {
            let bytes = layer.to_bytes().unwrap();
            assert_eq!(NeuralLayer::from_bytes(&bytes, &Limits::default()).unwrap(), Some(layer));
        }
    }

    #[test]
    fn metadata_of_others_is_no_layer_and_no_error() {
        for bytes in [&b""[..], b"\x00\x31GA94\x03", &LAYER_UUID[..15]] {
            assert_eq!(NeuralLayer::from_bytes(bytes, &Limits::default()).unwrap(), None);
        }
    }

    #[test]
    fn every_changed_byte_and_every_shorter_layer_is_noticed() {
        let bytes = layer(true).to_bytes().unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            assert!(!matches!(NeuralLayer::from_bytes(&changed, &Limits::default()), Ok(Some(_))), "{at}");
            let cut = NeuralLayer::from_bytes(&bytes[..at], &Limits::default());
            assert!(!matches!(cut, Ok(Some(_))), "{at}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_under_a_right_checksum_end_in_a_verdict(
            tail in proptest::collection::vec(any::<u8>(), 0..80), version in 0..3_u8,
        ) {
            let mut bytes = LAYER_UUID.to_vec();
            bytes.push(version);
            bytes.extend(tail);
            bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
            let _ = NeuralLayer::from_bytes(&bytes, &Limits::default());
        }
    }
}
