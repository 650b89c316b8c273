//! Sound and pictures stay where the source has them: one test a kind of file on which they did not.
#![cfg(feature = "ffmpeg")]
#![allow(clippy::unwrap_used, reason = "a test stops at the first error")]

mod support;

use std::path::Path;
use std::process::Command;

use neural_codec::error::Error;
use support::files::{PICTURES, SOUND, encoded, ffmpeg as make, folder, times};

/// The largest difference, over a stream, of times counted from the first picture in two files.
fn drift(folder: &Path, before: &str, after: &str, stream: &str) -> f64 {
    let from_picture = |file| {
        let start = times(folder, file, "v")[0];
        times(folder, file, stream).iter().map(|time| time - start).collect::<Vec<_>>()
    };
    let (before, after) = (from_picture(before), from_picture(after));
    assert_eq!(before.len(), after.len(), "{stream}");
    before.iter().zip(&after).map(|(before, after)| (before - after).abs()).fold(0.0, f64::max)
}

#[test]
fn pauses_of_sound_and_pictures_are_pauses() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    make(
        folder,
        &format!(
            "-f lavfi -i testsrc2=s=160x120:r=5:d=18 {SOUND} -t 18 -af aselect=lt(t\\,2)+gt(t\\,15) -c:v libx264 -c:a libopus \
             -fps_mode passthrough {{}}/pause.mkv"
        ),
    );
    make(
        folder,
        &format!(
            "-f lavfi -i testsrc2=s=160x120:r=1:d=24 {SOUND} -t 24 -vf select=lt(t\\,3)+gte(t\\,20) -fps_mode passthrough \
             -c:v libvpx -deadline realtime -cpu-used 8 -auto-alt-ref 0 -c:a libopus {{}}/held.webm"
        ),
    );
    for file in ["pause.mkv", "held.webm"] {
        for ending in ["mkv", "mp4", "webm"] {
            let out = format!("{file}.{ending}");
            encoded(folder, file, &out, &[]).unwrap();
            for stream in ["v", "a:0"] {
                let drift = drift(folder, file, &out, stream);
                assert!(drift < 0.011, "{out}, {stream}: {drift} s");
            }
        }
    }
}

#[test]
fn what_is_not_heard_before_the_sound_moves_no_picture() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    make(folder, &format!("{PICTURES} {SOUND} -t 2 -c:v libx264 -c:a aac {{}}/in.mp4"));
    for to in ["out.mkv", "out.mp4"] {
        encoded(folder, "in.mp4", to, &[]).unwrap();
        let (pictures, sound) = (times(folder, to, "v"), times(folder, to, "a:0"));
        assert!(pictures[0].abs() < 0.0005 && sound[0].abs() < 0.002, "{to}: {} {}", pictures[0], sound[0]);
        assert!(drift(folder, "in.mp4", to, "a:0") < 0.002, "{to}");
    }
}

#[test]
fn packets_shorter_than_the_unit_of_a_clock_do_not_drift() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    make(
        folder,
        &format!(
            "-f lavfi -i testsrc2=s=64x64:r=5:d=10 {SOUND} -t 10 -ac 2 -c:v libx264 -c:a truehd -strict -2 {{}}/in.mkv"
        ),
    );
    encoded(folder, "in.mkv", "out.mkv", &[]).unwrap();
    assert!(drift(folder, "in.mkv", "out.mkv", "a:0") < 0.002);
}

#[test]
fn a_clock_that_begins_late_or_anew_is_one_offset_for_all_tracks() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    make(
        folder,
        &format!("{PICTURES} {SOUND} -t 2 -c:v libx264 -g 10 -c:a aac -output_ts_offset 50000 {{}}/late.ts"),
    );
    make(folder, &format!("{PICTURES} {SOUND} -t 2 -c:v libx264 -g 10 -c:a aac {{}}/one.ts"));
    let report = encoded(folder, "late.ts", "late.mkv", &[]).unwrap();
    assert!(report.notes.iter().any(|note| note.contains("50001.4")), "{:?}", report.notes);
    assert!((report.total.duration_seconds - 2.0).abs() < 0.001);
    assert!(drift(folder, "late.ts", "late.mkv", "a:0") < 0.002);
    let one = std::fs::read(folder.join("one.ts")).unwrap();
    std::fs::write(folder.join("joined.ts"), [one.as_slice(), &one].concat()).unwrap();
    let report = encoded(folder, "joined.ts", "joined.mkv", &[("on_damage", "continue")]).unwrap();
    assert!(report.notes.iter().any(|note| note.contains("set anew")), "{:?}", report.notes);
    let (pictures, sound) = (times(folder, "joined.mkv", "v"), times(folder, "joined.mkv", "a:0"));
    let second = |times: &[f64], part: usize| times[times.len() * part / 4];
    for part in [0, 1, 2, 3] {
        let apart = second(&pictures, part) - second(&sound, part);
        let before = second(&times(folder, "one.ts", "v"), part % 2 * 2)
            - second(&times(folder, "one.ts", "a:0"), part % 2 * 2);
        assert!((apart - before).abs() < 0.05, "part {part}: {apart} s and {before} s");
    }
}

#[test]
fn three_generations_do_not_grow() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    make(
        folder,
        &format!(
            "{PICTURES} {SOUND} -t 2 -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -c:a libopus {{}}/0.webm"
        ),
    );
    for generation in 0..3 {
        encoded(folder, &format!("{generation}.webm"), &format!("{}.webm", generation + 1), &[]).unwrap();
    }
    let first = times(folder, "1.webm", "a:0");
    let last = times(folder, "3.webm", "a:0");
    assert_eq!(first.len(), last.len());
    assert!(drift(folder, "1.webm", "3.webm", "a:0") < 0.002);
    assert!((first[0] - last[0]).abs() < 0.002 && (times(folder, "3.webm", "v")[0]).abs() < 0.009);
}

#[test]
fn the_last_picture_lasts_as_long_as_it_did() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    make(folder, "-f lavfi -i testsrc2=s=96x64:r=2:d=3 -final_delay 300 {}/in.gif");
    for to in ["out.nvc", "out.mkv", "out.mp4"] {
        let report = encoded(folder, "in.gif", to, &[]).unwrap();
        assert!((report.total.duration_seconds - 5.5).abs() < 0.011, "{}", report.total.duration_seconds);
    }
    let report = encoded(folder, "out.mkv", "again.nvc", &[]).unwrap();
    assert!((report.total.duration_seconds - 5.5).abs() < 0.011, "{}", report.total.duration_seconds);
}

#[test]
fn many_frames_a_second_and_animated_pictures_are_clips() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    make(folder, "-f lavfi -i testsrc2=s=320x180:r=480:d=0.1 -c:v libx264 {}/fast.mp4");
    make(folder, &format!("{PICTURES} -vf format=rgb24 -f apng {{}}/moving.png"));
    assert_eq!(encoded(folder, "fast.mp4", "fast.mkv", &[]).unwrap().total.frames, 48);
    assert_eq!(encoded(folder, "moving.png", "moving.mkv", &[]).unwrap().total.frames, 50);
    make(folder, &format!("{PICTURES} -c:v mjpeg -f mjpeg {{}}/run.mjpeg"));
    std::fs::copy(folder.join("run.mjpeg"), folder.join("run")).unwrap();
    for name in ["run.mjpeg", "run"] {
        assert_eq!(encoded(folder, name, "run.mkv", &[]).unwrap().total.frames, 50, "{name}");
    }
}

#[test]
fn alpha_is_lost_where_something_shows_through() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    make(folder, "-f lavfi -i testsrc2=s=96x64:r=5:d=1 {}/opaque.gif");
    let see_through = "format=rgba,geq=r='r(X,Y)':g='g(X,Y)':b='b(X,Y)':a='if(lt(X,40),0,255)'";
    let palette = "split[a][b];[a]palettegen=reserve_transparent=1[p];[b][p]paletteuse";
    make(
        folder,
        &format!(
            "-f lavfi -i testsrc2=s=96x64:r=5:d=1 -filter_complex {see_through},{palette} -gifflags -transdiff {{}}/through.gif"
        ),
    );
    let lost = |name: &str| encoded(folder, name, "out.mkv", &[]).unwrap().lost;
    assert_eq!(lost("opaque.gif"), []);
    assert_eq!(lost("through.gif").iter().map(|lost| lost.what.as_str()).collect::<Vec<_>>(), ["alpha"]);
}

#[test]
fn a_source_that_is_damaged_goes_on_where_that_is_asked_for_and_says_what_it_cost() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    make(folder, "-f lavfi -i testsrc2=s=320x180:r=25:d=4 -c:v libx264 -g 50 {}/whole.ts");
    let whole = std::fs::read(folder.join("whole.ts")).unwrap();
    let packets: Vec<&[u8]> = whole.chunks(188).collect();
    let late = [&packets[..4], &packets[packets.len() / 5..]].concat().concat();
    std::fs::write(folder.join("late.ts"), late).unwrap();
    let holes: Vec<&[u8]> =
        packets.iter().enumerate().filter(|(n, _)| n % 97 != 50).map(|(_, p)| *p).collect();
    std::fs::write(folder.join("holes.ts"), holes.concat()).unwrap();
    for file in ["late.ts", "holes.ts"] {
        assert!(encoded(folder, file, "out.mkv", &[("on_damage", "stop")]).is_err(), "{file}");
        assert!(!folder.join("out.mkv").exists());
        let report = encoded(folder, file, "out.mkv", &[("on_damage", "continue")]).unwrap();
        assert!(report.lost.iter().any(|lost| lost.what == "frames"), "{file}: {:?}", report.lost);
        assert!(report.total.frames >= 50);
        std::fs::remove_file(folder.join("out.mkv")).unwrap();
    }
    make(folder, "-f lavfi -i testsrc2=s=64x64:r=25:d=1 -c:v rawvideo -f rawvideo {}/noise.bin");
    let error = encoded(folder, "noise.bin", "out.mkv", &[]).unwrap_err();
    assert!(!matches!(error, Error::Corrupt { .. }), "unknown is not damaged: {error}");
}

#[test]
fn gray_and_wrong_color_tags_are_what_they_look_like() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    for value in [16, 64, 128, 235] {
        make(
            folder,
            &format!(
                "-f lavfi -i color=black:s=256x64:d=0.2,format=gray,geq=lum={value} -c:v ffv1 {{}}/gray.mkv"
            ),
        );
        encoded(folder, "gray.mkv", "gray.out.mkv", &[("quantizer", "20")]).unwrap();
        let output = Command::new("ffmpeg")
            .args(["-nostdin", "-v", "error", "-i"])
            .arg(folder.join("gray.out.mkv"))
            .args(["-pix_fmt", "rgb24", "-f", "rawvideo", "-"])
            .output()
            .unwrap();
        assert!(
            output.stdout.iter().all(|&sample| i32::from(sample).abs_diff(value) <= 1),
            "{value}: {}",
            output.stdout[0]
        );
    }
    for matrix in [0, 3] {
        make(
            folder,
            &format!(
                "{PICTURES} -c:v libx264 -bsf:v h264_metadata=matrix_coefficients={matrix} {{}}/tags.mp4"
            ),
        );
        let report = encoded(folder, "tags.mp4", "tags.mkv", &[]).unwrap();
        assert_eq!(report.source.color_matrix, 2);
        assert!(
            report.notes.iter().any(|note| note.contains(&format!("matrix {matrix}"))),
            "{:?}",
            report.notes
        );
    }
}
