//! Files that are not what they should be end in an error that says why.

use super::*;
use crate::error::Error;
use crate::media::{FfmpegReader, SourceDamage};

#[test]
fn files_without_a_video_say_so() {
    let Some(folder) = folder() else { return };
    let path = folder.path().join("clip.mp4");
    std::fs::write(&path, "Once upon a time there was a text that was called a video.\n".repeat(200))
        .unwrap();
    assert!(matches!(source(&path).map(drop), Err(Error::Unsupported { .. })));
    ffmpeg(folder.path(), "-f lavfi -i sine=d=1 {}/sound.m4a");
    assert!(message(source(&folder.path().join("sound.m4a"))).contains("no video stream"));
    ffmpeg(
        folder.path(),
        "-f lavfi -i sine=d=1 -f lavfi -i testsrc2=s=64x48 -frames:v 1 -c:v mjpeg -disposition:v attached_pic {}/cover.m4a",
    );
    assert!(message(source(&folder.path().join("cover.m4a"))).contains("no video stream"));
}

#[test]
fn a_playlist_does_not_open_other_files() {
    let Some(folder) = folder() else { return };
    ffmpeg(folder.path(), "-f lavfi -i testsrc2=s=64x48:d=1 -c:v libx264 -f hls {}/list.m3u8");
    assert!(source(&folder.path().join("list.m3u8")).is_err());
    std::fs::write(folder.path().join("list.txt"), "ffconcat version 1.0\nfile list0.ts\n").unwrap();
    assert!(source(&folder.path().join("list.txt")).is_err());
    assert!(frames(&folder.path().join("list0.ts")).is_ok(), "the part itself is a clip");
}

#[test]
fn a_cut_file_is_never_a_shorter_clip() {
    let Some(folder) = folder() else { return };
    let input = "-f lavfi -i testsrc2=s=128x96:d=2 -f lavfi -i sine=d=2 -c:v libx264";
    ffmpeg(folder.path(), &format!("{input} {{}}/late.mp4"));
    ffmpeg(folder.path(), &format!("{input} -movflags faststart {{}}/early.mp4"));
    ffmpeg(folder.path(), &format!("{input} -movflags frag_keyframe+empty_moov -g 10 {{}}/parts.mp4"));
    ffmpeg(folder.path(), &format!("{input} {{}}/clip.mkv"));
    ffmpeg(folder.path(), &format!("{input} {{}}/clip.avi"));
    ffmpeg(folder.path(), "-f lavfi -i testsrc2=s=64x48:d=2 {}/clip.gif");
    let cut = folder.path().join("cut");
    let keep = OpenOptions { on_damage: SourceDamage::Keep, ..Default::default() };
    for name in ["late.mp4", "early.mp4", "parts.mp4", "clip.mkv", "clip.avi", "clip.gif"] {
        let bytes = std::fs::read(folder.path().join(name)).unwrap();
        assert_eq!(frames(&folder.path().join(name)).unwrap().len(), 50, "{name}");
        for percent in [1, 10, 30, 50, 77, 90, 99] {
            std::fs::write(&cut, &bytes[..bytes.len() * percent / 100]).unwrap();
            let Err(error) = frames(&cut) else { panic!("{name} cut at {percent} % is read") };
            assert!(
                matches!(error, Error::Truncated { .. } | Error::Corrupt { .. }),
                "{name} at {percent} %: {error}"
            );
            // Where damage is kept, what is missing is named.
            let Ok(mut reader) = FfmpegReader::open(&cut, &keep) else { continue };
            let (mut count, mut last) = (0, 0);
            while let Some(frame) = reader.next_frame().unwrap() {
                (count, last) = (count + 1, frame.timestamp);
            }
            let shown =
                (last + reader.last_duration().unwrap_or(0) as i64) as f64 * reader.info().time_base.value();
            assert!(
                count <= 50 && shown < 0.04 * f64::from(count) + 0.3,
                "{name}: {count} frames, {shown} s"
            );
            let lost = reader.lost();
            assert!(
                lost.iter().any(|lost| lost.why.contains("truncated")),
                "{name} at {percent} %: {lost:?}"
            );
        }
    }
}

#[test]
fn a_raw_stream_that_ends_within_a_frame_is_an_error() {
    let Some(folder) = folder() else { return };
    ffmpeg(folder.path(), "-f lavfi -i mandelbrot=s=320x240 -frames:v 30 -c:v libx264 -bf 0 {}/whole.264");
    let bytes = std::fs::read(folder.path().join("whole.264")).unwrap();
    let cut = folder.path().join("cut.264");
    std::fs::write(&cut, &bytes[..bytes.len() * 6 / 10]).unwrap();
    let error = frames(&cut).unwrap_err();
    assert!(error.place().frame.is_some_and(|frame| frame > 5), "{error}");
    let keep = OpenOptions { on_damage: SourceDamage::Keep, ..Default::default() };
    assert!(frames_and_audio(open(&cut, &keep).unwrap()).unwrap().0.len() > 5);
}

#[test]
fn damaged_bytes_are_an_error_that_names_the_frame() {
    let Some(folder) = folder() else { return };
    ffmpeg(folder.path(), "-f lavfi -i mandelbrot=s=320x240 -frames:v 40 -c:v libx264 {}/good.mp4");
    let mut bytes = std::fs::read(folder.path().join("good.mp4")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 300].iter_mut().for_each(|byte| *byte ^= 0x55);
    let bad = folder.path().join("bad.mp4");
    std::fs::write(&bad, bytes).unwrap();
    let error = frames(&bad).unwrap_err();
    assert!(error.place().frame.is_some_and(|frame| frame > 0), "{error}");
    let keep = OpenOptions { on_damage: SourceDamage::Keep, ..Default::default() };
    let mut reader = FfmpegReader::open(&bad, &keep).unwrap();
    while reader.next_frame().unwrap().is_some() {}
    assert!(reader.damaged_frames() > 0);
}

#[test]
fn a_clip_that_changes_its_size_says_where() {
    let Some(folder) = folder() else { return };
    let mut both = Vec::new();
    for size in ["64x48", "96x64"] {
        ffmpeg(folder.path(), &format!("-f lavfi -i testsrc2=s={size}:d=0.4 -c:v libx264 {{}}/{size}.264"));
        both.extend(std::fs::read(folder.path().join(format!("{size}.264"))).unwrap());
    }
    let path = folder.path().join("both.264");
    std::fs::write(&path, both).unwrap();
    let text = message(frames(&path));
    assert!(text.contains("64x48") && text.contains("96x64") && text.contains("frame 10"), "{text}");
}

#[test]
fn pictures_past_the_limits_are_refused() {
    let Some(folder) = folder() else { return };
    ffmpeg(folder.path(), "-f lavfi -i color=s=16400x16 -frames:v 1 -c:v ffv1 {}/wide.mkv");
    let error = source(&folder.path().join("wide.mkv")).map(drop).unwrap_err();
    assert!(matches!(error, Error::LimitExceeded { limit: 16384, found: 16400, .. }), "{error}");
}

#[test]
fn a_clip_without_frames_says_so() {
    let Some(folder) = folder() else { return };
    ffmpeg(folder.path(), "-f lavfi -i testsrc2=s=64x48:d=1 -frames:v 0 -c:v ffv1 {}/empty.mkv");
    let text = message(source(&folder.path().join("empty.mkv")));
    assert!(text.contains("no frames") || text.contains("no video stream"), "{text}");
}

#[test]
fn an_error_ends_the_clip() {
    let Some(folder) = folder() else { return };
    ffmpeg(folder.path(), "-f lavfi -i mandelbrot=s=320x240 -frames:v 30 -c:v libx264 -bf 0 {}/whole.264");
    let bytes = std::fs::read(folder.path().join("whole.264")).unwrap();
    let cut = folder.path().join("cut.264");
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    let mut source = source(&cut).unwrap();
    while let Ok(Some(_)) = source.next_frame() {}
    assert!(matches!(source.next_frame(), Ok(None)));
}
