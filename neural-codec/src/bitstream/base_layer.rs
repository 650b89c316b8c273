//! BASE_LAYER: the AV1 stream of a scene, one temporal unit a frame.

use super::Limits;
use super::bytes::{Reader, Writer};
use super::header::{read_depth, read_size};
use super::kind::PacketKind;
use super::payload::Payload;
use crate::error::{Error, Place, Result};
use crate::frame::{BitDepth, Layout, VideoInfo};
use crate::memory;

/// The codec of a base layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum BaseCodec {
    /// AV1, low-overhead OBU format.
    Av1 = 1,
}

/// The AV1 stream of a scene.
///
/// Shapes: the coded picture is at least as large as the stream's, which is its top left part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseLayer {
    /// The codec.
    pub codec: BaseCodec,
    /// Width of the coded picture in pixels.
    pub width: u32,
    /// Height of the coded picture in pixels.
    pub height: u32,
    /// Bits of a coded sample.
    pub depth: BitDepth,
    /// Where each unit ends in `data`; strictly rising, the last being its length.
    ends: Vec<usize>,
    /// The units, one after the other.
    data: Vec<u8>,
}

impl BaseLayer {
    /// A layer that has no units yet. Units: `width` and `height` in pixels.
    pub fn new(width: u32, height: u32, depth: BitDepth) -> Self {
        Self { codec: BaseCodec::Av1, width, height, depth, ends: Vec::new(), data: Vec::new() }
    }

    /// Adds the temporal unit of the next frame.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for none or 2^32 bytes, `OutOfMemory`.
    pub fn push_unit(&mut self, unit: &[u8]) -> Result<()> {
        if unit.is_empty() || u32::try_from(unit.len()).is_err() {
            return Err(Error::invalid("temporal unit", "1 to 2^32 - 1 bytes", unit.len()));
        }
        memory::grow("temporal units", &mut self.data, unit.len())?;
        memory::grow("temporal units", &mut self.ends, 1)?;
        self.data.extend_from_slice(unit);
        self.ends.push(self.data.len());
        Ok(())
    }

    /// The temporal units, one a frame.
    pub fn units(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().map(move |&end| &self.data[std::mem::replace(&mut start, end)..end])
    }

    /// The temporal unit of one frame of the scene.
    pub fn unit(&self, frame: usize) -> Option<&[u8]> {
        let end = *self.ends.get(frame)?;
        let start = frame.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(&self.data[start..end])
    }

    /// Bytes of all units together.
    pub fn byte_len(&self) -> usize {
        self.data.len()
    }

    /// Whether frames of `info` can be made of this layer.
    pub(super) fn check_fits(&self, info: &VideoInfo, place: Place) -> Result<()> {
        if info.format.layout != Layout::Yuv420 {
            return Err(Error::Unsupported {
                what: format!("base layer in a stream of {}{place}", info.format),
                remedy: "format version 1.0 carries 4:2:0 only".into(),
            });
        }
        let (width, height) = (self.width as usize, self.height as usize);
        if width < info.width || height < info.height || self.depth < info.format.depth {
            let expected =
                format!("at least {}x{} at {} bits", info.width, info.height, info.format.depth.bits());
            let found = format!("{width}x{height} at {} bits", self.depth.bits());
            return Err(Error::corrupt("base layer", expected, found, place));
        }
        Ok(())
    }
}

impl Payload for BaseLayer {
    const KIND: PacketKind = PacketKind::BaseLayer;

    fn read(reader: &mut Reader<'_>, limits: &Limits) -> Result<Self> {
        let code = reader.u8("base codec")?;
        if code != BaseCodec::Av1 as u8 {
            return Err(Error::Unsupported {
                what: format!("base codec {code}"),
                remedy: "a newer version of this library may read it".into(),
            });
        }
        let depth = read_depth(reader)?;
        let (width, height) = read_size(reader, limits)?;
        let count = reader.u32("number of temporal units")?;
        reader.limited("number of temporal units", u64::from(count), u64::from(limits.max_scene_frames))?;
        let mut ends = memory::reserved("temporal units", reader.remaining().min(count as usize))?;
        let mut total = 0;
        for _ in 0..count {
            let size = reader.varint("size of a temporal unit")?;
            let left = reader.remaining().saturating_sub(total);
            match usize::try_from(size) {
                Ok(size) if (1..=left).contains(&size) => total += size,
                _ => return Err(reader.corrupt("size of a temporal unit", format!("1 to {left}"), size)),
            }
            ends.push(total);
        }
        if total != reader.remaining() {
            let expected = format!("a sum of {}", reader.remaining());
            return Err(reader.corrupt("sizes of the temporal units", expected, total));
        }
        let data = reader.rest("temporal units")?;
        Ok(Self { codec: BaseCodec::Av1, width, height, depth, ends, data })
    }

    fn write(&self, writer: &mut Writer) -> Result<()> {
        writer.u8(self.codec as u8);
        writer.u8(self.depth.bits());
        writer.u32(self.width);
        writer.u32(self.height);
        writer.size("number of temporal units", self.ends.len())?;
        self.units().for_each(|unit| writer.varint(unit.len() as u64));
        writer.raw(&self.data);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{PixelFormat, Rational};

    #[test]
    fn units_come_back_as_they_were_pushed() {
        let mut base = BaseLayer::new(16, 16, BitDepth::Ten);
        let units: [&[u8]; 3] = [&[1, 2, 3], &[4], &[5; 300]];
        units.iter().for_each(|unit| base.push_unit(unit).unwrap());
        assert!(base.units().eq(units));
        assert!((0..3).map(|frame| base.unit(frame).unwrap()).eq(units) && base.unit(3).is_none());
        assert!(base.push_unit(&[]).is_err());
    }

    #[test]
    fn a_layer_too_small_or_too_shallow_does_not_fit() {
        let mut info = VideoInfo::new(16, 9, PixelFormat::YUV420_8, Rational { num: 25, den: 1 });
        let place = Place::default();
        let fits =
            |info: &VideoInfo, w, h, depth| BaseLayer::new(w, h, depth).check_fits(info, place).is_ok();
        assert!(fits(&info, 16, 16, BitDepth::Ten) && fits(&info, 16, 9, BitDepth::Eight));
        assert!(!fits(&info, 15, 9, BitDepth::Ten) && !fits(&info, 16, 8, BitDepth::Ten));
        info.format = PixelFormat::YUV420_10;
        assert!(!fits(&info, 16, 16, BitDepth::Eight));
        info.format = PixelFormat::RGB_8;
        assert!(!fits(&info, 16, 16, BitDepth::Eight));
    }
}
