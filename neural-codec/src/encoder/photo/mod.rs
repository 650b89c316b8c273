//! From a photo to a stored one: a picture, its profile, EXIF and opacity.
//!
//! ```text
//! picture file -> RGB, alpha, tags -> [AV1 at a quantizer -> decoded, filtered -> measured in RGB]* -> PHOTO packet -> .nvc or .avif
//!                                  \-> [neural still -> decoded -> measured in RGB]               -/
//! ```
//! Of the candidates that reach the target the smallest is stored.

mod aom;
mod attempts;
mod av1;
mod avif;
mod coder;
mod encode;
mod output_format;
mod quality;
mod report;
mod search;
mod still;
mod target;

pub use encode::{EncodedPhoto, encode_photo, encode_photo_file, encode_photo_to};
