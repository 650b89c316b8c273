//! Distortion between source and decoded pictures, measured as defined in each file. Rank 2.
