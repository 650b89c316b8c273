//! Training on a GPU, or on the stand-in for one: the CPU's gradients but for rounding, the same every time.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first error")]

mod cuda_stand_in;

use std::sync::Arc;

use cuda_stand_in::device;
use neural_codec::compute::Device;
use neural_codec::neural::train::{
    Gradients, PATCH, Patch, Random, Rates, Schedule, Shape, starting_parameters, train,
};
use neural_codec::neural::{SITE_CHANNELS, TEMPORAL_LAYERS};
use neural_codec::progress::CancelToken;

fn patches(random: &mut Random, sets: usize) -> Vec<Patch> {
    let mut patch = |index: usize| {
        let mut samples = || -> Arc<[i16]> {
            (0..SITE_CHANNELS * PATCH * PATCH).map(|_| (random.normal() * 2000.0) as i16).collect()
        };
        let (decoded, source) = (samples(), samples());
        let weight = 1e-4 * (1 + index) as f32;
        Patch {
            decoded,
            source,
            temporal_layer: index % TEMPORAL_LAYERS,
            set: index % sets,
            weight,
            chroma: 0.3,
        }
    };
    (0..7).map(&mut patch).collect()
}

/// Loss and gradient of chosen patches on a device.
fn gradient(
    device: &Device,
    shape: &Shape,
    patches: &[Patch],
    parameters: &[f32],
    chosen: &[usize],
) -> (f64, Vec<f32>) {
    let mut total = vec![f32::NAN; shape.len()];
    let loss = Gradients::new(shape, patches, device).at(parameters, chosen, &mut total).unwrap();
    (loss, total)
}

#[test]
fn gradients_are_the_cpus_but_for_rounding() {
    let mut random = Random::new(5);
    for (hidden, sets) in [(&[16, 16][..], 1), (&[24, 24, 24], 2), (&[5, 13], 3), (&[], 1)] {
        let shape = Shape::new(hidden, sets);
        let patches = patches(&mut random, sets);
        let mut parameters = starting_parameters(&shape, 3);
        parameters.iter_mut().for_each(|value| *value += 0.05 * random.normal());
        let chosen = [2, 0, 2];
        let device = device();
        let (gpu_loss, on_gpu) = gradient(&device, &shape, &patches, &parameters, &chosen);
        let (cpu_loss, on_cpu) = gradient(&Device::cpu(), &shape, &patches, &parameters, &chosen);
        assert_eq!(device.notes(), Vec::<String>::new());
        assert!((gpu_loss / cpu_loss - 1.0).abs() < 1e-5, "{gpu_loss} {cpu_loss}");
        let largest = on_cpu.iter().fold(0.0_f32, |most, slope| most.max(slope.abs()));
        for (at, (gpu, cpu)) in on_gpu.iter().zip(&on_cpu).enumerate() {
            assert!((gpu - cpu).abs() < 1e-5 * largest + 1e-4 * cpu.abs(), "{hidden:?}, {at}: {gpu} {cpu}");
        }
        assert!(on_gpu == gradient(&device, &shape, &patches, &parameters, &chosen).1, "the same every time");
    }
}

#[test]
fn training_lowers_the_loss_as_on_the_cpu() {
    let shape = Shape::new(&[4], 1);
    // What is decoded is too bright by half a level of 8 bits: an offset can take it away.
    let mut patches = patches(&mut Random::new(6), 1);
    for patch in &mut patches {
        patch.decoded = patch.source.iter().map(|value| value.saturating_add(32)).collect();
        patch.weight = 1.0;
    }
    let trained = |device: &Device, steps: usize| {
        let mut parameters = starting_parameters(&shape, 1);
        let schedule = Schedule { steps, batch: 2, rates: Rates { weights: 2e-3, gains: 1e-2 }, seed: 4 };
        let as_they_are = |from: &[f32], to: &mut Vec<f32>| from.clone_into(to);
        let mut gradients = Gradients::new(&shape, &patches, device);
        let cancel = CancelToken::new();
        train(&mut gradients, &mut parameters, &schedule, &cancel, as_they_are, |_, _| {}).unwrap().unwrap()
    };
    let device = device();
    let start = starting_parameters(&shape, 1);
    let first = gradient(&device, &shape, &patches, &start, &[0, 1]).0 / 2.0;
    let last = trained(&device, 40);
    assert!(last < first / 3.0, "{first} {last}");
    assert!((last / trained(&Device::cpu(), 40) - 1.0).abs() < 0.02);
    assert_eq!(device.notes(), Vec::<String>::new());
}
