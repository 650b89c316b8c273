//! Gradients of a filter network in floats over patches that lie on the GPU. Rank 0, used by training.
//!
//! ```text
//! gather -> forward, layer by layer -> loss -> slopes, weights, back, layer by layer -> gradient
//! ```
//! Sums are made in a fixed order: the same every time, but rounded otherwise than the CPU's.

use std::sync::Arc;

use cudarc::driver::{LaunchConfig, PushKernelArg};

use super::gpu::{Gpu, covering};
use super::memory::Buffer;
use super::train_shape::{CHANNELS, PATCH, TrainLayer, TrainShape, side_after};
use crate::error::{Error, Result};

/// Outputs of a block of threads, and rows.
const OUTPUTS: usize = 8;
const ROWS: usize = 16;

/// Slope of the activation below zero.
const LEAK: f32 = 0.125;

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

/// Patches and work space on a GPU.
pub struct GpuTrainer {
    gpu: Arc<Gpu>,
    shape: TrainShape,
    batch: usize,
    /// Kind and set of each patch.
    places: Vec<(usize, usize)>,
    decoded: Buffer<i16>,
    source: Buffer<i16>,
    kinds: Buffer<i32>,
    sets: Buffer<i32>,
    weights: Buffer<f32>,
    chroma: Buffer<f32>,
    space: Space,
}

/// What steps write again and again.
struct Space {
    parameters: Buffer<f32>,
    chosen: Buffer<i32>,
    input: Buffer<f32>,
    /// Of each layer, before and after gain and activation.
    sums: Vec<Buffer<f32>>,
    active: Vec<Buffer<f32>>,
    slopes: Buffer<f32>,
    back: Buffer<f32>,
    /// Gradient of the weights, then of gains and offsets by layer, patch and output.
    gradient: Buffer<f32>,
    losses: Buffer<f64>,
}

impl GpuTrainer {
    /// Uploads patches for steps of `batch` of them. Errors: `OutOfMemory`, `Device`.
    pub fn new(gpu: &Arc<Gpu>, shape: &TrainShape, patches: &[TrainPatch<'_>], batch: usize) -> Result<Self> {
        shape.check()?;
        let size = CHANNELS * PATCH * PATCH;
        let sets = (shape.parameters - shape.weights) / shape.set_len.max(1);
        let fits = |patch: &TrainPatch<'_>| {
            patch.decoded.len() == size && patch.source.len() == size && patch.set < sets
        };
        if batch == 0 || patches.is_empty() || !patches.iter().all(fits) {
            return Err(Error::internal("cuda", "patches that cannot be trained on"));
        }
        let samples = |of: fn(&TrainPatch<'_>) -> Vec<i16>| {
            gpu.upload(&patches.iter().flat_map(of).collect::<Vec<_>>())
        };
        let numbers = |of: fn(&TrainPatch<'_>) -> usize| -> Result<Buffer<i32>> {
            gpu.upload(&patches.iter().map(|patch| of(patch) as i32).collect::<Vec<_>>())
        };
        let floats = |of: fn(&TrainPatch<'_>) -> f32| gpu.upload(&patches.iter().map(of).collect::<Vec<_>>());
        Ok(Self {
            gpu: gpu.clone(),
            batch,
            places: patches.iter().map(|patch| (patch.kind, patch.set)).collect(),
            decoded: samples(|patch| patch.decoded.to_vec())?,
            source: samples(|patch| patch.source.to_vec())?,
            kinds: numbers(|patch| patch.kind)?,
            sets: numbers(|patch| patch.set)?,
            weights: floats(|patch| patch.weight)?,
            chroma: floats(|patch| patch.chroma)?,
            space: Space::new(gpu, shape, batch)?,
            shape: shape.clone(),
        })
    }

    /// Sum of the weighted losses of the chosen patches at `parameters`, and its gradient into `total`.
    ///
    /// Errors: `Device`; `Internal` for a batch of another size, or patches that are not there.
    pub fn gradient(&mut self, parameters: &[f32], chosen: &[usize], total: &mut [f32]) -> Result<f64> {
        let count = self.shape.parameters;
        let fits = chosen.len() == self.batch && chosen.iter().all(|&patch| patch < self.places.len());
        if !fits || parameters.len() != count || total.len() != count {
            return Err(Error::internal("cuda", "a batch that does not fit the patches"));
        }
        let indices: Vec<i32> = chosen.iter().map(|&patch| patch as i32).collect();
        self.gpu.write(parameters, &mut self.space.parameters)?;
        self.gpu.write(&indices, &mut self.space.chosen)?;
        self.gather()?;
        for layer in 0..self.shape.layers.len() {
            self.forward(layer)?;
        }
        self.loss()?;
        for layer in (0..self.shape.layers.len()).rev() {
            self.slopes(layer)?;
            self.weights(layer)?;
            if layer > 0 {
                self.back(layer)?;
            }
        }
        let found = self.gpu.download(&self.space.gradient)?;
        self.add_up(&found, chosen, total);
        Ok(self.gpu.download(&self.space.losses)?.iter().sum())
    }

    /// Weights are summed over the batch already; gains and offsets belong where each patch's kind and set say.
    fn add_up(&self, found: &[f32], chosen: &[usize], total: &mut [f32]) {
        total.fill(0.0);
        total[..self.shape.weights].copy_from_slice(&found[..self.shape.weights]);
        for (index, layer) in self.shape.layers.iter().enumerate() {
            let by_patch = found[self.by_gain_at(index)..].chunks_exact(2 * layer.outputs);
            for (&patch, values) in chosen.iter().zip(by_patch) {
                let gain = self.shape.gain_at(layer, self.places[patch]);
                for (output, pair) in values.chunks_exact(2).enumerate() {
                    total[gain + output] += pair[0];
                    total[gain + layer.kinds * layer.outputs + output] += pair[1];
                }
            }
        }
    }

    /// Where the gradients of a layer's gains lie in `Space::gradient`.
    fn by_gain_at(&self, layer: usize) -> usize {
        let before = self.shape.layers[..layer].iter().map(|layer| 2 * layer.outputs).sum::<usize>();
        self.shape.weights + self.batch * before
    }

    fn leak(&self, layer: usize) -> f32 {
        if layer + 1 == self.shape.layers.len() { 1.0 } else { LEAK }
    }

    fn gather(&mut self) -> Result<()> {
        let launch = blocks(((CHANNELS * PATCH * PATCH).div_ceil(256), self.batch));
        let mut call = self.gpu.stream().launch_builder(self.gpu.function("train_gather")?);
        call.arg(&self.decoded.0).arg(&self.space.chosen.0).arg(&mut self.space.input.0);
        // SAFETY: arguments are the kernel's; chosen patches are there, as `gradient` checked, and the input has their size.
        #[allow(unsafe_code)]
        let launched = unsafe { call.launch(launch) };
        self.gpu.checked(launched, "train_gather", 0).map(drop)
    }

    fn forward(&mut self, index: usize) -> Result<()> {
        let layer = self.shape.layers[index];
        let side = side_after(index) + 2;
        let launch = self.convolving(side - 2, layer.outputs)?;
        let numbers = [layer.inputs, side].map(|n| n as i32);
        let places = [layer.weights_at, layer.outputs, layer.gains_at, self.shape.set_len, layer.kinds]
            .map(|n| n as i32);
        let leak = self.leak(index);
        let space = &mut self.space;
        let (given, active) = space.active.split_at_mut(index);
        let input = given.last().unwrap_or(&space.input);
        let mut call = self.gpu.stream().launch_builder(self.gpu.function("train_forward")?);
        call.arg(&input.0).arg(&numbers[0]).arg(&numbers[1]).arg(&space.parameters.0);
        places.iter().for_each(|number| {
            call.arg(number);
        });
        call.arg(&self.kinds.0).arg(&self.sets.0).arg(&space.chosen.0).arg(&leak);
        call.arg(&mut space.sums[index].0).arg(&mut active[0].0);
        // SAFETY: arguments are the kernel's; buffers have the sizes of `Space::new`, which follow from the shape, and
        // parameters lie where `TrainShape::check` saw them.
        #[allow(unsafe_code)]
        let launched = unsafe { call.launch(launch) };
        self.gpu.checked(launched, "train_forward", 0).map(drop)
    }

    fn loss(&mut self) -> Result<()> {
        let last = self.shape.layers.len() - 1;
        let side = side_after(last) as i32;
        let space = &mut self.space;
        let mut call = self.gpu.stream().launch_builder(self.gpu.function("train_loss")?);
        call.arg(&space.active[last].0).arg(&side).arg(&self.decoded.0).arg(&self.source.0);
        call.arg(&self.weights.0).arg(&self.chroma.0).arg(&space.chosen.0);
        call.arg(&mut space.back.0).arg(&mut space.losses.0);
        // SAFETY: as in `forward`; the last layer gives six channels.
        #[allow(unsafe_code)]
        let launched = unsafe { call.launch(blocks((CHANNELS, self.batch))) };
        self.gpu.checked(launched, "train_loss", 0).map(drop)
    }

    fn slopes(&mut self, index: usize) -> Result<()> {
        let layer = self.shape.layers[index];
        let (side, by_gain_at) = (side_after(index) as i32, self.by_gain_at(index) as i32);
        let places = [layer.outputs, layer.gains_at, self.shape.set_len, layer.kinds].map(|n| n as i32);
        let leak = self.leak(index);
        let space = &mut self.space;
        let mut call = self.gpu.stream().launch_builder(self.gpu.function("train_slopes")?);
        call.arg(&space.back.0).arg(&space.sums[index].0).arg(&side).arg(&space.parameters.0);
        places.iter().for_each(|number| {
            call.arg(number);
        });
        call.arg(&self.kinds.0).arg(&self.sets.0).arg(&space.chosen.0).arg(&leak);
        call.arg(&mut space.slopes.0).arg(&by_gain_at).arg(&mut space.gradient.0);
        // SAFETY: as in `forward`; the gradients of gains lie behind those of weights, two an output and patch.
        #[allow(unsafe_code)]
        let launched = unsafe { call.launch(blocks((layer.outputs, self.batch))) };
        self.gpu.checked(launched, "train_slopes", 0).map(drop)
    }

    fn weights(&mut self, index: usize) -> Result<()> {
        let layer = self.shape.layers[index];
        let numbers = [self.batch, side_after(index), layer.weights_at].map(|n| n as i32);
        let space = &mut self.space;
        let input = if index == 0 { &space.input } else { &space.active[index - 1] };
        let mut call = self.gpu.stream().launch_builder(self.gpu.function("train_weights")?);
        call.arg(&input.0).arg(&space.slopes.0);
        numbers.iter().for_each(|number| {
            call.arg(number);
        });
        call.arg(&mut space.gradient.0);
        // SAFETY: as in `forward`.
        #[allow(unsafe_code)]
        let launched = unsafe { call.launch(blocks((layer.inputs, layer.outputs))) };
        self.gpu.checked(launched, "train_weights", 0).map(drop)
    }

    fn back(&mut self, index: usize) -> Result<()> {
        let layer = self.shape.layers[index];
        let side = side_after(index);
        let launch = self.convolving(side + 2, layer.inputs)?;
        let numbers = [layer.outputs, side].map(|n| n as i32);
        let (weights_at, inputs) = (layer.weights_at as i32, layer.inputs as i32);
        let space = &mut self.space;
        let mut call = self.gpu.stream().launch_builder(self.gpu.function("train_back")?);
        call.arg(&space.slopes.0).arg(&numbers[0]).arg(&numbers[1]).arg(&space.parameters.0);
        call.arg(&weights_at).arg(&inputs).arg(&mut space.back.0);
        // SAFETY: as in `forward`; `back` has room for the widest layer.
        #[allow(unsafe_code)]
        let launched = unsafe { call.launch(launch) };
        self.gpu.checked(launched, "train_back", 0).map(drop)
    }

    /// The grid of a convolution that gives so many square planes for each patch of the batch.
    fn convolving(&self, side: usize, planes: usize) -> Result<LaunchConfig> {
        let groups = self.batch * planes.div_ceil(OUTPUTS);
        let launch = covering(&self.gpu, (side, side.div_ceil(ROWS), groups), (32, 1, 1))?;
        Ok(LaunchConfig { block_dim: (32, 8, 1), ..launch })
    }
}

/// A grid of blocks of 256 threads.
fn blocks((x, y): (usize, usize)) -> LaunchConfig {
    LaunchConfig { grid_dim: (x as u32, y as u32, 1), block_dim: (256, 1, 1), shared_mem_bytes: 0 }
}

impl Space {
    fn new(gpu: &Gpu, shape: &TrainShape, batch: usize) -> Result<Self> {
        let sites = |layer: usize| side_after(layer) * side_after(layer);
        let planes = || {
            let of = |(index, layer): (usize, &TrainLayer)| gpu.alloc(batch * layer.outputs * sites(index));
            shape.layers.iter().enumerate().map(of).collect::<Result<Vec<_>>>()
        };
        let widest = shape.layers.iter().map(|layer| layer.outputs).max().unwrap_or(0);
        let gains: usize = shape.layers.iter().map(|layer| 2 * layer.outputs).sum();
        Ok(Self {
            parameters: gpu.alloc(shape.parameters)?,
            chosen: gpu.alloc(batch)?,
            input: gpu.alloc(batch * CHANNELS * PATCH * PATCH)?,
            sums: planes()?,
            active: planes()?,
            slopes: gpu.alloc(batch * widest * sites(0))?,
            back: gpu.alloc(batch * widest * sites(0))?,
            gradient: gpu.alloc(shape.weights + batch * gains)?,
            losses: gpu.alloc(batch * CHANNELS)?,
        })
    }
}
