//! What quality is worth in bytes.

/// What a dB of the binding metric is worth in the natural logarithm of the bytes: 0.23 to 0.36 over twelve scenes.
pub(crate) const LOG_BYTES_PER_DB: f64 = 0.28;
