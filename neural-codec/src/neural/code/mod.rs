//! Entropy coding of what a filter packet holds. Rank 3.

pub(crate) mod bits;
pub(crate) mod blocks;
pub(crate) mod values;
