//! Encodes a clip and prints its report: `encode CLIP [NAME=VALUE ...]`.
#![allow(clippy::print_stdout, reason = "a program, not a library")]

use std::path::Path;

use neural_codec::encoder::{Hooks, encode};
use neural_codec::media::{self, OpenOptions};
use neural_codec::settings::Settings;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let clip = arguments.next().ok_or("usage: encode CLIP [NAME=VALUE ...]")?;
    let mut settings = Settings::default();
    for argument in arguments {
        let (name, value) = argument.split_once('=').ok_or("a setting is NAME=VALUE")?;
        settings.set(name, value)?;
    }
    let mut source = media::open(Path::new(&clip), &OpenOptions::default())?;
    let report = encode(source.as_mut(), &mut std::io::sink(), &settings, Hooks::default())?;
    println!("{}", report.to_json());
    Ok(())
}
