//! The filter on a GPU, or on the fake driver for one: what its definition gives, bit for bit.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first error")]

mod fake_driver;

use fake_driver::device;
use neural_codec::filter::{
    Filter, Layer, MAX_SHIFT, Network, SITE_CHANNELS, TAPS, TEMPORAL_LAYERS, UNIT_GAIN, block_count,
    reference,
};
use neural_codec::frame::{Color, Frame, PixelFormat};
use neural_codec::with_planes;

/// Numbers of a linear congruence of 64 bits, of which the upper half counts.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (((self.0 >> 32) * end as u64) >> 32) as usize
    }

    fn around_zero(&mut self, most: i32) -> i32 {
        self.below(2 * most as usize + 1) as i32 - most
    }
}

/// A layer as training gives it, or with every field at an end of its range.
fn layer(numbers: &mut Numbers, inputs: usize, outputs: usize, extreme: bool) -> Layer {
    let end = |numbers: &mut Numbers| [i16::MIN, i16::MAX, 0, -1, 1, UNIT_GAIN][numbers.below(6)];
    let kinds = TEMPORAL_LAYERS * outputs;
    Layer {
        inputs,
        outputs,
        weights: (0..inputs * outputs * TAPS)
            .map(
                |_| {
                    if extreme {
                        [-128, -127, 127, 0][numbers.below(4)]
                    } else {
                        numbers.around_zero(40) as i8
                    }
                },
            )
            .collect(),
        shift: (0..outputs)
            .map(
                |_| {
                    if extreme { [0, 1, 12, MAX_SHIFT][numbers.below(4)] } else { 7 + numbers.below(3) as u8 }
                },
            )
            .collect(),
        gain: (0..kinds)
            .map(|_| if extreme { end(numbers) } else { UNIT_GAIN + numbers.around_zero(1000) as i16 })
            .collect(),
        offset: (0..kinds)
            .map(|_| if extreme { end(numbers) } else { numbers.around_zero(200) as i16 })
            .collect(),
    }
}

fn network(numbers: &mut Numbers, hidden: &[usize], extreme: bool) -> Network {
    let mut inputs = SITE_CHANNELS;
    let mut layers = Vec::new();
    for &outputs in hidden.iter().chain(&[SITE_CHANNELS]) {
        layers.push(layer(numbers, inputs, outputs, extreme));
        inputs = outputs;
    }
    Network::new(layers).unwrap()
}

fn frame(numbers: &mut Numbers, width: usize, height: usize, format: PixelFormat, extreme: bool) -> Frame {
    let mut frame = Frame::new(width, height, format, Color::default()).unwrap().with_timestamp(77);
    let max = usize::from(format.depth.max_value());
    with_planes!(frame.planes_mut(), planes => for sample in planes.iter_mut().flat_map(|p| p.samples_mut()) {
        *sample = if extreme { numbers.below(2) * max } else { numbers.below(max + 1) } as _;
    });
    frame
}

/// One random case: network, frame, kind and map.
fn assert_follows_the_definition(numbers: &mut Numbers, hidden: &[usize], width: usize, height: usize) {
    let device = device();
    let extreme = [numbers.below(3) == 0, numbers.below(3) == 0];
    let format = [PixelFormat::YUV420_8, PixelFormat::YUV420_10][numbers.below(2)];
    let network = network(numbers, hidden, extreme[0]);
    let frame = frame(numbers, width, height, format, extreme[1]);
    let kind = numbers.below(TEMPORAL_LAYERS);
    let (columns, rows) = block_count(width, height);
    let map: Option<Vec<bool>> =
        (numbers.below(2) == 0).then(|| (0..columns * rows).map(|_| numbers.below(3) > 0).collect());
    let expected = reference::apply(&network, &frame, kind, map.as_deref()).unwrap();
    let filtered = Filter::with_device(&network, &device).apply(&frame, kind, map.as_deref()).unwrap();
    assert!(filtered == expected, "{hidden:?} at {width}x{height}, {format}");
    assert_eq!(device.notes(), Vec::<String>::new());
}

#[test]
fn the_gpu_gives_what_the_definition_gives_for_every_number_of_channels() {
    let mut numbers = Numbers(11);
    for channels in 1..=32 {
        let (width, height) = (1 + numbers.below(90), 1 + numbers.below(20));
        assert_follows_the_definition(&mut numbers, &[channels, 33 - channels], width, height);
    }
}

#[test]
fn the_gpu_gives_what_the_definition_gives_for_every_size() {
    let mut numbers = Numbers(12);
    for (width, height) in
        [(1, 1), (1, 9), (2, 3), (5, 7), (33, 2), (63, 65), (64, 64), (130, 70), (257, 131)]
    {
        for hidden in [&[][..], &[3], &[8, 5]] {
            assert_follows_the_definition(&mut numbers, hidden, width, height);
        }
    }
}

#[test]
fn the_gpu_gives_what_the_definition_gives_for_the_profiles_shapes() {
    let mut numbers = Numbers(13);
    for hidden in [&[16, 16][..], &[24, 24, 24], &[7, 9, 4, 20, 11]] {
        for _ in 0..4 {
            let (width, height) = (1 + numbers.below(140), 1 + numbers.below(80));
            assert_follows_the_definition(&mut numbers, hidden, width, height);
        }
    }
}
