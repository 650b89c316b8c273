//! What a temporal unit is made of, so that it is stored without what can be told from that: between a unit and UNITS.
//!
//! A unit is a row of OBUs, each a header byte, a size and a payload (AV1 specification, 5.3). Their kinds and sizes are coded
//! together by adaptive bits, and payloads alone are stored as they are. An OBU that shows a frame again is its slot.

use super::obu_sizes::SizeModel;
use crate::error::{Error, Place, Result};
use crate::memory;
use crate::range_coder::bits::{Bit, BitCoder};

/// Most OBUs of a unit that is taken apart; one of more is stored whole.
const MAX_OBUS: usize = 16;
/// Kinds of frames' places that models are kept for.
const PLACES: usize = 8;
/// Models of sizes: frames by how many OBUs follow them, other OBUs, whole units.
const SIZES: usize = 8;
const SIZE_OF_OTHERS: usize = 6;
const SIZE_OF_WHOLE: usize = 7;

/// OBU type of a frame's header.
const FRAME_HEADER: u8 = 3;
/// OBU type of a frame with its tiles.
const FRAME: u8 = 6;
/// A frame header that shows the frame of slot 0 again and ends: `show_existing_frame`, the slot, the trailing bit (5.9.2, 5.3.4).
const AGAIN: u8 = 0x88;

/// An OBU, whose header byte and size follow from this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Obu {
    /// A frame of so many bytes.
    Frame(u64),
    /// The frame of a slot is shown again.
    Again(u8),
    /// Another type, and its bytes.
    Other(u8, u64),
}

/// What a unit is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "one at a time, and no memory that could be refused")]
pub(super) enum UnitShape {
    /// So many bytes that are stored as they are.
    Whole(u64),
    /// OBUs whose payloads are stored.
    Obus(ObuList),
}

/// The OBUs of a unit, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ObuList {
    obus: [Obu; MAX_OBUS],
    count: usize,
}

impl ObuList {
    const EMPTY: Self = Self { obus: [Obu::Again(0); MAX_OBUS], count: 0 };

    fn as_slice(&self) -> &[Obu] {
        &self.obus[..self.count]
    }

    /// Adds an OBU; false where there is no room.
    fn push(&mut self, obu: Obu) -> bool {
        let Some(place) = self.obus.get_mut(self.count) else { return false };
        *place = obu;
        self.count += 1;
        true
    }
}

impl UnitShape {
    /// Takes a unit apart; one that would not come back as the same bytes stays whole.
    pub(super) fn of(unit: &[u8]) -> Self {
        Self::obus_of(unit).map_or(Self::Whole(unit.len() as u64), Self::Obus)
    }

    fn obus_of(mut unit: &[u8]) -> Option<ObuList> {
        let mut list = ObuList::EMPTY;
        while let Some((&header, rest)) = unit.split_first() {
            // A size, and neither reserved bits nor an extension.
            if header & 0x87 != 2 {
                return None;
            }
            let (size, rest) = read_size(rest)?;
            let payload = rest.get(..usize::try_from(size).ok()?)?;
            unit = &rest[payload.len()..];
            let obu = match (header >> 3, payload) {
                (FRAME, _) => Obu::Frame(size),
                (FRAME_HEADER, &[byte]) if byte & 0x8f == AGAIN => Obu::Again(byte >> 4 & 7),
                (kind, _) => Obu::Other(kind, size),
            };
            if !list.push(obu) {
                return None;
            }
        }
        (list.count > 0).then_some(list)
    }

    /// Bytes that are stored of the unit.
    pub(super) fn stored_bytes(&self) -> u64 {
        match self {
            Self::Whole(size) => *size,
            Self::Obus(list) => list.as_slice().iter().map(|obu| obu.stored_bytes()).sum(),
        }
    }

    /// Calls `take` with the bytes that are stored of `unit`, whose shape this is.
    pub(super) fn each_stored(&self, unit: &[u8], mut take: impl FnMut(&[u8])) {
        let Self::Obus(list) = self else { return take(unit) };
        let mut rest = unit;
        for obu in list.as_slice() {
            let (head, stored) = (obu.head(), obu.stored_bytes() as usize);
            rest = rest.get(head.as_slice().len()..).unwrap_or_default();
            take(rest.get(..stored).unwrap_or_default());
            rest = rest.get(stored..).unwrap_or_default();
        }
    }

    /// Appends the unit whose stored bytes are these.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`.
    pub(super) fn restore(&self, stored: &[u8], out: &mut Vec<u8>) -> Result<()> {
        memory::grow("temporal unit", out, stored.len() + MAX_OBUS * Head::MOST_BYTES)?;
        let Self::Obus(list) = self else {
            out.extend_from_slice(stored);
            return Ok(());
        };
        let mut rest = stored;
        for obu in list.as_slice() {
            out.extend_from_slice(obu.head().as_slice());
            let (payload, others) = rest.split_at((obu.stored_bytes() as usize).min(rest.len()));
            out.extend_from_slice(payload);
            rest = others;
        }
        Ok(())
    }

    fn obus(&self) -> &[Obu] {
        match self {
            Self::Whole(_) => &[],
            Self::Obus(list) => list.as_slice(),
        }
    }
}

impl Obu {
    fn stored_bytes(self) -> u64 {
        match self {
            Self::Frame(size) | Self::Other(_, size) => size,
            Self::Again(_) => 0,
        }
    }

    /// What comes before the stored bytes: the header byte and the size; of a frame that is shown again, all of it.
    fn head(self) -> Head {
        let mut head = Head { bytes: [0; Head::MOST_BYTES], count: 0 };
        let (kind, size) = match self {
            Self::Frame(size) => (FRAME, size),
            Self::Again(_) => (FRAME_HEADER, 1),
            Self::Other(kind, size) => (kind, size),
        };
        head.push(kind << 3 | 2);
        let mut size = size;
        while size >= 0x80 {
            head.push(size as u8 | 0x80);
            size >>= 7;
        }
        head.push(size as u8);
        if let Self::Again(slot) = self {
            head.push(AGAIN | slot << 4);
        }
        head
    }
}

/// The first bytes of an OBU.
struct Head {
    bytes: [u8; Self::MOST_BYTES],
    count: usize,
}

impl Head {
    /// A header byte, a size of 32 bits, a payload byte.
    const MOST_BYTES: usize = 7;

    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.count) {
            *place = byte;
            self.count += 1;
        }
    }

    fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.count]
    }
}

/// A size in its shortest form, below 2^32 - 1, and what follows.
fn read_size(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut size = 0;
    for (at, &byte) in bytes.iter().enumerate().take(5) {
        size |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            let is_shortest = byte > 0 || at == 0;
            return (is_shortest && size <= SizeModel::LARGEST).then_some((size, &bytes[at + 1..]));
        }
    }
    None
}

/// What is known of the shapes of a scene's units.
pub(super) struct ShapeModels {
    /// Units so far.
    units: u32,
    whole: Bit,
    more: [[Bit; MAX_OBUS - 1]; PLACES],
    frame: [Bit; PLACES],
    again: [Bit; PLACES],
    slots: [[Bit; 8]; PLACES],
    sizes: [SizeModel; SIZES],
}

impl ShapeModels {
    pub(super) fn new() -> Self {
        let even = Bit::likely(50);
        Self {
            units: 0,
            whole: Bit::likely(10),
            more: [[even; MAX_OBUS - 1]; PLACES],
            frame: [even; PLACES],
            again: [even; PLACES],
            slots: [[even; 8]; PLACES],
            sizes: std::array::from_fn(|_| SizeModel::new()),
        }
    }

    /// Codes the shape of the next unit; a reader ignores it and gives the one it found.
    ///
    /// # Errors
    ///
    /// `Corrupt` for bits that no writer writes.
    pub(super) fn code(&mut self, coder: &mut impl BitCoder, shape: &UnitShape) -> Result<UnitShape> {
        let unit = self.units;
        self.units += 1;
        // Pyramids of frames begin behind the key frame.
        let place = unit.checked_sub(1).map_or(PLACES - 1, |unit| unit.trailing_zeros().min(6) as usize);
        if coder.bit(&mut self.whole, matches!(shape, UnitShape::Whole(_)))? {
            let size = self.sizes[SIZE_OF_WHOLE].code(coder, shape.stored_bytes())?;
            if size == 0 {
                return Err(Error::corrupt("bytes of a temporal unit", "at least 1", 0, Place::default()));
            }
            return Ok(UnitShape::Whole(size));
        }
        let (given, mut count) = (shape.obus(), 1);
        for more in &mut self.more[place] {
            if !coder.bit(more, given.len() > count)? {
                break;
            }
            count += 1;
        }
        let mut list = ObuList::EMPTY;
        for at in 0..count {
            let obu = given.get(at).copied().unwrap_or(Obu::Frame(0));
            list.push(self.code_obu(coder, obu, (unit, place), count - 1 - at)?);
        }
        Ok(UnitShape::Obus(list))
    }

    fn code_obu(
        &mut self,
        coder: &mut impl BitCoder,
        obu: Obu,
        (unit, place): (u32, usize),
        following: usize,
    ) -> Result<Obu> {
        if coder.bit(&mut self.frame[place], matches!(obu, Obu::Frame(_)))? {
            let sizes = &mut self.sizes[following.min(SIZE_OF_OTHERS - 1)];
            return sizes.code(coder, obu.stored_bytes()).map(Obu::Frame);
        }
        if coder.bit(&mut self.again[place], matches!(obu, Obu::Again(_)))? {
            let wanted = if let Obu::Again(slot) = obu { slot } else { 0 };
            let models = &mut self.slots[unit.trailing_zeros().min(6) as usize];
            let mut node = 1_u8;
            for bit in (0..3).rev() {
                node =
                    node << 1 | u8::from(coder.bit(&mut models[usize::from(node)], wanted >> bit & 1 == 1)?);
            }
            return Ok(Obu::Again(node & 7));
        }
        let (wanted, mut kind) = (if let Obu::Other(kind, _) = obu { kind } else { 0 }, 0);
        for bit in (0..4).rev() {
            kind = kind << 1 | u8::from(coder.even(wanted >> bit & 1 == 1)?);
        }
        let size = self.sizes[SIZE_OF_OTHERS].code(coder, obu.stored_bytes())?;
        Ok(Obu::Other(kind, size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::range_coder::bits::{BitReader, BitWriter};
    use proptest::prelude::*;

    fn restored(shape: &UnitShape, unit: &[u8]) -> Vec<u8> {
        let (mut stored, mut out) = (Vec::new(), Vec::new());
        shape.each_stored(unit, |bytes| stored.extend_from_slice(bytes));
        assert_eq!(stored.len() as u64, shape.stored_bytes());
        shape.restore(&stored, &mut out).unwrap();
        out
    }

    fn obu(kind: u8, payload: &[u8]) -> Vec<u8> {
        // Payloads of tests are below 128 bytes.
        [&[kind << 3 | 2, payload.len() as u8], payload].concat()
    }

    #[test]
    fn headers_and_sizes_are_not_stored() {
        let unit = [obu(1, &[0; 11]), obu(FRAME, &[7; 40])].concat();
        assert_eq!(UnitShape::of(&unit).stored_bytes(), 51);
        let again = obu(FRAME_HEADER, &[AGAIN | 5 << 4]);
        assert_eq!(UnitShape::of(&again).stored_bytes(), 0);
        for unit in [unit, again, obu(FRAME_HEADER, &[0x98, 1]), obu(FRAME_HEADER, &[0x99]), obu(15, &[])] {
            let shape = UnitShape::of(&unit);
            assert!(matches!(shape, UnitShape::Obus(_)));
            assert_eq!(restored(&shape, &unit), unit);
        }
    }

    #[test]
    fn a_unit_that_is_told_otherwise_stays_whole() {
        let no_size = [0x30, 1, 2];
        let extension = [0x36, 0, 1, 9];
        let reserved = [0x33, 1, 9];
        let longer_size = [0x32, 0x81, 0, 9];
        let cut = [0x32, 5, 9];
        let many = obu(FRAME, &[1]).repeat(MAX_OBUS + 1);
        for unit in [&no_size[..], &extension, &reserved, &longer_size, &cut, &many, &[0x32]] {
            assert_eq!(UnitShape::of(unit), UnitShape::Whole(unit.len() as u64), "{unit:?}");
        }
    }

    proptest! {
        #[test]
        fn any_units_come_back_as_the_same_bytes(
            units in prop::collection::vec(
                prop_oneof![
                    prop::collection::vec(any::<u8>(), 1..40),
                    prop::collection::vec((0_u8..16, prop::collection::vec(any::<u8>(), 0..100)), 1..20)
                        .prop_map(|obus| obus.iter().flat_map(|(kind, payload)| obu(*kind, payload)).collect()),
                    (0_u8..8).prop_map(|slot| obu(FRAME_HEADER, &[AGAIN | slot << 4])),
                ],
                0..40,
            ),
        ) {
            let shapes: Vec<_> = units.iter().map(|unit| UnitShape::of(unit)).collect();
            let (mut writer, mut models) = (BitWriter::default(), ShapeModels::new());
            for shape in &shapes {
                prop_assert_eq!(&models.code(&mut writer, shape).unwrap(), shape);
            }
            let mut reader = BitReader::new(&writer.finish().unwrap()).unwrap();
            let mut models = ShapeModels::new();
            for (unit, shape) in units.iter().zip(&shapes) {
                let found = models.code(&mut reader, &UnitShape::Whole(1)).unwrap();
                prop_assert_eq!(&found, shape);
                prop_assert_eq!(&restored(&found, unit), unit);
            }
            reader.expect_end().unwrap();
        }

        #[test]
        fn any_bytes_end_in_shapes_or_an_error(words in prop::collection::vec(any::<[u8; 2]>(), 0..60)) {
            let Ok(mut reader) = BitReader::new(&words.concat()) else { return Ok(()) };
            let mut models = ShapeModels::new();
            for _ in 0..500 {
                let Ok(shape) = models.code(&mut reader, &UnitShape::Whole(1)) else { break };
                prop_assert!(shape.stored_bytes() <= MAX_OBUS as u64 * SizeModel::LARGEST);
            }
        }
    }
}
