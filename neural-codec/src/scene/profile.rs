//! What analysis finds out about one scene. Second step of encoding, after the cuts.

use super::class::Evidence;

/// Measurements of a scene. Units: luma levels of 8 bits and shares from 0 to 1 unless said otherwise.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Profile {
    /// Number of frames.
    pub frames: u64,
    /// What the scene looks like, why, and the measurements that decided.
    pub evidence: Evidence,
    /// Standard deviation of the Sobel gradient, largest and mean over time.
    /// Source: ITU-T P.910, on the picture made small (at most 320 samples a side).
    pub spatial_information: Extent,
    /// Standard deviation of the frame difference, likewise.
    pub temporal_information: Extent,
    /// Mean block displacement, in shares of the picture's longer side per second.
    pub motion: f32,
    /// Mean of the median displacement, rightwards and downwards, in the same unit.
    pub motion_direction: [f32; 2],
    /// Share of changed blocks that move as the median does: camera motion.
    pub global_motion: f32,
    /// Share of blocks that change from frame to frame.
    pub changed_blocks: f32,
    /// The same along the left, right and upper edge.
    pub changed_border: f32,
    /// Share of the changed blocks that have colors of skin.
    pub moving_skin: f32,
    /// Share of skin colors in the middle of the upper two thirds, where a speaker's face is.
    pub face_skin: f32,
    /// Share of skin colors along the left and right edge.
    pub side_skin: f32,
    /// Standard deviation of the grain, at full resolution.
    pub grain: f32,
    /// Share of 16x16 blocks without detail, at full resolution.
    pub flatness: f32,
    /// Share of hard steps among all steps between neighbors.
    pub hard_edges: f32,
    /// Number of luma values in use, and the share of samples that hold one of the four most frequent.
    pub luma_values: f32,
    /// See `luma_values`.
    pub top_values: f32,
    /// Frames that repeat the one before exactly.
    pub repeated_frames: u64,
    /// Frames that are black.
    pub black_frames: u64,
    /// Whether the scene comes out of a blank picture.
    pub fades_in: bool,
    /// Whether it ends in one.
    pub fades_out: bool,
}

/// A measurement over time.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub struct Extent {
    /// Largest value.
    pub max: f32,
    /// Mean value.
    pub mean: f32,
}
