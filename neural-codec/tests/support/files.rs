//! Files that FFmpeg's command makes for tests, and encodes of them.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::print_stderr,
    reason = "each test file uses its own part, and says what it skips"
)]

use std::path::Path;
use std::process::Command;

use neural_codec::Result;
use neural_codec::encoder::{Hooks, encode_file};
use neural_codec::report::Report;
use neural_codec::settings::Settings;

/// Two seconds of pictures, and sound without an end.
pub const PICTURES: &str = "-f lavfi -i testsrc2=s=160x120:r=25:d=2";
pub const SOUND: &str = "-f lavfi -i sine=f=440:r=48000";

/// A folder, `None` (said out loud) where there is no ffmpeg command.
pub fn folder() -> Option<tempfile::TempDir> {
    if Command::new("ffmpeg").arg("-version").output().is_err() {
        eprintln!("SKIPPED: there is no ffmpeg command here");
        return None;
    }
    Some(tempfile::tempdir().unwrap())
}

/// Runs a command of words, `{}` standing for the folder and `~` for a blank; what it wrote to its output.
pub fn run(folder: &Path, command: &str) -> String {
    let mut words =
        command.split_whitespace().map(|word| word.replace("{}", folder.to_str().unwrap()).replace('~', " "));
    let output = Command::new(words.next().unwrap()).args(words).output().unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// FFmpeg with these arguments.
pub fn ffmpeg(folder: &Path, arguments: &str) {
    run(folder, &format!("ffmpeg -nostdin -v error -y {arguments}"));
}

/// Settings that take little time, and others by name.
pub fn fast(pairs: &[(&str, &str)]) -> Settings {
    let mut settings = Settings::default();
    for (name, value) in [("effort", "0"), ("quantizer", "55")].iter().chain(pairs) {
        settings.set(name, value).unwrap();
    }
    settings
}

/// Encodes a file of a folder into another.
pub fn encoded(folder: &Path, from: &str, to: &str, pairs: &[(&str, &str)]) -> Result<Report> {
    encode_file(&folder.join(from), &folder.join(to), &fast(pairs), Hooks::default())
}

/// Start times in seconds of the packets of a stream such as `v` or `a:0`, in order of time, those left out aside.
pub fn times(folder: &Path, file: &str, stream: &str) -> Vec<f64> {
    let text = run(
        folder,
        &format!(
            "ffprobe -v error -select_streams {stream} -show_entries packet=pts_time,flags -of csv=p=0 {{}}/{file}"
        ),
    );
    let lines = text.lines().filter(|line| !line.contains('D'));
    let mut times: Vec<f64> = lines.filter_map(|line| line.split(',').next()?.parse().ok()).collect();
    times.sort_by(f64::total_cmp);
    times
}
