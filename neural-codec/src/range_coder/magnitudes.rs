//! Signed numbers of all sizes as adaptive bits: how many bits a magnitude has, then which.

use super::Numbers;
use super::bits::{Bit, BitCoder};
use crate::error::{Error, Place, Result};

/// Most bits of a magnitude.
const MOST_BITS: usize = 17;

/// Models for one kind of number.
///
/// ```text
/// value  1 bit more? ... for each bit of the magnitude   sign, even   the second highest bit, by their count   the others, even
/// ```
#[derive(Debug, Clone)]
pub(crate) struct Magnitudes {
    more: [Bit; MOST_BITS + 1],
    second: [Bit; MOST_BITS + 1],
}

impl Numbers for Magnitudes {
    fn new() -> Self {
        Self { more: [Bit::likely(60); MOST_BITS + 1], second: [Bit::likely(45); MOST_BITS + 1] }
    }

    fn code(&mut self, coder: &mut impl BitCoder, value: i32) -> Result<i32> {
        let magnitude = value.unsigned_abs();
        let wanted = (u32::BITS - magnitude.leading_zeros()) as usize;
        let mut bits = 0;
        while coder.bit(&mut self.more[bits], wanted > bits)? {
            bits += 1;
            if bits > MOST_BITS {
                return Err(Error::corrupt("coded value", "at most 17 bits", "more", Place::default()));
            }
        }
        if bits == 0 {
            return Ok(0);
        }
        let is_negative = coder.even(value < 0)?;
        let mut found = 1;
        for at in (0..bits - 1).rev() {
            let bit = magnitude >> at & 1 == 1;
            let bit =
                if at + 2 == bits { coder.bit(&mut self.second[bits], bit)? } else { coder.even(bit)? };
            found = 2 * found + i32::from(bit);
        }
        Ok(if is_negative { -found } else { found })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::range_coder::bits::BitWriter;
    use crate::range_coder::tests::read_back;

    #[test]
    fn values_of_all_sizes_read_back() {
        read_back::<Magnitudes>((-40..40).chain([255, -256, 4095, -32768, 32767, 65536, -131_071, 0]));
    }

    #[test]
    fn a_value_too_large_is_an_error_and_not_a_long_loop() {
        for value in [1 << 17, i32::MIN, i32::MAX] {
            assert!(Magnitudes::new().code(&mut BitWriter::default(), value).is_err());
        }
    }

    #[test]
    fn large_values_cost_little_more_than_their_bits() {
        // Spread evenly over -127 to 127: 7.994 bits each.
        let mut writer = BitWriter::default();
        let mut models = Magnitudes::new();
        for at in 0..2550 {
            models.code(&mut writer, at * 101 % 255 - 127).unwrap();
        }
        let bits = 8.0 * writer.finish().unwrap().len() as f64 / 2550.0;
        assert!((7.99..8.2).contains(&bits), "{bits}");
    }
}
