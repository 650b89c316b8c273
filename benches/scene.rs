//! Speed of scene analysis on a moving 1080p picture: `cargo bench -p benches --bench scene`.

#![allow(clippy::expect_used)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use neural_codec::frame::{Color, Frame, PixelFormat, Planes, Rational};
use neural_codec::scene::{CutDetector, CutSettings, Profiler, Thumbnail};

/// Frames of a texture that moves by 6 samples a frame.
fn clip() -> Vec<Frame> {
    (0..16_usize)
        .map(|n| {
            let mut frame = Frame::new(1920, 1080, PixelFormat::YUV420_8, Color::default())
                .expect("1920x1080 is a valid size");
            if let Planes::U8(planes) = frame.planes_mut() {
                for (index, sample) in planes[0].samples_mut().iter_mut().enumerate() {
                    let (x, y) = (index % 1920 + 6 * n, index / 1920);
                    *sample = (((x * x) >> 6) ^ ((x * y) >> 7) ^ (y * 3)) as u8;
                }
            }
            frame
        })
        .collect()
}

fn scene(criterion: &mut Criterion) {
    let frames = clip();
    let mut group = criterion.benchmark_group("scene_1080p");
    group.throughput(Throughput::Elements(frames.len() as u64));
    group.bench_function("thumbnail", |bencher| {
        bencher.iter(|| frames.iter().filter_map(|frame| Thumbnail::new(frame).ok()).count());
    });
    let settings = CutSettings::new(Rational { num: 25, den: 1 });
    let mut detector = CutDetector::new(settings).expect("the default settings are valid");
    group.bench_function("cut_detector", |bencher| {
        bencher.iter(|| frames.iter().filter_map(|frame| detector.push(frame).ok()).count());
    });
    let mut profiler = Profiler::new(settings.frame_rate);
    group.bench_function("profiler", |bencher| {
        bencher.iter(|| frames.iter().filter_map(|frame| profiler.push(frame).ok()).count());
    });
    group.finish();
}

criterion_group!(benches, scene);
criterion_main!(benches);
