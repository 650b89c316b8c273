//! Encodes a photo with the settings that are given, decodes it again, and says how much it differs:
//! `cargo run --release -p examples --example photo -- photo.png photo.nvc again.png min_psnr=38`
#![allow(clippy::print_stdout, reason = "a program, not a library")]

use std::path::Path;

use neural_codec::Result;
use neural_codec::decoder::{DecoderSettings, compare, decode_photo_file, open_clip};
use neural_codec::encoder::{Hooks, encode_photo_file};
use neural_codec::error::Error;
use neural_codec::metrics::Measures;
use neural_codec::settings::Settings;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, stored, decoded, asked @ ..] = arguments.as_slice() else {
        return Err(Error::invalid("arguments", "a photo, a .nvc and a .png path", arguments.len()));
    };
    let (input, stored, decoded) = (Path::new(input), Path::new(stored), Path::new(decoded));

    let mut settings = Settings::default();
    for pair in asked {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        settings.set(name, value)?;
    }
    let lost = |lost: &[neural_codec::media::Lost]| lost.iter().for_each(|each| println!("lost: {each}"));
    let report = encode_photo_file(input, stored, &settings, Hooks::default().with_lost(lost))?;
    let scene = &report.scenes[0];
    println!("{} bytes at quantizer {}, {:?}", report.total.bytes, scene.quantizer, report.total.pooled);
    println!("{} attempts, {:.1} s with {}", scene.attempts.len(), report.total.seconds, scene.tools);

    let decoder = DecoderSettings::default();
    decode_photo_file(stored, decoded, &decoder)?;
    let (mut source, mut decoded) = (open_clip(input, &decoder)?, open_clip(decoded, &decoder)?);
    let metrics = compare(source.as_mut(), decoded.as_mut(), Measures::SSIM)?;
    println!("psnr_rgb {:?} dB, ssim_y {:?}", metrics.psnr_rgb, metrics.ssim_y);
    Ok(())
}
