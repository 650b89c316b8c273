//! The base layer: AV1 encoding by SVT-AV1, AV1 decoding. Rank 3.
