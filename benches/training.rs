//! Training of filters: whole steps (forward, backward, sums over the patches) against the matrix product of `gemm`.
//!
//! Elements are floating-point operations: two for each multiplication of the convolutions, forward, by the weights and, but
//! for the first layer, by the inputs. Gains, activations and losses are in the time, not in the count.
#![allow(clippy::expect_used)]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use neural_codec::filter::SITE_CHANNELS;
use neural_codec::filter::train::{Batches, PATCH, Patch, Random, Shape, starting_parameters};

/// Side of the square matrices.
const SIDE: usize = 512;

fn patches(random: &mut Random) -> Vec<Patch> {
    let mut samples = || -> Arc<[i16]> {
        (0..SITE_CHANNELS * PATCH * PATCH).map(|_| (random.normal() * 2000.0) as i16).collect()
    };
    let mut patch = || Patch {
        decoded: samples(),
        source: samples(),
        temporal_layer: 0,
        set: 0,
        weight: 1e-4,
        chroma: 1.0,
    };
    (0..8).map(|_| patch()).collect()
}

/// Floating-point operations of a step over eight patches.
fn operations(shape: &Shape) -> u64 {
    let layer = |layer: usize| {
        let sites = (PATCH - 2 * (layer + 1)).pow(2);
        let products = shape.channels[layer] * shape.channels[layer + 1] * 9 * sites;
        let passes = if layer == 0 { 2 } else { 3 };
        2 * passes * products
    };
    8 * (0..shape.layers()).map(layer).sum::<usize>() as u64
}

fn training(criterion: &mut Criterion) {
    let mut random = Random::new(1);
    let patches = patches(&mut random);
    let batch: Vec<&Patch> = patches.iter().collect();
    let mut group = criterion.benchmark_group("training");
    for (name, hidden) in [("M", &[16, 16][..]), ("L", &[24, 24, 24])] {
        let shape = Shape::new(hidden, 1);
        let parameters = starting_parameters(&shape, 1);
        let mut total = vec![0.0; shape.len()];
        group.throughput(Throughput::Elements(operations(&shape)));
        for threads in [1, 2] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
            let mut batches = Batches::new(&shape);
            group.bench_function(format!("{name}, {threads} threads"), |bencher| {
                bencher
                    .iter(|| pool.install(|| batches.gradient(&parameters, black_box(&batch), &mut total)));
            });
        }
    }
    let matrix: Vec<f32> = (0..SIDE * SIDE).map(|_| random.normal()).collect();
    let mut product = vec![0.0_f32; SIDE * SIDE];
    group.throughput(Throughput::Elements(2 * (SIDE * SIDE * SIDE) as u64));
    group.bench_function("gemm 512x512x512, 1 thread", |bencher| {
        bencher.iter(|| square(black_box(&matrix), &mut product));
    });
    group.finish();
}

/// The square of a matrix, both of shape `[SIDE][SIDE]`.
#[allow(unsafe_code)]
fn square(matrix: &[f32], product: &mut [f32]) {
    assert!(matrix.len() == SIDE * SIDE && product.len() == SIDE * SIDE);
    let stride = SIDE as isize;
    // SAFETY: all three matrices have the size that sides and strides say, and the product overlaps neither factor.
    unsafe {
        gemm::gemm(
            SIDE,
            SIDE,
            SIDE,
            product.as_mut_ptr(),
            1,
            stride,
            false,
            matrix.as_ptr(),
            1,
            stride,
            matrix.as_ptr(),
            1,
            stride,
            0.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

criterion_group!(benches, training);
criterion_main!(benches);
