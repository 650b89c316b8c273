//! VMAF and XPSNR agree with FFmpeg's filters, frame by frame and over the clip, to what those print; SSIMULACRA 2 with the crate.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod oracles;
mod pictures;

use fast_ssim2::{PixelDescriptor, PixelSlice, compute_ssimulacra2};
use neural_codec::frame::{
    BitDepth, Frame, Layout, PixelFormat, Rational, VideoInfo, convert, rgb8_interleaved, rgb10_interleaved,
};
use neural_codec::metrics::{ClipMeasurer, Measured, Measures, Metric, ssimulacra2};
use pictures::{Kind, Recipe};

/// Half of the last place that FFmpeg prints: four of XPSNR, six of VMAF.
const XPSNR: f64 = 0.5001e-4;
const VMAF: f64 = 0.5001e-6;

fn recipe(width: usize, height: usize, format: PixelFormat) -> Recipe {
    let scale = if format == PixelFormat::YUV420_10 { 4 } else { 1 };
    Recipe { kind: Kind::Textured, format, width, height, noise: 5 * scale, quantum: 10 * scale }
}

/// Source and decoded frames, and what is measured of them.
fn measured(recipe: Recipe, count: u32, rate: u32, metric: Metric) -> ([Vec<Frame>; 2], Measured) {
    let frames: (Vec<Frame>, Vec<Frame>) = (0..count).map(|index| recipe.frames(index)).unzip();
    let info = VideoInfo::new(recipe.width, recipe.height, recipe.format, Rational { num: rate, den: 1 });
    let mut measurer = ClipMeasurer::new(&info, Measures::PSNR.with(metric)).unwrap();
    for (source, decoded) in frames.0.iter().zip(&frames.1) {
        measurer.push(source, decoded).unwrap();
    }
    (frames.into(), measurer.finish().unwrap())
}

/// Numbers that follow a text, line by line.
fn numbers(log: &str, before: &str) -> Vec<f64> {
    let after = log.lines().filter_map(|line| Some(line.split_once(before)?.1.trim_start()));
    let number = |text: &str| text.split([' ', ',', '\t']).next().unwrap().parse::<f64>();
    after.filter_map(|text| number(text).ok()).collect()
}

#[test]
fn xpsnr_is_that_of_its_authors() {
    // Sizes with blocks of every kind: smoothed and not, cut at the edges, on samples of 2x2; one that is too small for blocks.
    for (width, height, count) in
        [(352, 288, 3), (178, 101, 4), (44, 40, 2), (1282, 722, 2), (2562, 1440, 3), (60, 400, 2)]
    {
        for (format, rate) in [(PixelFormat::YUV420_8, 25), (PixelFormat::YUV420_10, 60)] {
            let (clips, found) = measured(recipe(width, height, format), count, rate, Metric::XpsnrY);
            let log = oracles::filtered([&clips[0], &clips[1]], rate, "xpsnr=stats_file=FOLDER/x.log");
            let frames = numbers(&log, "XPSNR y:");
            assert_eq!(frames.len(), count as usize, "{log}");
            for (found, expected) in found.frames.iter().zip(&frames) {
                let off = (found.xpsnr_y.unwrap() - expected).abs();
                assert!(off < XPSNR, "{width}x{height} {format}: {:?}, not {expected}", found.xpsnr_y);
            }
            let expected = numbers(&log, "XPSNR  y:")[0];
            let off = (found.comparison.finish().xpsnr_y.unwrap() - expected).abs();
            assert!(off < XPSNR, "{width}x{height} {format}: {off} off {expected}");
        }
    }
}

#[test]
fn vmaf_is_that_of_libvmaf() {
    oracles::use_libvmaf();
    for (width, height) in [(352, 288), (640, 362), (120, 90)] {
        for format in [PixelFormat::YUV420_8, PixelFormat::YUV420_10] {
            let (clips, found) = measured(recipe(width, height, format), 4, 25, Metric::Vmaf);
            let graph = "libvmaf=log_fmt=json:log_path=FOLDER/v.log";
            let log = oracles::filtered([&clips[1], &clips[0]], 25, graph);
            let frames = numbers(&log, "\"vmaf\":");
            assert_eq!(frames.len(), 4, "{log}");
            for (found, expected) in found.frames.iter().zip(&frames) {
                let off = (found.vmaf.unwrap() - expected).abs();
                assert!(off < VMAF, "{width}x{height} {format}: {:?}, not {expected}", found.vmaf);
            }
            let expected = numbers(&log, "VMAF score:")[0];
            let off = (found.comparison.finish().vmaf.unwrap() - expected).abs();
            assert!(off < VMAF, "{width}x{height} {format}: {off} off {expected}");
        }
    }
}

/// What the order of sums of 64-bit floats changes.
const SSIMULACRA2: f64 = 1e-9;
/// What tables of the light of 8-bit samples change that the authors' library rounds otherwise: the recursion of the blur makes much of the
/// last bit where pictures hardly differ.
const SSIMULACRA2_OF_8_BITS: f64 = 0.03;

#[test]
fn ssimulacra2_is_that_of_the_crate_on_the_frames_as_rgb() {
    let mut off = 0.0_f64;
    // Odd sides, sides that leave fewer scales or are mirrored, a picture wider than high, and one with all scales.
    for (width, height) in [(90, 61), (7, 5), (8, 8), (13, 200), (640, 24), (1, 30), (1281, 723)] {
        for format in [PixelFormat::RGB_8, PixelFormat::RGB_10, PixelFormat::YUV420_8, PixelFormat::YUV420_10]
        {
            for noise in [1, 5, 40] {
                let scale = if format.depth == BitDepth::Ten { 4 } else { 1 };
                let (source, decoded) =
                    Recipe { noise: noise * scale, ..recipe(width, height, format) }.frames(1);
                let found = ssimulacra2(&source, &decoded).unwrap();
                let score = |pair: [Vec<u8>; 2], kind: PixelDescriptor, bytes: usize| {
                    let sides = (width as u32, height as u32);
                    let view = |data| PixelSlice::new(data, sides.0, sides.1, width * bytes, kind).unwrap();
                    compute_ssimulacra2(&view(&pair[0]), &view(&pair[1])).unwrap()
                };
                let expected = score([&source, &decoded].map(light), PixelDescriptor::RGBF32_LINEAR, 12);
                let what = format!("{width}x{height} {format} {noise}: {found}, not {expected}");
                assert!((found - expected).abs() < SSIMULACRA2, "{what}");
                if format == PixelFormat::RGB_8 {
                    let bytes = [&source, &decoded].map(|frame| rgb8_interleaved(frame).unwrap());
                    let expected = score(bytes, PixelDescriptor::RGB8_SRGB, 3);
                    off = off.max((found - expected).abs());
                    assert!(off < SSIMULACRA2_OF_8_BITS, "{what} of light, {expected} of 8 bits");
                }
            }
        }
    }
    eprintln!("SSIMULACRA 2 of 8 bits: at most {off:.4} off");
}

/// Red, green and blue as light, as the bytes of 32-bit floats; YUV of an unspecified color is that of BT.601 at these sizes, or of BT.709.
fn light(frame: &Frame) -> Vec<u8> {
    let color = frame.color().resolve_for_conversion(frame.format().layout, frame.width(), frame.height());
    let is_rgb = frame.format().layout == Layout::Rgb;
    let rgb = if is_rgb { frame.try_clone() } else { convert(frame, PixelFormat::RGB_10, color) }.unwrap();
    let samples: Vec<u16> = match rgb.format() {
        PixelFormat::RGB_8 => rgb8_interleaved(&rgb).unwrap().into_iter().map(u16::from).collect(),
        _ => rgb10_interleaved(&rgb).unwrap(),
    };
    let peak = f64::from(rgb.format().depth.max_value());
    let light = |sample: u16| match f64::from(sample) / peak {
        dark @ ..=0.04045 => dark / 12.92,
        value => ((value + 0.055) / 1.055).powf(2.4),
    };
    samples.into_iter().flat_map(|sample| (light(sample) as f32).to_ne_bytes()).collect()
}
