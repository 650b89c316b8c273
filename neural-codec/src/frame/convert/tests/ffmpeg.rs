//! FFmpeg's swscale as an oracle of the conversions: never more than one code value apart.
//!
//! Pictures go through the `ffmpeg` program as raw video; where there is none the tests say that they skip.

use std::io::Write;
use std::process::{Command, Stdio};

use super::*;

/// Bytes of a frame as FFmpeg's raw video has them: planes G, B, R for RGB, little-endian.
fn raw(frame: &Frame) -> Vec<u8> {
    let order = if frame.format().layout == Layout::Rgb { [1, 2, 0] } else { [0, 1, 2] };
    let samples = samples(frame);
    let deep = frame.format().depth > BitDepth::Eight;
    let bytes = |&v: &u16| v.to_le_bytes().into_iter().take(if deep { 2 } else { 1 });
    order.iter().flat_map(|&i| samples[i].iter().flat_map(bytes)).collect()
}

/// Samples of a frame of `format` from FFmpeg's raw video.
fn parsed(bytes: &[u8], w: usize, h: usize, format: PixelFormat) -> [Vec<u16>; 3] {
    let values: Vec<u16> = if format.depth > BitDepth::Eight {
        bytes.chunks_exact(2).map(|b| u16::from_le_bytes([b[0], b[1]])).collect()
    } else {
        bytes.iter().map(|&b| b.into()).collect()
    };
    let (cw, ch) = format.chroma_size(w, h);
    let (first, rest) = values.split_at(w * h);
    let (second, third) = rest.split_at(cw * ch);
    let planes = [first, second, third].map(<[u16]>::to_vec);
    let [a, b, c] = planes;
    if format.layout == Layout::Rgb { [c, a, b] } else { [a, b, c] }
}

fn matrix_name(matrix: u8) -> &'static str {
    match matrix {
        1 => "bt709",
        9 => "bt2020",
        _ => "bt601",
    }
}

fn name(format: PixelFormat) -> String {
    let suffix = if format.depth > BitDepth::Eight { "le" } else { "" };
    format!("{}{suffix}", format.name())
}

/// What swscale makes of the frame, or `None` without FFmpeg.
fn swscale(frame: &Frame, to: PixelFormat, yuv: Color) -> Option<[Vec<u16>; 3]> {
    let range = |format: PixelFormat| match yuv.range {
        _ if format.layout == Layout::Rgb => "full",
        ColorRange::Full => "full",
        _ => "limited",
    };
    let position = |format: PixelFormat, prefix: &str| {
        // In 1/256 of a luma sample.
        let (x, y) = chroma::subsampling(format.layout);
        let (middle_x, middle_y) =
            (yuv.chroma_location == ChromaLocation::Center, yuv.chroma_location != ChromaLocation::TopLeft);
        let at = |subsampled: bool, middle: bool| if subsampled && middle { 128 } else { 0 };
        format!("{prefix}_h_chr_pos={}:{prefix}_v_chr_pos={}", at(x, middle_x), at(y, middle_y))
    };
    let from = frame.format();
    let matrix = matrix_name(yuv.matrix);
    let filter = format!(
        "scale=in_color_matrix={matrix}:out_color_matrix={matrix}:in_range={}:out_range={}:{}:{}:sws_dither=none:\
         flags=accurate_rnd+full_chroma_int+full_chroma_inp+bicubic",
        range(from),
        range(to),
        position(from, "in"),
        position(to, "out"),
    );
    let size = format!("{}x{}", frame.width(), frame.height());
    let mut child = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "rawvideo", "-s", &size, "-pix_fmt", &name(from), "-i", "-"])
        .args(["-vf", &filter, "-f", "rawvideo", "-pix_fmt", &name(to), "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    child.stdin.take().unwrap().write_all(&raw(frame)).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{filter}");
    Some(parsed(&output.stdout, frame.width(), frame.height(), to))
}

/// A picture whose colors sweep smoothly, under grain.
fn natural(w: usize, h: usize, format: PixelFormat) -> Frame {
    let mut next = noise(9);
    let max = f64::from(format.depth.max_value());
    filled(w, h, format, |i, x, y| {
        let phase = (x * (i + 2) + y * (3 - i)) as f64 / 19.0;
        let grain = f64::from(next() % 1000) / 1000.0 - 0.5;
        ((0.5 + 0.3 * phase.sin() + 0.15 * grain) * max) as u16
    })
}

/// Largest difference in each plane, past the rows and columns that swscale gets wrong (see [`bound`]).
fn differences(frame: &Frame, to: PixelFormat, yuv: Color) -> Option<[u16; 3]> {
    let theirs = swscale(frame, to, yuv)?;
    let ours = samples(&convert(frame, to, yuv).unwrap());
    let raised = chroma::subsampling(frame.format().layout) > chroma::subsampling(to.layout);
    let skip = if raised { 3 } else { 0 };
    let (cw, _) = to.chroma_size(frame.width(), frame.height());
    Some([frame.width(), cw, cw].map({
        let mut planes = ours.iter().zip(&theirs);
        move |width| {
            let (ours, theirs) = planes.next().unwrap();
            assert_eq!(ours.len(), theirs.len());
            let compared = (0..ours.len()).filter(|at| at % width >= skip && at / width >= skip);
            compared.map(|at| ours[at].abs_diff(theirs[at])).max().unwrap()
        }
    }))
}

/// How far swscale 5.1 may be from us, which is where it is from the real-valued result, measured:
/// - RGB at 10 bits from YUV: up to 3.5, as its values are cut to 8 bits and a little.
/// - Full range from 8 to 10 bits: up to 3.5, as it multiplies by 4 and 255 becomes 1020.
/// - Luma from RGB at 10 bits: up to 3.1 too bright at 10 bits, 1.7 at 8.
/// - Upsampled chroma: rows and columns 0 and 2 at the edges, where it misplaces the outer taps (skipped).
/// - Chroma that overshoots its range between the passes, or RGB far out of gamut: it clips the one and
///   wraps the other around, 255 for 0 (not in these pictures).
///
/// Everything else is within one.
fn bound(from: PixelFormat, to: PixelFormat, range: ColorRange) -> u16 {
    let rgb = [from, to].map(|format| format.layout == Layout::Rgb);
    match (from.depth, to.depth) {
        (BitDepth::Ten, BitDepth::Eight) if rgb == [true, false] => 2,
        (_, BitDepth::Eight) => 1,
        (BitDepth::Eight, _) if rgb == [true, true] || range == ColorRange::Full => 4,
        _ if rgb[1] => 4,
        (BitDepth::Ten, _) if rgb[0] => 3,
        _ => 1,
    }
}

fn check(frame: &Frame, to: PixelFormat, yuv: Color) -> bool {
    let Some(found) = differences(frame, to, yuv) else {
        eprintln!("skipped: there is no ffmpeg program to compare with");
        return false;
    };
    let from = frame.format();
    let bound = bound(from, to, yuv.range);
    assert!(found.iter().all(|&d| d <= bound), "{from} to {to}, {yuv:?}: {found:?} > {bound}");
    true
}

#[test]
fn every_pair_of_formats_agrees_with_swscale() {
    let mut at = 0;
    for from in PixelFormat::ALL {
        let frame = natural(64, 48, from);
        for to in PixelFormat::ALL.into_iter().filter(|&to| to != from) {
            at += 1;
            let yuv = color([1, 6, 9][at % 3], RANGES[at / 3 % 2], LOCATIONS[at / 2 % 3]);
            if !check(&frame, to, yuv) {
                return;
            }
        }
    }
}

#[test]
fn every_matrix_range_and_location_agrees_with_swscale() {
    let pairs = [(PixelFormat::RGB_8, PixelFormat::YUV420_8), (PixelFormat::YUV420_8, PixelFormat::RGB_8)];
    for (from, to) in pairs {
        let frame = natural(64, 48, from);
        for matrix in [1, 6, 9] {
            for range in RANGES {
                for location in LOCATIONS {
                    if !check(&frame, to, color(matrix, range, location)) {
                        return;
                    }
                }
            }
        }
    }
}

#[test]
fn colors_of_the_whole_gamut_agree_with_swscale() {
    // Every fourth value of red, green and blue, and the ends.
    let level = |i: usize| (i * 255 / 63) as u16;
    let rgb = filled(512, 512, PixelFormat::RGB_8, |plane, x, y| level((y * 512 + x) >> (6 * plane) & 63));
    let wide = PixelFormat { layout: Layout::Yuv444, depth: BitDepth::Eight };
    for matrix in [1, 6, 9] {
        for range in RANGES {
            let yuv = color(matrix, range, ChromaLocation::Unspecified);
            if !check(&rgb, wide, yuv) || !check(&convert(&rgb, wide, yuv).unwrap(), PixelFormat::RGB_8, yuv)
            {
                return;
            }
        }
    }
}
