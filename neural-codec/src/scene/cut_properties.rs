//! Properties of the cut detector, on generated clips and, where they are there, on real ones.

use super::{CutDetector, CutSettings};
use crate::frame::{BitDepth, Color, Frame, Layout, PixelFormat, Planes, Rational};
use crate::simd::InstructionSet;

const WIDTH: usize = 160;
const HEIGHT: usize = 96;
pub(super) const RATE: Rational = Rational { num: 25, den: 1 };

/// A picture as luma of a point; coordinates in samples.
pub(super) type Picture<'a> = Box<dyn Fn(f32, f32) -> f32 + 'a>;

pub(super) fn hash(x: i32, y: i32, seed: u32) -> f32 {
    let mut h = (x as u32).wrapping_mul(0x9e37_79b1)
        ^ (y as u32).wrapping_mul(0x85eb_ca77)
        ^ seed.wrapping_mul(77_773);
    h = (h ^ (h >> 15)).wrapping_mul(0x2c1b_3c6d);
    h = (h ^ (h >> 12)).wrapping_mul(0x297a_2d39);
    ((h ^ (h >> 15)) & 0xffff) as f32 / 65535.0
}

/// Smooth noise of blobs about 20 and 7 samples wide: a landscape, another one for each seed.
pub(super) fn landscape(seed: u32) -> Picture<'static> {
    Box::new(move |x, y| {
        let octave = |size: f32, seed: u32| {
            let (u, v) = (x / size, y / size);
            let (i, j) = (u.floor() as i32, v.floor() as i32);
            let (s, t) = (u - u.floor(), v - v.floor());
            let row = |j| hash(i, j, seed) * (1.0 - s) + hash(i + 1, j, seed) * s;
            row(j) * (1.0 - t) + row(j + 1) * t
        };
        30.0 + 140.0 * octave(20.0, seed) + 50.0 * octave(7.0, seed + 1000)
    })
}

pub(super) fn render(picture: &dyn Fn(f32, f32) -> f32, format: PixelFormat) -> Frame {
    let mut frame = Frame::new(WIDTH, HEIGHT, format, Color::default()).unwrap();
    let scale = f32::from(format.depth.max_value()) / 255.0;
    let value = |index: usize| {
        let (x, y) = (index % WIDTH, index / WIDTH);
        (picture(x as f32, y as f32).clamp(0.0, 255.0) * scale) as u16
    };
    let planes = if format.layout == Layout::Rgb { 3 } else { 1 };
    match frame.planes_mut() {
        Planes::U8(p) => p[..planes].iter_mut().for_each(|p| fill(p.samples_mut(), |i| value(i) as u8)),
        Planes::U16(p) => p[..planes].iter_mut().for_each(|p| fill(p.samples_mut(), value)),
    }
    frame
}

fn fill<T>(samples: &mut [T], value: impl Fn(usize) -> T) {
    samples.iter_mut().enumerate().for_each(|(i, s)| *s = value(i));
}

fn starts_of(frames: impl IntoIterator<Item = Frame>) -> Vec<u64> {
    let mut detector = CutDetector::new(CutSettings::new(RATE)).unwrap();
    let mut starts = Vec::new();
    for frame in frames {
        starts.extend(detector.push(&frame).unwrap());
    }
    starts.extend(detector.finish());
    starts
}

/// Starts of a clip of `count` frames given as a picture of each frame.
fn starts_in<'a>(count: usize, picture: impl Fn(usize) -> Picture<'a>) -> Vec<u64> {
    starts_of((0..count).map(|n| render(&picture(n), PixelFormat::YUV420_8)))
}

#[test]
fn a_hard_cut_is_found_in_every_format() {
    for format in PixelFormat::ALL {
        let clip = (0..40).map(|n| render(&landscape(u32::from(n >= 17)), format));
        assert_eq!(starts_of(clip), [0, 17], "{format}");
    }
}

#[test]
fn starts_do_not_depend_on_instruction_set() {
    for set in InstructionSet::available() {
        assert!(set.force());
        assert_eq!(starts_in(60, |n| landscape(n as u32 / 20)), [0, 20, 40], "{set:?}");
    }
}

#[test]
fn a_cut_between_moving_pictures_is_found() {
    let starts = starts_in(50, |n| {
        let scene = landscape(u32::from(n >= 23));
        Box::new(move |x, y| scene(x + 5.0 * n as f32, y - 2.0 * n as f32))
    });
    assert_eq!(starts, [0, 23]);
}

#[test]
fn still_panned_zoomed_and_noisy_pictures_are_not_cut() {
    let scene = &landscape(3);
    assert_eq!(starts_in(40, |_| Box::new(scene)), [0], "still");
    for speed in [0.5, 3.0, 9.0, 14.0] {
        assert_eq!(
            starts_in(40, |n| Box::new(move |x, y| scene(x + speed * n as f32, y))),
            [0],
            "pan {speed}"
        );
    }
    let zoom = |n| -> Picture<'_> {
        let scale = 1.03_f32.powi(-(n as i32));
        Box::new(move |x, y| scene((x - 80.0) * scale, (y - 48.0) * scale))
    };
    assert_eq!(starts_in(40, zoom), [0], "zoom");
    let noisy = |n| -> Picture<'_> {
        Box::new(move |x, y| scene(x, y) + 60.0 * (hash(x as i32, y as i32, n as u32) - 0.5))
    };
    assert_eq!(starts_in(40, noisy), [0], "noise");
    assert_eq!(
        starts_in(40, |n| Box::new(move |x, y| 255.0 * hash(x as i32, y as i32, n as u32))),
        [0],
        "snow"
    );
}

#[test]
fn repeated_frames_neither_hide_nor_make_cuts() {
    for repeats in [2, 3, 5] {
        let starts = starts_in(80, |n| {
            let step = n / repeats;
            let scene = landscape(u32::from(n >= 30));
            Box::new(move |x, y| scene(x + 8.0 * step as f32, y))
        });
        assert_eq!(starts, [0, 30], "{repeats} times");
    }
}

#[test]
fn flashes_and_lost_frames_are_not_cut() {
    let scene = &landscape(5);
    for length in 1..=3 {
        let lit = |n: usize| (20..20 + length).contains(&n);
        let flash =
            |n| -> Picture<'_> { Box::new(move |x, y| scene(x, y) + if lit(n) { 130.0 } else { 0.0 }) };
        assert_eq!(starts_in(50, flash), [0], "flash of {length}");
        let lost = |n| -> Picture<'_> { Box::new(move |x, y| if lit(n) { 0.0 } else { scene(x, y) }) };
        assert_eq!(starts_in(50, lost), [0], "{length} black frames");
    }
}

#[test]
fn a_fade_in_at_the_start_is_not_cut() {
    for length in [8.0, 25.0, 50.0] {
        let starts = starts_in(80, |n| {
            let (scene, gain) = (landscape(6), ((n as f32 - 6.0) / length).clamp(0.0, 1.0));
            Box::new(move |x, y| gain * scene(x, y))
        });
        assert_eq!(starts, [0], "over {length} frames");
    }
}

#[test]
fn a_fade_through_black_is_one_cut_where_black_ends() {
    let starts = starts_in(100, |n| {
        let (scene, gain) = (landscape(u32::from(n >= 50)), ((n as f32 - 50.0).abs() - 3.0) / 15.0);
        Box::new(move |x, y| gain.clamp(0.0, 1.0) * scene(x, y))
    });
    assert_eq!(starts.len(), 2);
    assert!((53..=56).contains(&starts[1]), "{starts:?}");
}

#[test]
fn a_dissolve_of_slow_pictures_is_one_cut_at_its_middle() {
    for length in [4.0, 12.0, 24.0] {
        let starts = starts_in(100, |n| {
            let (old, new) = (landscape(8), landscape(9));
            let share = ((n as f32 - 50.0) / length + 0.5).clamp(0.0, 1.0);
            Box::new(move |x, y| (1.0 - share) * old(x + 0.4 * n as f32, y) + share * new(x, y))
        });
        assert_eq!(starts.len(), 2, "over {length} frames: {starts:?}");
        assert!(starts[1].abs_diff(50) <= 2, "over {length} frames: {starts:?}");
    }
}

#[test]
fn one_plain_colour_after_another_is_a_cut() {
    assert_eq!(starts_in(60, |n| Box::new(move |_, _| [40.0, 180.0, 90.0][n / 20])), [0, 20, 40]);
}

#[test]
fn long_scenes_are_split_and_cuts_close_to_each_other_dropped() {
    let settings = CutSettings { frame_rate: RATE, max_scene_frames: 30, min_scene_frames: 10 };
    let mut detector = CutDetector::new(settings).unwrap();
    let mut starts = Vec::new();
    for n in 0..100 {
        let scene = u32::from(n >= 70) + u32::from(n >= 75);
        starts.extend(detector.push(&render(&landscape(scene), PixelFormat::YUV420_8)).unwrap());
    }
    starts.extend(detector.finish());
    assert_eq!(starts, [0, 30, 60, 70]);
}

#[test]
fn a_frame_is_decided_once_the_look_ahead_has_been_seen() {
    let mut detector = CutDetector::new(CutSettings::new(RATE)).unwrap();
    let mut reported_at = None;
    for n in 0..80 {
        let frame = render(&landscape(u32::from(n >= 40)), PixelFormat::YUV420_8);
        if detector.push(&frame).unwrap() == Some(40) {
            reported_at = Some(n);
        }
        assert!(detector.remembered() <= 2 * detector.look_ahead() + 1);
    }
    assert_eq!(reported_at, Some(40 + detector.look_ahead()));
}

#[test]
fn the_smallest_and_oddest_pictures_are_taken() {
    for (width, height) in [(1, 1), (1, 400), (400, 1), (3, 2)] {
        let format = PixelFormat { layout: Layout::Yuv422, depth: BitDepth::Ten };
        let frame = || Frame::new(width, height, format, Color::default()).unwrap();
        assert_eq!(starts_of((0..20).map(|_| frame())), [0], "{width}x{height}");
    }
    assert_eq!(starts_of(std::iter::empty()), [0_u64; 0]);
}

#[test]
fn settings_without_a_possible_scene_are_errors() {
    let good = CutSettings::new(RATE);
    assert!(CutDetector::new(CutSettings { max_scene_frames: 0, ..good }).is_err());
    assert!(CutDetector::new(CutSettings { min_scene_frames: 0, ..good }).is_err());
    assert!(CutDetector::new(CutSettings { min_scene_frames: 9, max_scene_frames: 8, ..good }).is_err());
}

/// Clip, size, frame rate, and cuts by eye. A clip of one shot has none.
const REAL_CLIPS: [(&str, usize, usize, u32, &[u64]); 5] = [
    ("video/basketballpass_416x240.mkv", 416, 240, 50, &[]),
    ("video/webrtc_mixed_480x270.webm", 480, 270, 25, &[125, 245, 356]),
    ("video/bbb_854x480.mp4", 854, 480, 24, &[285, 378, 553]),
    ("pool/bunny_1920x1080_60.mp4", 1920, 1080, 60, &[21]),
    ("pool/foreman_352x288.264", 352, 288, 25, &[]),
];

#[test]
#[allow(clippy::print_stderr)]
fn cuts_of_real_clips_are_found() {
    let Some(folder) = std::env::var_os("NEURAL_CODEC_MEDIA").map(std::path::PathBuf::from) else {
        eprintln!("SKIPPED: set NEURAL_CODEC_MEDIA to the folder of the clips that are named here");
        return;
    };
    for (name, width, height, rate, cuts) in REAL_CLIPS {
        let mut ffmpeg = std::process::Command::new("ffmpeg");
        ffmpeg.args(["-v", "quiet", "-i"]).arg(folder.join(name));
        ffmpeg.args(["-vsync", "0", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-"]);
        let child = ffmpeg.stdout(std::process::Stdio::piped()).spawn();
        let (true, Ok(mut child)) = (folder.join(name).exists(), child) else {
            eprintln!("SKIPPED: no {name} in NEURAL_CODEC_MEDIA, or no ffmpeg to decode it");
            continue;
        };
        let mut pipe = child.stdout.take().unwrap();
        let format = PixelFormat::YUV420_8;
        let frames = std::iter::from_fn(|| {
            let mut frame = Frame::new(width, height, format, Color::default()).unwrap();
            let Planes::U8(planes) = frame.planes_mut() else { unreachable!() };
            for plane in planes {
                std::io::Read::read_exact(&mut pipe, plane.samples_mut()).ok()?;
            }
            Some(frame)
        });
        let settings = CutSettings::new(Rational { num: rate, den: 1 });
        let settings = CutSettings { max_scene_frames: u64::MAX, ..settings };
        let mut detector = CutDetector::new(settings).unwrap();
        let mut starts = Vec::new();
        for frame in frames {
            starts.extend(detector.push(&frame).unwrap());
        }
        starts.extend(detector.finish());
        child.wait().unwrap();
        assert_eq!(starts.split_first(), Some((&0, cuts)), "{name}");
    }
}
