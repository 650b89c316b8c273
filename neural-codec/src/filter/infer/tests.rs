//! Properties of the filter, on every kernel that the machine has.

mod golden;
mod properties;

use super::*;
use crate::filter::{
    Layer, MAX_SHIFT, Network, SITE_CHANNELS, SITE_CHANNELS_444, TAPS, TEMPORAL_LAYERS, UNIT_GAIN,
};
use crate::frame::{BitDepth, Color, Frame, Layout, PixelFormat};
use crate::with_planes;

/// The numbers of Knuth's generator: the high half of a 64-bit linear congruence.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 32) as u32
    }

    fn below(&mut self, end: usize) -> usize {
        ((u64::from(self.next()) * end as u64) >> 32) as usize
    }

    /// From -`most` to `most`.
    fn around_zero(&mut self, most: i32) -> i32 {
        self.below(2 * most as usize + 1) as i32 - most
    }
}

/// Where the fields of a random network lie.
#[derive(Clone, Copy, PartialEq)]
enum Size {
    /// As training gives them.
    Usual,
    /// Anywhere that is allowed, ends included.
    Extreme,
}

/// A network for pictures of 4:2:0 whose layers give these channels, the last one [`SITE_CHANNELS`].
fn network(numbers: &mut Numbers, hidden: &[usize], size: Size) -> Network {
    network_of(numbers, SITE_CHANNELS, hidden, size)
}

/// A network for pictures with so many channels a site.
fn network_of(numbers: &mut Numbers, channels: usize, hidden: &[usize], size: Size) -> Network {
    let mut inputs = channels;
    let layers = hidden.iter().copied().chain([channels]).map(|outputs| {
        let layer = layer(numbers, inputs, outputs, size);
        inputs = outputs;
        layer
    });
    Network::new(layers.collect()).unwrap()
}

fn layer(numbers: &mut Numbers, inputs: usize, outputs: usize, size: Size) -> Layer {
    let kinds = TEMPORAL_LAYERS * outputs;
    match size {
        Size::Usual => Layer {
            inputs,
            outputs,
            weights: (0..inputs * outputs * TAPS).map(|_| numbers.around_zero(40) as i8).collect(),
            shift: (0..outputs).map(|_| 7 + numbers.below(3) as u8).collect(),
            gain: (0..kinds).map(|_| UNIT_GAIN + numbers.around_zero(1000) as i16).collect(),
            offset: (0..kinds).map(|_| numbers.around_zero(200) as i16).collect(),
        },
        Size::Extreme => {
            let end = |numbers: &mut Numbers| [i16::MIN, i16::MAX, 0, -1, 1, UNIT_GAIN][numbers.below(6)];
            Layer {
                inputs,
                outputs,
                weights: (0..inputs * outputs * TAPS)
                    .map(|_| [-128, -127, 127, 0][numbers.below(4)])
                    .collect(),
                shift: (0..outputs).map(|_| [0, 1, 12, MAX_SHIFT][numbers.below(4)]).collect(),
                gain: (0..kinds).map(|_| end(numbers)).collect(),
                offset: (0..kinds).map(|_| end(numbers)).collect(),
            }
        }
    }
}

/// A frame of waves and noise, or of samples at the ends of their range.
fn frame(numbers: &mut Numbers, width: usize, height: usize, format: PixelFormat, size: Size) -> Frame {
    let mut frame = Frame::new(width, height, format, Color::default()).unwrap().with_timestamp(77);
    let max = usize::from(format.depth.max_value());
    with_planes!(frame.planes_mut(), planes => for plane in planes.iter_mut() {
        let width = plane.width();
        for (at, sample) in plane.samples_mut().iter_mut().enumerate() {
            let wave = (at % width * 5 + at / width * 3) % max;
            *sample = match size {
                Size::Usual => (wave * 3 / 4 + numbers.below(max / 4)) as _,
                Size::Extreme => (numbers.below(2) * max) as _,
            };
        }
    });
    frame
}
