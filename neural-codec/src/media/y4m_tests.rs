//! Properties of reading and writing Y4M, and adversarial streams.

#![allow(clippy::print_stderr)]

use super::*;
use crate::frame::Color;
use crate::media::Y4mWriter;
use crate::with_planes;

fn clip(width: usize, height: usize, format: PixelFormat, color: Color) -> (VideoInfo, Vec<Frame>) {
    let mut info = VideoInfo::new(width, height, format, Rational { num: 30000, den: 1001 });
    info.color = color;
    info.pixel_aspect = Rational { num: 64, den: 45 };
    let mut state = 1_u32;
    let frames = (0..3).map(|timestamp| {
        let mut frame = Frame::new(width, height, format, color).unwrap().with_timestamp(timestamp);
        with_planes!(frame.planes_mut(), p => for sample in p.iter_mut().flat_map(|p| p.samples_mut()) {
            state = state.wrapping_mul(1664525).wrapping_add(1013904223);
            *sample = ((state >> 16) as u16 & format.depth.max_value()) as _;
        });
        frame
    });
    (info, frames.collect())
}

fn written(info: &VideoInfo, frames: &[Frame]) -> Vec<u8> {
    let mut writer = Y4mWriter::new(Vec::new(), info).unwrap();
    frames.iter().for_each(|frame| writer.write_frame(frame).unwrap());
    writer.finish().unwrap()
}

fn read(bytes: &[u8]) -> Result<(VideoInfo, Vec<Frame>)> {
    let mut reader = Y4mReader::new(bytes)?;
    let mut frames = Vec::new();
    while let Some(frame) = reader.next_frame()? {
        frames.push(frame);
    }
    Ok((*reader.info(), frames))
}

fn yuv_formats() -> impl Iterator<Item = PixelFormat> {
    PixelFormat::ALL.into_iter().filter(|format| format.layout != Layout::Rgb)
}

#[test]
fn reading_undoes_writing() {
    for format in yuv_formats() {
        for (width, height) in [(1, 1), (5, 3), (16, 8)] {
            for range in [ColorRange::Unspecified, ColorRange::Limited, ColorRange::Full] {
                let (info, frames) = clip(width, height, format, Color { range, ..Color::default() });
                assert_eq!(read(&written(&info, &frames)).unwrap(), (info, frames));
            }
        }
    }
}

#[test]
fn the_chroma_location_of_420_travels() {
    for location in [ChromaLocation::Left, ChromaLocation::Center, ChromaLocation::TopLeft] {
        let color = Color { chroma_location: location, ..Color::default() };
        let (info, frames) = clip(4, 4, PixelFormat::YUV420_8, color);
        assert_eq!(read(&written(&info, &frames)).unwrap().0.color, color);
    }
}

#[test]
fn rgb_and_frames_of_another_shape_are_refused() {
    let (info, _) = clip(4, 4, PixelFormat::RGB_8, Color::default());
    let error = Y4mWriter::new(Vec::new(), &info).unwrap_err();
    assert!(error.to_string().contains("frame::convert"), "{error}");
    let (info, frames) = clip(4, 4, PixelFormat::YUV420_8, Color::default());
    let mut writer = Y4mWriter::new(Vec::new(), &VideoInfo { width: 6, ..info }).unwrap();
    assert!(writer.write_frame(&frames[0]).is_err());
}

#[test]
fn luma_alone_gets_neutral_chroma() {
    let (_, frames) = read(b"YUV4MPEG2 W3 H1 F1:1 Cmono\nFRAME\nabc").unwrap();
    let Planes::U8([y, u, v]) = frames[0].planes() else { panic!("8 bits") };
    assert_eq!((y.samples(), u.samples(), v.samples()), (&b"abc"[..], &[128; 2][..], &[128; 2][..]));
    let (_, frames) = read(b"YUV4MPEG2 W1 H1 F1:1 Cmono10\nFRAME\n\xff\x03").unwrap();
    let Planes::U16([y, u, _]) = frames[0].planes() else { panic!("10 bits") };
    assert_eq!((y.samples(), u.samples()), (&[1023][..], &[512][..]));
}

#[test]
fn fields_that_say_unknown_or_nothing_get_the_documented_values() {
    let (info, frames) = read(b"YUV4MPEG2 H2 W4 F0:0 A0:0 I? Xanything \n").unwrap();
    assert!(frames.is_empty());
    assert_eq!(info, VideoInfo::new(4, 2, PixelFormat::YUV420_8, Rational { num: 25, den: 1 }));
}

#[test]
fn frame_parameters_are_passed_over() {
    assert_eq!(read(b"YUV4MPEG2 W1 H1 F1:1\nFRAME Ip Xnote\nyuv").unwrap().1.len(), 1);
}

/// The error of reading `bytes` to the end.
fn error(bytes: &[u8]) -> Error {
    read(bytes).unwrap_err()
}

#[test]
fn bad_headers_say_what_is_wrong_and_where() {
    let corrupt = |bytes: &[u8], what: &str, offset| match error(bytes) {
        Error::Corrupt { what: found, place, .. } => assert_eq!((found, place.offset), (what, Some(offset))),
        other => panic!("{other}"),
    };
    corrupt(b"RIFF\n", "Y4M header", 0);
    corrupt(b"YUV4MPEG2W4 H4 F1:1\n", "Y4M header", 0);
    corrupt(b"YUV4MPEG2 H4 F1:1\n", "Y4M header", 0);
    corrupt(b"YUV4MPEG2 W4 F1:1\n", "Y4M header", 0);
    corrupt(b"YUV4MPEG2 W4 H4\n", "Y4M header", 0);
    corrupt(b"YUV4MPEG2 W0 H4 F1:1\n", "Y4M width", 10);
    corrupt(b"YUV4MPEG2 W4 H-4 F1:1\n", "Y4M height", 13);
    corrupt(b"YUV4MPEG2 W99999999999999999999 H4 F1:1\n", "Y4M width", 10);
    corrupt(b"YUV4MPEG2 W4 H4 F1\n", "Y4M frame rate", 16);
    corrupt(b"YUV4MPEG2 W4 H4 F1:0\n", "Y4M frame rate", 16);
    corrupt(b"YUV4MPEG2 W4 H4 F1:1 A-1:1\n", "Y4M pixel aspect", 21);
    corrupt(b"YUV4MPEG2 W4 H4 F1:1 C\xff\n", "Y4M header field", 21);
    corrupt(&[b"YUV4MPEG2 ".as_slice(), &[b'x'; 9999]].concat(), "Y4M header", 0);
    assert!(matches!(error(b""), Error::Truncated { what: "Y4M header", .. }));
    assert!(matches!(error(b"YUV4MPEG2 W4 H4 F1:1"), Error::Truncated { what: "Y4M header", .. }));
    assert!(matches!(error(b"YUV4MPEG2 W4 H4 F1:1 It\n"), Error::Unsupported { .. }));
    assert!(matches!(error(b"YUV4MPEG2 W4 H4 F1:1 C411\n"), Error::Unsupported { .. }));
    match error(b"YUV4MPEG2 W16385 H4 F1:1\n") {
        Error::LimitExceeded { found: 16385, place, .. } => assert_eq!(place.offset, Some(10)),
        other => panic!("{other}"),
    }
}

#[test]
fn bad_frames_say_which_and_where() {
    let head = b"YUV4MPEG2 W1 H1 F1:1 C444p10\n";
    let place = |tail: &[u8]| error(&[head.as_slice(), b"FRAME\n\0\0\0\0\0\0", tail].concat());
    let start = head.len() as u64 + 12;
    let at = |offset| Place { offset: Some(offset), scene: None, frame: Some(1) };
    let lost = place(b"JUNK!\n");
    assert!(
        matches!(lost, Error::Corrupt { what: "Y4M frame line", .. }) && lost.place() == at(start),
        "{lost}"
    );
    let cut = place(b"FRAM");
    assert!(
        matches!(cut, Error::Truncated { what: "Y4M frame line", .. }) && cut.place() == at(start),
        "{cut}"
    );
    let cut = place(b"FRAME\n\0\0\0");
    assert!(
        matches!(cut, Error::Truncated { what: "Y4M frame", .. }) && cut.place() == at(start + 9),
        "{cut}"
    );
    let bright = place(b"FRAME\n\0\0\0\x04\0\0");
    assert!(
        matches!(bright, Error::Corrupt { what: "Y4M sample", .. }) && bright.place() == at(start + 8),
        "{bright}"
    );
}

#[test]
fn a_huge_frame_that_never_comes_costs_only_a_block() {
    let bytes = b"YUV4MPEG2 W16384 H16384 F1:1 C444p10\nFRAME\nshort";
    let mut reader = Y4mReader::new(&bytes[..]).unwrap();
    assert_eq!(reader.read_bytes(1 << 40).unwrap_err().place().frame, Some(0));
    assert!(reader.next_frame().unwrap().is_none());
    assert!(matches!(error(bytes), Error::Truncated { what: "Y4M frame", .. }));
}

#[test]
fn after_an_error_the_source_is_at_its_end() {
    let mut reader = Y4mReader::new(&b"YUV4MPEG2 W1 H1 F1:1\nFRAME\nyFRAME\nyuv"[..]).unwrap();
    assert!(reader.next_frame().unwrap().is_some());
    assert!(reader.next_frame().is_err());
    assert!(reader.next_frame().unwrap().is_none());
}

#[test]
fn no_change_of_a_byte_and_no_cut_panics() {
    let (info, frames) = clip(3, 2, PixelFormat::YUV420_10, Color::default());
    let bytes = written(&info, &frames[..1]);
    for at in 0..bytes.len() {
        let _ = read(&bytes[..at]);
        for value in 0..=255 {
            let mut changed = bytes.clone();
            changed[at] = value;
            let _ = read(&changed);
        }
    }
}

#[test]
fn ffmpeg_reads_what_we_write_and_the_other_way() {
    use std::io::Write;
    use std::process::{Command, Stdio};
    for format in yuv_formats() {
        let color = Color { range: ColorRange::Limited, ..Color::default() };
        let (info, frames) = clip(6, 4, format, color);
        let child = Command::new("ffmpeg")
            .args([
                "-v",
                "error",
                "-f",
                "yuv4mpegpipe",
                "-i",
                "-",
                "-strict",
                "-1",
                "-f",
                "yuv4mpegpipe",
                "-",
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let Ok(mut child) = child else {
            return eprintln!("skipped: there is no ffmpeg program to compare with");
        };
        child.stdin.take().unwrap().write_all(&written(&info, &frames)).unwrap();
        let output = child.wait_with_output().unwrap();
        let (found, back) = read(&output.stdout).unwrap();
        assert_eq!(
            (found.format, found.frame_rate, found.pixel_aspect),
            (format, info.frame_rate, info.pixel_aspect)
        );
        assert_eq!(found.color.range, ColorRange::Limited);
        let planes = |frames: &[Frame]| frames.iter().map(|frame| frame.planes().clone()).collect::<Vec<_>>();
        assert_eq!(planes(&back), planes(&frames), "{format}");
    }
}
