//! What a network to train looks like to the GPU: where its parameters lie.

use crate::error::{Error, Result};

/// Side of a patch and channels of a site: those of kernels/train_convolve.cuh.
pub(super) const PATCH: usize = 66;
pub(super) const CHANNELS: usize = 6;

/// Slope of the activation below zero.
const LEAK: f32 = 0.125;

/// Side of what a layer gives.
pub(super) fn side_after(layer: usize) -> usize {
    PATCH - 2 * (layer + 1)
}

/// Where the parameters of a layer lie.
#[derive(Debug, Clone, Copy)]
pub struct TrainLayer {
    /// Channels in and out.
    pub inputs: usize,
    /// Likewise.
    pub outputs: usize,
    /// Index of the first weight.
    pub weights_at: usize,
    /// Index of the first gain in set 0; the offsets follow the gains of all kinds.
    pub gains_at: usize,
    /// Kinds of frames that have gains of their own.
    pub kinds: usize,
}

/// All layers, the number of parameters, and of those in a set.
#[derive(Debug, Clone)]
pub struct TrainShape {
    /// First to last.
    pub layers: Vec<TrainLayer>,
    /// Weights of all layers and all sets.
    pub parameters: usize,
    /// Parameters before the first set.
    pub weights: usize,
    /// Parameters of a set.
    pub set_len: usize,
}

impl TrainShape {
    /// Sets of gains and offsets.
    pub(super) fn sets(&self) -> usize {
        (self.parameters - self.weights) / self.set_len.max(1)
    }

    /// Slope below zero of the activation after a layer.
    pub(super) fn leak(&self, layer: usize) -> f32 {
        if layer + 1 == self.layers.len() { 1.0 } else { LEAK }
    }

    /// Gradients that a batch leaves: of weights, then of gains and offsets by layer, patch and output.
    pub(super) fn found(&self, batch: usize) -> usize {
        self.by_gain_at(self.layers.len(), batch)
    }

    /// Where those of the gains of a layer begin.
    pub(super) fn by_gain_at(&self, layer: usize, batch: usize) -> usize {
        let before = self.layers[..layer].iter().map(|layer| 2 * layer.outputs).sum::<usize>();
        self.weights + batch * before
    }

    /// For each value of a set where its gradients lie, as `GainPlace` of kernels/train_step.cu.
    pub(super) fn gain_places(&self, batch: usize) -> Vec<i32> {
        // What no layer uses is of no kind.
        let mut places = vec![[0, 0, -1, 1]; self.set_len];
        for (index, layer) in self.layers.iter().enumerate() {
            let each =
                (0..2 * layer.kinds).flat_map(|row| (0..layer.outputs).map(move |output| (row, output)));
            for (at, (row, output)) in each.enumerate() {
                let (is_offset, kind) = (row / layer.kinds, row % layer.kinds);
                let first = self.by_gain_at(index, batch) + 2 * output + is_offset;
                places[layer.gains_at - self.weights + at] =
                    [first, 2 * layer.outputs, kind, layer.kinds].map(|number| number as i32);
            }
        }
        places.concat()
    }

    /// # Errors
    ///
    /// `Internal` where a parameter would lie outside.
    pub(super) fn check(&self) -> Result<()> {
        if self.weights > self.parameters {
            return Err(Error::internal("cuda", format!("a network to train: {self:?}")));
        }
        let channels = self.layers.iter().map(|layer| layer.outputs);
        let fits = |(layer, inputs): (&TrainLayer, usize)| {
            layer.inputs == inputs
                && layer.outputs > 0
                && layer.kinds > 0
                && layer.weights_at + layer.inputs * layer.outputs * 9 <= self.weights
                && layer.gains_at >= self.weights
                && layer.gains_at + 2 * layer.kinds * layer.outputs <= self.weights + self.set_len
        };
        let whole = (1..=8).contains(&self.layers.len())
            && self.layers.iter().zip([CHANNELS].into_iter().chain(channels)).all(fits)
            && self.layers.last().is_some_and(|layer| layer.outputs == CHANNELS)
            && self.parameters == self.weights + self.sets() * self.set_len
            && self.sets() > 0
            && i32::try_from(self.parameters).is_ok();
        if whole { Ok(()) } else { Err(Error::internal("cuda", format!("a network to train: {self:?}"))) }
    }
}
