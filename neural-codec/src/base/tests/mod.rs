//! Properties of the base layer, on every version of the encoder that can be found.

mod clips;
mod decoding;
mod encoding;
mod headers;
