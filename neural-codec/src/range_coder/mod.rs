//! Entropy coding of parameters and maps by adaptive bits: what filters and stills share.

pub(crate) mod bits;
pub(crate) mod magnitudes;
pub(crate) mod values;

use self::bits::BitCoder;
use crate::error::Result;

/// Models for one kind of signed number, which learn from what is coded.
pub(crate) trait Numbers {
    /// Models that have seen nothing.
    fn new() -> Self;

    /// Codes a number; a reader ignores it and gives the one it found.
    ///
    /// # Errors
    ///
    /// `Corrupt` past 17 bits.
    fn code(&mut self, coder: &mut impl BitCoder, value: i32) -> Result<i32>;
}

#[cfg(test)]
mod tests {
    use super::Numbers;
    use super::bits::{BitReader, BitWriter};

    /// Numbers that are written come back.
    pub(super) fn read_back<Models: Numbers>(values: impl Iterator<Item = i32> + Clone) {
        let mut writer = BitWriter::default();
        let mut models = Models::new();
        values.clone().for_each(|value| assert_eq!(models.code(&mut writer, value).unwrap(), value));
        let bytes = writer.finish().unwrap();
        let mut reader = BitReader::new(&bytes).unwrap();
        let mut models = Models::new();
        values.for_each(|value| assert_eq!(models.code(&mut reader, 0).unwrap(), value));
        reader.expect_end().unwrap();
    }
}
