//! The Rust examples run. Those of the README are tried by codec-py/tests/test_readme.py.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test stops at the first error")]

use std::fs::File;
use std::path::Path;
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
fn the_examples_encode_measure_cut_and_profile() {
    let folder = folder();
    let shown = run("encode_decode", folder.path(), &["clip.mp4", "clip.nvc"]);
    assert!(shown.contains("2 scenes") && shown.contains("psnr_y Some("), "{shown}");
    let shown = run("metrics", folder.path(), &["clip.mp4", "clip.nvc"]);
    assert!(shown.contains("50 frames") && shown.contains("ssim_y: 0."), "{shown}");
    let raw = || Stdio::from(File::open(folder.path().join("raw")).unwrap());
    let shown = run_on(raw(), "detect_cuts", folder.path(), &["96", "64", "25"]);
    assert!(shown.starts_with("[25] frames=50") || shown.starts_with("[0, 25] frames=50"), "{shown}");
    let shown = run_on(raw(), "profile_scenes", folder.path(), &["96", "64", "25", "ramp"]);
    assert_eq!(shown.matches("| ramp").count(), 2, "{shown}");
}
