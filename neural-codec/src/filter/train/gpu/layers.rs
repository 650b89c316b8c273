//! The network over a part of a batch, forward and backward, layer by layer.
//!
//! ```text
//! gather -> forward, layer by layer -> loss -> slopes, weights, back, layer by layer -> gradient
//! ```
//! Sums are made in a fixed order: the same every time, but rounded otherwise than the CPU's.

use std::ops::Range;

use cudarc::driver::{LaunchConfig, PushKernelArg};

use super::patches::Patches;
use super::shape::{CHANNELS, PATCH, TrainLayer, TrainShape, side_after};
use crate::error::{Error, Result};
use crate::gpu::Buffer;
use crate::gpu::Queue;
use crate::gpu::{Gpu, covering};

/// Outputs of a block of threads, and rows.
const OUTPUTS: usize = 8;
const ROWS: usize = 16;

/// A batch goes through in up to so many parts where memory is short.
const MOST_PARTS: usize = 4;

/// What the network is given, and what a batch leaves.
pub(super) struct Batch {
    /// Patches in all.
    pub(super) len: usize,
    /// Parameters that the loss is taken at.
    pub(super) seen: Buffer<f32>,
    /// Shape `[len]`.
    pub(super) chosen: Buffer<i32>,
    /// Gradient of the weights, then of gains and offsets by layer, patch and output.
    pub(super) found: Buffer<f32>,
    /// Shape `[len][6]`.
    pub(super) losses: Buffer<f64>,
}

/// Work space for a part of a batch.
pub(super) struct Layers {
    shape: TrainShape,
    /// Patches that there is room for.
    part: usize,
    input: Buffer<f32>,
    /// Of each layer, before and after gain and activation.
    sums: Vec<Buffer<f32>>,
    active: Vec<Buffer<f32>>,
    slopes: Buffer<f32>,
    back: Buffer<f32>,
}

impl Batch {
    pub(super) fn new(gpu: &Gpu, shape: &TrainShape, len: usize) -> Result<Self> {
        Ok(Self {
            len,
            seen: gpu.zeros(shape.parameters)?,
            chosen: gpu.alloc(len)?,
            found: gpu.alloc(shape.found(len))?,
            losses: gpu.alloc(len * CHANNELS)?,
        })
    }
}

impl Layers {
    /// For `most` patches at once, or for a half or a quarter of them where memory is short.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`, `Device`.
    pub(super) fn fitting(gpu: &Gpu, shape: &TrainShape, most: usize) -> Result<Self> {
        let mut part = most;
        loop {
            match Self::new(gpu, shape, part) {
                Err(Error::OutOfMemory { .. }) if part > most.div_ceil(MOST_PARTS) => part = part.div_ceil(2),
                layers => return layers,
            }
        }
    }

    fn new(gpu: &Gpu, shape: &TrainShape, part: usize) -> Result<Self> {
        let sites = |layer: usize| side_after(layer) * side_after(layer);
        let planes = || {
            let of = |(index, layer): (usize, &TrainLayer)| gpu.alloc(part * layer.outputs * sites(index));
            shape.layers.iter().enumerate().map(of).collect::<Result<Vec<_>>>()
        };
        let widest = shape.layers.iter().map(|layer| layer.outputs).max().unwrap_or(0);
        Ok(Self {
            shape: shape.clone(),
            part,
            input: gpu.alloc(part * CHANNELS * PATCH * PATCH)?,
            sums: planes()?,
            active: planes()?,
            slopes: gpu.alloc(part * widest * sites(0))?,
            back: gpu.alloc(part * widest * sites(0))?,
        })
    }

    /// The parts that so many patches go through in.
    pub(super) fn parts(&self, patches: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let part = self.part;
        (0..patches).step_by(part).map(move |start| start..(start + part).min(patches))
    }

    /// Losses of a part of the batch.
    pub(super) fn forward_to_loss(&mut self, pass: &mut Pass<'_>) -> Result<()> {
        self.gather(pass)?;
        for layer in 0..self.shape.layers.len() {
            self.forward(pass, layer)?;
        }
        self.loss(pass)
    }

    /// Losses and gradients of a part of the batch; those of weights are added to those of the parts before it.
    pub(super) fn run(&mut self, pass: &mut Pass<'_>) -> Result<()> {
        self.forward_to_loss(pass)?;
        for layer in (0..self.shape.layers.len()).rev() {
            self.slopes(pass, layer)?;
            self.weights(pass, layer)?;
            if layer > 0 {
                self.back(pass, layer)?;
            }
        }
        Ok(())
    }

    fn gather(&mut self, pass: &Pass<'_>) -> Result<()> {
        let launch = blocks(((CHANNELS * PATCH * PATCH).div_ceil(256), pass.items()));
        let chosen = pass.batch.chosen.0.slice(pass.part.clone());
        let mut call = pass.queue.call("train_gather")?;
        call.arg(&pass.patches.decoded.0).arg(&chosen).arg(&mut self.input.0);
        // SAFETY: arguments are the kernel's; chosen patches are there, as `LoadedPlan` checked, and the input has their size.
        #[allow(unsafe_code)]
        let launched = unsafe { call.launch(launch) };
        pass.queue.launched(launched, "train_gather")
    }

    fn forward(&mut self, pass: &Pass<'_>, index: usize) -> Result<()> {
        let layer = self.shape.layers[index];
        let side = side_after(index) + 2;
        let launch = pass.convolving(side - 2, layer.outputs)?;
        let numbers = [layer.inputs, side].map(|n| n as i32);
        let places = [layer.weights_at, layer.outputs, layer.gains_at, self.shape.set_len, layer.kinds]
            .map(|n| n as i32);
        let leak = self.shape.leak(index);
        let (given, active) = self.active.split_at_mut(index);
        let input = given.last().unwrap_or(&self.input);
        let chosen = pass.batch.chosen.0.slice(pass.part.clone());
        let mut call = pass.queue.call("train_forward")?;
        call.arg(&input.0).arg(&numbers[0]).arg(&numbers[1]).arg(&pass.batch.seen.0);
        places.iter().for_each(|number| {
            call.arg(number);
        });
        call.arg(&pass.patches.kinds.0).arg(&pass.patches.sets.0).arg(&chosen).arg(&leak);
        call.arg(&mut self.sums[index].0).arg(&mut active[0].0);
        // SAFETY: arguments are the kernel's; buffers have the sizes of `new`, which follow from the shape, parts are no
        // larger, and parameters lie where `TrainShape::check` saw them.
        #[allow(unsafe_code)]
        let launched = unsafe { call.launch(launch) };
        pass.queue.launched(launched, "train_forward")
    }

    fn loss(&mut self, pass: &mut Pass<'_>) -> Result<()> {
        let last = self.shape.layers.len() - 1;
        let side = side_after(last) as i32;
        let Batch { chosen, losses, .. } = &mut *pass.batch;
        let chosen = chosen.0.slice(pass.part.clone());
        let mut losses = losses.0.slice_mut(CHANNELS * pass.part.start..CHANNELS * pass.part.end);
        let mut call = pass.queue.call("train_loss")?;
        call.arg(&self.active[last].0).arg(&side).arg(&pass.patches.decoded.0).arg(&pass.patches.source.0);
        call.arg(&pass.patches.weights.0).arg(&pass.patches.chroma.0).arg(&chosen);
        call.arg(&mut self.back.0).arg(&mut losses);
        // SAFETY: as in `forward`; the last layer gives six channels.
        #[allow(unsafe_code)]
        let launched = unsafe { call.launch(blocks((CHANNELS, pass.part.len()))) };
        pass.queue.launched(launched, "train_loss")
    }

    fn slopes(&mut self, pass: &mut Pass<'_>, index: usize) -> Result<()> {
        let layer = self.shape.layers[index];
        let by_gain_at = self.shape.by_gain_at(index, pass.batch.len) + 2 * layer.outputs * pass.part.start;
        let (side, by_gain_at) = (side_after(index) as i32, by_gain_at as i32);
        let places = [layer.outputs, layer.gains_at, self.shape.set_len, layer.kinds].map(|n| n as i32);
        let leak = self.shape.leak(index);
        let Batch { chosen, seen, found, .. } = &mut *pass.batch;
        let chosen = chosen.0.slice(pass.part.clone());
        let mut call = pass.queue.call("train_slopes")?;
        call.arg(&self.back.0).arg(&self.sums[index].0).arg(&side).arg(&seen.0);
        places.iter().for_each(|number| {
            call.arg(number);
        });
        call.arg(&pass.patches.kinds.0).arg(&pass.patches.sets.0).arg(&chosen).arg(&leak);
        call.arg(&mut self.slopes.0).arg(&by_gain_at).arg(&mut found.0);
        // SAFETY: as in `forward`; the gradients of gains lie behind those of weights, two an output and patch.
        #[allow(unsafe_code)]
        let launched = unsafe { call.launch(blocks((layer.outputs, pass.part.len()))) };
        pass.queue.launched(launched, "train_slopes")
    }

    fn weights(&mut self, pass: &mut Pass<'_>, index: usize) -> Result<()> {
        let layer = self.shape.layers[index];
        let adds = i32::from(pass.part.start > 0);
        let numbers = [pass.items(), side_after(index), layer.weights_at].map(|n| n as i32);
        let input = if index == 0 { &self.input } else { &self.active[index - 1] };
        let mut call = pass.queue.call("train_weights")?;
        call.arg(&input.0).arg(&self.slopes.0);
        numbers.iter().for_each(|number| {
            call.arg(number);
        });
        call.arg(&adds).arg(&mut pass.batch.found.0);
        // SAFETY: as in `forward`.
        #[allow(unsafe_code)]
        let launched = unsafe { call.launch(blocks((layer.inputs, layer.outputs))) };
        pass.queue.launched(launched, "train_weights")
    }

    fn back(&mut self, pass: &Pass<'_>, index: usize) -> Result<()> {
        let layer = self.shape.layers[index];
        let side = side_after(index);
        let launch = pass.convolving(side + 2, layer.inputs)?;
        let numbers = [layer.outputs, side].map(|n| n as i32);
        let (weights_at, inputs) = (layer.weights_at as i32, layer.inputs as i32);
        let mut call = pass.queue.call("train_back")?;
        call.arg(&self.slopes.0).arg(&numbers[0]).arg(&numbers[1]).arg(&pass.batch.seen.0);
        call.arg(&weights_at).arg(&inputs).arg(&mut self.back.0);
        // SAFETY: as in `forward`; `back` has room for the widest layer.
        #[allow(unsafe_code)]
        let launched = unsafe { call.launch(launch) };
        pass.queue.launched(launched, "train_back")
    }
}

/// One way through the layers and back.
pub(super) struct Pass<'a> {
    pub(super) gpu: &'a Gpu,
    pub(super) queue: &'a Queue,
    pub(super) patches: &'a Patches,
    pub(super) batch: &'a mut Batch,
    /// Which patches of the batch.
    pub(super) part: Range<usize>,
}

impl Pass<'_> {
    fn items(&self) -> usize {
        self.part.len()
    }

    /// The grid of a convolution that gives so many square planes for each patch.
    fn convolving(&self, side: usize, planes: usize) -> Result<LaunchConfig> {
        let groups = self.items() * planes.div_ceil(OUTPUTS);
        let launch = covering(self.gpu, (side, side.div_ceil(ROWS), groups), (32, 1, 1))?;
        Ok(LaunchConfig { block_dim: (32, 8, 1), ..launch })
    }
}

/// A grid of blocks of 256 threads.
pub(super) fn blocks((x, y): (usize, usize)) -> LaunchConfig {
    LaunchConfig { grid_dim: (x as u32, y as u32, 1), block_dim: (256, 1, 1), shared_mem_bytes: 0 }
}
