//! How long it takes to decode streams to frames, all stages included: `cargo run --release -p eval --bin decode_speed -- CLIP.nvc...`
//!
//! The median of five runs, each of which opens the file anew. Every frame's hash is checked on the way.
#![allow(clippy::print_stdout)]

use std::path::Path;
use std::time::{Duration, Instant};

use neural_codec::Result;
use neural_codec::decoder::{DecoderSettings, open_clip};
use neural_codec::error::Error;

/// An odd number, so that there is one in the middle.
const RUNS: usize = 5;

fn main() -> Result<()> {
    let clips: Vec<String> = std::env::args().skip(1).collect();
    if clips.is_empty() {
        return Err(Error::invalid("arguments", "names of .nvc files", "none"));
    }
    for clip in &clips {
        let mut runs = (0..RUNS).map(|_| decoded(Path::new(clip))).collect::<Result<Vec<_>>>()?;
        runs.sort_by_key(|(_, time)| *time);
        let (frames, time) = runs[RUNS / 2];
        let seconds = time.as_secs_f64();
        let per_frame = 1e3 * seconds / f64::from(frames.max(1));
        println!("{clip}: {frames} frames, {per_frame:.1} ms each, {:.0} fps", f64::from(frames) / seconds);
    }
    Ok(())
}

/// Frames of a clip, and the time from opening it to the last one.
fn decoded(clip: &Path) -> Result<(u32, Duration)> {
    let start = Instant::now();
    let mut source = open_clip(clip, &DecoderSettings::default())?;
    let mut frames = 0;
    while source.next_frame()?.is_some() {
        frames += 1;
    }
    Ok((frames, start.elapsed()))
}
