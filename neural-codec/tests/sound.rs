//! Sound that is encoded again stays where it was, and a container that cannot hold a track says so first.
#![cfg(feature = "ffmpeg")]
#![allow(clippy::unwrap_used, reason = "a test stops at the first error")]

mod support;

use std::path::Path;

use neural_codec::decoder::{DecoderSettings, StreamDecoder};
use neural_codec::error::Error;
use neural_codec::media::FrameSource;
use support::files::{PICTURES, SOUND, encoded, ffmpeg, folder, run, times};

/// Name, samples a second and channel layout of each track of sound.
fn tracks(folder: &Path, file: &str) -> Vec<String> {
    let entries = "stream=codec_name,sample_rate,channel_layout";
    let command =
        format!("ffprobe -v error -select_streams a -show_entries {entries} -of csv=p=0 {{}}/{file}");
    run(folder, &command).lines().map(str::to_owned).collect()
}

/// When sound is heard: the first and the last of its samples that are louder than a tenth, in seconds of the file's clock.
fn heard(folder: &Path, file: &str) -> (f64, f64) {
    let filter =
        "aresample=async=1:first_pts=0,aformat=sample_fmts=s16:sample_rates=48000:channel_layouts=mono";
    run(
        folder,
        &format!("ffmpeg -nostdin -v error -y -i {{}}/{file} -map 0:a:0 -af {filter} -f s16le {{}}/samples"),
    );
    let bytes = std::fs::read(folder.join("samples")).unwrap();
    let loud: Vec<usize> = (bytes.as_chunks().0.iter().enumerate())
        .filter(|(_, sample)| i16::from_le_bytes(**sample).abs() > 3000)
        .map(|(at, _)| at)
        .collect();
    let seconds = |at: usize| at as f64 / 48_000.0;
    (seconds(*loud.first().unwrap()), seconds(*loud.last().unwrap()))
}

#[test]
fn sound_is_encoded_again_track_by_track_and_heard_when_it_was() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    // A tone from 0.5 to 1.5 s.
    let tone = "-f lavfi -i aevalsrc=exprs=if(between(t\\,0.5\\,1.5)\\,0.5*sin(2000*t)\\,0):s=44100:d=2";
    ffmpeg(
        folder,
        &format!(
            "{PICTURES} {tone} {tone} -map 0:v -map 1:a -map 2:a -c:v libx264 -c:a aac -metadata:s:a:1 language=deu {{}}/in.mp4"
        ),
    );
    for (plan, to, expected) in [
        ("opus:64k", "out.webm", ["opus,48000,mono", "opus,48000,mono"]),
        ("opus", "out.mp4", ["opus,48000,mono", "opus,48000,mono"]),
        ("copy,1:aac:64k", "out.mkv", ["aac,44100,mono", "aac,44100,mono"]),
        ("flac,1:opus", "two.mkv", ["flac,44100,mono", "opus,48000,mono"]),
    ] {
        let report = encoded(folder, "in.mp4", to, &[("audio", plan)]).unwrap();
        assert_eq!(tracks(folder, to), expected, "{plan}");
        assert!(report.notes.iter().any(|note| note.contains("encoded again")), "{:?}", report.notes);
        let (start, end) = heard(folder, to);
        assert!((start - 0.5).abs() < 0.012 && (end - 1.5).abs() < 0.012, "{plan} in {to}: {start} to {end}");
        assert!(times(folder, to, "v")[0].abs() < 0.009, "{to}");
        let found = run(
            folder,
            &format!("ffprobe -v error -show_entries stream_tags=language -of csv=p=0 {{}}/{to}"),
        );
        assert!(found.contains("deu"), "{found}");
    }
    // By way of a stream too, and from one.
    encoded(folder, "in.mp4", "out.nvc", &[("audio", "opus:32k")]).unwrap();
    encoded(folder, "out.nvc", "again.mkv", &[("audio", "none,1:aac")]).unwrap();
    assert_eq!(tracks(folder, "again.mkv"), ["aac,48000,mono"]);
    let decoder = StreamDecoder::open_file(&folder.join("out.nvc"), DecoderSettings::default()).unwrap();
    assert_eq!(decoder.tracks().audio[0].codec, "opus");
}

#[test]
fn pauses_stay_and_channels_go_where_they_were_or_are_named() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    ffmpeg(
        folder,
        &format!(
            "-f lavfi -i testsrc2=s=160x120:r=5:d=8 {SOUND} -t 8 -af aselect=lt(t\\,2)+gt(t\\,6) -fps_mode passthrough -c:v libx264 \
             -c:a flac {{}}/pause.mkv"
        ),
    );
    for (plan, to) in [("aac", "pause.mp4"), ("opus", "pause.webm")] {
        encoded(folder, "pause.mkv", to, &[("audio", plan)]).unwrap();
        let sound = times(folder, to, "a:0");
        let gap = sound.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
        assert!((gap - 4.0).abs() < 0.06, "{to}: {gap} s");
    }
    for (layout, plan, expected, is_named) in [
        ("5.1(side)", "opus", "opus,48000,5.1", true),
        ("3.0", "flac", "flac,48000,3.0", false),
        ("quad", "opus", "opus,48000,quad", false),
        ("7.1", "opus", "opus,48000,7.1", false),
        ("5.1(side)", "aac", "aac,48000,5.1", true),
        ("7.1", "aac", "aac,48000,5.1", true),
    ] {
        ffmpeg(
            folder,
            &format!(
                "-f lavfi -i testsrc2=s=64x64:d=0.2 -f lavfi -i anoisesrc=d=0.2:r=48000,aformat=channel_layouts={layout} -c:v libx264 \
                 -c:a pcm_s16le {{}}/in.mov"
            ),
        );
        let report = encoded(folder, "in.mov", "out.mkv", &[("audio", plan)]).unwrap();
        assert_eq!(tracks(folder, "out.mkv"), [expected]);
        assert_eq!(report.lost.iter().any(|lost| lost.what == "channel layout"), is_named, "{layout}");
    }
    for (layout, read, is_named) in
        [("2.1", "3.0", true), ("5.1", "5.1(side)", true), ("quad", "quad", false)]
    {
        ffmpeg(
            folder,
            &format!(
                "-f lavfi -i testsrc2=s=64x64:d=0.2 -f lavfi -i anoisesrc=d=0.2:r=48000,aformat=channel_layouts={layout} -c:v libx264 \
                 -c:a flac {{}}/in.mkv"
            ),
        );
        let report = encoded(folder, "in.mkv", "out.mp4", &[]).unwrap();
        assert_eq!(tracks(folder, "out.mp4"), [format!("flac,48000,{read}")]);
        assert_eq!(report.lost.iter().any(|lost| lost.what == "channel layout"), is_named, "{layout}");
    }
}

#[test]
fn sound_that_has_no_place_is_an_error_with_the_choices_before_the_first_frame() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    ffmpeg(
        folder,
        "-f lavfi -i testsrc2=s=64x64:d=0.2 -f lavfi -i sine=r=48000:d=0.2 -c:v libx264 -c:a pcm_bluray {}/in.m2ts",
    );
    let error = encoded(folder, "in.m2ts", "out.mkv", &[]).unwrap_err().to_string();
    assert!(error.contains("pcm_bluray") && error.contains("audio=NUMBER:opus"), "{error}");
    assert!(!folder.join("out.mkv").exists());
    encoded(folder, "in.m2ts", "out.mkv", &[("audio", "opus")]).unwrap();
    // A codec that nobody decodes.
    ffmpeg(
        folder,
        "-f lavfi -i testsrc2=s=64x64:d=0.2 -f lavfi -i sine=r=48000:d=0.2 -c:v libx264 -c:a aac {}/two.mp4",
    );
    let mut bytes = std::fs::read(folder.join("two.mp4")).unwrap();
    for (from, to) in [(b"mp4a", b"apac"), (b"esds", b"dapa")] {
        let at = bytes.windows(4).position(|found| found == from).unwrap();
        bytes[at..at + 4].copy_from_slice(to);
    }
    std::fs::write(folder.join("unknown.mp4"), bytes).unwrap();
    for to in ["out.nvc", "out.mp4"] {
        let error = encoded(folder, "unknown.mp4", to, &[]).unwrap_err();
        assert!(matches!(error, Error::Unsupported { .. }) && error.to_string().contains("apac"), "{error}");
        assert!(error.to_string().contains("audio=NUMBER:none"), "{error}");
    }
    assert!(encoded(folder, "unknown.mp4", "out.mp4", &[("audio", "opus")]).is_err());
    encoded(folder, "unknown.mp4", "out.mp4", &[("audio", "none")]).unwrap();
}
