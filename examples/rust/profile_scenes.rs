//! Prints the scenes of raw 8-bit 4:2:0 video on standard input with class and key metrics, as rows of a table.
//!
//! `ffmpeg -i clip -vsync 0 -f rawvideo -pix_fmt yuv420p - | cargo run --release -p examples --example profile_scenes -- 1920 1080 25 clip`
#![allow(clippy::print_stdout)]

use std::collections::VecDeque;
use std::io::{ErrorKind, Read};
use std::time::{Duration, Instant};

use neural_codec::Result;
use neural_codec::error::Error;
use neural_codec::frame::{Color, Frame, PixelFormat, Planes, Rational};
use neural_codec::scene::{CutDetector, CutSettings, Profile, Profiler};

fn main() -> Result<()> {
    let usage = || Error::invalid("arguments", "WIDTH HEIGHT FRAMES_PER_SECOND NAME", "others");
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [width, height, rate, name] = &arguments[..] else { return Err(usage()) };
    let number = |text: &String| text.parse::<u32>().map_err(|_| usage());
    let (width, height) = (number(width)? as usize, number(height)? as usize);
    let rate = Rational::new(number(rate)?, 1)?;
    let mut detector = CutDetector::new(CutSettings::new(rate))?;
    let mut profiler = Profiler::new(rate);
    // Frames not yet known to start a scene or not, the first having index `first`.
    let (mut waiting, mut first, mut scene, mut busy) = (VecDeque::new(), 0_u64, 0_u64, Duration::ZERO);
    let mut input = std::io::stdin().lock();
    while let Some(frame) = read(&mut input, width, height)? {
        let start = detector.push(&frame)?;
        waiting.push_back(frame);
        if waiting.len() > detector.look_ahead() {
            step(start, &mut first, &mut scene, &mut waiting, &mut profiler, (name, rate), &mut busy)?;
        }
    }
    let starts = detector.finish();
    while !waiting.is_empty() {
        let start = starts.iter().copied().find(|&s| s == first);
        step(start, &mut first, &mut scene, &mut waiting, &mut profiler, (name, rate), &mut busy)?;
    }
    print(name, scene, &profiler.finish()?);
    println!("<!-- {name}: {:.0} frames a second -->", first as f64 / busy.as_secs_f64());
    Ok(())
}

/// Gives the oldest frame to the profiler, after ending the scene before if the frame starts one.
fn step(
    start: Option<u64>,
    first: &mut u64,
    scene: &mut u64,
    waiting: &mut VecDeque<Frame>,
    profiler: &mut Profiler,
    (name, rate): (&str, Rational),
    busy: &mut Duration,
) -> Result<()> {
    if start == Some(*first) && *first > 0 {
        print(name, *scene, &std::mem::replace(profiler, Profiler::new(rate)).finish()?);
        *scene = *first;
    }
    if let Some(frame) = waiting.pop_front() {
        let began = Instant::now();
        profiler.push(&frame)?;
        *busy += began.elapsed();
    }
    *first += 1;
    Ok(())
}

fn print(name: &str, start: u64, p: &Profile) {
    println!(
        "| {name} | {start}-{} | {} | {:.0} | {:.1} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {:.3} | {:.0} | {:.2} | {} | {} |",
        start + p.frames - 1,
        p.evidence.class,
        p.spatial_information.mean,
        p.temporal_information.mean,
        p.motion,
        p.global_motion,
        p.changed_blocks,
        p.changed_border,
        p.face_skin,
        p.side_skin,
        p.grain,
        p.flatness,
        p.hard_edges,
        p.luma_values,
        p.top_values,
        p.repeated_frames,
        p.evidence.reason
    );
}

/// Reads one frame; none at the end.
fn read(input: &mut impl Read, width: usize, height: usize) -> Result<Option<Frame>> {
    let mut frame = Frame::new(width, height, PixelFormat::YUV420_8, Color::default())?;
    let Planes::U8(planes) = frame.planes_mut() else { return Ok(None) };
    for plane in planes {
        match input.read_exact(plane.samples_mut()) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
            other => other?,
        }
    }
    Ok(Some(frame))
}
