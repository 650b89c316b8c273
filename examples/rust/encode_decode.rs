//! Encodes a clip, decodes it again, and says how much it differs:
//! `cargo run --release -p examples --example encode_decode -- clip.mp4 clip.nvc`
#![allow(clippy::print_stdout, reason = "a program, not a library")]

use std::path::Path;

use neural_codec::Result;
use neural_codec::decoder::{DecoderSettings, compare, open_clip};
use neural_codec::encoder::{Hooks, encode_file};
use neural_codec::error::Error;
use neural_codec::metrics::Measures;
use neural_codec::settings::Settings;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, output] = arguments.as_slice() else {
        return Err(Error::invalid("arguments", "an input and an output path", arguments.len()));
    };
    let (input, output) = (Path::new(input), Path::new(output));

    let mut settings = Settings::default();
    settings.set("quantizer", "35")?;
    let report = encode_file(input, output, &settings, Hooks::default())?;
    println!("{} scenes, {:.0} bits a second", report.total.scenes, report.total.bitrate_bps);

    let decoder = DecoderSettings::default();
    let (mut source, mut decoded) = (open_clip(input, &decoder)?, open_clip(output, &decoder)?);
    let metrics = compare(source.as_mut(), decoded.as_mut(), Measures::SSIM)?;
    println!("psnr_y {:?} dB, ssim_y {:?}", metrics.psnr_y, metrics.ssim_y);
    Ok(())
}
