//! UNITS: the temporal units of a scene, which close it; and how they are read one by one, as their bytes come.
//!
//! ```text
//! number of units | bytes of the shapes | shapes of all units, range coded | what is stored of each unit
//! ```
//! Shapes come first, so that a unit is whole as soon as its own bytes are there.

use super::Limits;
use super::bytes::{Reader, Writer};
use super::kind::PacketKind;
use super::payload::Payload;
use super::unit_shape::{ShapeModels, UnitShape};
use crate::error::{Error, Place, Result};
use crate::memory;
use crate::range_coder::bits::{BitReader, BitWriter};

/// The temporal units of a scene.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Units {
    /// Where each unit ends in `data`; strictly rising, the last being its length.
    ends: Vec<usize>,
    /// The units, one after the other.
    data: Vec<u8>,
}

impl Units {
    /// Units that lie one after the other in `data` and end at `ends`.
    pub(super) fn of(ends: Vec<usize>, data: Vec<u8>) -> Self {
        Self { ends, data }
    }

    /// Adds the unit of the next frame.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for none, or 2^32 - 1 bytes and more, `OutOfMemory`.
    pub fn push(&mut self, unit: &[u8]) -> Result<()> {
        if !(1..u32::MAX as usize).contains(&unit.len()) {
            return Err(Error::invalid("temporal unit", "1 to 2^32 - 2 bytes", unit.len()));
        }
        memory::grow("temporal units", &mut self.data, unit.len())?;
        memory::grow("temporal units", &mut self.ends, 1)?;
        self.data.extend_from_slice(unit);
        self.ends.push(self.data.len());
        Ok(())
    }

    /// The units, one a frame.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().map(move |&end| &self.data[std::mem::replace(&mut start, end)..end])
    }

    /// The unit of one frame of the scene.
    pub fn get(&self, frame: usize) -> Option<&[u8]> {
        let end = *self.ends.get(frame)?;
        let start = frame.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(&self.data[start..end])
    }

    /// Number of units.
    pub fn count(&self) -> usize {
        self.ends.len()
    }

    /// All units, one after the other.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.data
    }
}

impl Payload for Units {
    const KIND: PacketKind = PacketKind::Units;

    fn read(reader: &mut Reader<'_>, limits: &Limits) -> Result<Self> {
        let count = read_count(reader, limits)?;
        let length = read_shapes_length(reader, reader.remaining())?;
        let mut shapes = Shapes::new(reader.bytes(length, "shapes of temporal units")?, count)?;
        let mut units = Self::default();
        while let Some(shape) = shapes.next(reader.remaining() as u64, reader.place())? {
            let stored = reader.bytes(shape.stored_bytes() as usize, "temporal unit")?;
            shape.restore(stored, &mut units.data)?;
            memory::grow("temporal units", &mut units.ends, 1)?;
            units.ends.push(units.data.len());
        }
        Ok(units)
    }

    fn write(&self, writer: &mut Writer) -> Result<()> {
        let (mut coder, mut models) = (BitWriter::default(), ShapeModels::new());
        for unit in self.iter() {
            models.code(&mut coder, &UnitShape::of(unit))?;
        }
        let shapes = coder.finish()?;
        writer.varint(self.count() as u64);
        writer.varint(shapes.len() as u64);
        writer.raw(&shapes);
        for unit in self.iter() {
            UnitShape::of(unit).each_stored(unit, |bytes| writer.raw(bytes));
        }
        Ok(())
    }
}

/// The number of units in front of them.
pub(super) fn read_count(reader: &mut Reader<'_>, limits: &Limits) -> Result<u32> {
    let what = "number of temporal units";
    let count = reader.varint(what)?;
    // At most what a `u32` limits.
    Ok(reader.limited(what, count, limits.max_scene_frames.into())? as u32)
}

/// The bytes of the shapes, of `left` that there are.
pub(super) fn read_shapes_length(reader: &mut Reader<'_>, left: usize) -> Result<usize> {
    let what = "bytes of the shapes of temporal units";
    let length = reader.varint(what)?;
    match usize::try_from(length) {
        Ok(length) if length <= left => Ok(length),
        _ => Err(reader.corrupt(what, format!("at most {left}"), length)),
    }
}

/// The shapes of a scene's units, first to last.
pub(super) struct Shapes {
    coder: BitReader,
    models: Box<ShapeModels>,
    left: u32,
}

impl Shapes {
    /// The shapes of `count` units.
    ///
    /// # Errors
    ///
    /// `Corrupt` for an odd number of bytes.
    pub(super) fn new(bytes: &[u8], count: u32) -> Result<Self> {
        Ok(Self { coder: BitReader::new(bytes)?, models: Box::new(ShapeModels::new()), left: count })
    }

    /// The shape of the next unit, of which `left` stored bytes and no more can be there; `None` after the last.
    ///
    /// # Errors
    ///
    /// `Corrupt` at `place` for bits that no writer writes, for a larger unit, and for bits left over.
    pub(super) fn next(&mut self, left: u64, place: Place) -> Result<Option<UnitShape>> {
        let Some(rest) = self.left.checked_sub(1) else {
            return self.coder.expect_end().map(|()| None).map_err(|error| error.within(place));
        };
        self.left = rest;
        // What is given to a reader is ignored.
        let shape =
            self.models.code(&mut self.coder, &UnitShape::Whole(1)).map_err(|error| error.within(place))?;
        let found = shape.stored_bytes();
        if found > left {
            return Err(Error::corrupt("bytes of a temporal unit", format!("at most {left}"), found, place));
        }
        Ok(Some(shape))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(units: &Units) -> Vec<u8> {
        let mut writer = Writer::default();
        units.write(&mut writer).unwrap();
        writer.bytes
    }

    fn read(bytes: &[u8]) -> Result<Units> {
        let mut reader = Reader::new(bytes, 0);
        let units = Units::read(&mut reader, &Limits::default())?;
        reader.finish("packet")?;
        Ok(units)
    }

    #[test]
    fn units_come_back_as_they_were_pushed() {
        let mut units = Units::default();
        let pushed: [&[u8]; 4] = [&[1, 2, 3], &[4], &[5; 300], &[0x32, 2, 9, 9]];
        pushed.iter().for_each(|unit| units.push(unit).unwrap());
        assert!(units.iter().eq(pushed));
        assert!((0..4).map(|frame| units.get(frame).unwrap()).eq(pushed) && units.get(4).is_none());
        assert!(units.push(&[]).is_err());
        assert_eq!(read(&written(&units)).unwrap(), units);
    }

    #[test]
    fn units_of_an_encoder_cost_half_a_byte_each_beside_their_payloads() {
        // Two frames a unit, then one shown again, as in a pyramid.
        let mut units = Units::default();
        let mut payloads = 0;
        for at in 0_usize..100 {
            let unit = match at % 2 {
                0 => vec![0x1a, 1, 0x98],
                _ => [&[0x32, 60][..], &[7; 60], &[0x32, 25], &[7; 25]].concat(),
            };
            payloads += 85 * (at % 2);
            units.push(&unit).unwrap();
        }
        let bytes = written(&units);
        assert!(bytes.len() - payloads < 60, "{} bytes beside the payloads", bytes.len() - payloads);
        assert_eq!(read(&bytes).unwrap(), units);
    }

    #[test]
    fn too_few_and_too_many_bytes_are_errors() {
        let mut units = Units::default();
        (1..20).for_each(|size| units.push(&vec![3; size]).unwrap());
        let bytes = written(&units);
        for end in 0..bytes.len() {
            assert!(read(&bytes[..end]).is_err(), "{end} bytes");
        }
        assert!(read(&[&bytes[..], &[0]].concat()).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_end_in_units_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(units) = read(&bytes) {
                prop_assert_eq!(read(&written(&units)).unwrap(), units);
            }
        }
    }
}
