//! Speed of the metrics on 1080p pictures: `cargo bench -p benches --bench metrics`.
//!
//! Throughput in elements is pixels; its frames a second are 1 / time. One and two threads are measured.
#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use neural_codec::frame::{BitDepth, Color, Frame, Layout, PixelFormat, Plane, Planes, Sample};
use neural_codec::metrics::{Comparable, Comparison, Measures, ms_ssim, squared_error, ssim};

const WIDTH: usize = 1920;
const HEIGHT: usize = 1080;

/// A gradient with texture, the second picture with noise on it.
fn plane<T: Sample>(width: usize, height: usize, depth: BitDepth, noise: u32) -> Plane<T> {
    let mut state = 1_u32;
    let peak = u32::from(depth.max_value());
    let sample = |i: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (x, y) = ((i % width) as u32, (i / width) as u32);
        let value = (x + 2 * y) % peak / 2 + (x / 7 + y / 5) % 9 + (state >> 16) % (noise + 1);
        T::saturating_from(value.min(peak) as u16)
    };
    Plane::from_samples(width, height, (0..width * height).map(sample).collect()).unwrap()
}

fn luma<T: Comparable>(criterion: &mut Criterion, depth: BitDepth) {
    let source = plane::<T>(WIDTH, HEIGHT, depth, 0);
    let decoded = plane::<T>(WIDTH, HEIGHT, depth, 7);
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let mut group =
            criterion.benchmark_group(format!("1080p_luma_{}bit/{threads}_threads", depth.bits()));
        group.throughput(Throughput::Elements((WIDTH * HEIGHT) as u64));
        let mut case = |name, run: &(dyn Fn() -> f64 + Sync)| {
            group.bench_function(name, |b| pool.install(|| b.iter(|| black_box(run()))));
        };
        case("psnr", &|| squared_error(&source, &decoded).unwrap().mse());
        case("ssim", &|| ssim(&source, &decoded, depth).unwrap());
        case("psnr_and_ssim", &|| {
            squared_error(&source, &decoded).unwrap().mse() + ssim(&source, &decoded, depth).unwrap()
        });
        case("ms_ssim", &|| ms_ssim(&source, &decoded, depth).unwrap());
    }
}

fn whole_frame(criterion: &mut Criterion) {
    let format = PixelFormat { layout: Layout::Yuv420, depth: BitDepth::Eight };
    let frame = |noise| {
        let chroma = || plane::<u8>(WIDTH / 2, HEIGHT / 2, format.depth, noise);
        let planes = Planes::U8([plane(WIDTH, HEIGHT, format.depth, noise), chroma(), chroma()]);
        Frame::from_planes(planes, format, Color::default()).unwrap()
    };
    let (source, decoded) = (frame(0), frame(7));
    let mut group = criterion.benchmark_group("1080p_frame_8bit/all_threads");
    group.throughput(Throughput::Elements((WIDTH * HEIGHT) as u64));
    for measures in [Measures::PSNR, Measures::SSIM, Measures::MS_SSIM] {
        let mut comparison = Comparison::new(format, measures);
        group.bench_function(format!("{measures:?}"), |b| {
            b.iter(|| comparison.push(&source, &decoded).unwrap())
        });
    }
}

fn all(criterion: &mut Criterion) {
    luma::<u8>(criterion, BitDepth::Eight);
    luma::<u16>(criterion, BitDepth::Ten);
    whole_frame(criterion);
}

criterion_group!(benches, all);
criterion_main!(benches);
