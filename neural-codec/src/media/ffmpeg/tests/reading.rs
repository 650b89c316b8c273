//! What is read is what the `ffmpeg` command reads.

use super::*;
use crate::frame::{ChromaLocation, ColorRange, PixelFormat, Rational};
use crate::media::{AudioChoice, FfmpegReader};

#[test]
fn the_reader_can_change_threads() {
    fn is_send<T: Send>() {}
    is_send::<FfmpegReader>();
}

#[test]
fn the_first_frames_of_every_clip_equal_the_command_line() {
    let Some(folder) = folder() else { return };
    for clip in clips() {
        let mut source = source(&clip).unwrap();
        let pixel = if source.info().format.layout == Layout::Rgb { "-pix_fmt gbrp" } else { "" };
        let input = clip.to_str().unwrap();
        let expected = ffmpeg(
            folder.path(),
            &format!("-i {input} -frames:v 30 -fps_mode passthrough {pixel} -f rawvideo -"),
        );
        let mut found = Vec::new();
        for _ in 0..30 {
            found.extend(source.next_frame().unwrap().map(|frame| raw(&frame)).unwrap());
        }
        assert!(found == expected, "{input}: {} and {} bytes", found.len(), expected.len());
    }
}

#[test]
fn every_pixel_format_that_fits_comes_through_unchanged() {
    let Some(folder) = folder() else { return };
    let formats = [
        ("yuv420p", "yuv420p"),
        ("yuv422p", "yuv422p"),
        ("yuv444p", "yuv444p"),
        ("yuv420p10le", "yuv420p10"),
        ("yuv422p10le", "yuv422p10"),
        ("yuv444p10le", "yuv444p10"),
        ("nv12", "yuv420p"),
        ("yuyv422", "yuv422p"),
        ("uyvy422", "yuv422p"),
        ("gbrp", "gbrp"),
        ("gbrp10le", "gbrp10"),
        ("rgb24", "gbrp"),
        ("bgr24", "gbrp"),
        ("rgb0", "gbrp"),
        ("argb", "gbrp"),
        ("gbrap", "gbrp"),
        ("yuva420p", "yuv420p"),
        ("pal8", "gbrp"),
    ];
    for (written, read) in formats {
        let path = folder.path().join(format!("{written}.nut"));
        ffmpeg(
            folder.path(),
            &format!("-f lavfi -i testsrc2=s=37x23:d=0.2,format={written} -c:v rawvideo {{}}/{written}.nut"),
        );
        let frames = frames(&path).unwrap_or_else(|error| panic!("{written}: {error}"));
        assert_eq!(frames[0].format().name(), read, "{written}");
        let to = read.replace("p10", "p10le");
        // FFmpeg's scaler is exact for palettes only by way of packed RGB.
        let by_way_of = if written == "pal8" { "format=rgb24," } else { "" };
        let expected =
            ffmpeg(folder.path(), &format!("-i {{}}/{written}.nut -vf {by_way_of}format={to} -f rawvideo -"));
        let found: Vec<u8> = frames.iter().flat_map(raw).collect();
        assert!(found == expected, "{written} as {read}");
    }
}

#[test]
fn packed_colours_of_15_and_16_bits_are_stretched_to_8_each() {
    let Some(folder) = folder() else { return };
    for written in ["rgb565le", "rgb555le", "bgr565le"] {
        let path = folder.path().join(format!("{written}.nut"));
        ffmpeg(
            folder.path(),
            &format!("-f lavfi -i testsrc2=s=36x20:d=0.1,format={written} -c:v rawvideo {{}}/{written}.nut"),
        );
        let found = raw(&frames(&path).unwrap()[0]);
        let expected = ffmpeg(
            folder.path(),
            &format!("-i {{}}/{written}.nut -frames:v 1 -vf format=rgb24,format=gbrp -f rawvideo -"),
        );
        assert_eq!(found.len(), expected.len());
        // The command repeats the high bits below, which is up to one less or more than the rounded quotient.
        assert!(found.iter().zip(&expected).all(|(a, b)| a.abs_diff(*b) <= 1), "{written}");
    }
}

#[test]
fn gray_gets_neutral_chroma_and_coarse_chroma_is_repeated() {
    let Some(folder) = folder() else { return };
    for (written, planes) in [("gray", 1), ("gray10le", 1), ("yuv411p", 3), ("yuv440p", 3), ("yuv410p", 3)] {
        ffmpeg(
            folder.path(),
            &format!("-f lavfi -i testsrc2=s=36x20:d=0.1,format={written} -c:v rawvideo {{}}/{written}.nut"),
        );
        let frame = frames(&folder.path().join(format!("{written}.nut"))).unwrap().swap_remove(0);
        let expected = ffmpeg(folder.path(), &format!("-i {{}}/{written}.nut -frames:v 1 -f rawvideo -"));
        let found = raw(&frame);
        let luma = 36 * 20 * if written == "gray10le" { 2 } else { 1 };
        assert!(found[..luma] == expected[..luma], "{written}");
        match (planes, frame.planes()) {
            (1, Planes::U8(p)) => assert!(p[1].samples().iter().all(|&v| v == 128)),
            (1, Planes::U16(p)) => assert!(p[1].samples().iter().all(|&v| v == 512)),
            (_, Planes::U8(p)) => {
                // The last chroma sample of the source and of the target are the same one.
                let last = expected[luma..luma + (expected.len() - luma) / 2].last();
                assert_eq!(p[1].samples().last(), last, "{written}");
                assert_eq!(p[2].samples().last(), expected.last(), "{written}");
            }
            _ => panic!("{written}"),
        }
    }
}

#[test]
fn deeper_samples_are_rounded_to_ten_bits() {
    let Some(folder) = folder() else { return };
    ffmpeg(folder.path(), "-f lavfi -i testsrc2=s=32x16:d=0.1,format=yuv420p12le -c:v rawvideo {}/deep.nut");
    let frame = frames(&folder.path().join("deep.nut")).unwrap().swap_remove(0);
    assert_eq!(frame.format(), PixelFormat::YUV420_10);
    let words = ffmpeg(folder.path(), "-i {}/deep.nut -frames:v 1 -f rawvideo -");
    let rounded = words.chunks(2).map(|w| ((u16::from_le_bytes([w[0], w[1]]) + 2) >> 2).min(1023));
    assert!(raw(&frame) == rounded.flat_map(u16::to_le_bytes).collect::<Vec<_>>());
}

#[test]
fn color_and_pixel_shape_are_carried() {
    let Some(folder) = folder() else { return };
    ffmpeg(
        folder.path(),
        "-f lavfi -i testsrc2=s=64x48:d=0.2 -vf setsar=4/3,format=yuv420p -c:v libx264 -color_range pc \
         -color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc -chroma_sample_location topleft {}/c.mp4",
    );
    let source = source(&folder.path().join("c.mp4")).unwrap();
    let (color, aspect) = (source.info().color, source.info().pixel_aspect);
    assert_eq!((color.range, color.primaries, color.transfer, color.matrix), (ColorRange::Full, 9, 16, 9));
    assert_eq!(color.chroma_location, ChromaLocation::TopLeft);
    assert_eq!(aspect, Rational { num: 4, den: 3 });
}

#[test]
fn rotated_clips_come_out_upright() {
    let Some(folder) = folder() else { return };
    ffmpeg(folder.path(), "-f lavfi -i testsrc2=s=64x48:d=0.2 -vf setsar=4/3 -c:v libx264 -qp 0 {}/flat.mp4");
    for (angle, size) in [(90, (48, 64)), (180, (64, 48)), (270, (48, 64))] {
        ffmpeg(
            folder.path(),
            &format!("-i {{}}/flat.mp4 -c copy -metadata:s:v rotate={angle} {{}}/turned.mp4"),
        );
        let path = folder.path().join("turned.mp4");
        let source = source(&path).unwrap();
        assert_eq!((source.info().width, source.info().height), size);
        let aspect = if size.0 == 48 { (3, 4) } else { (4, 3) };
        assert_eq!((source.info().pixel_aspect.num, source.info().pixel_aspect.den), aspect);
        // The command turns its frames upright as well.
        let expected = ffmpeg(folder.path(), "-i {}/turned.mp4 -f rawvideo -");
        let found: Vec<u8> = frames(&path).unwrap().iter().flat_map(raw).collect();
        assert!(found == expected, "{angle}");
    }
}

#[test]
fn a_varying_rate_keeps_its_timestamps() {
    let Some(folder) = folder() else { return };
    ffmpeg(
        folder.path(),
        "-f lavfi -i testsrc2=s=64x48:r=25:d=2 -vf select='lt(n,10)+not(mod(n,5))' -fps_mode vfr -c:v libx264 {}/vfr.mkv",
    );
    let source = source(&folder.path().join("vfr.mkv")).unwrap();
    assert_eq!(source.info().time_base, Rational { num: 1, den: 1000 });
    let times: Vec<i64> = frames_and_audio(source).unwrap().0.iter().map(|f| f.timestamp).collect();
    let expected: Vec<i64> = (0..10).chain((10..50).step_by(5)).map(|n| n * 40).collect();
    assert_eq!(times, expected);
}

#[test]
fn broken_timestamps_are_repaired_gaps_are_kept_and_no_frame_is_lost() {
    let Some(folder) = folder() else { return };
    ffmpeg(folder.path(), "-f lavfi -i testsrc2=s=64x48:r=25:d=1 -c:v libvpx -auto-alt-ref 0 {}/good.ivf");
    let good = std::fs::read(folder.path().join("good.ivf")).unwrap();
    // What each frame's number is written as, and how many repairs that takes. The command would mend them itself.
    type Case = (&'static str, fn(u64) -> u64, fn(u64) -> u64, u64);
    let cases: [Case; 4] = [
        ("good", |n| n, |n| n, 0),
        ("repeated", |n| n / 2 * 2, |n| n, 12),
        ("backwards", |n| if n > 12 { n - 10 } else { n }, |n| n, 12),
        ("gap", |n| if n > 12 { n + 1_000_000 } else { n }, |n| if n > 12 { n + 1_000_000 } else { n }, 0),
    ];
    for (name, write, read, repairs) in cases {
        let (mut bytes, mut at) = (good.clone(), 32);
        for number in 0..25 {
            let size = u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
            bytes[at + 4..at + 12].copy_from_slice(&write(number).to_le_bytes());
            at += 12 + size;
        }
        assert_eq!(at, bytes.len());
        let path = folder.path().join(format!("{name}.ivf"));
        std::fs::write(&path, bytes).unwrap();
        let mut reader = FfmpegReader::open(&path, &OpenOptions::default()).unwrap();
        let mut times = Vec::new();
        while let Some(frame) = reader.next_frame().unwrap() {
            times.push(frame.timestamp);
        }
        assert_eq!(times, (0..25).map(|n| read(n) as i64).collect::<Vec<_>>(), "{name}");
        assert_eq!(reader.repaired_timestamps(), repairs, "{name}");
    }
}

#[test]
fn raw_streams_count_their_frames() {
    let Some(folder) = folder() else { return };
    ffmpeg(folder.path(), "-f lavfi -i testsrc2=s=64x48:r=30:d=1 -c:v libx264 {}/raw.264");
    ffmpeg(
        folder.path(),
        "-f lavfi -i testsrc2=s=64x48:r=30:d=1 -c:v libx265 -x265-params log-level=none {}/raw.hevc",
    );
    for name in ["raw.264", "raw.hevc"] {
        let source = source(&folder.path().join(name)).unwrap();
        assert_eq!(source.info().frame_rate, Rational { num: 30, den: 1 }, "{name}");
        assert_eq!(source.info().time_base, Rational { num: 1, den: 30 });
        let times: Vec<i64> = frames_and_audio(source).unwrap().0.iter().map(|f| f.timestamp).collect();
        assert_eq!(times, (0..30).collect::<Vec<_>>());
    }
    let options = OpenOptions { frame_rate: Some(Rational { num: 50, den: 1 }), ..Default::default() };
    let source = open(&folder.path().join("raw.264"), &options).unwrap();
    assert_eq!(source.info().time_base, Rational { num: 1, den: 50 });
}

#[test]
fn uneven_times_that_a_rate_replaces_are_told() {
    let Some(folder) = folder() else { return };
    let pictures = "-f lavfi -i testsrc2=s=64x48:r=30:d=1";
    let uneven = "-vf select=not(mod(n\\,3))+gt(n\\,15) -fps_mode vfr";
    ffmpeg(folder.path(), &format!("{pictures} -c:v libx264 {{}}/even.mkv"));
    ffmpeg(folder.path(), &format!("{pictures} {uneven} -c:v libx264 {{}}/uneven.mkv"));
    ffmpeg(folder.path(), &format!("{pictures} {uneven} -f apng {{}}/uneven.png"));
    for (name, steps) in
        [("even.mkv", None), ("uneven.mkv", Some("0.033 to 0.100")), ("uneven.png", Some("0.033 to 0.100"))]
    {
        let options = OpenOptions { frame_rate: Some(Rational { num: 12, den: 1 }), ..Default::default() };
        let mut source = open(&folder.path().join(name), &options).unwrap();
        while source.next_frame().unwrap().is_some() {}
        let told = steps.map(|steps| {
            format!("The source's pictures are {steps} s apart; they come at 12 a second, as asked.")
        });
        assert_eq!(source.notes(), Vec::from_iter(told), "{name}");
    }
}

#[test]
fn small_and_short_clips_are_read() {
    let Some(folder) = folder() else { return };
    ffmpeg(
        folder.path(),
        "-f lavfi -i testsrc2=s=16x16:d=0.2 -vf format=yuv444p,crop=1:1:7:7:exact=1 -c:v ffv1 {}/one_pixel.mkv",
    );
    ffmpeg(folder.path(), "-f lavfi -i testsrc2=s=64x48 -frames:v 1 -c:v libx264 {}/one_frame.mp4");
    let pixel = frames(&folder.path().join("one_pixel.mkv")).unwrap();
    assert_eq!((pixel.len(), pixel[0].width(), pixel[0].height()), (5, 1, 1));
    assert_eq!(frames(&folder.path().join("one_frame.mp4")).unwrap().len(), 1);
}

#[test]
fn audio_packets_equal_those_of_the_command_line() {
    let Some(folder) = folder() else { return };
    ffmpeg(
        folder.path(),
        "-f lavfi -i testsrc2=s=64x48:d=2 -f lavfi -i sine=d=2 -f lavfi -i sine=f=880:d=2 -map 0 -map 1 -map 2 \
         -c:v libx264 -c:a:0 aac -c:a:1 libmp3lame -metadata:s:a:1 language=fra {}/two.mp4",
    );
    let path = folder.path().join("two.mp4");
    let source = source(&path).unwrap();
    let tracks = source.tracks().audio.clone();
    let names: Vec<_> =
        tracks.iter().map(|t| (t.codec.as_str(), t.language.as_str(), t.sample_rate)).collect();
    assert_eq!(names, [("aac", "und", 44100), ("mp3", "fra", 44100)]);
    assert!(!tracks[0].extradata.is_empty());
    let (frames, audio) = frames_and_audio(source).unwrap();
    assert_eq!(frames.len(), 50);
    for track in 0..2 {
        let expected = ffmpeg(folder.path(), &format!("-i {{}}/two.mp4 -map 0:a:{track} -c copy -f data -"));
        let packets = audio.iter().filter(|packet| packet.track == track);
        let found: Vec<u8> = packets.flat_map(|packet| packet.data.clone()).collect();
        assert!(!found.is_empty() && found == expected, "track {track}");
    }
    let options = OpenOptions { audio: AudioChoice::Discard, ..Default::default() };
    assert!(frames_and_audio(open(&path, &options).unwrap()).unwrap().1.is_empty());
}
