//! Sizes as adaptive bits: how many digits, then the digits, of which the first two are learned.
//!
//! Below the shapes of units, which have a model for each kind of size.

use crate::error::{Error, Place, Result};
use crate::range_coder::bits::{Bit, BitCoder};

/// Most digits behind the first.
const MOST_DIGITS: usize = 31;
/// Digits behind the first that have a model.
const LEARNED: usize = 2;

/// What is known of sizes of one kind.
#[derive(Clone)]
pub(super) struct SizeModel {
    /// Whether there is another digit, by how many there were.
    longer: [Bit; MOST_DIGITS + 1],
    /// The digits, by how many there are and those before: none, 0, 1.
    digits: [[Bit; 3]; MOST_DIGITS + 1],
}

impl SizeModel {
    /// The largest size.
    pub(super) const LARGEST: u64 = (1 << (MOST_DIGITS + 1)) - 2;

    pub(super) fn new() -> Self {
        let even = Bit::likely(50);
        Self { longer: [even; MOST_DIGITS + 1], digits: [[even; 3]; MOST_DIGITS + 1] }
    }

    /// Codes a size; a reader ignores it and gives the one it found.
    ///
    /// # Errors
    ///
    /// `Corrupt` past [`LARGEST`](Self::LARGEST).
    pub(super) fn code(&mut self, coder: &mut impl BitCoder, size: u64) -> Result<u64> {
        let wanted = size.min(Self::LARGEST) + 1;
        let most = wanted.ilog2() as usize;
        let mut count = 0;
        while coder.bit(&mut self.longer[count], most > count)? {
            count += 1;
            if count > MOST_DIGITS {
                let expected = format!("at most {}", Self::LARGEST);
                return Err(Error::corrupt("coded size", expected, "more", Place::default()));
            }
        }
        let mut found = 1;
        for place in (0..count).rev() {
            let bit = wanted >> place & 1 == 1;
            let bit = match count - 1 - place {
                before if before < LEARNED => {
                    let context = if before == 0 { 0 } else { 1 + (found & 1) as usize };
                    coder.bit(&mut self.digits[count][context], bit)?
                }
                _ => coder.even(bit)?,
            };
            found = found << 1 | u64::from(bit);
        }
        Ok(found - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::range_coder::bits::{BitReader, BitWriter};

    #[test]
    fn sizes_of_all_lengths_read_back() {
        let sizes: Vec<u64> =
            (0..40).chain((5..32).map(|bits| (1 << bits) + 3)).chain([SizeModel::LARGEST]).collect();
        let (mut writer, mut model) = (BitWriter::default(), SizeModel::new());
        sizes.iter().for_each(|&size| assert_eq!(model.code(&mut writer, size).unwrap(), size));
        let mut reader = BitReader::new(&writer.finish().unwrap()).unwrap();
        let mut model = SizeModel::new();
        sizes.iter().for_each(|&size| assert_eq!(model.code(&mut reader, 0).unwrap(), size));
        reader.expect_end().unwrap();
    }

    #[test]
    fn a_size_of_too_many_digits_is_an_error() {
        let mut writer = BitWriter::default();
        let mut models = [Bit::likely(50); MOST_DIGITS + 1];
        for model in &mut models {
            writer.bit(model, true).unwrap();
        }
        let mut reader = BitReader::new(&writer.finish().unwrap()).unwrap();
        assert!(SizeModel::new().code(&mut reader, 0).is_err());
    }

    #[test]
    fn sizes_that_are_alike_cost_few_bits() {
        let (mut writer, mut model) = (BitWriter::default(), SizeModel::new());
        for at in 0..1000 {
            model.code(&mut writer, 20 + at % 8).unwrap();
        }
        assert!(writer.finish().unwrap().len() < 520, "about 4 bits each");
    }
}
