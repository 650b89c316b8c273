//! Entropy coding of what a filter packet holds.

pub(crate) mod bits;
pub(crate) mod blocks;
pub(crate) mod values;
