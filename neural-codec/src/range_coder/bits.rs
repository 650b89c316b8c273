//! Adaptive binary models over a range coder.
//!
//! The coder is `constriction`'s with words of 16 bits and a state of 32 (Martin 1979); `docs/BITSTREAM.md` has the
//! decoder in words. Everything is integer.

use std::borrow::Borrow;
use std::num::NonZeroU16;

use constriction::backends::Cursor;
use constriction::stream::model::{DecoderModel, EncoderModel, EntropyModel};
use constriction::stream::queue::{SmallRangeDecoder, SmallRangeEncoder};
use constriction::stream::{Decode, Encode};

use crate::error::{Error, Place, Result};

/// Bits of a probability as the coder sees it.
const PRECISION: usize = 12;

/// Bits of a probability as a model keeps it.
const KEPT_BITS: i32 = 16;

/// Most bits after which a model still learns faster for being young.
const OLDEST: i32 = 60;

/// What is known about a bit: the chance that it is 1, and from how many bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bit {
    /// Units: 1/65536.
    chance: i32,
    age: i32,
}

impl Bit {
    /// A bit that is 1 about this often, in percent.
    pub(crate) const fn likely(percent: i32) -> Self {
        Self { chance: percent * (1 << KEPT_BITS) / 100, age: 0 }
    }

    /// The chance of a 1 in units of 1/4096, never 0 nor 1.
    fn coded(self) -> u16 {
        (self.chance >> (KEPT_BITS - PRECISION as i32)).clamp(8, (1 << PRECISION) - 8) as u16
    }

    /// Moves the chance towards what was seen: by 2/3 of a part for the first, 2/(2n + 3) after n.
    pub(crate) fn update(&mut self, bit: bool) {
        let seen = if bit { (1 << KEPT_BITS) - 1 } else { 0 };
        self.chance += (seen - self.chance) * 2 / (2 * self.age + 3);
        self.age = (self.age + 1).min(OLDEST);
    }

    /// What coding the bit costs, in bits.
    pub(crate) fn cost(self, bit: bool) -> f64 {
        let one = f64::from(self.coded()) / f64::from(1 << PRECISION);
        -(if bit { one } else { 1.0 - one }).log2()
    }
}

/// A bit of a given chance, in units of 1/4096, as `constriction` wants it.
#[derive(Clone, Copy)]
struct Chance(u16);

impl Chance {
    /// Where the share of a bit begins, and how long it is. Zeros come first.
    fn share(self, bit: bool) -> (u16, NonZeroU16) {
        let zeros = (1 << PRECISION) - self.0;
        let (start, length) = if bit { (zeros, self.0) } else { (0, zeros) };
        (start, NonZeroU16::new(length).unwrap_or(NonZeroU16::MIN))
    }
}

impl EntropyModel<PRECISION> for Chance {
    type Symbol = bool;
    type Probability = u16;
}

impl EncoderModel<PRECISION> for Chance {
    fn left_cumulative_and_probability(&self, symbol: impl Borrow<bool>) -> Option<(u16, NonZeroU16)> {
        Some(self.share(*symbol.borrow()))
    }
}

impl DecoderModel<PRECISION> for Chance {
    fn quantile_function(&self, quantile: u16) -> (bool, u16, NonZeroU16) {
        let bit = quantile >= (1 << PRECISION) - self.0;
        let (start, length) = self.share(bit);
        (bit, start, length)
    }
}

/// Something bits go through: the same calls write and read, so that the two cannot differ.
pub(crate) trait BitCoder {
    /// Codes a bit by a model that learns from it. A reader ignores `bit` and gives the one it found.
    fn bit(&mut self, model: &mut Bit, bit: bool) -> Result<bool>;

    /// Codes a bit of even chances.
    fn even(&mut self, bit: bool) -> Result<bool> {
        self.bit(&mut Bit::likely(50), bit)
    }
}

/// Writes bits.
#[derive(Default)]
pub(crate) struct BitWriter(SmallRangeEncoder);

impl BitWriter {
    /// The bytes.
    ///
    /// # Errors
    ///
    /// None in memory.
    pub(crate) fn finish(self) -> Result<Vec<u8>> {
        match self.0.into_compressed() {
            Ok(words) => Ok(words.into_iter().flat_map(u16::to_le_bytes).collect()),
            Err(never) => match never {},
        }
    }
}

impl BitCoder for BitWriter {
    fn bit(&mut self, model: &mut Bit, bit: bool) -> Result<bool> {
        let coded = self.0.encode_symbol(bit, Chance(model.coded()));
        coded.map_err(|error| Error::internal("range coder", error.to_string()))?;
        model.update(bit);
        Ok(bit)
    }
}

/// Reads bits. What lies beyond the end reads as zeros.
pub(crate) struct BitReader(SmallRangeDecoder<Cursor<u16, Vec<u16>>>);

impl BitReader {
    /// # Errors
    ///
    /// `Corrupt` for an odd number of bytes.
    pub(crate) fn new(bytes: &[u8]) -> Result<Self> {
        if !bytes.len().is_multiple_of(2) {
            return Err(Error::corrupt(
                "coded values",
                "an even number of bytes",
                bytes.len(),
                Place::default(),
            ));
        }
        let words: Vec<u16> =
            bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        match SmallRangeDecoder::from_compressed(words) {
            Ok(decoder) => Ok(Self(decoder)),
            Err(never) => match never {},
        }
    }

    /// Whether all was read.
    ///
    /// # Errors
    ///
    /// `Corrupt` where bytes are left over.
    pub(crate) fn expect_end(&self) -> Result<()> {
        if self.0.maybe_exhausted() {
            return Ok(());
        }
        Err(Error::corrupt("coded values", "no bytes after the last value", "more", Place::default()))
    }
}

impl BitCoder for BitReader {
    fn bit(&mut self, model: &mut Bit, _: bool) -> Result<bool> {
        let bit = self.0.decode_symbol(Chance(model.coded())).map_err(|_| {
            Error::corrupt("coded values", "bits that an encoder can write", "others", Place::default())
        })?;
        model.update(bit);
        Ok(bit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn bits_read_back_and_cost_what_their_models_say() {
        let mut random = Random::new(1);
        let bits: Vec<bool> = (0..20_000).map(|_| random.uniform() < 0.1).collect();
        let mut writer = BitWriter::default();
        let (mut model, mut cost) = (Bit::likely(50), 0.0);
        for &bit in &bits {
            cost += model.cost(bit);
            writer.bit(&mut model, bit).unwrap();
        }
        let bytes = writer.finish().unwrap();
        // A state of 32 bits rounds shares: about a percent.
        assert!(
            (bytes.len() as f64 / (cost / 8.0) - 1.0).abs() < 0.02,
            "{} bytes for {cost} bits",
            bytes.len()
        );
        // The entropy is 0.469 bits each; learning costs a little.
        assert!((bytes.len() * 8) as f64 / 20_000.0 < 0.495);
        let mut reader = BitReader::new(&bytes).unwrap();
        let mut model = Bit::likely(50);
        for &bit in &bits {
            assert_eq!(reader.bit(&mut model, false).unwrap(), bit);
        }
        reader.expect_end().unwrap();
    }

    #[test]
    fn any_bytes_read_as_bits_or_an_error() {
        let mut random = Random::new(2);
        for length in [0, 2, 4, 40] {
            let bytes: Vec<u8> = (0..length).map(|_| random.bits() as u8).collect();
            let mut reader = BitReader::new(&bytes).unwrap();
            let mut model = Bit::likely(1);
            for _ in 0..10_000 {
                if reader.bit(&mut model, false).is_err() {
                    break;
                }
            }
        }
        assert!(BitReader::new(&[1]).is_err());
    }
}
