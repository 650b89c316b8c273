//! Properties of the conversions, and the real-valued oracle.

#![allow(clippy::print_stderr)]

use super::reference::reference;
use super::*;
use crate::error::Error;
use crate::frame::{BitDepth, ColorRange, Sample};
use crate::simd::InstructionSet;

/// A generator of reproducible noise (Marsaglia's xorshift).
fn noise(seed: u64) -> impl FnMut() -> u32 {
    let mut state = seed | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u32
    }
}

fn filled(
    w: usize,
    h: usize,
    format: PixelFormat,
    mut value: impl FnMut(usize, usize, usize) -> u16,
) -> Frame {
    let mut frame = Frame::new(w, h, format, Color::default()).unwrap();
    with_planes!(frame.planes_mut(), planes => {
        for (i, plane) in planes.iter_mut().enumerate() {
            for y in 0..plane.height() {
                for (x, sample) in plane.row_mut(y).iter_mut().enumerate() {
                    *sample = Sample::saturating_from(value(i, x, y));
                }
            }
        }
    });
    frame
}

fn random(w: usize, h: usize, format: PixelFormat, seed: u64) -> Frame {
    let mut next = noise(seed);
    let max = u32::from(format.depth.max_value());
    // A third of the samples at the ends, so that sums reach their bounds.
    filled(w, h, format, |_, _, _| match next() % 6 {
        0 => 0,
        1 => max as u16,
        _ => (next() % (max + 1)) as u16,
    })
}

fn values<T: Sample>(plane: &Plane<T>) -> Vec<u16> {
    plane.samples().iter().map(|&sample| sample.into()).collect()
}

fn samples(frame: &Frame) -> [Vec<u16>; 3] {
    with_planes!(frame.planes(), p => p.each_ref().map(values))
}

fn color(matrix: u8, range: ColorRange, chroma_location: ChromaLocation) -> Color {
    Color { matrix, range, chroma_location, ..Color::default() }
}

const LOCATIONS: [ChromaLocation; 3] =
    [ChromaLocation::Left, ChromaLocation::Center, ChromaLocation::TopLeft];
const RANGES: [ColorRange; 2] = [ColorRange::Limited, ColorRange::Full];

#[test]
fn every_conversion_is_the_real_one_rounded() {
    let mut worst: f64 = 0.0;
    for (seed, from) in PixelFormat::ALL.into_iter().enumerate() {
        let frame = random(23, 17, from, seed as u64);
        for to in PixelFormat::ALL {
            for (matrix, range) in [(1, RANGES[0]), (1, RANGES[1]), (6, RANGES[0]), (9, RANGES[0])] {
                for location in LOCATIONS {
                    let yuv = color(matrix, range, location);
                    let out = convert(&frame, to, yuv).unwrap();
                    let expected = reference(&frame, to, yuv);
                    for (plane, (out, expected)) in samples(&out).iter().zip(&expected).enumerate() {
                        assert_eq!(out.len(), expected.len());
                        for (&out, &expected) in out.iter().zip(expected) {
                            let error = (f64::from(out) - expected).abs();
                            worst = worst.max(error);
                            assert!(error <= 0.57, "{from} to {to}, {yuv:?}, plane {plane}: {error}");
                        }
                    }
                }
            }
        }
    }
    eprintln!("largest distance from the real-valued result: {worst:.4}");
}

#[test]
fn grays_survive_a_round_trip_within_one() {
    for depth in [BitDepth::Eight, BitDepth::Ten] {
        let rgb = PixelFormat { layout: Layout::Rgb, depth };
        let step = usize::from(depth.max_value()) / 255;
        let frame = filled(256, 4, rgb, |_, x, _| (x * step) as u16);
        for to in PixelFormat::ALL {
            for (matrix, range) in [(1, RANGES[0]), (6, RANGES[1]), (9, RANGES[0])] {
                let yuv = color(matrix, range, ChromaLocation::Left);
                let there = convert(&frame, to, yuv).unwrap();
                let back = convert(&there, rgb, yuv).unwrap();
                let bound = if to.depth < depth { 3 } else { 1 };
                for (a, b) in samples(&frame).iter().flatten().zip(samples(&back).iter().flatten()) {
                    assert!(a.abs_diff(*b) <= bound, "{to} {yuv:?}: {a} came back as {b}");
                }
            }
        }
    }
}

#[test]
fn black_and_white_are_where_h273_puts_them() {
    let frame = filled(2, 1, PixelFormat::RGB_8, |_, x, _| 255 * x as u16);
    let yuv = |range, to| samples(&convert(&frame, to, color(1, range, ChromaLocation::Left)).unwrap());
    assert_eq!(yuv(ColorRange::Limited, PixelFormat::YUV420_8), [vec![16, 235], vec![128], vec![128]]);
    assert_eq!(yuv(ColorRange::Limited, PixelFormat::YUV420_10), [vec![64, 940], vec![512], vec![512]]);
    assert_eq!(yuv(ColorRange::Full, PixelFormat::YUV420_10), [vec![0, 1023], vec![512], vec![512]]);
}

#[test]
fn more_bits_and_back_is_identity() {
    for layout in [Layout::Yuv420, Layout::Yuv422, Layout::Yuv444, Layout::Rgb] {
        for range in RANGES {
            let [from, to] = [BitDepth::Eight, BitDepth::Ten].map(|depth| PixelFormat { layout, depth });
            let frame = random(9, 7, from, 5);
            let yuv = color(1, range, ChromaLocation::Left);
            let back = convert(&convert(&frame, to, yuv).unwrap(), from, yuv).unwrap();
            assert_eq!(samples(&back), samples(&frame));
        }
    }
}

#[test]
fn limited_range_changes_depth_by_shifts() {
    let to = |depth| PixelFormat { layout: Layout::Yuv420, depth };
    let ten = random(16, 16, to(BitDepth::Ten), 1);
    let eight = convert(&ten, to(BitDepth::Eight), Color::default()).unwrap();
    for (x, y) in samples(&ten).iter().flatten().zip(samples(&eight).iter().flatten()) {
        assert_eq!(*y, ((x + 2) >> 2).min(255));
    }
    let again = convert(&eight, to(BitDepth::Ten), Color::default()).unwrap();
    for (x, y) in samples(&eight).iter().flatten().zip(samples(&again).iter().flatten()) {
        assert_eq!(*y, 4 * x);
    }
}

#[test]
fn odd_sizes_convert_as_if_padded() {
    for (from, to) in
        [(PixelFormat::RGB_8, PixelFormat::YUV420_8), (PixelFormat::YUV420_8, PixelFormat::RGB_8)]
    {
        for (w, h) in [(1, 1), (5, 4), (4, 5), (7, 3), (1, 9)] {
            let frame = random(w, h, from, 3);
            let even = crate::frame::pad(&frame, w.next_multiple_of(2), h.next_multiple_of(2)).unwrap();
            let yuv = color(1, ColorRange::Limited, ChromaLocation::Left);
            let expected = crate::frame::crop(&convert(&even, to, yuv).unwrap(), w, h).unwrap();
            assert_eq!(convert(&frame, to, yuv).unwrap(), expected, "{from} {w}x{h}");
        }
    }
}

#[test]
fn output_does_not_depend_on_instruction_set() {
    for from in PixelFormat::ALL {
        let frame = random(67, 9, from, 11);
        for to in PixelFormat::ALL {
            let yuv = color(9, ColorRange::Limited, ChromaLocation::TopLeft);
            let mut results = InstructionSet::available().into_iter().map(|set| {
                assert!(set.force());
                convert(&frame, to, yuv).unwrap()
            });
            let first = results.next().unwrap();
            assert!(results.all(|other| other == first));
        }
    }
}

#[test]
fn the_result_says_what_its_samples_mean() {
    let source = Color { primaries: 9, transfer: 16, ..Color::default() };
    let frame = random(8, 8, PixelFormat::YUV420_8, 2).with_color(source).with_timestamp(77);
    let yuv = source.resolve_for_conversion(Layout::Yuv420, 8, 8);
    let rgb = convert(&frame, PixelFormat::RGB_8, yuv).unwrap();
    assert_eq!(rgb.timestamp, 77);
    let expected = Color { range: ColorRange::Full, matrix: 0, ..source };
    assert_eq!(rgb.color(), expected);
    let back = convert(&rgb, PixelFormat::YUV420_10, color(9, ColorRange::Full, ChromaLocation::Unspecified))
        .unwrap();
    let expected =
        Color { range: ColorRange::Full, matrix: 9, chroma_location: ChromaLocation::Left, ..source };
    assert_eq!(back.color(), expected);
    let wide =
        convert(&back, PixelFormat { layout: Layout::Yuv444, depth: BitDepth::Ten }, expected).unwrap();
    assert_eq!(wide.color(), Color { chroma_location: ChromaLocation::Unspecified, ..expected });
}

#[test]
fn what_a_frame_says_cannot_be_contradicted() {
    let own = color(1, ColorRange::Limited, ChromaLocation::Left);
    let frame = random(8, 8, PixelFormat::YUV420_8, 2).with_color(own);
    let rgb = |yuv| convert(&frame, PixelFormat::RGB_8, yuv);
    assert!(rgb(own).is_ok());
    assert!(rgb(Color::default()).is_ok());
    assert!(rgb(Color { matrix: 6, ..own }).is_err());
    assert!(rgb(Color { range: ColorRange::Full, ..own }).is_err());
    assert!(rgb(Color { chroma_location: ChromaLocation::Center, ..own }).is_err());
}

#[test]
fn an_unspecified_matrix_is_an_error_only_where_it_matters() {
    let frame = random(8, 8, PixelFormat::YUV420_8, 2);
    assert!(convert(&frame, PixelFormat::RGB_8, Color::default()).is_err());
    assert!(convert(&frame, PixelFormat::YUV420_10, Color::default()).is_ok());
    let limited = random(8, 8, PixelFormat::RGB_8, 2);
    let limited = limited.with_color(Color { range: ColorRange::Limited, ..Color::default() });
    assert!(matches!(
        convert(&limited, PixelFormat::YUV420_8, Color::default()),
        Err(Error::Unsupported { .. })
    ));
}

mod ffmpeg;
