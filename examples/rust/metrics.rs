//! Measures a clip against a reference: `cargo run --release -p examples --example metrics -- a.mp4 b.nvc`
#![allow(clippy::print_stdout, reason = "a program, not a library")]

use std::path::Path;

use neural_codec::Result;
use neural_codec::decoder::{DecoderSettings, compare, open_clip};
use neural_codec::error::Error;
use neural_codec::metrics::Measures;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [reference, clip] = arguments.as_slice() else {
        return Err(Error::invalid("arguments", "a reference and a clip", arguments.len()));
    };
    let settings = DecoderSettings::default();
    let open = |path: &String| open_clip(Path::new(path), &settings);
    let measures: Measures = "ms_ssim,ssimulacra2,xpsnr".parse()?;
    let metrics = compare(open(reference)?.as_mut(), open(clip)?.as_mut(), measures)?;
    println!(
        "{} frames, {} of them lossless, as {}",
        metrics.frames, metrics.lossless_frames, metrics.pixel_format
    );
    for (name, value) in [
        ("psnr_y", metrics.psnr_y),
        ("psnr_yuv", metrics.psnr_yuv),
        ("psnr_rgb", metrics.psnr_rgb),
        ("ssim_y", metrics.ssim_y),
        ("ms_ssim_y", metrics.ms_ssim_y),
        ("ssimulacra2", metrics.ssimulacra2),
        ("xpsnr_y", metrics.xpsnr_y),
    ] {
        if let Some(value) = value {
            println!("{name}: {value:.4}");
        }
    }
    Ok(())
}
