//! Scenes: where a clip is cut, and what is found out about each part. Rank 2.
