//! Prints the scene starts of raw 8-bit 4:2:0 video on standard input.
//!
//! `ffmpeg -i clip -vsync 0 -f rawvideo -pix_fmt yuv420p - | cargo run --release -p examples --example detect_cuts -- 1920 1080 25`
#![allow(clippy::print_stdout)]

use std::io::{ErrorKind, Read};
use std::time::{Duration, Instant};

use neural_codec::Result;
use neural_codec::error::Error;
use neural_codec::frame::{Color, Frame, PixelFormat, Planes, Rational};
use neural_codec::scene::{CutDetector, CutSettings};

fn main() -> Result<()> {
    let usage = || Error::invalid("arguments", "WIDTH HEIGHT FRAMES_PER_SECOND", "others");
    let numbers: Vec<u32> = std::env::args().skip(1).filter_map(|a| a.parse().ok()).collect();
    let [width, height, rate] = numbers[..] else { return Err(usage()) };
    let mut frame = Frame::new(width as usize, height as usize, PixelFormat::YUV420_8, Color::default())?;
    let mut detector = CutDetector::new(CutSettings::new(Rational::new(rate, 1)?))?;
    let (mut starts, mut frames, mut busy) = (Vec::new(), 0_u32, Duration::ZERO);
    let mut input = std::io::stdin().lock();
    while read(&mut input, &mut frame)? {
        let start = Instant::now();
        starts.extend(detector.push(&frame)?);
        busy += start.elapsed();
        frames += 1;
    }
    starts.extend(detector.finish());
    println!("{starts:?} frames={frames} fps={:.0}", f64::from(frames) / busy.as_secs_f64());
    Ok(())
}

/// Reads one frame; false at the end.
fn read(input: &mut impl Read, frame: &mut Frame) -> Result<bool> {
    let Planes::U8(planes) = frame.planes_mut() else { return Ok(false) };
    for plane in planes {
        match input.read_exact(plane.samples_mut()) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(false),
            other => other?,
        }
    }
    Ok(true)
}
