//! What every kernel is given: a row of a layer to make, and the rows it is made from.

use std::ops::Range;

use super::super::packed::PackedLayer;

/// A row to be made.
pub(in super::super) struct Row<'a> {
    pub(in super::super) layer: &'a PackedLayer,
    pub(in super::super) temporal_layer: usize,
    /// The rows above, at and below, each of shape `[pairs][stride][2]`.
    pub(in super::super) inputs: [&'a [i16]; 3],
    /// The row to make, shape `[pairs][stride][2]`.
    pub(in super::super) output: &'a mut [i16],
    /// Sites to make. Up to the lanes of a vector less one more are overwritten.
    pub(in super::super) sites: Range<usize>,
    /// Sites in a row of a pair.
    pub(in super::super) stride: usize,
}
