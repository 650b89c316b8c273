//! The base layer of a scene, one temporal unit a frame; and BASE_LAYER, which carried it up to version 1.2.

use super::Limits;
use super::bytes::{Reader, Writer};
use super::header::{read_depth, read_size};
use super::kind::PacketKind;
use super::payload::Payload;
use super::units::Units;
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
    /// The temporal units, one a frame.
    pub(super) units: Units,
}

impl BaseLayer {
    /// A layer that has no units yet. Units: `width` and `height` in pixels.
    pub fn new(width: u32, height: u32, depth: BitDepth) -> Self {
        Self { codec: BaseCodec::Av1, width, height, depth, units: Units::default() }
    }

    /// Adds the temporal unit of the next frame.
    ///
    /// # Errors
    ///
    /// As [`Units::push`].
    pub fn push_unit(&mut self, unit: &[u8]) -> Result<()> {
        self.units.push(unit)
    }

    /// The temporal units, one a frame.
    pub fn units(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.units.iter()
    }

    /// The temporal unit of one frame of the scene.
    pub fn unit(&self, frame: usize) -> Option<&[u8]> {
        self.units.get(frame)
    }

    /// Bytes of all units together.
    pub fn byte_len(&self) -> usize {
        self.units.bytes().len()
    }
}

/// Whether frames of `info` can be made of a layer of this size and depth.
pub(super) fn check_fits(
    (width, height, depth): (u32, u32, BitDepth),
    info: &VideoInfo,
    place: Place,
) -> Result<()> {
    if info.format.layout != Layout::Yuv420 {
        return Err(Error::Unsupported {
            what: format!("base layer in a stream of {}{place}", info.format),
            remedy: "format version 1.0 carries 4:2:0 only".into(),
        });
    }
    let (width, height) = (width as usize, height as usize);
    if width < info.width || height < info.height || depth < info.format.depth {
        let expected =
            format!("at least {}x{} at {} bits", info.width, info.height, info.format.depth.bits());
        let found = format!("{width}x{height} at {} bits", depth.bits());
        return Err(Error::corrupt("base layer", expected, found, place));
    }
    Ok(())
}

/// The codec of a base layer by its number.
pub(super) fn codec_of(code: u8) -> Result<BaseCodec> {
    match code {
        1 => Ok(BaseCodec::Av1),
        code => Err(Error::Unsupported {
            what: format!("base codec {code}"),
            remedy: "a newer version of this library may read it".into(),
        }),
    }
}

impl Payload for BaseLayer {
    const KIND: PacketKind = PacketKind::BaseLayer;

    fn read(reader: &mut Reader<'_>, limits: &Limits) -> Result<Self> {
        let codec = codec_of(reader.u8("base codec")?)?;
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
        Ok(Self { codec, width, height, depth, units: Units::of(ends, data) })
    }

    fn write(&self, writer: &mut Writer) -> Result<()> {
        writer.u8(self.codec as u8);
        writer.u8(self.depth.bits());
        writer.u32(self.width);
        writer.u32(self.height);
        writer.size("number of temporal units", self.units.count())?;
        self.units().for_each(|unit| writer.varint(unit.len() as u64));
        writer.raw(self.units.bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{PixelFormat, Rational};

    #[test]
    fn a_layer_too_small_or_too_shallow_does_not_fit() {
        let mut info = VideoInfo::new(16, 9, PixelFormat::YUV420_8, Rational { num: 25, den: 1 });
        let place = Place::default();
        let fits = |info: &VideoInfo, w, h, depth| check_fits((w, h, depth), info, place).is_ok();
        assert!(fits(&info, 16, 16, BitDepth::Ten) && fits(&info, 16, 9, BitDepth::Eight));
        assert!(!fits(&info, 15, 9, BitDepth::Ten) && !fits(&info, 16, 8, BitDepth::Ten));
        info.format = PixelFormat::YUV420_10;
        assert!(!fits(&info, 16, 16, BitDepth::Eight));
        info.format = PixelFormat::RGB_8;
        assert!(!fits(&info, 16, 16, BitDepth::Eight));
    }
}
