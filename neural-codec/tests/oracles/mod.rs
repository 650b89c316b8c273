//! Other people's programs and libraries that tests compare with, where `make setup` puts them. One that is missing fails the test.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

use neural_codec::frame::{Frame, Planes};

/// The virtual environment of the checkout.
fn environment() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../.venv")
}

/// Names the libvmaf of the checkout, unless `NEURAL_CODEC_VMAF` names one.
pub(crate) fn use_libvmaf() {
    let path = environment().join("libraries/libvmaf.so.3");
    assert!(
        path.is_file() || std::env::var_os("NEURAL_CODEC_VMAF").is_some(),
        "make setup fetches {}",
        path.display()
    );
    neural_codec::metrics::suggest_vmaf(&path);
}

/// The FFmpeg of the Python package `imageio-ffmpeg`, which has the filters `libvmaf` and `xpsnr`.
pub(crate) fn ffmpeg() -> PathBuf {
    let versions = std::fs::read_dir(environment().join("lib")).expect("make setup makes .venv");
    let folders = versions.map(|entry| entry.unwrap().path().join("site-packages/imageio_ffmpeg/binaries"));
    let files = folders.filter_map(|folder| std::fs::read_dir(folder).ok()).flatten();
    let found = files
        .map(|entry| entry.unwrap().path())
        .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("ffmpeg")));
    found.expect("make setup installs imageio-ffmpeg into .venv")
}

/// Runs a filter of two inputs over two clips, paired by index, and gives what it printed.
pub(crate) fn filtered(clips: [&[Frame]; 2], rate: u32, filter: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(ffmpeg());
    command.args(["-hide_banner", "-nostats"]);
    for (number, frames) in clips.into_iter().enumerate() {
        let path = folder.path().join(format!("{number}.yuv"));
        std::fs::write(&path, frames.iter().flat_map(bytes).collect::<Vec<u8>>()).unwrap();
        let first = &frames[0];
        let wide = if matches!(first.planes(), Planes::U16(_)) { "le" } else { "" };
        command.args(["-f", "rawvideo", "-pix_fmt", &format!("{}{wide}", first.format().name())]);
        command.args(["-r", &rate.to_string(), "-s", &format!("{}x{}", first.width(), first.height())]);
        command.arg("-i").arg(path);
    }
    let graph = format!("[0:v][1:v]{}", filter.replace("FOLDER", folder.path().to_str().unwrap()));
    let output = command.args(["-lavfi", &graph, "-f", "null", "-"]).output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{log}");
    let files = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let written = files.filter(|path| path.extension().is_some_and(|ending| ending == "log"));
    written.fold(log, |log, path| log + &std::fs::read_to_string(path).unwrap())
}

/// Samples as raw video has them.
fn bytes(frame: &Frame) -> Vec<u8> {
    match frame.planes() {
        Planes::U8(planes) => planes.iter().flat_map(|plane| plane.samples().to_vec()).collect(),
        Planes::U16(planes) => {
            planes.iter().flat_map(|p| p.samples()).flat_map(|s| s.to_le_bytes()).collect()
        }
    }
}
