//! Sizes of a picture made small, and where the GPU keeps its measurements: the host's side of kernels/scene_shape.cuh.

use cudarc::driver::DeviceRepr;

use crate::error::{Error, Result};

/// Longest side of a small plane, side of a block of the search, and how much smaller an outline is: those of scene_shape.cuh.
const SIDE: usize = 320;
const BLOCK: usize = 8;
const OUTLINE: usize = 4;

/// Places in the record, as there.
pub(super) const FINGERPRINT: usize = 0;
pub(super) const TEMPORAL: usize = 5;
pub(super) const LEVELLED: usize = 7;
pub(super) const STEPS: usize = 9;
pub(super) const COUNTS: usize = 11;
pub(super) const TEXTURE: usize = 267;
pub(super) const SPATIAL: usize = 523;
/// Behind the rows of the gradient.
const MATCHES: usize = SPATIAL + SIDE;

/// One plane, laid out as `ScenePlane` of scene_shape.cuh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub(super) struct ShapePlane {
    pub(super) width: i32,
    pub(super) height: i32,
    factor: i32,
    pub(super) small_width: i32,
    pub(super) small_height: i32,
    pub(super) small_at: i32,
    pub(super) outline_width: i32,
    pub(super) outline_height: i32,
    pub(super) outline_at: i32,
    first_row: i32,
}

/// A picture, laid out as `SceneShape` of scene_shape.cuh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub(super) struct SceneShape {
    pub(super) planes: [ShapePlane; 3],
    pub(super) shift: i32,
    pub(super) fine_at: i32,
    pub(super) outline_at: i32,
    pub(super) levelled_at: i32,
}

// SAFETY: plain integers without padding, laid out as in C.
#[allow(unsafe_code)]
unsafe impl DeviceRepr for SceneShape {}

impl SceneShape {
    /// The shape for planes of these widths and heights, with `shift` bits beyond 8.
    ///
    /// # Errors
    ///
    /// `Internal` for sides that no frame has.
    pub(super) fn new(sizes: [(usize, usize); 3], shift: u32) -> Result<Self> {
        let fits = |&(width, height): &(usize, usize)| {
            (1..=1 << 14).contains(&width) && (1..=1 << 14).contains(&height)
        };
        if !sizes.iter().all(fits) || shift > 2 {
            return Err(Error::internal(
                "cuda",
                format!("planes of {sizes:?} samples, {shift} bits beyond 8"),
            ));
        }
        let (mut at, mut first_row) = (0, 0);
        let mut planes = sizes.map(|(width, height)| {
            let factor = width.max(height).div_ceil(SIDE);
            let (small_width, small_height) = (width.div_ceil(factor), height.div_ceil(factor));
            let small_at = at;
            at += small_width * small_height;
            first_row += small_height;
            ShapePlane {
                width: width as i32,
                height: height as i32,
                factor: factor as i32,
                small_width: small_width as i32,
                small_height: small_height as i32,
                small_at: small_at as i32,
                outline_width: small_width.div_ceil(OUTLINE) as i32,
                outline_height: small_height.div_ceil(OUTLINE) as i32,
                outline_at: 0,
                first_row: (first_row - small_height) as i32,
            }
        });
        for plane in &mut planes {
            plane.outline_at = at as i32;
            at += plane.outline_len();
        }
        let mut shape =
            Self { planes, shift: shift as i32, fine_at: MATCHES as i32, outline_at: 0, levelled_at: 0 };
        shape.outline_at = shape.fine_at + 2 * shape.fine_blocks() as i32;
        shape.levelled_at = shape.outline_at + 2 * shape.outline_blocks() as i32;
        Ok(shape)
    }

    /// Bytes of the small planes and their outlines.
    pub(super) fn small_len(&self) -> usize {
        let last = &self.planes[2];
        last.outline_at as usize + last.outline_len()
    }

    /// Words of the record.
    pub(super) fn record_len(&self) -> usize {
        self.levelled_at as usize + 2 * self.outline_blocks()
    }

    /// Rows of all small planes.
    pub(super) fn rows(&self) -> usize {
        self.planes.iter().map(|plane| plane.small_height as usize).sum()
    }

    /// Blocks of the search in the small luma.
    pub(super) fn fine_blocks(&self) -> usize {
        let luma = &self.planes[0];
        (luma.small_width as usize).div_ceil(BLOCK) * (luma.small_height as usize).div_ceil(BLOCK)
    }

    /// Blocks of the search in the outline.
    pub(super) fn outline_blocks(&self) -> usize {
        let luma = &self.planes[0];
        (luma.outline_width as usize).div_ceil(BLOCK) * (luma.outline_height as usize).div_ceil(BLOCK)
    }
}

impl ShapePlane {
    /// Samples at full size.
    pub(super) fn len(&self) -> usize {
        self.width as usize * self.height as usize
    }

    /// Samples made small.
    pub(super) fn small_len(&self) -> usize {
        self.small_width as usize * self.small_height as usize
    }

    /// Samples of the outline.
    pub(super) fn outline_len(&self) -> usize {
        self.outline_width as usize * self.outline_height as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_follow_one_another_without_holes() {
        let shape = SceneShape::new([(1919, 1079), (960, 540), (960, 540)], 2).unwrap();
        let [luma, blue, red] = shape.planes;
        assert_eq!((luma.factor, luma.small_width, luma.small_height), (6, 320, 180));
        assert_eq!((blue.factor, blue.small_width, blue.outline_height), (3, 320, 45));
        assert_eq!((blue.small_at, red.first_row, shape.rows()), (320 * 180, 360, 540));
        assert_eq!(luma.outline_at, 3 * 320 * 180);
        assert_eq!(shape.small_len(), 3 * (320 * 180 + 80 * 45));
        assert_eq!((shape.fine_blocks(), shape.outline_blocks()), (40 * 23, 10 * 6));
        assert_eq!(shape.record_len(), MATCHES + 2 * (920 + 60 + 60));
    }

    #[test]
    fn sides_that_no_frame_has_are_refused() {
        for sizes in [[(0, 4); 3], [(4, 0); 3], [(16_385, 4); 3]] {
            assert!(SceneShape::new(sizes, 0).is_err());
        }
        assert!(SceneShape::new([(4, 4); 3], 3).is_err());
    }
}
