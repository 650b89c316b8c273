//! A filter network as data: layers, integer weights, gains.
//!
//! Everything a decoder computes is fixed here, in integers; `docs/BITSTREAM.md` has the same in words.

use crate::error::{Error, Result};
use crate::frame::Layout;

/// Channels at a site of half resolution: four luma samples of a 2x2 square, row by row, then U and V.
pub const SITE_CHANNELS: usize = 6;

/// Channels at a site of a picture of 4:4:4: four samples of a 2x2 square, row by row, of each plane.
pub const SITE_CHANNELS_444: usize = 12;

/// Taps of a layer: 3x3 for every pair of input and output.
pub const TAPS: usize = 9;

/// Most channels of a layer.
pub const MAX_CHANNELS: usize = 48;

/// Most layers of a network; one that a stream holds has at most [`MAX_FILTER_LAYERS`](crate::bitstream::MAX_FILTER_LAYERS).
pub const MAX_LAYERS: usize = 8;

/// The largest shift of an accumulator.
pub const MAX_SHIFT: u8 = 24;

/// Fractional bits of a gain.
pub const GAIN_BITS: u32 = 12;

/// A gain of one.
pub const UNIT_GAIN: i16 = 1 << GAIN_BITS;

/// Fractional bits of an activation, counted from one level of 8 bits.
pub const ACTIVATION_BITS: u32 = 6;

/// Kinds of frames with gains of their own: 0 to 4 by the pyramid of prediction, 5 for the first frame of a scene.
pub const TEMPORAL_LAYERS: usize = 6;

/// The kind of frame `index` of a scene: the position in a pyramid over groups of 16 or more frames, which is the
/// number of zeros at the end of the index in binary, at most 4; 5 for the first frame.
pub fn temporal_layer(index: usize) -> usize {
    if index == 0 { TEMPORAL_LAYERS - 1 } else { (index.trailing_zeros() as usize).min(TEMPORAL_LAYERS - 2) }
}

/// One convolution of 3x3 taps, and what is done to its sums.
///
/// ```text
/// sum  = sum over i, dy, dx of weight[o][i][dy][dx] * activation[i][y + dy][x + dx]                 32 bits
/// z    = clamp16((sum + half) >> shift[o])                         half = 2^(shift - 1), or 0 for a shift of 0
/// z    = clamp16(((z * gain[t][o] + 2^11) >> 12) + offset[t][o])   t = kind of the frame
/// next = max(z, z >> 3), after the last layer z itself             shifts of negative numbers round down
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Layer {
    /// Channels in.
    pub inputs: usize,
    /// Channels out.
    pub outputs: usize,
    /// Shape `[outputs][inputs][3][3]`.
    pub weights: Vec<i8>,
    /// Shape `[outputs]`: the power of two that scales a channel's weights.
    pub shift: Vec<u8>,
    /// Shape `[TEMPORAL_LAYERS][outputs]`. Units: 1/4096.
    pub gain: Vec<i16>,
    /// Shape `[TEMPORAL_LAYERS][outputs]`. Units: those of an activation, 1/64 of a level of 8 bits.
    pub offset: Vec<i16>,
}

impl Layer {
    /// The largest magnitude that sums of channel `output` can have, for any activations, rounding included.
    pub fn largest_sum(&self, output: usize) -> i64 {
        let taps = &self.weights[output * self.inputs * TAPS..][..self.inputs * TAPS];
        let weights: i64 = taps.iter().map(|&weight| i64::from(weight).abs()).sum();
        let half = (1_i64 << self.shift[output]) / 2;
        weights * -i64::from(i16::MIN) + half
    }

    /// Multiplications a site.
    pub fn macs_per_site(&self) -> usize {
        self.inputs * self.outputs * TAPS
    }
}

/// Layers one after the other; what the last one gives is added to the picture.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Network {
    layers: Vec<Layer>,
}

impl Network {
    /// Checks every field, and proves that no sum can leave 32 bits.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` naming the layer and the field.
    pub fn new(layers: Vec<Layer>) -> Result<Self> {
        if layers.is_empty() || layers.len() > MAX_LAYERS {
            return Err(Error::invalid("layers of the filter", format!("1 to {MAX_LAYERS}"), layers.len()));
        }
        // What they are layers for; a first layer of another shape is refused as one for 4:2:0.
        let channels = match layers[0].inputs {
            SITE_CHANNELS_444 => SITE_CHANNELS_444,
            _ => SITE_CHANNELS,
        };
        let mut inputs = channels;
        for (index, layer) in layers.iter().enumerate() {
            check_layer(index, layer, inputs)?;
            inputs = layer.outputs;
        }
        if inputs != channels {
            return Err(Error::invalid("channels of the last layer", channels, inputs));
        }
        Ok(Self { layers })
    }

    /// The layout of the pictures that it is for: 4:2:0 or 4:4:4.
    pub fn layout(&self) -> Layout {
        if self.layers[0].inputs == SITE_CHANNELS_444 { Layout::Yuv444 } else { Layout::Yuv420 }
    }

    /// The layers, first to last.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Multiplications a pixel of the first plane.
    pub fn macs_per_pixel(&self) -> f64 {
        self.layers.iter().map(Layer::macs_per_site).sum::<usize>() as f64 / 4.0
    }

    /// Sites on each side of an output that reach it.
    pub fn reach(&self) -> usize {
        self.layers.len()
    }
}

fn check_layer(index: usize, layer: &Layer, inputs: usize) -> Result<()> {
    let named = |field: &str| format!("{field} of filter layer {index}");
    let count = |field: &str, expected: usize, found: usize| {
        if found == expected { Ok(()) } else { Err(Error::invalid(named(field), expected, found)) }
    };
    count("inputs", inputs, layer.inputs)?;
    if layer.outputs == 0 || layer.outputs > MAX_CHANNELS {
        return Err(Error::invalid(named("outputs"), format!("1 to {MAX_CHANNELS}"), layer.outputs));
    }
    count("number of weights", layer.inputs * layer.outputs * TAPS, layer.weights.len())?;
    count("number of shifts", layer.outputs, layer.shift.len())?;
    count("number of gains", layer.outputs * TEMPORAL_LAYERS, layer.gain.len())?;
    count("number of offsets", layer.outputs * TEMPORAL_LAYERS, layer.offset.len())?;
    for output in 0..layer.outputs {
        if layer.shift[output] > MAX_SHIFT {
            let field = named(&format!("shift of output {output}"));
            return Err(Error::invalid(field, format!("at most {MAX_SHIFT}"), layer.shift[output]));
        }
        let largest = layer.largest_sum(output);
        if largest > i64::from(i32::MAX) {
            let field = named(&format!("largest sum of output {output}"));
            return Err(Error::invalid(field, format!("below 2^31 ({})", 1_u64 << 31), largest));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(inputs: usize, outputs: usize) -> Layer {
        Layer {
            inputs,
            outputs,
            weights: vec![1; inputs * outputs * TAPS],
            shift: vec![7; outputs],
            gain: vec![UNIT_GAIN; TEMPORAL_LAYERS * outputs],
            offset: vec![0; TEMPORAL_LAYERS * outputs],
        }
    }

    #[test]
    fn layers_that_do_not_fit_are_named() {
        let refused = |layers: Vec<Layer>, name: &str| {
            let error = Network::new(layers).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        };
        refused(vec![], "layers of the filter");
        refused(vec![layer(6, 16), layer(15, 6)], "inputs of filter layer 1");
        refused(vec![layer(6, 16)], "channels of the last layer");
        refused(vec![layer(6, 49), layer(49, 6)], "outputs of filter layer 0");
        refused(vec![layer(12, 16), layer(16, 6)], "channels of the last layer");
        assert_eq!(Network::new(vec![layer(12, 8), layer(8, 12)]).unwrap().layout(), Layout::Yuv444);
        let mut wrong = layer(6, 6);
        wrong.shift[3] = 25;
        refused(vec![wrong], "shift of output 3 of filter layer 0");
        let mut wrong = layer(6, 6);
        wrong.weights.pop();
        refused(vec![wrong], "number of weights of filter layer 0");
    }

    #[test]
    fn the_largest_sum_of_the_widest_layer_fits() {
        let mut widest = layer(MAX_CHANNELS, 6);
        widest.weights.fill(-128);
        widest.shift.fill(MAX_SHIFT);
        assert_eq!(widest.largest_sum(0), 432 * 128 * 32768 + (1 << 23));
        assert!(Network::new(vec![layer(6, MAX_CHANNELS), widest]).is_ok());
    }

    #[test]
    fn a_pyramid_of_sixteen_frames_has_five_layers_and_the_first_frame_its_own() {
        let layers: Vec<usize> = (0..18).map(temporal_layer).collect();
        assert_eq!(layers, [5, 0, 1, 0, 2, 0, 1, 0, 3, 0, 1, 0, 2, 0, 1, 0, 4, 0]);
    }

    #[test]
    fn operations_are_counted_by_luma_pixel() {
        let network = Network::new(vec![layer(6, 16), layer(16, 16), layer(16, 6)]).unwrap();
        assert_eq!(network.macs_per_pixel(), 1008.0);
    }
}
