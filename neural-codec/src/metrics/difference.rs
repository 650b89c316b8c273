//! Sums of squared differences, exact: the loops.

use crate::simd::simd_body;

/// Samples a thread takes at once; 2^16 squares of 8-bit differences still fit 32 bits.
pub(super) const BLOCK: usize = 1 << 16;

simd_body! {
    pub(super) fn squared_error_u8(a: &[u8], b: &[u8]) -> u64 { squared_error_u8_body(a, b) }
}
#[inline(always)]
fn squared_error_u8_body(a: &[u8], b: &[u8]) -> u64 {
    let block = |(a, b): (&[u8], &[u8])| {
        let squares = a.iter().zip(b).map(|(&a, &b)| {
            let difference = i32::from(i16::from(a) - i16::from(b));
            (difference * difference) as u32
        });
        u64::from(squares.fold(0, u32::wrapping_add))
    };
    a.chunks(BLOCK).zip(b.chunks(BLOCK)).map(block).sum()
}

simd_body! {
    pub(super) fn squared_error_u16(a: &[u16], b: &[u16]) -> u64 { squared_error_u16_body(a, b) }
}
#[inline(always)]
fn squared_error_u16_body(a: &[u16], b: &[u16]) -> u64 {
    let squares = a.iter().zip(b).map(|(&a, &b)| {
        let difference = u32::from(a.abs_diff(b));
        u64::from(difference.wrapping_mul(difference))
    });
    squares.fold(0, u64::wrapping_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_sum_is_exact(pairs in prop::collection::vec((any::<u8>(), any::<u8>()), 1..3000)) {
            let (a, b): (Vec<u8>, Vec<u8>) = pairs.iter().copied().unzip();
            let expected: i64 = pairs.iter().map(|&(a, b)| (i64::from(a) - i64::from(b)).pow(2)).sum();
            prop_assert_eq!(squared_error_u8(&a, &b), expected as u64);
            let wide = |v: &[u8]| v.iter().map(|&v| u16::from(v) * 257).collect::<Vec<_>>();
            prop_assert_eq!(squared_error_u16(&wide(&a), &wide(&b)), expected as u64 * 257 * 257);
        }
    }
}
