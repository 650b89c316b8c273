//! Trains the networks that every filter begins with, and writes the files that are compiled into the library.
//!
//! ```text
//! cargo run --release -p eval --bin train_base -- OUTPUT-FOLDER CLIP...
//! ```
//! Every clip is coded at four quantizers and two presets. Weights are shared by all; each coding has gains and offsets of its
//! own, so that what is trained are features worth weighing anew in every scene. Of a quantizer's gains the mean over
//! the clips is kept. The result depends on the clips, the base encoder's version and the instruction set.

#![allow(clippy::print_stderr, reason = "a program tells how far it is")]

use std::io::Cursor;
use std::path::{Path, PathBuf};

use neural_codec::decoder::{DecoderSettings, StreamDecoder};
use neural_codec::device::Device;
use neural_codec::encoder::{Hooks, encode};
use neural_codec::filter::BaseNetwork;
use neural_codec::filter::train::{
    Patch, PatchSampler, Rates, Rule, Schedule, Shape, Trainer, starting_parameters,
};
use neural_codec::media::{self, FrameSource, OpenOptions};
use neural_codec::progress::CancelToken;
use neural_codec::settings::Settings;

/// Quantizers and presets of the codings.
const CODINGS: [(u8, i8); 4] = [(32, 6), (42, 8), (52, 4), (62, 6)];

/// Frames of a clip that are used, at most.
const FRAMES: usize = 72;

/// Files, hidden channels and steps of the networks.
const NETWORKS: [(&str, &[usize], usize); 2] =
    [("m.bin", &[16, 16], 24_000), ("l.bin", &[24, 24, 24], 24_000)];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let folder = arguments.next().ok_or("usage: train_base OUTPUT-FOLDER CLIP...")?;
    let clips: Vec<PathBuf> = arguments.collect();
    let mut patches = Vec::new();
    for (number, clip) in clips.iter().enumerate() {
        for (coding, &(quantizer, preset)) in CODINGS.iter().enumerate() {
            let mut found = coded_patches(clip, quantizer, preset)?;
            found.iter_mut().for_each(|patch| patch.set = number * CODINGS.len() + coding);
            patches.append(&mut found);
        }
        eprintln!("{}: {} patches so far", clip.display(), patches.len());
    }
    for (file, hidden, steps) in NETWORKS {
        let network = trained(hidden, steps, clips.len(), &patches)?;
        std::fs::write(folder.join(file), network.to_bytes())?;
        eprintln!("{file} written");
    }
    Ok(())
}

/// Patches of a clip coded with AV1 alone.
fn coded_patches(clip: &Path, quantizer: u8, preset: i8) -> Result<Vec<Patch>, Box<dyn std::error::Error>> {
    let mut settings = Settings::default();
    for (name, value) in [
        ("strategies", "av1".to_owned()),
        ("quantizer", quantizer.to_string()),
        ("preset", preset.to_string()),
        ("bit_depth", "10".to_owned()),
    ] {
        settings.set(name, &value)?;
    }
    let mut source = Head { source: media::open(clip, &OpenOptions::default())?, left: FRAMES };
    let mut stream = Vec::new();
    encode(&mut source, &mut stream, &settings, Hooks::default())?;
    let mut source = media::open(clip, &OpenOptions::default())?;
    let mut decoder = StreamDecoder::new(Cursor::new(stream), DecoderSettings::default())?;
    // A picture of 432x240 has some 15 places for a patch; one in twelve is taken.
    let info = *source.info();
    let places = info.width * info.height / (116 * 116) * FRAMES;
    let mut sampler = PatchSampler::new((places / 12).clamp(24, 128), 1.0, u64::from(quantizer));
    for index in 0.. {
        let Some(decoded) = decoder.next_frame()? else { break };
        let frame = source.next_frame()?.ok_or("the clip became shorter")?;
        sampler.push(index, &decoded, &frame)?;
    }
    Ok(sampler.finish().training)
}

/// Weights for all clips, gains for each quantizer.
fn trained(
    hidden: &[usize],
    steps: usize,
    clips: usize,
    patches: &[Patch],
) -> Result<BaseNetwork, Box<dyn std::error::Error>> {
    let shape = Shape::new(hidden, clips * CODINGS.len());
    let mut parameters = starting_parameters(&shape, 1);
    let schedule = Schedule { steps, batch: 8, rates: Rates { weights: 2e-3, gains: 2e-3 }, seed: 5 };
    let mut trainer = Trainer::new(&shape, patches, &Device::auto());
    let loss = trainer
        .run(&mut parameters, &schedule, Rule::Free, &CancelToken::new())?
        .ok_or("training diverged")?;
    eprintln!("{hidden:?}: loss {loss:.4} after {steps} steps");
    let mut kept = parameters[..shape.weight_count()].to_vec();
    for coding in 0..CODINGS.len() {
        for value in 0..shape.set_len() {
            let of_clip = |clip: usize| parameters[shape.set(clip * CODINGS.len() + coding).start + value];
            kept.push((0..clips).map(of_clip).sum::<f32>() / clips as f32);
        }
    }
    let quarters = CODINGS.map(|(quantizer, _)| 4 * u16::from(quantizer));
    Ok(BaseNetwork::rounded(&Shape { sets: CODINGS.len(), ..shape }, &kept, &quarters)?)
}

/// The first frames of a source.
struct Head {
    source: Box<dyn FrameSource>,
    left: usize,
}

impl FrameSource for Head {
    fn info(&self) -> &neural_codec::frame::VideoInfo {
        self.source.info()
    }

    fn next_frame(&mut self) -> neural_codec::Result<Option<neural_codec::frame::Frame>> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        self.source.next_frame()
    }
}
