//! Entropy coding of parameters and maps by adaptive bits: what filters and stills share.

pub(crate) mod bits;
pub(crate) mod values;
