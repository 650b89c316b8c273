//! Encodes and decodes of whole files: what a person starts from a shell, and what goes wrong there.
#![cfg(feature = "ffmpeg")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test stops at the first error, and says what it skips"
)]

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;

use neural_codec::decoder::{DecoderSettings, compare, decode_file, open_clip};
use neural_codec::encoder::{Hooks, encode_file};
use neural_codec::error::Error;
use neural_codec::frame::{ColorRange, crop_at};
use neural_codec::metrics::Measures;
use neural_codec::progress::CancelToken;
use neural_codec::settings::Settings;

/// A clip made by the FFmpeg command line, or `None` where that is not there.
fn made(folder: &Path, name: &str, arguments: &[&str]) -> Option<PathBuf> {
    let path = folder.join(name);
    let source = ["-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x180:d=0.6:r=25"];
    let done = Command::new("ffmpeg").args(source).args(arguments).arg(&path).status();
    if !done.is_ok_and(|status| status.success()) {
        eprintln!("skipped: the ffmpeg command line cannot make {name} here");
        return None;
    }
    Some(path)
}

fn fast() -> Settings {
    let mut settings = Settings::default();
    settings.set("effort", "2").unwrap();
    settings
}

fn encoded(input: &Path, output: &Path) -> neural_codec::Result<neural_codec::report::Report> {
    encode_file(input, output, &fast(), Hooks::default())
}

/// FFmpeg decodes such a source by its own libdav1d, in the same process as ours.
#[test]
fn a_source_that_is_av1_itself_is_encoded_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let Some(input) = made(folder.path(), "clip.mp4", &["-c:v", "libsvtav1", "-preset", "10"]) else {
        return;
    };
    let report = encoded(&input, &folder.path().join("clip.nvc")).unwrap();
    assert_eq!(report.total.frames, 15);
    assert!(report.total.quality.psnr_y.unwrap() > 30.0);
}

#[test]
fn full_range_and_colour_come_back_through_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let color =
        ["-pix_fmt", "yuvj420p", "-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709"];
    let Some(input) = made(folder.path(), "clip.mkv", &color) else { return };
    let (stream, output) = (folder.path().join("clip.nvc"), folder.path().join("out.mkv"));
    encoded(&input, &stream).unwrap();
    decode_file(&stream, &output, &DecoderSettings::default(), &CancelToken::new(), &mut |_| {
        ControlFlow::Continue(())
    })
    .unwrap();
    for path in [&input, &stream, &output] {
        let color = open_clip(path, &DecoderSettings::default()).unwrap().info().color;
        assert_eq!(
            (color.range, color.primaries, color.matrix),
            (ColorRange::Full, 1, 1),
            "{}",
            path.display()
        );
    }
    let mut clips = [&stream, &output].map(|path| open_clip(path, &DecoderSettings::default()).unwrap());
    let [first, second] = &mut clips;
    let metrics = compare(first.as_mut(), second.as_mut(), Measures::PSNR).unwrap();
    assert_eq!(metrics.lossless_frames, metrics.frames);
}

/// The first frame of a file, and what the reader says of the file.
fn first_frame(path: &Path) -> (neural_codec::frame::Frame, f64, Vec<String>) {
    let mut source = open_clip(path, &DecoderSettings::default()).unwrap();
    let frame = source.next_frame().unwrap().unwrap();
    (frame, source.info().pixel_aspect.value(), source.notes())
}

#[test]
fn what_a_container_leaves_out_of_pictures_is_not_coded() {
    let folder = tempfile::tempdir().unwrap();
    let lossless = ["-c:v", "ffv1", "-pix_fmt", "yuv420p"];
    let Some(input) = made(folder.path(), "whole.mkv", &lossless) else { return };
    let (whole, _, notes) = first_frame(&input);
    assert!(!notes.iter().any(|note| note.contains("shown")), "{notes:?}");
    let cropped = folder.path().join("cropped.mkv");
    std::fs::copy(&input, &cropped).unwrap();
    // 301 is odd, and 13 rows begin at row 12, where a sample of chroma does.
    let sides = ["pixel-crop-left=16", "pixel-crop-right=3", "pixel-crop-top=13", "pixel-crop-bottom=8"];
    let edits = sides.iter().flat_map(|side| ["--set", side]);
    let done =
        Command::new("mkvpropedit").args(["-q", "--edit", "track:v1"]).args(edits).arg(&cropped).status();
    if !done.is_ok_and(|status| status.success()) {
        return eprintln!("skipped: mkvpropedit is not there");
    }
    let (frame, aspect, notes) = first_frame(&cropped);
    assert_eq!((frame.width(), frame.height(), aspect), (301, 160, 1.0));
    assert_eq!(frame, crop_at(&whole, (16, 12), (301, 160)).unwrap());
    assert!(notes.iter().any(|note| note.contains("301x160 of its 320x180 pixels")), "{notes:?}");
    // A size for display is that of the shown part: pixels twice as wide as high.
    let display = ["--set", "display-width=602", "--set", "display-height=160"];
    let done =
        Command::new("mkvpropedit").args(["-q", "--edit", "track:v1"]).args(display).arg(&cropped).status();
    assert!(done.unwrap().success());
    assert!((first_frame(&cropped).1 - 2.0).abs() < 0.01, "{}", first_frame(&cropped).1);
    // Coded as shown; and that other players show more than that is said.
    let output = folder.path().join("out.mkv");
    let report = encoded(&cropped, &output).unwrap();
    let lost: Vec<String> = report.lost.iter().map(ToString::to_string).collect();
    assert!(lost.iter().any(|lost| lost.contains("301x160 are coded as 302x160")), "{lost:?}");
    assert_eq!((report.source.width, report.source.height), (301, 160));
}

#[test]
fn the_same_clip_gives_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    let sound = ["-f", "lavfi", "-i", "sine=d=0.6", "-c:v", "libx264", "-c:a", "libopus"];
    let Some(clip) = made(folder.path(), "source.mkv", &sound) else { return };
    for name in ["out.mkv", "out.webm", "out.mp4"] {
        let bytes = |folder: &str| {
            let folder = tempfile::Builder::new().prefix(folder).tempdir().unwrap();
            let output = folder.path().join(name);
            encoded(&clip, &output).unwrap();
            std::fs::read(&output).unwrap()
        };
        assert!(bytes("first") == bytes("second"), "{name}");
    }
}

#[test]
fn the_version_of_ffmpeg_is_told() {
    let version = neural_codec::media::ffmpeg::version();
    assert!(
        version.trim_start_matches('n').starts_with(|c: char| c.is_ascii_digit())
            || version.starts_with("N-"),
        "{version}"
    );
}

#[test]
fn what_is_no_clip_leaves_an_error_and_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.mp4");
    std::fs::write(&text, "this is not a film").unwrap();
    let empty = folder.path().join("empty.mp4");
    std::fs::write(&empty, "").unwrap();
    let output = folder.path().join("out.nvc");
    let error = encoded(&text, &output).unwrap_err();
    assert!(matches!(error, neural_codec::Error::Unsupported { .. }), "{error}");
    assert!(error.to_string().contains("text.mp4: it is no video"), "{error}");
    for input in [text, empty, folder.path().join("missing.mp4"), folder.path().to_owned()] {
        let error = encoded(&input, &output).unwrap_err().to_string();
        assert!(!error.is_empty() && !output.exists(), "{}: {error}", input.display());
    }
}

#[test]
fn a_folder_that_is_not_there_and_a_full_disk_are_errors_that_name_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let Some(input) = made(folder.path(), "clip.mp4", &["-c:v", "libx264"]) else { return };
    let output = folder.path().join("nowhere").join("out.nvc");
    assert!(matches!(encoded(&input, &output), Err(Error::Io { path: Some(_), .. })));
    let full = folder.path().join("full");
    std::fs::create_dir(&full).unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=4k", "tmpfs"]).arg(&full).output();
    if !mounted.is_ok_and(|done| done.status.success()) {
        eprintln!("skipped: no small file system can be mounted here");
        return;
    }
    let result = encoded(&input, &full.join("out.nvc"));
    let left = std::fs::read_dir(&full).unwrap().count();
    assert!(Command::new("umount").arg(&full).status().unwrap().success());
    assert!(matches!(&result, Err(Error::Io { path: Some(_), .. })), "{result:?}");
    assert_eq!(left, 0, "nothing half-written stays");
}

#[test]
fn a_full_range_camera_clip_comes_back_full_range() {
    let Some(folder) = std::env::var_os("NEURAL_CODEC_MEDIA") else {
        eprintln!("SKIPPED: set NEURAL_CODEC_MEDIA to the folder of video/redtree_1920x1080.264");
        return;
    };
    let clip = &Path::new(&folder).join("video/redtree_1920x1080.264");
    let info = *open_clip(clip, &DecoderSettings::default()).unwrap().info();
    assert_eq!((info.width, info.height, info.color.range), (1920, 1080, ColorRange::Full));
}
