//! The Rust examples run, and the README's Rust is one of them.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test stops at the first error")]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Runs an example in a folder, with a file as its standard input; what it printed.
fn run_on(input: Stdio, name: &str, folder: &Path, arguments: &[&str]) -> String {
    // Beside this test's own folder, where cargo builds examples together with tests.
    let tests = std::env::current_exe().unwrap();
    let program = tests.parent().and_then(Path::parent).unwrap().join("examples").join(name);
    let done = Command::new(&program).args(arguments).current_dir(folder).stdin(input).output();
    let done = done.unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    assert!(done.status.success(), "{name}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

fn run(name: &str, folder: &Path, arguments: &[&str]) -> String {
    run_on(Stdio::null(), name, folder, arguments)
}

/// A folder with 50 frames of two scenes as clip.mp4 (a Y4M file by content, which is what decides), and raw.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (width, height) = (96_usize, 64_usize);
    let mut bytes = format!("YUV4MPEG2 W{width} H{height} F25:1 Ip A1:1 C420jpeg\n").into_bytes();
    let mut raw = Vec::new();
    for t in 0..50 {
        let start = raw.len();
        for at in 0..width * height {
            let (x, y) = (at % width + t, at / width);
            let scenes = [(x * 3 + y * 2) % 90, 255 - (x / 8 * 31 + y / 8 * 17) % 7 * 30];
            raw.push(scenes[t / 25] as u8);
        }
        raw.extend(std::iter::repeat_n(128, width * height / 2));
        bytes.extend_from_slice(b"FRAME\n");
        bytes.extend_from_slice(&raw[start..]);
    }
    std::fs::write(folder.path().join("raw"), raw).unwrap();
    std::fs::write(folder.path().join("clip.mp4"), bytes).unwrap();
    folder
}

#[test]
fn the_readme_shows_a_program_that_runs() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let block = readme.split("```rust\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    assert_eq!(readme.matches("```rust").count(), 1);
    let program = include_str!("../rust/readme.rs");
    assert!(program.ends_with(block), "README.md and examples/rust/readme.rs differ");
    let folder = folder();
    let told = run("readme", folder.path(), &[]);
    assert_eq!(told.matches("96x64 at ").count(), 25, "{told}");
}

#[test]
fn the_examples_encode_measure_cut_and_profile() {
    let folder = folder();
    let told = run("encode_decode", folder.path(), &["clip.mp4", "clip.nvc"]);
    assert!(told.contains("2 scenes") && told.contains("psnr_y Some("), "{told}");
    let told = run("metrics", folder.path(), &["clip.mp4", "clip.nvc"]);
    assert!(told.contains("50 frames") && told.contains("ssim_y: 0."), "{told}");
    let told = run("decode_speed", folder.path(), &["clip.nvc"]);
    assert!(told.starts_with("clip.nvc: 50 frames, "), "{told}");
    let raw = || Stdio::from(File::open(folder.path().join("raw")).unwrap());
    let told = run_on(raw(), "detect_cuts", folder.path(), &["96", "64", "25"]);
    assert!(told.starts_with("[25] frames=50") || told.starts_with("[0, 25] frames=50"), "{told}");
    let told = run_on(raw(), "profile_scenes", folder.path(), &["96", "64", "25", "ramp"]);
    assert_eq!(told.matches("| ramp").count(), 2, "{told}");
}
