//! Speed of the filter at 1080p, by kernel, network and threads: `cargo bench -p benches --bench filter`.
//!
//! Throughput in elements is multiplications, of which `peak` is the most that the machine does with the same
//! instructions; frames a second are 1 / time.
#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;

use benches::MemoryClip;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use neural_codec::filter::{Filter, Kernel, Layer, Network, TAPS, TEMPORAL_LAYERS, UNIT_GAIN};

mod peak;

const WIDTH: usize = 1920;
const HEIGHT: usize = 1080;

/// A network with weights of a small generator.
fn network(channels: &[usize]) -> Network {
    let mut state = 1_u32;
    let mut weight = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as i8 / 4
    };
    let layer = |pair: &[usize]| Layer {
        inputs: pair[0],
        outputs: pair[1],
        weights: (0..pair[0] * pair[1] * TAPS).map(|_| weight()).collect(),
        shift: vec![8; pair[1]],
        gain: vec![UNIT_GAIN; pair[1] * TEMPORAL_LAYERS],
        offset: vec![0; pair[1] * TEMPORAL_LAYERS],
    };
    Network::new(channels.windows(2).map(layer).collect()).unwrap()
}

fn filters(criterion: &mut Criterion) {
    let clip = MemoryClip::generate(WIDTH, HEIGHT, 1).unwrap();
    let frame = &clip.frames()[0];
    for (name, channels) in [("m", &[6, 16, 16, 6][..]), ("l", &[6, 24, 24, 24, 6])] {
        let network = network(channels);
        let macs = network.macs_per_pixel() * (WIDTH * HEIGHT) as f64;
        for threads in [1, 2] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut group = criterion.benchmark_group(format!("filter_1080p_{name}/{threads}_threads"));
            group.throughput(Throughput::Elements(macs as u64)).sample_size(20);
            for kernel in Kernel::available() {
                assert!(kernel.instruction_set().force());
                let filter = Filter::with_kernel(&network, kernel).unwrap();
                group.bench_function(format!("{kernel:?}"), |b| {
                    pool.install(|| b.iter(|| filter.apply(black_box(frame), 0, None).unwrap()));
                });
            }
        }
    }
}

fn peaks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("filter_peak/1_threads");
    for kernel in Kernel::available() {
        if let Some(run) = peak::of(kernel) {
            group.throughput(Throughput::Elements(peak::multiplications(kernel)));
            group.bench_function(format!("{kernel:?}"), |b| b.iter(run));
        }
    }
}

criterion_group!(benches, peaks, filters);
criterion_main!(benches);
