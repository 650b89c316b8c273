//! Training on a GPU, or on the fake driver for one: the CPU's gradients but for rounding, the same every time.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first error")]

mod fake_driver;
mod training;

use neural_codec::Error;
use neural_codec::device::Device;
use neural_codec::filter::train::{
    Batches, Judge, Patch, Random, Rates, Rule, Schedule, Shape, Trainer, starting_parameters,
};
use neural_codec::filter::train::{GpuTrainer, TrainPatch, TrainPlan, TrainRates, TrainRule, TrainShape};
use neural_codec::filter::{GridPoint, NetworkSize, SceneNetwork};
use neural_codec::progress::CancelToken;
use training::{alone, patches, too_bright};

/// Mean loss and gradient of chosen patches on the GPU.
fn gradient(
    device: &Device,
    shape: &Shape,
    patches: &[Patch],
    parameters: &[f32],
    chosen: &[usize],
) -> (f64, Vec<f32>) {
    let mut total = vec![f32::NAN; shape.len()];
    let loss =
        gpu_trainer(device, shape, patches, chosen.len()).gradient(parameters, chosen, &mut total).unwrap();
    (loss, total)
}

/// The same on the CPU.
fn gradient_on_cpu(
    shape: &Shape,
    patches: &[Patch],
    parameters: &[f32],
    chosen: &[usize],
) -> (f64, Vec<f32>) {
    let mut total = vec![f32::NAN; shape.len()];
    let batch: Vec<&Patch> = chosen.iter().map(|&patch| &patches[patch]).collect();
    let loss = Batches::new(shape).gradient(parameters, &batch, &mut total).unwrap();
    total.iter_mut().for_each(|slope| *slope /= chosen.len() as f32);
    (loss / chosen.len() as f64, total)
}

#[test]
fn gradients_are_the_cpus_but_for_rounding() {
    let (_guard, device) = alone();
    let mut random = Random::new(5);
    for (hidden, sets) in [(&[16, 16][..], 1), (&[24, 24, 24], 2), (&[5, 13], 3), (&[], 1)] {
        let shape = Shape::new(hidden, sets);
        let patches = patches(&mut random, sets);
        let mut parameters = starting_parameters(&shape, 3);
        parameters.iter_mut().for_each(|value| *value += 0.05 * random.normal());
        let chosen = [2, 0, 2];
        let (gpu_loss, on_gpu) = gradient(&device, &shape, &patches, &parameters, &chosen);
        let (cpu_loss, on_cpu) = gradient_on_cpu(&shape, &patches, &parameters, &chosen);
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
    let (_guard, device) = alone();
    let shape = Shape::new(&[4], 1);
    let patches = too_bright(1);
    let trained = |device: &Device, steps: usize| {
        let mut parameters = starting_parameters(&shape, 1);
        let schedule = Schedule { steps, batch: 2, rates: Rates { weights: 2e-3, gains: 1e-2 }, seed: 4 };
        let mut trainer = Trainer::new(&shape, &patches, device);
        trainer.run(&mut parameters, &schedule, Rule::Free, &CancelToken::new()).unwrap().unwrap()
    };
    let start = starting_parameters(&shape, 1);
    let first = gradient(&device, &shape, &patches, &start, &[0, 1]).0;
    let last = trained(&device, 40);
    assert!(last < first / 3.0, "{first} {last}");
    assert!((last / trained(&Device::cpu(), 40) - 1.0).abs() < 0.02);
    assert_eq!(device.notes(), Vec::<String>::new());
}

/// Origins near some parameters, steps of 1/64.
fn grid(parameters: &[f32]) -> Vec<GridPoint> {
    let mut random = Random::new(9);
    let point = |&value: &f32| GridPoint {
        origin: ((value + 0.1 * random.normal()) * 64.0).round() / 64.0,
        unit: 1.0 / 64.0,
        differences: (-12, 9),
        values: (-1.5, 1.4),
    };
    parameters.iter().map(point).collect()
}

#[test]
fn parameters_after_some_steps_are_the_cpus_but_for_rounding() {
    let (_guard, device) = alone();
    let shape = Shape::new(&[4], 2);
    let patches = too_bright(2);
    let start = starting_parameters(&shape, 1);
    let grid = grid(&start);
    let is_moved: Vec<bool> = (0..start.len()).map(|at| at % 3 > 0).collect();
    let trained = |device: &Device, rule: Rule<'_>| {
        let mut parameters = start.clone();
        let schedule = Schedule { steps: 10, batch: 2, rates: Rates { weights: 2e-3, gains: 1e-2 }, seed: 4 };
        let mut trainer = Trainer::new(&shape, &patches, device);
        let loss = trainer.run(&mut parameters, &schedule, rule, &CancelToken::new()).unwrap().unwrap();
        (loss, parameters)
    };
    let rules = [
        Rule::Free,
        Rule::Pulled { grid: &grid, price: 1e-2 },
        Rule::Rounded { grid: &grid, is_moved: &is_moved },
    ];
    let unruled = trained(&Device::cpu(), Rule::Free).1;
    for (index, rule) in rules.into_iter().enumerate() {
        let (gpu_loss, on_gpu) = trained(&device, rule);
        let (cpu_loss, on_cpu) = trained(&Device::cpu(), rule);
        assert!((gpu_loss / cpu_loss - 1.0).abs() < 1e-5, "{gpu_loss} {cpu_loss}");
        let apart =
            |others: &[f32]| on_cpu.iter().zip(others).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(apart(&on_gpu) < 1e-5, "rule {index}: {}", apart(&on_gpu));
        assert!(apart(&start) > 1e-2 && (index == 0 || apart(&unruled) > 1e-2), "rule {index} does nothing");
        let at_origin =
            |of: &[f32]| of.iter().zip(&grid).filter(|(value, point)| **value == point.origin).count();
        assert_eq!(at_origin(&on_gpu), at_origin(&on_cpu), "rule {index}");
        assert!(trained(&device, rule) == (gpu_loss, on_gpu), "the same every time");
    }
    assert_eq!(device.notes(), Vec::<String>::new());
}

/// A run on the GPU by itself, over patches of the shape.
fn gpu_trainer(device: &Device, shape: &Shape, patches: &[Patch], batch: usize) -> GpuTrainer {
    let patches: Vec<TrainPatch<'_>> = patches.iter().map(TrainPatch::from).collect();
    GpuTrainer::new(device.gpu().unwrap(), &TrainShape::from(shape), &patches, batch).unwrap()
}

/// Steps over the first patch that move nothing.
fn still(steps: usize, rule: Rule<'_>) -> TrainPlan {
    TrainPlan {
        chosen: vec![0; steps],
        rates: vec![TrainRates { weights: 0.0, gains: 0.0, unbias: (1.0, 1.0) }; steps],
        counted_from: 0,
        longest: 1.0,
        rule: TrainRule::from(rule),
    }
}

#[test]
fn a_network_is_rounded_as_on_the_cpu_to_the_last_bit() {
    let (_guard, device) = alone();
    let mut random = Random::new(12);
    let shape = Shape::new(&[16, 16], 1);
    let patches = patches(&mut random, 1);
    let mut trainer = gpu_trainer(&device, &shape, &patches[..1], 1);
    for (steps, spread) in [([0, 3, 7], 0.05), ([3, 3, 3], 0.004), ([5, 2, 4], 40.0)] {
        let grid = SceneNetwork::grid(NetworkSize::M, 170, &steps).unwrap();
        let is_moved: Vec<bool> = (0..grid.len()).map(|_| random.uniform() < 0.7).collect();
        // Some lie in the middle between two values that can be stored.
        let mut start = |at: usize, point: &GridPoint| match at % 4 {
            0 => point.origin + (at % 9) as f32 * point.unit - 3.5 * point.unit,
            _ => point.origin + spread * random.normal(),
        };
        let start: Vec<f32> = grid.iter().enumerate().map(|(at, point)| start(at, point)).collect();
        let mut parameters = start.clone();
        let plan = still(1, Rule::Rounded { grid: &grid, is_moved: &is_moved });
        trainer.run(&mut parameters, &plan, &mut || Ok(())).unwrap().unwrap();
        let rounded: Vec<f32> = grid.iter().zip(&start).map(|(point, &value)| point.nearest(value)).collect();
        let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        assert!(bits(&trainer.seen().unwrap()) == bits(&rounded), "{steps:?}");
        let settled = start.iter().zip(&grid).zip(&is_moved);
        let settled: Vec<f32> =
            settled.map(|((&value, p), &moves)| if moves { value } else { p.origin }).collect();
        assert!(bits(&parameters) == bits(&settled), "{steps:?}");
    }
}

#[test]
fn a_gradient_that_is_not_a_number_ends_training_and_moves_nothing() {
    let (_guard, device) = alone();
    let shape = Shape::new(&[], 1);
    let mut patches = too_bright(1);
    patches[6].weight = f32::INFINITY;
    let start = starting_parameters(&shape, 1);
    let schedule = Schedule { steps: 36, batch: 1, rates: Rates { weights: 2e-3, gains: 1e-2 }, seed: 4 };
    let trained = |patches: &[Patch], device: &Device| {
        let mut parameters = start.clone();
        let mut trainer = Trainer::new(&shape, patches, device);
        let loss = trainer.run(&mut parameters, &schedule, Rule::Free, &CancelToken::new()).unwrap();
        (loss, parameters)
    };
    assert_eq!(trained(&patches, &device), (None, start.clone()));
    assert_eq!(trained(&patches, &Device::cpu()).0, None);
    let (loss, parameters) = trained(&patches[..6], &device);
    assert!(loss.is_some() && parameters != start);
    // One step that is wrong is enough, though the last is right, and nothing moves after it.
    let mut trainer = gpu_trainer(&device, &shape, &patches, 1);
    for wrong in [0, 2, 3] {
        let mut plan = still(4, Rule::Free);
        plan.chosen[wrong] = 6;
        assert_eq!(trainer.run(&mut start.clone(), &plan, &mut || Ok(())).unwrap(), None, "{wrong}");
    }
    assert_eq!(device.notes(), Vec::<String>::new());
}

#[test]
fn training_is_cancelled_on_the_way() {
    let (_guard, device) = alone();
    let shape = Shape::new(&[], 1);
    let patches = too_bright(1);
    let mut trainer = gpu_trainer(&device, &shape, &patches, 1);
    let start = starting_parameters(&shape, 1);
    let mut parameters = start.clone();
    let mut asked = 0;
    let mut go_on = || {
        asked += 1;
        if asked < 2 { Ok(()) } else { Err(Error::Cancelled) }
    };
    let found = trainer.run(&mut parameters, &still(1000, Rule::Free), &mut go_on);
    assert!(matches!(found, Err(Error::Cancelled)) && parameters == start);
    assert_eq!(asked, 2);
    // What the run had is freed; steps that were still on their way would write to it.
    device.gpu().unwrap().synchronize().unwrap();
    drop(trainer);
    let cancel = CancelToken::new();
    cancel.cancel();
    let schedule = Schedule { steps: 2, batch: 1, rates: Rates { weights: 2e-3, gains: 1e-2 }, seed: 4 };
    let cancelled =
        Trainer::new(&shape, &patches, &device).run(&mut parameters, &schedule, Rule::Free, &cancel);
    assert!(matches!(cancelled, Err(Error::Cancelled)));
}

#[test]
fn networks_are_judged_as_on_the_cpu_but_for_rounding() {
    let (_guard, device) = alone();
    for (hidden, sets) in [(&[5, 13][..], 3), (&[], 1)] {
        let shape = Shape::new(hidden, sets);
        let patches = patches(&mut Random::new(7), sets);
        let (mut on_gpu, mut on_cpu) =
            (Judge::new(&shape, patches.clone(), &device), Judge::new(&shape, patches, &Device::cpu()));
        for seed in 0..2 {
            let parameters = starting_parameters(&shape, seed);
            let (gpu, cpu) =
                (on_gpu.error_left(&parameters).unwrap(), on_cpu.error_left(&parameters).unwrap());
            assert!((cpu - 1.0).abs() > 1e-3 && (gpu / cpu - 1.0).abs() < 1e-5, "{hidden:?}: {gpu} {cpu}");
            assert!(gpu == on_gpu.error_left(&parameters).unwrap(), "the same every time");
        }
        assert_eq!(on_gpu.error_left(&vec![0.0; shape.len()]).unwrap(), 1.0);
    }
    assert_eq!(device.notes(), Vec::<String>::new());
}

#[test]
fn runs_beside_one_another_give_what_each_gives_alone() {
    let (_guard, device) = alone();
    let trained = |seed: u64| {
        let shape = Shape::new(&[4], 2);
        let patches = patches(&mut Random::new(seed), 2);
        let mut parameters = starting_parameters(&shape, seed);
        let schedule = Schedule { steps: 10, batch: 2, rates: Rates { weights: 2e-3, gains: 1e-2 }, seed };
        let mut trainer = Trainer::new(&shape, &patches, &device);
        let loss = trainer.run(&mut parameters, &schedule, Rule::Free, &CancelToken::new()).unwrap();
        let left = Judge::new(&shape, patches.clone(), &device).error_left(&parameters).unwrap();
        (loss, parameters, left)
    };
    let beside: Vec<_> = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..3).map(|seed| scope.spawn(move || trained(seed))).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    for (seed, beside) in beside.into_iter().enumerate() {
        assert!(trained(seed as u64) == beside, "{seed}");
    }
    assert_eq!(device.notes(), Vec::<String>::new());
}
