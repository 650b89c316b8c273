//! What a network to train looks like to the GPU: where its parameters lie. Rank 0, used by the trainer.

use crate::error::{Error, Result};

/// Side of a patch and channels of a site: those of kernels/train_convolve.cuh.
pub(super) const PATCH: usize = 66;
pub(super) const CHANNELS: usize = 6;

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
    /// Index of the first gain of a layer for a patch.
    pub(super) fn gain_at(&self, layer: &TrainLayer, patch: (usize, usize)) -> usize {
        layer.gains_at + patch.1 * self.set_len + patch.0.min(layer.kinds - 1) * layer.outputs
    }

    /// Errors: `Internal` where a parameter would lie outside.
    pub(super) fn check(&self) -> Result<()> {
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
            && i32::try_from(self.parameters).is_ok();
        if whole { Ok(()) } else { Err(Error::internal("cuda", format!("a network to train: {self:?}"))) }
    }
}
