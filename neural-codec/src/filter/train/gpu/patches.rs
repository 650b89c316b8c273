//! Patches in the memory of a GPU.

use super::shape::{CHANNELS, PATCH, TrainShape};
use crate::error::{Error, Result};
use crate::gpu::Buffer;
use crate::gpu::Gpu;
use crate::memory;

/// Decoded sites and what they should be, as `neural::train::Patch` has them.
#[derive(Debug, Clone, Copy)]
pub struct TrainPatch<'a> {
    /// Shape `[6][66][66]`.
    pub decoded: &'a [i16],
    /// Likewise.
    pub source: &'a [i16],
    /// Kind of the frame.
    pub kind: usize,
    /// Set of gains and offsets.
    pub set: usize,
    /// Weight of its squared errors, and of those of U and V against those of Y.
    pub weight: f32,
    /// Likewise.
    pub chroma: f32,
}

/// All patches of a scene.
pub(super) struct Patches {
    pub(super) count: usize,
    pub(super) decoded: Buffer<i16>,
    pub(super) source: Buffer<i16>,
    pub(super) kinds: Buffer<i32>,
    pub(super) sets: Buffer<i32>,
    pub(super) weights: Buffer<f32>,
    pub(super) chroma: Buffer<f32>,
}

impl Patches {
    /// # Errors
    ///
    /// `OutOfMemory`, `Device`; `Internal` where a patch is not one of the shape.
    pub(super) fn new(gpu: &Gpu, shape: &TrainShape, patches: &[TrainPatch<'_>]) -> Result<Self> {
        let size = CHANNELS * PATCH * PATCH;
        let sets = shape.sets();
        let fits = |patch: &TrainPatch<'_>| {
            patch.decoded.len() == size && patch.source.len() == size && patch.set < sets && patch.kind < 256
        };
        if patches.is_empty() || !patches.iter().all(fits) {
            return Err(Error::internal("cuda", "patches that cannot be trained on"));
        }
        let samples = |of: for<'a> fn(&TrainPatch<'a>) -> &'a [i16]| {
            let mut all = memory::reserved("patches on their way to a device", patches.len() * size)?;
            patches.iter().for_each(|patch| all.extend_from_slice(of(patch)));
            gpu.upload(&all)
        };
        let numbers = |of: fn(&TrainPatch<'_>) -> usize| {
            gpu.upload(&patches.iter().map(|patch| of(patch) as i32).collect::<Vec<_>>())
        };
        let floats = |of: fn(&TrainPatch<'_>) -> f32| gpu.upload(&patches.iter().map(of).collect::<Vec<_>>());
        Ok(Self {
            count: patches.len(),
            decoded: samples(|patch| patch.decoded)?,
            source: samples(|patch| patch.source)?,
            kinds: numbers(|patch| patch.kind)?,
            sets: numbers(|patch| patch.set)?,
            weights: floats(|patch| patch.weight)?,
            chroma: floats(|patch| patch.chroma)?,
        })
    }
}
