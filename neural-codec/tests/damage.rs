//! Sources that were cut off or changed: an error, or an encode that names what was damaged; never half a file.
#![cfg(feature = "ffmpeg")]
#![allow(clippy::unwrap_used, reason = "a test stops at the first error")]

mod support;

use std::path::Path;

use neural_codec::error::Error;
use support::files::{encoded, ffmpeg, folder};

/// What is tried on one file.
const CUTS: usize = 20;
const FLIPS: usize = 12;

/// Encodes the bytes as a source; nothing but a whole output may be left.
fn attempt(folder: &Path, name: &str, bytes: &[u8], on_damage: &str, what: &str) {
    let (input, out) = (format!("damaged-{name}"), "out/clip.mkv");
    std::fs::write(folder.join(&input), bytes).unwrap();
    let found = encoded(folder, &input, out, &[("on_damage", on_damage)]);
    let is_there = folder.join(out).exists();
    match found {
        Ok(report) => {
            assert!(report.total.frames > 0 && is_there, "{name} {what}");
            std::fs::remove_file(folder.join(out)).unwrap();
        }
        Err(error) => {
            assert!(!matches!(error, Error::Internal { .. }), "{name} {what}: {error}");
            assert!(!is_there, "{name} {what}: {error}");
        }
    }
    let left: Vec<_> = std::fs::read_dir(folder.join("out")).unwrap().collect();
    assert!(left.is_empty(), "{name} {what}: {left:?}");
}

fn damage(folder: &Path, name: &str, bytes: &[u8]) {
    for part in 0..CUTS {
        let on_damage = if part % 4 == 3 { "stop" } else { "continue" };
        let cut = &bytes[..bytes.len() * part / CUTS];
        attempt(folder, name, cut, on_damage, &format!("cut at {part} of {CUTS}"));
    }
    let mut state = 7_u64;
    for part in 0..FLIPS {
        let mut changed = bytes.to_vec();
        // Some in the headers, some anywhere.
        let reach = if part % 2 == 0 { bytes.len().min(600) } else { bytes.len() };
        for _ in 0..3 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            changed[(state >> 33) as usize % reach] ^= 1 << (state >> 60 & 7);
        }
        let on_damage = if part % 4 == 3 { "stop" } else { "continue" };
        attempt(folder, name, &changed, on_damage, &format!("changed, number {part}"));
    }
}

#[test]
fn every_cut_and_every_changed_byte_ends_in_a_verdict_and_leaves_no_half_file() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    std::fs::create_dir(folder.join("out")).unwrap();
    let input = "-f lavfi -i testsrc2=s=64x64:r=25:d=0.4 -f lavfi -i sine=r=48000:d=0.4";
    for (name, codecs) in [
        ("a.mp4", "-c:v libx264 -c:a aac"),
        ("a.mkv", "-c:v libx264 -c:a libopus"),
        ("a.ts", "-c:v mpeg2video -c:a mp2"),
        ("a.gif", "-an"),
    ] {
        ffmpeg(folder, &format!("{input} {codecs} {{}}/{name}"));
        damage(folder, name, &std::fs::read(folder.join(name)).unwrap());
    }
}

/// For a whole run over files of other makers: `NEURAL_CODEC_DAMAGE_CASES=FOLDER cargo test --test damage -- --ignored`.
#[test]
#[ignore = "takes minutes, and a folder of files in NEURAL_CODEC_DAMAGE_CASES"]
fn files_of_a_folder_are_damaged_too() {
    let cases = std::env::var_os("NEURAL_CODEC_DAMAGE_CASES").unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("out")).unwrap();
    for entry in std::fs::read_dir(cases).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        damage(folder.path(), &name, &std::fs::read(&path).unwrap());
    }
}
