//! Properties of the metrics that need no oracle.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod pictures;

use neural_codec::Error;
use neural_codec::frame::{BitDepth, Color, Frame, Layout, PixelFormat, Plane, Planes};
use neural_codec::metrics::{
    Comparison, MS_SSIM_SMALLEST_SIDE, Measures, Metrics, SSIM_SMALLEST_SIDE, ms_ssim, ssim,
};
use pictures::{Kind, Recipe};

const YUV444_10: PixelFormat = PixelFormat { layout: Layout::Yuv444, depth: BitDepth::Ten };

fn recipe(format: PixelFormat, noise: u32) -> Recipe {
    Recipe { kind: Kind::Textured, format, width: 301, height: 207, noise, quantum: 1 }
}

/// The metrics of frames `range` of a recipe.
fn compare(recipe: Recipe, range: std::ops::Range<u32>) -> Comparison {
    let mut comparison = Comparison::new(recipe.format, Measures::MS_SSIM);
    for frame in range {
        let (source, decoded) = recipe.frames(frame);
        comparison.push(&source, &decoded).unwrap();
    }
    comparison
}

fn reason(metrics: &Metrics, metric: &str) -> Option<&'static str> {
    metrics.undefined.iter().find(|u| u.metric == metric).map(|u| u.reason)
}

#[test]
fn equal_frames_are_lossless_and_similar() {
    for format in PixelFormat::ALL {
        let (source, _) = recipe(format, 3).frames(0);
        let mut comparison = Comparison::new(format, Measures::MS_SSIM);
        let frame = comparison.push(&source, &source).unwrap();
        let metrics = comparison.finish();
        assert_eq!([0, 1, 2].map(|plane| frame.mse(plane)), [0.0; 3]);
        assert_eq!((metrics.frames, metrics.lossless_frames), (1, 1));
        assert_eq!((metrics.psnr_y, metrics.psnr_yuv, metrics.psnr_rgb), (None, None, None));
        let expected = (format.layout != Layout::Rgb).then_some(1.0);
        assert_eq!((metrics.ssim_y, metrics.ms_ssim_y), (expected, expected), "{format}");
    }
}

#[test]
fn source_and_decoded_can_be_exchanged() {
    for format in [PixelFormat::YUV420_8, YUV444_10, PixelFormat::RGB_8] {
        let (source, decoded) = recipe(format, 9).frames(0);
        let mut comparison = Comparison::new(format, Measures::MS_SSIM);
        let there = comparison.push(&source, &decoded).unwrap();
        let back = comparison.push(&decoded, &source).unwrap();
        assert_eq!(there, back);
    }
}

#[test]
fn more_noise_is_never_better() {
    for format in [PixelFormat::YUV420_8, YUV444_10] {
        let measured: Vec<Metrics> =
            [1, 2, 4, 8, 16, 32, 64].map(|noise| compare(recipe(format, noise), 0..1).finish()).into();
        for pair in measured.windows(2) {
            let fields = |m: &Metrics| [m.psnr_y, m.psnr_yuv, m.ssim_y, m.ms_ssim_y].map(Option::unwrap);
            for (less, more) in fields(&pair[0]).into_iter().zip(fields(&pair[1])) {
                assert!(less > more, "{less} then {more}");
            }
        }
    }
}

#[test]
fn scenes_merged_in_any_order_are_the_clip() {
    let recipe = recipe(PixelFormat::YUV420_8, 5);
    let clip = compare(recipe, 0..9);
    let scenes = [0..2, 2..3, 3..7, 7..9].map(|range| compare(recipe, range));
    let mut forward = Comparison::new(recipe.format, Measures::MS_SSIM);
    scenes.iter().for_each(|scene| forward.merge(scene).unwrap());
    let mut backward = Comparison::new(recipe.format, Measures::MS_SSIM);
    scenes.iter().rev().for_each(|scene| backward.merge(scene).unwrap());
    assert_eq!(forward, clip);
    assert_eq!(backward, clip);
    assert_eq!(forward.finish(), clip.finish());
}

#[test]
fn a_lossless_frame_is_counted_and_left_out_of_the_mean() {
    let recipe = recipe(PixelFormat::YUV420_8, 5);
    let noisy = compare(recipe, 0..1);
    let mut both = noisy.clone();
    let (source, _) = recipe.frames(1);
    both.push(&source, &source).unwrap();
    let (one, two) = (noisy.finish(), both.finish());
    assert_eq!((two.frames, two.lossless_frames), (2, 1));
    assert_eq!(two.psnr_y, one.psnr_y);
    // Twice the samples for the same error: 10 log10(2) more.
    let gain = two.psnr_yuv.unwrap() - one.psnr_yuv.unwrap();
    assert!((gain - 10.0 * 2_f64.log10()).abs() < 1e-9);
}

#[test]
fn pictures_too_small_for_a_window_have_no_similarity() {
    for (width, height) in [(1, 1), (10, 500), (500, 10), (11, 10), (11, 11), (175, 400), (400, 176)] {
        let side = width.min(height);
        let small = Recipe { width, height, ..recipe(PixelFormat::YUV420_8, 4) };
        let metrics = compare(small, 0..1).finish();
        assert_eq!(metrics.ssim_y.is_some(), side >= SSIM_SMALLEST_SIDE);
        assert_eq!(metrics.ms_ssim_y.is_some(), side >= MS_SSIM_SMALLEST_SIDE);
        for (metric, value) in [("ssim_y", metrics.ssim_y), ("ms_ssim_y", metrics.ms_ssim_y)] {
            let expected = value.is_none().then_some("the picture is too small");
            assert_eq!(reason(&metrics, metric), expected, "{metric} of {width}x{height}");
        }
        let plane = Plane::<u8>::new(width, height);
        let found = [ssim(&plane, &plane, BitDepth::Eight), ms_ssim(&plane, &plane, BitDepth::Eight)];
        for (found, smallest) in found.into_iter().zip([SSIM_SMALLEST_SIDE, MS_SSIM_SMALLEST_SIDE]) {
            assert_eq!(matches!(found, Err(Error::InvalidArgument { .. })), side < smallest);
        }
    }
}

#[test]
fn what_is_not_measured_says_why() {
    let empty = Comparison::new(PixelFormat::YUV420_8, Measures::SSIM).finish();
    assert_eq!((empty.frames, empty.lossless_frames), (0, 0));
    let reasons = ["psnr_y", "psnr_yuv", "psnr_rgb", "ssim_y", "ms_ssim_y"].map(|m| reason(&empty, m));
    let expected = ["no frames", "no frames", "the frames are not RGB", "no frames", "not asked for"];
    assert_eq!(reasons, expected.map(Some));
    let rgb = compare(recipe(PixelFormat::RGB_8, 2), 0..1).finish();
    let reasons = ["psnr_y", "psnr_yuv", "psnr_rgb", "ssim_y", "ms_ssim_y"].map(|m| reason(&rgb, m));
    let why = Some("the frames are RGB");
    assert_eq!(reasons, [why, why, None, why, why]);
}

#[test]
fn frames_that_do_not_match_are_errors_and_change_nothing() {
    let make = |width, height, format| Frame::new(width, height, format, Color::default()).unwrap();
    let first = make(64, 48, PixelFormat::YUV420_8);
    let mut comparison = Comparison::new(PixelFormat::YUV420_8, Measures::SSIM);
    let other_sizes = [make(48, 64, PixelFormat::YUV420_8), make(64, 49, PixelFormat::YUV420_8)];
    let other_formats = [make(64, 48, PixelFormat::YUV420_10), make(64, 48, PixelFormat::RGB_8)];
    for round in 0..2 {
        for other in other_sizes.iter().chain(&other_formats) {
            let before = comparison.clone();
            let pairs = [(&first, other), (other, &first)];
            for (source, decoded) in pairs {
                let result = comparison.push(source, decoded);
                assert!(matches!(result, Err(Error::InvalidArgument { .. })));
                assert_eq!(comparison, before);
            }
        }
        // Once a size is known, a pair of equal frames of another size is an error too.
        comparison.push(&first, &first).unwrap();
        assert!(comparison.push(&other_sizes[round], &other_sizes[round]).is_err());
    }
}

#[test]
fn comparisons_of_different_kinds_do_not_merge() {
    let filled = |format, measures, width| {
        let mut comparison = Comparison::new(format, measures);
        let frame = Frame::new(width, 20, format, Color::default()).unwrap();
        comparison.push(&frame, &frame).unwrap();
        comparison
    };
    let mut comparison = filled(PixelFormat::YUV420_8, Measures::SSIM, 20);
    let before = comparison.clone();
    for other in [
        filled(PixelFormat::YUV420_8, Measures::SSIM, 22),
        filled(PixelFormat::YUV420_8, Measures::PSNR, 20),
        filled(PixelFormat::YUV420_10, Measures::SSIM, 20),
    ] {
        assert!(matches!(comparison.merge(&other), Err(Error::InvalidArgument { .. })));
        assert_eq!(comparison, before);
    }
}

#[test]
fn samples_beyond_the_bit_depth_give_numbers_not_panics() {
    let mut wild = Frame::new(200, 190, PixelFormat::YUV420_10, Color::default()).unwrap();
    let black = wild.clone();
    if let Planes::U16(planes) = wild.planes_mut() {
        for (i, sample) in planes[0].samples_mut().iter_mut().enumerate() {
            *sample = if i % 3 == 0 { 65535 } else { 0 };
        }
    }
    let mut comparison = Comparison::new(PixelFormat::YUV420_10, Measures::MS_SSIM);
    comparison.push(&black, &wild).unwrap();
    let metrics = comparison.finish();
    for value in [metrics.psnr_y, metrics.ssim_y, metrics.ms_ssim_y] {
        assert!(value.unwrap().is_finite());
    }
}
