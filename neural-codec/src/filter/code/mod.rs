//! Entropy coding of what a filter packet holds.

pub(crate) mod blocks;
