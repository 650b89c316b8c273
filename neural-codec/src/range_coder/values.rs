//! Signed numbers, most of them zero, as adaptive bits.

use super::Numbers;
use super::bits::{Bit, BitCoder};
use crate::error::{Error, Place, Result};

/// Steps of a magnitude that have a model of their own.
const STEPS: usize = 12;

/// Most doublings of an escaped magnitude.
const MOST_DOUBLINGS: u32 = 15;

/// Models for one kind of number.
///
/// ```text
/// value      zero? (by how many of the two before were not zero)  sign  magnitude - 1
/// magnitude  1 more? ... at most 12 times, then exponential-Golomb of order 0 in even bits
/// ```
#[derive(Debug, Clone)]
pub(crate) struct Values {
    nonzero: [Bit; 3],
    negative: Bit,
    more: [Bit; STEPS],
    before: [bool; 2],
}

impl Numbers for Values {
    fn new() -> Self {
        Self {
            nonzero: [Bit::likely(10), Bit::likely(25), Bit::likely(50)],
            negative: Bit::likely(50),
            more: [Bit::likely(40); STEPS],
            before: [false; 2],
        }
    }

    fn code(&mut self, coder: &mut impl BitCoder, value: i32) -> Result<i32> {
        let context = usize::from(self.before[0]) + usize::from(self.before[1]);
        let nonzero = coder.bit(&mut self.nonzero[context], value != 0)?;
        self.before = [nonzero, self.before[0]];
        if !nonzero {
            return Ok(0);
        }
        let negative = coder.bit(&mut self.negative, value < 0)?;
        let rest = value.unsigned_abs().wrapping_sub(1);
        let mut magnitude = 1;
        for (step, model) in self.more.iter_mut().enumerate() {
            if !coder.bit(model, rest > step as u32)? {
                break;
            }
            magnitude += 1;
        }
        if magnitude > STEPS as i32 {
            magnitude += escape(coder, rest.wrapping_sub(STEPS as u32))? as i32;
        }
        Ok(if negative { -magnitude } else { magnitude })
    }
}

/// Exponential-Golomb code of order 0.
fn escape(coder: &mut impl BitCoder, value: u32) -> Result<u32> {
    let wanted = value.wrapping_add(1).checked_ilog2().unwrap_or(0);
    let mut doublings = 0;
    while coder.even(doublings < wanted)? {
        doublings += 1;
        if doublings > MOST_DOUBLINGS {
            return Err(Error::corrupt("coded value", "at most 17 bits", "more", Place::default()));
        }
    }
    let mut found = 1;
    for position in (0..doublings).rev() {
        found = 2 * found + u32::from(coder.even((value.wrapping_add(1) >> position) & 1 == 1)?);
    }
    Ok(found - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::range_coder::bits::BitWriter;
    use crate::range_coder::tests::read_back;

    #[test]
    fn values_of_all_sizes_read_back() {
        read_back::<Values>((-40..40).chain([0; 50]).chain([255, -256, 4095, -32768, 32767, 1, 13, 14]));
    }

    #[test]
    fn a_value_too_large_is_an_error_and_not_a_long_loop() {
        let mut writer = BitWriter::default();
        assert!(Values::new().code(&mut writer, 1 << 20).is_err());
    }

    #[test]
    fn zeros_cost_next_to_nothing() {
        let mut writer = BitWriter::default();
        let mut models = Values::new();
        (0..10_000).for_each(|_| assert_eq!(models.code(&mut writer, 0).unwrap(), 0));
        assert!(writer.finish().unwrap().len() < 30);
    }
}
