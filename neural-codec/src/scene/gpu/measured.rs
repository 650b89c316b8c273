//! What the host gets of a picture that the GPU measured: the record read.

use super::picture::ScenePicture;
use super::shape::{COUNTS, FINGERPRINT, LEVELLED, SPATIAL, STEPS, TEMPORAL, TEXTURE};
use crate::error::Result;
use crate::gpu::Gpu;

/// What the host needs of a [`ScenePicture`].
#[derive(Debug)]
pub struct SceneMeasurements {
    /// The small luma, and the outlines of all three planes, each with its width and height.
    pub pictures: [(usize, usize, Vec<u8>); 4],
    /// Equal for frames whose cells sum to the same values.
    pub fingerprint: u64,
    /// How often each value occurs in the sampled blocks; steps between neighbors, and those that are hard edges.
    pub counts: [u32; 256],
    /// See `counts`.
    pub steps: u32,
    /// See `counts`.
    pub hard_steps: u32,
    /// Of each sampled block the sum of second derivatives, the least and the largest value.
    pub blocks: Vec<(u32, u16, u16)>,
    /// Of each row of the small luma that has a row above and below: magnitudes of the gradient, their squares / 8.
    pub gradient: Vec<(f32, u32)>,
    /// What comparing it with the picture before gave.
    pub pair: Option<ScenePair>,
}

/// What comparing a picture with the one before gave.
#[derive(Debug)]
pub struct ScenePair {
    /// Sum and sum of squares of the differences of the small luma.
    pub temporal: (i64, u64),
    /// Whether the outline before was brought to this one's brightness.
    pub is_levelled: bool,
    /// Blocks of the small luma, in the levelled picture; `other` is the cost without displacement.
    pub fine: Vec<SceneMatch>,
    /// Blocks of the outline, in the picture as it was; `other` is the deviation of the block from its mean.
    pub outline: Vec<SceneMatch>,
    /// Likewise, in the levelled picture.
    pub levelled: Vec<SceneMatch>,
}

/// The best match of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SceneMatch {
    /// Displacement to the right and down.
    pub displacement: (i16, i16),
    /// Sum of absolute differences.
    pub cost: u32,
    /// See [`ScenePair`].
    pub other: u32,
}

impl ScenePicture {
    /// What the record says.
    pub(super) fn measurements(&self, small: &[u8], record: &[u64]) -> SceneMeasurements {
        let [luma, ..] = &self.shape.planes;
        let picture = |width: i32, height: i32, at: i32| {
            let (width, height) = (width as usize, height as usize);
            (width, height, small[at as usize..][..width * height].to_vec())
        };
        let outline = |plane: usize| {
            let plane = &self.shape.planes[plane];
            picture(plane.outline_width, plane.outline_height, plane.outline_at)
        };
        let made_small = picture(luma.small_width, luma.small_height, luma.small_at);
        let block = |&word: &u64| (word as u32, (word >> 32) as u16, (word >> 48) as u16);
        let row = |&word: &u64| (f32::from_bits(word as u32), (word >> 32) as u32);
        SceneMeasurements {
            pictures: [made_small, outline(0), outline(1), outline(2)],
            fingerprint: record[FINGERPRINT],
            counts: std::array::from_fn(|value| record[COUNTS + value] as u32),
            steps: record[STEPS] as u32,
            hard_steps: record[STEPS + 1] as u32,
            blocks: record[TEXTURE..][..self.blocks.0 * self.blocks.1].iter().map(block).collect(),
            gradient: record[SPATIAL..][..self.gradient_rows()].iter().map(row).collect(),
            pair: self.has_pair.then(|| self.pair(record)),
        }
    }

    fn pair(&self, record: &[u64]) -> ScenePair {
        let matches = |at: i32, blocks: usize, range: i16| {
            let words = record[at as usize..][..2 * blocks].chunks_exact(2);
            words.map(move |words| SceneMatch::read(words[0], words[1], range)).collect()
        };
        ScenePair {
            temporal: (record[TEMPORAL].cast_signed(), record[TEMPORAL + 1]),
            is_levelled: record[LEVELLED + 1] > 0,
            fine: matches(self.shape.fine_at, self.shape.fine_blocks(), 4),
            outline: matches(self.shape.outline_at, self.shape.outline_blocks(), 8),
            levelled: matches(self.shape.levelled_at, self.shape.outline_blocks(), 8),
        }
    }
}

impl Gpu {
    /// The measurements of a picture, once everything before is done.
    ///
    /// # Errors
    ///
    /// `Device`.
    pub fn measurements(&self, picture: &ScenePicture) -> Result<SceneMeasurements> {
        let (small, record) = (self.download(&picture.small)?, self.download(&picture.record)?);
        Ok(picture.measurements(&small, &record))
    }
}

impl SceneMatch {
    /// From the two words of kernels/scene_motion.cu.
    fn read(key: u64, other: u64, range: i16) -> Self {
        let (index, side) = ((key & 0xffff) as i16, 2 * range + 1);
        let displacement = (index % side - range, index / side - range);
        Self { displacement, cost: (key >> 32) as u32, other: other as u32 }
    }
}
