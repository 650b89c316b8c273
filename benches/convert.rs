//! Conversions, hash and rotation at 1080p on one core, in frames a second (criterion's "elem/s").

#![allow(clippy::expect_used, missing_docs)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use neural_codec::frame::{
    BitDepth, Color, Frame, FrameHash, Layout, PixelFormat, convert, pad, rgb8_interleaved, rotate,
};
use neural_codec::with_planes;

fn picture(format: PixelFormat) -> Frame {
    let mut frame = Frame::new(1920, 1080, format, Color::default()).expect("a valid size");
    let mut state = 1_u32;
    with_planes!(frame.planes_mut(), planes => for sample in planes.iter_mut().flat_map(|p| p.samples_mut()) {
        state = state.wrapping_mul(1664525).wrapping_add(1013904223);
        *sample = ((state >> 16) as u16 & format.depth.max_value()) as _;
    });
    frame
}

fn conversions(c: &mut Criterion) {
    let mut group = c.benchmark_group("convert_1080p");
    group.throughput(Throughput::Elements(1)).sample_size(20);
    let yuv = Color::default().resolve_for_conversion(Layout::Yuv420, 1920, 1080);
    let yuv444 = PixelFormat { layout: Layout::Yuv444, depth: BitDepth::Eight };
    let rgb10 = PixelFormat { layout: Layout::Rgb, depth: BitDepth::Ten };
    for (from, to) in [
        (PixelFormat::YUV420_8, PixelFormat::RGB_8),
        (PixelFormat::RGB_8, PixelFormat::YUV420_8),
        (PixelFormat::YUV420_10, rgb10),
        (rgb10, PixelFormat::YUV420_10),
        (yuv444, PixelFormat::RGB_8),
        (PixelFormat::YUV420_8, yuv444),
        (yuv444, PixelFormat::YUV420_8),
        (PixelFormat::YUV420_8, PixelFormat::YUV420_10),
        (PixelFormat::YUV420_10, PixelFormat::YUV420_8),
    ] {
        let frame = picture(from);
        group.bench_function(format!("{from}_to_{to}"), |b| {
            b.iter(|| convert(black_box(&frame), to, yuv).expect("a valid conversion"));
        });
    }
    group.finish();
}

fn others(c: &mut Criterion) {
    let mut group = c.benchmark_group("frame_1080p");
    group.throughput(Throughput::Elements(1)).sample_size(20);
    let (eight, ten) = (picture(PixelFormat::YUV420_8), picture(PixelFormat::YUV420_10));
    let rgb = picture(PixelFormat::RGB_8);
    group.bench_function("hash_8", |b| b.iter(|| FrameHash::of(black_box(&eight))));
    group.bench_function("hash_10", |b| b.iter(|| FrameHash::of(black_box(&ten))));
    group.bench_function("pad", |b| b.iter(|| pad(black_box(&eight), 1920, 1088).expect("larger")));
    group.bench_function("rotate", |b| b.iter(|| rotate(black_box(&eight), 1).expect("any turn")));
    group.bench_function("interleave", |b| b.iter(|| rgb8_interleaved(black_box(&rgb)).expect("8-bit RGB")));
    group.finish();
}

criterion_group!(benches, conversions, others);
criterion_main!(benches);
