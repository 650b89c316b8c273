//! Scene analysis on the GPU: a frame is read once, made small, and compared with the one before.
//!
//! ```text
//! planes -> small, outline, fingerprint -> sums -> levelled picture before -> matches
//!        -> texture                     -> gradient
//! ```
//! What comes out are the CPU's integers, and sums of floats in the CPU's order; nothing waits for the host on the way.

use cudarc::driver::{LaunchConfig, PushKernelArg};

use super::shape::{SceneShape, ShapePlane};
use crate::error::{Error, Result};
use crate::gpu::{Buffer, DeviceSample};
use crate::gpu::{Gpu, covering};

/// Threads of a block of kernels/scene_small.cu: the longest side of a small plane.
const CELLS: u32 = 320;
/// Side of a sampled block, and blocks along a side at most: those of scene/texture.rs.
const SAMPLED: usize = 16;

/// Three planes at full size on the GPU.
#[derive(Debug, Clone, Copy)]
pub struct ScenePlanes<'a, T> {
    /// Y, U, V or R, G, B.
    pub planes: [&'a Buffer<T>; 3],
    /// Width and height of each.
    pub sizes: [(usize, usize); 3],
    /// Bits of a sample beyond 8, at most 2.
    pub shift: u32,
    /// Whether they are red, green and blue.
    pub is_rgb: bool,
}

/// A frame made small, in the memory of a GPU, with its measurements.
#[derive(Debug)]
pub struct ScenePicture {
    pub(super) shape: SceneShape,
    pub(super) small: Buffer<u8>,
    pub(super) record: Buffer<u64>,
    /// Sampled blocks along each side.
    pub(super) blocks: (usize, usize),
    /// Whether it was compared with the picture before.
    pub(super) has_pair: bool,
}

impl ScenePicture {
    /// Rows of the small luma that have a row above and below, where there are columns likewise.
    pub(super) fn gradient_rows(&self) -> usize {
        let luma = &self.shape.planes[0];
        if luma.small_width < 3 { 0 } else { (luma.small_height as usize).saturating_sub(2) }
    }
}

impl Gpu {
    /// Makes a frame small and measures it; compares it with the picture before where that has its shape.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`, `Device`.
    pub fn measure_picture<T: DeviceSample>(
        &self,
        frame: &ScenePlanes<'_, T>,
        before: Option<&ScenePicture>,
    ) -> Result<ScenePicture> {
        self.check_usable()?;
        let shape = SceneShape::new(frame.sizes, frame.shift)?;
        if frame.planes.iter().zip(&shape.planes).any(|(buffer, plane)| buffer.len() != plane.len()) {
            return Err(Error::internal("cuda", format!("planes that are not {:?}", frame.sizes)));
        }
        let before = before.filter(|before| before.shape == shape);
        let along = |size: usize| (size / SAMPLED).clamp(1, SAMPLED);
        let (width, height) = frame.sizes[usize::from(frame.is_rgb)];
        let mut picture = ScenePicture {
            shape,
            small: self.alloc(shape.small_len())?,
            record: self.zeros(shape.record_len())?,
            blocks: (along(width), along(height)),
            has_pair: before.is_some(),
        };
        self.make_small(frame, &mut picture)?;
        self.measure_texture(frame, &mut picture)?;
        self.measure_small(&mut picture, before)?;
        if let Some(before) = before {
            self.search(&mut picture, before)?;
        }
        Ok(picture)
    }

    fn make_small<T: DeviceSample>(
        &self,
        frame: &ScenePlanes<'_, T>,
        picture: &mut ScenePicture,
    ) -> Result<()> {
        let shape = picture.shape;
        let mut hashes = self.alloc::<u64>(shape.rows())?;
        let most = |of: fn(&ShapePlane) -> usize| shape.planes.iter().map(of).max();
        let rows = most(|plane| plane.small_height as usize).unwrap_or(1);
        let mut launch = covering(self, (rows, 3, 1), (1, 1, 1))?;
        launch.block_dim = (CELLS, 1, 1);
        let mut call = self.stream().launch_builder(self.function(&format!("scene_cells_{}", T::SUFFIX))?);
        frame.planes.iter().for_each(|plane| {
            call.arg(&plane.0);
        });
        call.arg(&shape).arg(&mut picture.small.0).arg(&mut hashes.0);
        // SAFETY: arguments are the kernel's; planes have the sizes of the shape, which `measure_picture` checked, no small plane is
        // wider than a block, and every sample and hash is written.
        #[allow(unsafe_code)]
        let launched = unsafe { call.launch(launch) };
        self.checked(launched, "scene_cells", 0)?;
        if frame.is_rgb {
            let launch = covering(self, (shape.planes[0].small_len(), 1, 1), (256, 1, 1))?;
            let mut call = self.stream().launch_builder(self.function("scene_rgb")?);
            call.arg(&shape).arg(&mut picture.small.0);
            // SAFETY: arguments are the kernel's; the three planes of RGB have one size.
            #[allow(unsafe_code)]
            let launched = unsafe { call.launch(launch) };
            self.checked(launched, "scene_rgb", 0)?;
        }
        let cells = most(ShapePlane::outline_len).unwrap_or(1);
        let launch = covering(self, (cells, 4, 1), (128, 1, 1))?;
        let mut call = self.stream().launch_builder(self.function("scene_outline")?);
        call.arg(&shape).arg(&mut picture.small.0).arg(&hashes.0).arg(&mut picture.record.0);
        // SAFETY: arguments are the kernel's; buffers have the lengths of the shape.
        #[allow(unsafe_code)]
        let launched = unsafe { call.launch(launch) };
        self.checked(launched, "scene_outline", 0).map(drop)
    }

    fn measure_texture<T: DeviceSample>(
        &self,
        frame: &ScenePlanes<'_, T>,
        picture: &mut ScenePicture,
    ) -> Result<()> {
        let plane = usize::from(frame.is_rgb);
        let (width, height) = (frame.sizes[plane].0 as i32, frame.sizes[plane].1 as i32);
        let mut launch = covering(self, (picture.blocks.0, picture.blocks.1, 1), (1, 1, 1))?;
        launch.block_dim = (256, 1, 1);
        let mut call = self.stream().launch_builder(self.function(&format!("scene_texture_{}", T::SUFFIX))?);
        call.arg(&frame.planes[plane].0).arg(&width).arg(&height).arg(&picture.shape.shift);
        call.arg(&mut picture.record.0);
        // SAFETY: arguments are the kernel's; the plane has width x height samples, and the record a word for each block.
        #[allow(unsafe_code)]
        let launched = unsafe { call.launch(launch) };
        self.checked(launched, "scene_texture", 0).map(drop)
    }

    fn measure_small(&self, picture: &mut ScenePicture, before: Option<&ScenePicture>) -> Result<()> {
        let (shape, luma) = (picture.shape, picture.shape.planes[0]);
        if picture.gradient_rows() > 0 {
            let launch = LaunchConfig {
                grid_dim: (picture.gradient_rows() as u32, 1, 1),
                block_dim: (128, 1, 1),
                shared_mem_bytes: 0,
            };
            let mut call = self.stream().launch_builder(self.function("scene_spatial")?);
            call.arg(&shape).arg(&picture.small.0).arg(&mut picture.record.0);
            // SAFETY: arguments are the kernel's; each row has one above and below, and its own word of the record.
            #[allow(unsafe_code)]
            let launched = unsafe { call.launch(launch) };
            self.checked(launched, "scene_spatial", 0)?;
        }
        let blocks = self.filling_blocks(luma.small_len().div_ceil(256 * 4));
        let launch = LaunchConfig { grid_dim: (blocks, 2, 1), block_dim: (256, 1, 1), shared_mem_bytes: 0 };
        let has_before = i32::from(before.is_some());
        let mut call = self.stream().launch_builder(self.function("scene_sums")?);
        call.arg(&shape).arg(&picture.small.0).arg(&before.map_or(&picture.small, |before| &before.small).0);
        call.arg(&has_before).arg(&mut picture.record.0);
        // SAFETY: arguments are the kernel's; the picture before has the same shape.
        #[allow(unsafe_code)]
        let launched = unsafe { call.launch(launch) };
        self.checked(launched, "scene_sums", 0).map(drop)
    }

    fn search(&self, picture: &mut ScenePicture, before: &ScenePicture) -> Result<()> {
        let (shape, luma) = (picture.shape, picture.shape.planes[0]);
        let mut levelled = self.alloc::<u8>(luma.small_len() + luma.outline_len())?;
        let launch = covering(self, (luma.small_len(), 2, 1), (256, 1, 1))?;
        let mut call = self.stream().launch_builder(self.function("scene_level")?);
        call.arg(&shape).arg(&before.small.0).arg(&before.record.0).arg(&mut levelled.0);
        call.arg(&mut picture.record.0);
        // SAFETY: arguments are the kernel's; both pictures have this shape, and every sample is written.
        #[allow(unsafe_code)]
        let launched = unsafe { call.launch(launch) };
        self.checked(launched, "scene_level", 0)?;
        let mut launch = covering(self, (shape.fine_blocks(), 3, 1), (1, 1, 1))?;
        launch.block_dim = (128, 1, 1);
        let mut call = self.stream().launch_builder(self.function("scene_search")?);
        call.arg(&shape).arg(&picture.small.0).arg(&before.small.0).arg(&levelled.0);
        call.arg(&mut picture.record.0);
        // SAFETY: arguments are the kernel's; both pictures have this shape, an outline has no more blocks than its picture,
        // and the record has two words for each.
        #[allow(unsafe_code)]
        let launched = unsafe { call.launch(launch) };
        self.checked(launched, "scene_search", 0).map(drop)
    }
}
