//! Layers packed for kernels: pairs of channels, groups of outputs.

use crate::filter::{GAIN_BITS, Layer, Network, TAPS, TEMPORAL_LAYERS};

/// A layer whose channels are taken two by two; an odd channel out is paired with zeros.
pub(super) struct PackedLayer {
    /// Pairs of inputs.
    pub(super) pairs_in: usize,
    /// Pairs of outputs.
    pub(super) pairs_out: usize,
    pub(super) groups: Vec<Group>,
    /// Whether negative results are divided by eight, which they are after all layers but the last.
    pub(super) leaky: bool,
}

/// Outputs whose sums a kernel holds in registers together.
pub(super) struct Group {
    /// First pair of outputs.
    pub(super) first_pair: usize,
    /// Outputs, an even number.
    pub(super) outputs: usize,
    /// Shape `[pairs_in][3][3][outputs]`: the weights of two inputs, the first in the low half.
    pub(super) weights: Vec<i32>,
    /// Shape `[outputs]`: half of what is shifted out.
    pub(super) start: Vec<i32>,
    /// Shape `[TEMPORAL_LAYERS][outputs / 2]`.
    pub(super) scales: [Vec<Scale>; TEMPORAL_LAYERS],
}

/// What is done to the sums of a pair of outputs.
///
/// With the offset shifted up and added before the shift down, a channel takes one multiplication and one addition;
/// the result is the same, and fits: 2^15 * 2^15 + 2^15 * 2^12 + 2^11 < 2^31.
#[derive(Clone, Copy, Default)]
pub(super) struct Scale {
    pub(super) shift: [i32; 2],
    /// The first gain in the low half of its number, the second in the high half, zeros in the others.
    pub(super) gain: [i32; 2],
    /// The offset times 2^12, and 2^11.
    pub(super) offset: [i32; 2],
}

/// Packs every layer, with groups of up to `group` outputs.
pub(super) fn pack(network: &Network, group: usize) -> Vec<PackedLayer> {
    let count = network.layers().len();
    network
        .layers()
        .iter()
        .enumerate()
        .map(|(index, layer)| pack_layer(layer, group, index + 1 < count))
        .collect()
}

fn pack_layer(layer: &Layer, group: usize, leaky: bool) -> PackedLayer {
    let pairs_out = layer.outputs.div_ceil(2);
    let groups = (0..2 * pairs_out)
        .step_by(group)
        .map(|first| pack_group(layer, first, group.min(2 * pairs_out - first)))
        .collect();
    PackedLayer { pairs_in: layer.inputs.div_ceil(2), pairs_out, groups, leaky }
}

fn pack_group(layer: &Layer, first: usize, outputs: usize) -> Group {
    let weight = |input: usize, tap: usize, output: usize| {
        if input >= layer.inputs || output >= layer.outputs {
            return 0;
        }
        i16::from(layer.weights[(output * layer.inputs + input) * TAPS + tap])
    };
    let mut weights = Vec::new();
    for input in (0..layer.inputs).step_by(2) {
        for tap in 0..TAPS {
            for output in first..first + outputs {
                weights.push(halves(weight(input, tap, output), weight(input + 1, tap, output)));
            }
        }
    }
    let start = (first..first + outputs)
        .map(|output| layer.shift.get(output).map_or(0, |&shift| (1 << shift) / 2))
        .collect();
    let scales = std::array::from_fn(|kind| {
        (first..first + outputs).step_by(2).map(|output| pack_scale(layer, kind, output)).collect()
    });
    Group { first_pair: first / 2, outputs, weights, start, scales }
}

/// Of outputs `first` and, if there is one, `first + 1`.
fn pack_scale(layer: &Layer, kind: usize, first: usize) -> Scale {
    let mut scale = Scale::default();
    for (half, output) in (first..layer.outputs.min(first + 2)).enumerate() {
        let gain = layer.gain[kind * layer.outputs + output];
        let offset = i32::from(layer.offset[kind * layer.outputs + output]);
        scale.shift[half] = i32::from(layer.shift[output]);
        scale.gain[half] = if half == 0 { halves(gain, 0) } else { halves(0, gain) };
        scale.offset[half] = (offset << GAIN_BITS) + (1 << (GAIN_BITS - 1));
    }
    scale
}

/// Two numbers in one.
fn halves(low: i16, high: i16) -> i32 {
    i32::from(low as u16) | i32::from(high) << 16
}
