//! Metrics agree with scikit-image, FFmpeg, pytorch-msssim and bjontegaard; see `data/metrics/make.py`.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod pictures;

use neural_codec::frame::PixelFormat;
use neural_codec::metrics::{Comparison, Measures, RatePoint, bd_rate};
use pictures::{Kind, Recipe};

/// scikit-image and numpy compute PSNR in double precision.
const PSNR: f64 = 1e-9;
/// FFmpeg prints six decimals.
const PSNR_OF_FFMPEG: f64 = 1e-6;
/// Ours is in single precision inside the window; METRICS.md asks for 1e-4.
const SSIM: f64 = 1e-6;
/// The window of pytorch-msssim is in single precision; METRICS.md asks for 1e-4.
const MS_SSIM: f64 = 1e-6;

#[test]
fn pictures_measure_as_other_tools_measure_them() {
    for line in include_str!("data/metrics/expected.tsv").lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        let number = |i: usize| fields[i].parse::<usize>().unwrap();
        let format = PixelFormat::ALL.into_iter().find(|f| f.name() == fields[2]).unwrap();
        let kind = if fields[1] == "flat" { Kind::Flat } else { Kind::Textured };
        let (noise, quantum) = (number(7) as u32, number(8) as u32);
        let recipe = Recipe { kind, format, width: number(4), height: number(5), noise, quantum };

        let mut comparison = Comparison::new(format, Measures::MS_SSIM);
        for frame in 0..number(6) as u32 {
            let (source, decoded) = recipe.frames(frame);
            comparison.push(&source, &decoded).unwrap();
        }
        let metrics = comparison.finish();
        let rows = [
            (metrics.psnr_y, PSNR),
            (metrics.psnr_yuv, PSNR_OF_FFMPEG),
            (metrics.psnr_rgb, PSNR),
            (metrics.ssim_y, SSIM),
            (metrics.ms_ssim_y, MS_SSIM),
        ];
        for (i, (found, tolerance)) in rows.into_iter().enumerate() {
            let expected: Option<f64> = fields[9 + i].parse().ok();
            let off = found.zip(expected).map(|(a, b)| (a - b).abs());
            eprintln!("{} {i}: {found:?} off by {off:?}", fields[0]);
            assert_eq!(found.is_some(), expected.is_some(), "{line}");
            assert!(off.is_none_or(|off| off < tolerance), "{line}: {found:?}");
        }
        let missing = rows.iter().filter(|(value, _)| value.is_none()).count();
        // Beside these there are the three that were not asked for.
        assert_eq!(metrics.undefined.len(), missing + 3);
    }
}

#[test]
fn curves_differ_as_the_bjontegaard_package_says() {
    let curve = |text: &str| -> Vec<RatePoint> {
        let point = |p: &str| {
            let (rate, quality) = p.split_once(':').unwrap();
            RatePoint { rate: rate.parse().unwrap(), quality: quality.parse().unwrap() }
        };
        text.split(',').map(point).collect()
    };
    for line in include_str!("data/metrics/bd_rate.tsv").lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        let expected: f64 = fields[3].parse().unwrap();
        let found = bd_rate(&curve(fields[1]), &curve(fields[2])).unwrap();
        assert!(((found - expected) / expected).abs() < 1e-9, "{line}: {found}");
    }
}
