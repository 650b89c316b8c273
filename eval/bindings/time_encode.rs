//! Times one encode from file to file: `time_encode CLIP OUT QUANTIZER`; prints wall and processor seconds.
#![allow(clippy::print_stdout, reason = "a program, not a library")]

use std::path::Path;
use std::time::Instant;

use neural_codec::encoder::{Hooks, encode_file};
use neural_codec::settings::Settings;

fn main() -> neural_codec::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut settings = Settings::default();
    for (name, value) in [("quantizer", arguments[2].as_str()), ("effort", "0"), ("threads", "2")] {
        settings.set(name, value)?;
    }
    let (wall, cpu) = (Instant::now(), cpu_time::ProcessTime::now());
    encode_file(Path::new(&arguments[0]), Path::new(&arguments[1]), &settings, Hooks::default())?;
    println!("{} {}", wall.elapsed().as_secs_f64(), cpu.elapsed().as_secs_f64());
    Ok(())
}
