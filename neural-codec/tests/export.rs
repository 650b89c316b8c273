//! An exported base layer is what any AV1 player plays: the same pictures, times and sound.
#![cfg(feature = "ffmpeg")]
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test stops at the first error")]

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;

use neural_codec::bitstream::Limits;
use neural_codec::decoder::{DecoderSettings, ExportReport, decode_file, export_base};
use neural_codec::encoder::{Hooks, encode_file};
use neural_codec::error::{Error, Result};
use neural_codec::progress::CancelToken;
use neural_codec::settings::Settings;

/// Runs the FFmpeg command line, which decodes AV1 by itself; nothing where it is not there.
fn ffmpeg(arguments: &[&str], output: &Path) -> Option<Vec<u8>> {
    let done = Command::new("ffmpeg").args(["-v", "error", "-y"]).args(arguments).arg(output).status();
    if done.is_ok_and(|status| status.success()) {
        return Some(std::fs::read(output).unwrap());
    }
    eprintln!("skipped: the ffmpeg command line cannot run {arguments:?} here");
    None
}

/// A clip of two scenes with a tone, as a stream.
fn stream(folder: &Path, size: &str, settings: &[(&str, &str)]) -> Option<PathBuf> {
    let (clip, stream) = (folder.join("clip.mkv"), folder.join("clip.nvc"));
    let video = format!("testsrc2=s={size}:d=0.8:r=30000/1001,format=yuv420p");
    let input =
        ["-f", "lavfi", "-i", &video, "-f", "lavfi", "-i", "sine=d=0.8", "-c:v", "ffv1", "-c:a", "aac"];
    ffmpeg(&input, &clip)?;
    let mut chosen = Settings::default();
    let given = [("effort", "0"), ("quantizer", "40"), ("max_scene_seconds", "0.5")];
    for (name, value) in given.iter().chain(settings) {
        chosen.set(name, value).unwrap();
    }
    encode_file(&clip, &stream, &chosen, Hooks::default()).unwrap();
    Some(stream)
}

fn export(from: &Path, to: &Path) -> Result<ExportReport> {
    export_base(from, to, &Limits::default(), &CancelToken::new(), &mut |_| ControlFlow::Continue(()))
}

#[test]
fn ffmpeg_decodes_an_export_to_the_frames_that_we_decode() {
    let folder = tempfile::tempdir().unwrap();
    let name = |name: &str| folder.path().join(name);
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    for depth in ["8", "10"] {
        let Some(stream) = stream(folder.path(), "160x90", &[("bit_depth", depth)]) else { return };
        decode_file(
            &stream,
            &name("ours.mkv"),
            &DecoderSettings::default(),
            &CancelToken::new(),
            &mut |_| ControlFlow::Continue(()),
        )
        .unwrap();
        let ours = ffmpeg(
            &["-i", &text(&name("ours.mkv")), "-map", "0:v", "-fps_mode", "passthrough", "-f", "rawvideo"],
            &name("ours.raw"),
        )
        .unwrap();
        for ending in ["mp4", "mkv", "webm"] {
            let to = name(&format!("base.{ending}"));
            match export(&stream, &to) {
                // WebM holds no AAC; that the error says so is the point.
                Err(error) if ending == "webm" => {
                    assert!(matches!(error, Error::Unsupported { .. }) && !to.exists(), "{error}");
                    continue;
                }
                report => assert_eq!(report.unwrap().bit_depth.to_string(), depth),
            }
            if depth == "8" {
                let theirs = ffmpeg(
                    &["-i", &text(&to), "-map", "0:v", "-fps_mode", "passthrough", "-f", "rawvideo"],
                    &name("theirs.raw"),
                )
                .unwrap();
                assert!(theirs == ours, "frames of {ending}");
            }
            let probed = Command::new("ffprobe")
                .args(["-v", "error", "-count_packets", "-show_entries"])
                .args(["stream=codec_name,nb_read_packets,r_frame_rate,pix_fmt", "-of", "csv"])
                .arg(&to)
                .output()
                .unwrap();
            let probed = String::from_utf8_lossy(&probed.stdout).into_owned();
            let format = if depth == "8" { "yuv420p," } else { "yuv420p10le," };
            for expected in ["av1,", "aac,", "30000/1001,", format] {
                assert!(probed.contains(expected), "{ending}: {expected} in {probed}");
            }
        }
    }
}

#[test]
fn the_sound_of_an_export_is_that_of_the_source() {
    let folder = tempfile::tempdir().unwrap();
    let Some(stream) = stream(folder.path(), "64x64", &[]) else { return };
    let exported = folder.path().join("base.mp4");
    export(&stream, &exported).unwrap();
    let packets = |path: &Path| {
        let input = ["-i", path.to_str().unwrap(), "-map", "0:a", "-c", "copy", "-f", "data"];
        ffmpeg(&input, &folder.path().join("sound")).unwrap()
    };
    assert_eq!(packets(&exported), packets(&folder.path().join("clip.mkv")));
}

#[test]
fn pictures_that_the_base_layer_pads_are_exported_at_their_coded_size() {
    let folder = tempfile::tempdir().unwrap();
    let Some(stream) = stream(folder.path(), "70x51", &[]) else { return };
    let report = export(&stream, &folder.path().join("base.mp4")).unwrap();
    assert_eq!((report.width, report.height, report.frames), (70, 64, 24));
    assert!(report.base_bytes > 0 && report.base_bytes < std::fs::metadata(&stream).unwrap().len());
}

#[test]
fn what_cannot_be_exported_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let Some(stream) = stream(folder.path(), "64x64", &[]) else { return };
    let to = folder.path().join("base.mp4");
    let cancelled = CancelToken::new();
    cancelled.cancel();
    let stopped =
        export_base(&stream, &to, &Limits::default(), &cancelled, &mut |_| ControlFlow::Continue(()));
    assert!(matches!(stopped, Err(Error::Cancelled)));
    let stopped =
        export_base(&stream, &to, &Limits::default(), &CancelToken::new(), &mut |_| ControlFlow::Break(()));
    assert!(matches!(stopped, Err(Error::Cancelled)));
    assert!(matches!(export(&folder.path().join("nowhere.nvc"), &to), Err(Error::Io { path: Some(_), .. })));
    assert!(matches!(export(&folder.path().join("clip.mkv"), &to), Err(Error::Unsupported { .. })));
    let refused = export(&stream, &folder.path().join("base.mov")).unwrap_err().to_string();
    assert!(refused.contains("AV1 in a .mov") && refused.contains("use .mkv, .mp4 or .webm"), "{refused}");
    assert!(!folder.path().join("base.mov").exists());
    assert!(matches!(export(&stream, &folder.path().join("base.avi")), Err(Error::Unsupported { .. })));
    let bytes = std::fs::read(&stream).unwrap();
    let short = folder.path().join("short.nvc");
    for length in [bytes.len() - 1, bytes.len() / 2, 100] {
        std::fs::write(&short, &bytes[..length]).unwrap();
        assert!(export(&short, &to).is_err());
    }
    let mut left: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["clip.mkv", "clip.nvc", "short.nvc"]);
}
