//! SCENE_HEAD: all that decoding a scene takes beside its temporal units, in front of them.

use super::base_layer::{BaseCodec, codec_of};
use super::bytes::{Reader, Writer};
use super::header::{check_pixels, read_depth};
use super::kind::PacketKind;
use super::payload::Payload;
use super::photo::read_side;
use super::repeats::{read_repeats, write_repeats};
use super::scene::{read_deltas, read_strategy, write_deltas};
use super::units::Units;
use super::{BaseLayer, FRAMES_PER_HASH, Limits, NeuralFilter, SceneHeader, ScenePackets};
use crate::error::Result;
use crate::frame::BitDepth;
use crate::memory;
use crate::repeats::Repeats;

/// The codec of a scene some of whose frames show the one before again; others have the codec's own number.
const AV1_WITH_REPEATS: u8 = 2;

/// A scene without its temporal units.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SceneHead {
    /// Which frames the scene holds, and how it is coded.
    pub header: SceneHeader,
    /// The codec of the base layer.
    pub codec: BaseCodec,
    /// Width of the coded picture in pixels.
    pub width: u32,
    /// Height of the coded picture in pixels.
    pub height: u32,
    /// Bits of a coded sample.
    pub depth: BitDepth,
    /// The filter that the decoded frames pass through, in a scene of [`Strategy::Hybrid`](super::Strategy).
    pub filter: Option<NeuralFilter>,
    /// One hash for every [`FRAMES_PER_HASH`](super::FRAMES_PER_HASH) decoded frames.
    pub hashes: Vec<u64>,
}

impl SceneHead {
    /// The whole scene.
    pub(crate) fn with_units(self, units: Units) -> ScenePackets {
        let Self { header, codec, width, height, depth, filter, hashes } = self;
        ScenePackets { header, base: BaseLayer { codec, width, height, depth, units }, filter, hashes }
    }
}

impl ScenePackets {
    /// What comes in front of the temporal units.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`.
    pub(super) fn head(&self) -> Result<SceneHead> {
        let BaseLayer { codec, width, height, depth, .. } = self.base;
        Ok(SceneHead {
            header: self.header.clone(),
            codec,
            width,
            height,
            depth,
            filter: self.filter.clone(),
            hashes: memory::copied("frame hashes", &self.hashes)?,
        })
    }
}

impl Payload for SceneHead {
    const KIND: PacketKind = PacketKind::SceneHead;

    fn read(reader: &mut Reader<'_>, limits: &Limits) -> Result<Self> {
        let index = reader.varint("scene index")?;
        let index = reader.limited("scene index", index, u32::MAX.into())? as u32;
        let first_frame = reader.varint("first frame of a scene")?;
        let frame_count = reader.varint("frames of a scene")?;
        if frame_count == 0 {
            return Err(reader.corrupt("frames of a scene", "at least 1", 0));
        }
        let frame_count =
            reader.limited("frames of a scene", frame_count, limits.max_scene_frames.into())? as u32;
        let strategy = read_strategy(reader, index)?;
        let first = reader.signed_varint("first timestamp")?;
        let timestamps = read_deltas(reader, first, frame_count)?;
        let (codec, repeats) = match reader.u8("base codec")? {
            AV1_WITH_REPEATS => (BaseCodec::Av1, read_repeats(reader, frame_count as usize)?),
            code => (codec_of(code)?, Repeats::default()),
        };
        let header = SceneHeader { index, first_frame, strategy, timestamps, repeats };
        let depth = read_depth(reader)?;
        let width = read_side(reader, "width", limits.max_width)?;
        let height = read_side(reader, "height", limits.max_height)?;
        check_pixels(reader, (width, height), limits)?;
        let length = reader.varint("bytes of a filter")?;
        reader.limited("bytes of a filter", length, limits.max_scene_bytes)?;
        let filter = match length {
            0 => None,
            _ => {
                let mut inner = reader.nested(usize::try_from(length).unwrap_or(usize::MAX), "filter")?;
                let filter = NeuralFilter::read(&mut inner, limits)?;
                inner.finish("filter")?;
                Some(filter)
            }
        };
        let count = (frame_count as usize).div_ceil(FRAMES_PER_HASH);
        let mut hashes = memory::reserved("frame hashes", count.min(reader.remaining() / 8 + 1))?;
        for _ in 0..count {
            hashes.push(reader.u64("frame hash")?);
        }
        Ok(Self { header, codec, width, height, depth, filter, hashes })
    }

    fn write(&self, writer: &mut Writer) -> Result<()> {
        writer.varint(self.header.index.into());
        writer.varint(self.header.first_frame);
        writer.varint(self.header.frame_count() as u64);
        writer.u8(self.header.strategy as u8);
        writer.signed_varint(self.header.timestamps.first().copied().unwrap_or_default());
        write_deltas(writer, &self.header.timestamps)?;
        if self.header.repeats.is_empty() {
            writer.u8(self.codec as u8);
        } else {
            writer.u8(AV1_WITH_REPEATS);
            write_repeats(&self.header.repeats, writer);
        }
        writer.u8(self.depth.bits());
        writer.varint(self.width.into());
        writer.varint(self.height.into());
        let mut filter = Writer::default();
        self.filter.as_ref().map_or(Ok(()), |packet| packet.write(&mut filter))?;
        filter.check()?;
        writer.varint(filter.bytes.len() as u64);
        writer.raw(&filter.bytes);
        self.hashes.iter().for_each(|&hash| writer.u64(hash));
        Ok(())
    }
}
