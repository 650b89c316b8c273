//! Scene analysis on a GPU, or on the fake driver for one: features, cuts and profiles are the CPU's to the last bit.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first error")]

mod fake_driver;
mod support;

use fake_driver::{device, fake_driver, is_real};
use neural_codec::device::Device;
use neural_codec::frame::{BitDepth, Color, Frame, Layout, PixelFormat, Planes, Rational};
use neural_codec::scene::{CutDetector, CutSettings, FrameAnalyzer, Profile, Profiler};
use neural_codec::with_planes;
use support::Clip;

const RATE: Rational = Rational { num: 25, den: 1 };

/// Numbers of a linear congruence of 64 bits, of which the upper half counts.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 32) * end) >> 32
    }
}

/// Tiles that move by `step` samples a frame, with some noise, at a brightness that changes.
fn moving(numbers: &mut Numbers, (width, height): (usize, usize), format: PixelFormat, index: u64) -> Frame {
    let mut frame = Frame::new(width, height, format, Color::default()).unwrap();
    let max = u64::from(format.depth.max_value());
    with_planes!(frame.planes_mut(), planes => for (number, plane) in planes.iter_mut().enumerate() {
        let width = plane.width();
        for (at, sample) in plane.samples_mut().iter_mut().enumerate() {
            let (x, y) = ((at % width) as u64 + 5 * index, (at / width) as u64 + 2 * index);
            let tile = ((x / 9) * 37 + (y / 7) * 59 + number as u64 * 11) % 97 * max / 140;
            let light = if index % 4 == 3 { max / 5 } else { 0 };
            *sample = (tile + light + numbers.below(1 + max / 60)).min(max) as _;
        }
    });
    frame
}

/// What profiler and detector say of frames that a device looked at.
fn analyzed(frames: &[Frame], device: &Device) -> (Vec<u64>, Profile) {
    let mut analyzer = FrameAnalyzer::with_device(device);
    let mut detector = CutDetector::new(CutSettings::new(RATE)).unwrap();
    let mut profiler = Profiler::new(RATE);
    let mut starts = Vec::new();
    for frame in frames {
        let features = analyzer.analyze(frame).unwrap();
        starts.extend(detector.push_features(&features));
        profiler.push_features(frame, features);
    }
    starts.extend(detector.finish());
    (starts, profiler.finish().unwrap())
}

fn assert_same(frames: &[Frame]) {
    let device = device();
    let launches = || if is_real() { 0 } else { fake_driver().launches() };
    let before = launches();
    let found = analyzed(frames, &device);
    assert!(is_real() || launches() > before);
    let (first, name) = (&frames[0], frames[0].format());
    assert_eq!(found, analyzed(frames, &Device::cpu()), "{name} of {}x{}", first.width(), first.height());
    assert_eq!(device.notes(), Vec::<String>::new());
}

#[test]
fn looks_are_the_cpus_for_every_size_and_format() {
    let mut numbers = Numbers(1);
    let sizes = [(1, 1), (2, 3), (7, 3), (33, 18), (321, 17), (30, 323), (643, 363)];
    for (at, size) in sizes.into_iter().enumerate() {
        // The largest in two formats, one of each sample type.
        let formats = if at < 6 { &PixelFormat::ALL[..] } else { &PixelFormat::ALL[3..5] };
        for &format in formats {
            let frames: Vec<Frame> = (0..3).map(|index| moving(&mut numbers, size, format, index)).collect();
            let (mut on_gpu, mut on_cpu) = (FrameAnalyzer::with_device(&device()), FrameAnalyzer::default());
            for frame in &frames {
                let (found, expected) = (on_gpu.analyze(frame).unwrap(), on_cpu.analyze(frame).unwrap());
                assert_eq!(found.thumbnail(), expected.thumbnail(), "{format} of {size:?}");
            }
            assert_same(&frames);
        }
    }
}

#[test]
fn cuts_and_profiles_are_the_cpus() {
    let mut numbers = Numbers(2);
    let mut frames: Vec<Frame> =
        (0..16).map(|index| moving(&mut numbers, (400, 230), PixelFormat::YUV420_8, index)).collect();
    // A repeat, a cut to another picture, black, and a cut out of it.
    frames.push(frames[15].clone());
    let other = Clip::new(400, 230, PixelFormat::YUV420_8, 100, 100);
    frames.extend((20..36).map(|index| other.frame(index)));
    frames.extend((0..3).map(|_| Frame::new(400, 230, PixelFormat::YUV420_8, Color::default()).unwrap()));
    frames.extend((0..8).map(|index| moving(&mut numbers, (400, 230), PixelFormat::YUV420_8, index)));
    assert_same(&frames);
    let (starts, profile) = analyzed(&frames, &device());
    assert!(
        starts.len() > 1 && profile.motion > 0.0 && profile.repeated_frames > 0,
        "{starts:?} {profile:?}"
    );
}

#[test]
fn frames_of_another_size_or_format_in_between_are_no_pairs() {
    let mut numbers = Numbers(3);
    let eight = |layout| PixelFormat { layout, depth: BitDepth::Eight };
    let frames = [
        moving(&mut numbers, (64, 48), eight(Layout::Yuv420), 0),
        moving(&mut numbers, (64, 48), eight(Layout::Yuv444), 1),
        moving(&mut numbers, (96, 48), eight(Layout::Yuv444), 2),
        moving(&mut numbers, (96, 48), eight(Layout::Yuv444), 3),
    ];
    assert_same(&frames);
}

#[test]
fn extreme_samples_are_summed_exactly() {
    for format in [PixelFormat::YUV420_8, PixelFormat::YUV420_10] {
        let frames: Vec<Frame> = (0..3_usize)
            .map(|index| {
                let mut frame = Frame::new(640, 640, format, Color::default()).unwrap();
                let max = format.depth.max_value();
                let value = |at: usize| if (at / 2 + at / 1280 + index).is_multiple_of(2) { max } else { 0 };
                match frame.planes_mut() {
                    Planes::U8(planes) => planes.iter_mut().for_each(|plane| {
                        plane.samples_mut().iter_mut().enumerate().for_each(|(at, v)| *v = value(at) as u8);
                    }),
                    Planes::U16(planes) => planes.iter_mut().for_each(|plane| {
                        plane.samples_mut().iter_mut().enumerate().for_each(|(at, v)| *v = value(at));
                    }),
                }
                frame
            })
            .collect();
        assert_same(&frames);
    }
}

#[test]
fn values_at_the_thresholds_of_texture_fall_on_the_same_side() {
    // Steps of 2, 3, 47, 48 and 49; ranges of 2 and 3; values that are just clipped and just not.
    let patterns: [&[u16]; 6] =
        [&[20, 22, 25, 72, 120, 169, 120, 72], &[100, 102], &[100, 103], &[18, 60], &[19, 60], &[233, 234]];
    for format in [PixelFormat::YUV420_8, PixelFormat::YUV420_10] {
        for pattern in patterns {
            let mut frame = Frame::new(130, 50, format, Color::default()).unwrap();
            let scale = (format.depth.max_value() + 1) / 256;
            with_planes!(frame.planes_mut(), planes => for (at, sample) in planes[0].samples_mut().iter_mut().enumerate() {
                *sample = (pattern[at % 130 % pattern.len()] * scale) as _;
            });
            assert_same(&[frame.clone(), frame]);
        }
    }
}
