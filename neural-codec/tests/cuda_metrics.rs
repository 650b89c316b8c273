//! Metrics on a GPU, or on the fake driver for one: the CPU's to the last bit.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first error")]

mod fake_driver;

use fake_driver::device;
use neural_codec::frame::{BitDepth, Color, Frame, PixelFormat};
use neural_codec::metrics::{Comparison, Measures};
use neural_codec::with_planes;

const FORMATS: [PixelFormat; 3] = [PixelFormat::YUV420_8, PixelFormat::YUV420_10, PixelFormat::RGB_8];

/// Numbers of a linear congruence of 64 bits, of which the upper half counts.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 32) * end) >> 32
    }
}

/// A picture of waves, and the same with noise.
fn pair(numbers: &mut Numbers, width: usize, height: usize, format: PixelFormat) -> [Frame; 2] {
    let mut frames = [0, 1].map(|_| Frame::new(width, height, format, Color::default()).unwrap());
    let max = u64::from(format.depth.max_value());
    for (index, frame) in frames.iter_mut().enumerate() {
        let noise = if index == 0 { 1 } else { 1 + numbers.below(max / 3) };
        with_planes!(frame.planes_mut(), planes => for plane in planes.iter_mut() {
            let width = plane.width();
            for (at, sample) in plane.samples_mut().iter_mut().enumerate() {
                let wave = (at % width * 3 + at / width * 7) as u64 % max;
                *sample = (wave + numbers.below(noise)).min(max) as _;
            }
        });
    }
    frames
}

fn assert_same(numbers: &mut Numbers, width: usize, height: usize, format: PixelFormat, measures: Measures) {
    let [source, decoded] = pair(numbers, width, height, format);
    let device = device();
    let mut on_gpu = Comparison::new(format, measures).with_device(&device);
    let mut on_cpu = Comparison::new(format, measures);
    for decoded in [&decoded, &source] {
        let found = on_gpu.push(&source, decoded).unwrap();
        assert_eq!(
            found,
            on_cpu.push(&source, decoded).unwrap(),
            "{format} of {width}x{height}, {measures:?}"
        );
    }
    assert_eq!(device.notes(), Vec::<String>::new());
}

#[test]
fn squared_errors_and_ssim_are_the_cpus_for_every_size_and_format() {
    let mut numbers = Numbers(1);
    for (width, height) in [(1, 1), (11, 11), (12, 43), (138, 42), (139, 43), (267, 75), (64, 130)] {
        for format in FORMATS {
            assert_same(&mut numbers, width, height, format, Measures::SSIM);
        }
    }
}

#[test]
fn ms_ssim_is_the_cpus_for_even_and_odd_sides() {
    let mut numbers = Numbers(2);
    for (width, height) in [(176, 176), (177, 191), (300, 178)] {
        for format in [PixelFormat::YUV420_8, PixelFormat::YUV420_10] {
            assert_same(&mut numbers, width, height, format, Measures::MS_SSIM);
        }
    }
}

#[test]
fn the_largest_error_is_exact() {
    let format = PixelFormat::YUV420_10;
    let [mut source, mut decoded] = [0, 1].map(|_| Frame::new(333, 65, format, Color::default()).unwrap());
    let max = BitDepth::Ten.max_value();
    with_planes!(decoded.planes_mut(), planes => planes.iter_mut().for_each(|p| p.samples_mut().fill(max as _)));
    with_planes!(source.planes_mut(), planes => planes.iter_mut().for_each(|p| p.samples_mut().fill(0)));
    let mut comparison = Comparison::new(format, Measures::PSNR).with_device(&device());
    let frame = comparison.push(&source, &decoded).unwrap();
    assert_eq!(frame.planes[0].sum, 333 * 65 * u128::from(max).pow(2));
    assert_eq!(frame.psnr_y, Some(0.0));
}
