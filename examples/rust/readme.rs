//! The Rust of README.md: in a folder with a clip.mp4, `cargo run --release -p examples --example readme`
#![allow(clippy::print_stdout, reason = "a program, not a library")]

use std::path::Path;

use neural_codec::decoder::{DecoderSettings, SeekingDecoder};
use neural_codec::encoder::{Hooks, encode_file};
use neural_codec::settings::Settings;

fn main() -> neural_codec::Result<()> {
    let mut settings = Settings::default();
    settings.set("quantizer", "35")?;
    let report = encode_file(Path::new("clip.mp4"), Path::new("clip.nvc"), &settings, Hooks::default())?;
    println!("{} bytes, PSNR-Y {:?} dB", report.total.bytes, report.total.quality.psnr_y);

    let mut decoder = SeekingDecoder::open(std::fs::File::open("clip.nvc")?, DecoderSettings::default())?;
    decoder.seek(decoder.frame_count() / 2)?; // or from the first frame on
    while let Some(frame) = decoder.decode_frame()? {
        println!("{}x{} at {}", frame.width(), frame.height(), frame.timestamp);
    }
    Ok(())
}
