//! The weights of a scene as bytes.

use super::classes::{CLASSES, OF_A_DETAIL};
use super::taps::{Reach, TAPS};
use crate::error::{Error, Place, Result};
use crate::range_coder::Numbers;
use crate::range_coder::bits::{Bit, BitCoder, BitReader, BitWriter};
use crate::range_coder::values::Values;

/// Most groups of classes that have weights of their own.
pub(super) const MAX_GROUPS: usize = 15;

/// Bits of a weight below the point.
pub(super) const WEIGHT_BITS: u32 = 8;

/// The largest weight, in units of 2^-[`WEIGHT_BITS`].
pub(super) const MAX_WEIGHT: i32 = 511;

/// What a scene's filter is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WienerWeights {
    /// How far in time they reach.
    pub(super) reach: Reach,
    /// The group of each class; 0 leaves samples as they are.
    pub(super) groups: [u8; CLASSES],
    /// The weights of group 1 and on, in units of 1/256; 0 for taps beyond their reach.
    pub(super) weights: Vec<[i16; TAPS]>,
}

impl WienerWeights {
    /// How far in time they reach.
    pub fn reach(&self) -> Reach {
        self.reach
    }

    /// As bytes, for [`from_bytes`](Self::from_bytes).
    ///
    /// # Errors
    ///
    /// None in memory.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut writer = BitWriter::default();
        code(&mut writer, self)?;
        writer.finish()
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    ///
    /// `Corrupt` for weights beyond their bounds, groups that are not there, and bytes left over.
    pub fn from_bytes(bytes: &[u8], reach: Reach) -> Result<Self> {
        let mut reader = BitReader::new(bytes)?;
        let read = code(&mut reader, &Self { reach, groups: [0; CLASSES], weights: Vec::new() })?;
        reader.expect_end()?;
        Ok(read)
    }
}

/// Writes, or reads and ignores what is given but for its reach: the number of groups, each class's, then weights tap by tap.
fn code(coder: &mut impl BitCoder, given: &WienerWeights) -> Result<WienerWeights> {
    let count = number(coder, given.weights.len(), MAX_GROUPS)?;
    let mut groups = [0; CLASSES];
    let mut repeats = Bit::likely(30);
    for class in 0..CLASSES {
        let wanted = given.groups[class];
        // A class mostly moves with the one a step less detailed.
        let before = class.checked_sub(OF_A_DETAIL).map_or(0, |before| groups[before]);
        let is_repeated = coder.bit(&mut repeats, wanted == before)?;
        groups[class] = if is_repeated { before } else { number(coder, wanted.into(), count)? as u8 };
    }
    let mut weights = vec![[0; TAPS]; count];
    for tap in 0..given.reach.taps() {
        let mut values = Values::new();
        for (group, weights) in weights.iter_mut().enumerate() {
            let wanted = given.weights.get(group).map_or(0, |weights| weights[tap]);
            let value = values.code(coder, wanted.into())?;
            if value.abs() > MAX_WEIGHT {
                let expected = format!("at most {MAX_WEIGHT}");
                return Err(Error::corrupt("weight of a Wiener filter", expected, value, Place::default()));
            }
            weights[tap] = value as i16;
        }
    }
    Ok(WienerWeights { reach: given.reach, groups, weights })
}

/// A number from 0 to `most`, in as many even bits as that takes.
fn number(coder: &mut impl BitCoder, wanted: usize, most: usize) -> Result<usize> {
    let bits = usize::BITS - most.leading_zeros();
    let mut found = 0;
    for bit in (0..bits).rev() {
        found = 2 * found + usize::from(coder.even((wanted >> bit) & 1 == 1)?);
    }
    if found > most {
        let expected = format!("at most {most}");
        return Err(Error::corrupt("group of a Wiener filter", expected, found, Place::default()));
    }
    Ok(found)
}
