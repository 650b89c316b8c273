//! Tests against the `ffmpeg` command: clips made by it, and its own account of them.

#![allow(clippy::print_stderr)] // Skipped tests say so.

mod bad_input;
mod reading;
mod writing;

use std::path::{Path, PathBuf};
use std::process::Command;

use super::super::{FrameSource, OpenOptions, open};
use crate::bitstream::AudioPacket;
use crate::error::Result;
use crate::frame::{Frame, Layout, Planes};

/// A folder for clips, or `None` (said out loud) where the command is missing.
fn folder() -> Option<tempfile::TempDir> {
    if Command::new("ffmpeg").arg("-version").output().is_err() {
        eprintln!("skipped: there is no ffmpeg command here");
        return None;
    }
    Some(tempfile::tempdir().unwrap())
}

/// Runs `ffmpeg` with arguments separated by blanks, `{}` standing for the folder; gives what it wrote to its output.
fn ffmpeg(folder: &Path, arguments: &str) -> Vec<u8> {
    let arguments = arguments.split_whitespace().map(|a| a.replace("{}", folder.to_str().unwrap()));
    run(Command::new("ffmpeg").args(["-nostdin", "-v", "error", "-y"]).args(arguments))
}

fn run(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// The clips in `video/` of the folder that the variable names.
fn clips() -> Vec<PathBuf> {
    let Some(folder) = std::env::var_os("NEURAL_CODEC_MEDIA") else {
        eprintln!("SKIPPED: set NEURAL_CODEC_MEDIA to a folder with clips in video/");
        return Vec::new();
    };
    let entries = std::fs::read_dir(Path::new(&folder).join("video")).unwrap();
    let mut clips: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    clips.sort();
    clips
}

fn source(path: &Path) -> Result<Box<dyn FrameSource>> {
    open(path, &OpenOptions::default())
}

/// All frames of a file; the error if there is one anywhere.
fn frames(path: &Path) -> Result<Vec<Frame>> {
    Ok(frames_and_audio(source(path)?)?.0)
}

fn frames_and_audio(mut source: Box<dyn FrameSource>) -> Result<(Vec<Frame>, Vec<AudioPacket>)> {
    let (mut frames, mut audio) = (Vec::new(), Vec::new());
    while let Some(frame) = source.next_frame()? {
        assert_eq!((frame.width(), frame.height()), (source.info().width, source.info().height));
        assert_eq!(frame.format(), source.info().format);
        frames.push(frame);
        audio.extend(source.take_audio());
    }
    audio.extend(source.take_audio());
    assert!(frames.windows(2).all(|pair| pair[0].timestamp < pair[1].timestamp));
    Ok((frames, audio))
}

/// The bytes of a frame as `-f rawvideo` has them.
fn raw(frame: &Frame) -> Vec<u8> {
    let order = if frame.format().layout == Layout::Rgb { [1, 2, 0] } else { [0, 1, 2] };
    match frame.planes() {
        Planes::U8(planes) => order.iter().flat_map(|&i| planes[i].samples().to_vec()).collect(),
        Planes::U16(planes) => {
            order.iter().flat_map(|&i| planes[i].samples().iter().flat_map(|v| v.to_le_bytes())).collect()
        }
    }
}

fn message(result: Result<impl Sized>) -> String {
    match result {
        Ok(_) => panic!("not an error"),
        Err(error) => error.to_string(),
    }
}
