//! FFmpeg as an oracle of the conversions.
