//! What callers wait for, from host memory and back: GPU beside CPU.

use std::time::Instant;

use neural_codec::Result;
use neural_codec::defaults::Defaults;
use neural_codec::device::Device;
use neural_codec::error::Error;
use neural_codec::filter::train::{Patches, Rates, Rule, ScenePlan, Schedule, Trainer, train_scene};
use neural_codec::filter::{Filter, NetworkSize, SceneNetwork};
use neural_codec::frame::{FrameHash, PixelFormat};
use neural_codec::metrics::{Comparison, Measures};
use neural_codec::progress::CancelToken;
use neural_codec::scene::FrameAnalyzer;
use neural_codec::settings;

use crate::pictures::{network, patches, picture, sized};
use crate::scale::Scale;
use crate::table::Table;

/// Frames of these sizes are measured one at a time.
const SIZES: [(usize, usize); 5] = [(64, 64), (320, 180), (640, 360), (1280, 720), (1920, 1080)];

/// How much longer a single frame may take than on the CPU: what two runs of the same differ by.
const SLACK: f64 = 1.1;

/// Calls a second of what waits for its result.
fn rate(scale: &Scale, mut call: impl FnMut() -> Result<()>) -> Result<f64> {
    call()?;
    let (start, mut calls) = (Instant::now(), 0_u32);
    while calls == 0 || start.elapsed().as_secs_f64() < scale.seconds {
        call()?;
        calls += 1;
    }
    Ok(f64::from(calls) / start.elapsed().as_secs_f64())
}

/// Metrics, features and filters of frames in host memory.
pub(crate) fn frames(device: &Device, scale: &Scale, table: &mut Table) -> Result<()> {
    let (source, decoded) =
        (picture(scale, PixelFormat::YUV420_8, 1)?, picture(scale, PixelFormat::YUV420_8, 9)?);
    for device in [device.clone(), Device::cpu()] {
        for measures in [Measures::PSNR, Measures::SSIM, Measures::MS_SSIM] {
            let mut comparison = Comparison::new(source.format(), measures).with_device(&device);
            let fps = rate(scale, || comparison.push(&source, &decoded).map(drop))?;
            table.line(&format!("{measures:?} of frames in host memory, {device}: {fps:.1} fps"));
        }
        let mut analyzer = FrameAnalyzer::with_device(&device);
        let fps = rate(scale, || analyzer.analyze(&source).map(drop))?;
        table.line(&format!("analysis of frames in host memory, {device}: {fps:.1} fps"));
        for profile in [NetworkSize::M, NetworkSize::L] {
            let filter = Filter::with_device(&network(profile)?, &device);
            let fps = rate(scale, || filter.apply(&source, 1, None).map(drop))?;
            table
                .line(&format!("filter {} of frames in host memory, {device}: {fps:.1} fps", profile.name()));
        }
    }
    Ok(())
}

/// Single frames on the device that their size chooses.
pub(crate) fn single_frames(scale: &Scale, table: &mut Table) -> Result<()> {
    let mut worst = 0.0_f64;
    for (width, height) in SIZES {
        let [source, decoded] = [1, 9].map(|noise| sized((width, height), PixelFormat::YUV420_8, noise));
        let (source, decoded) = (source?, decoded?);
        let milliseconds = |device: settings::DeviceChoice| -> Result<f64> {
            let device = device.open(width * height)?;
            let mut comparison = Comparison::new(source.format(), Measures::SSIM).with_device(&device);
            Ok(1e3 / rate(scale, || comparison.push(&source, &decoded).map(drop))?)
        };
        let (chosen, cpu) =
            (milliseconds(settings::DeviceChoice::Auto)?, milliseconds(settings::DeviceChoice::Cpu)?);
        worst = worst.max(chosen / cpu);
        table.line(&format!(
            "psnr and ssim of a frame of {width}x{height}: {chosen:.3} ms, on the CPU {cpu:.3} ms"
        ));
    }
    table.at_most("psnr and ssim of a single frame, times the CPU's time, worst size", worst, SLACK);
    Ok(())
}

/// Steps at the batch of scenes, GPU beside two cores, and a whole scene.
pub(crate) fn training(
    device: &Device,
    scale: &Scale,
    profile: NetworkSize,
    table: &mut Table,
) -> Result<()> {
    let (shape, name) = (profile.base()?.shape(), profile.name());
    let start = SceneNetwork::base(profile, 160)?.parameters()?;
    let training = patches(scale.patches.0)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build();
    let pool = pool.map_err(|error| Error::internal("threads", error.to_string()))?;
    let steps_a_second = |device: &Device, steps: usize| -> Result<f64> {
        let mut trainer = Trainer::new(shape, &training, device);
        let mut run = |steps: usize| -> Result<f64> {
            let schedule = Schedule { steps, batch: 8, rates: Rates { weights: 6e-3, gains: 8e-3 }, seed: 1 };
            let begin = Instant::now();
            pool.install(|| trainer.run(&mut start.clone(), &schedule, Rule::Free, &CancelToken::new()))?;
            Ok(begin.elapsed().as_secs_f64())
        };
        // The first run uploads the patches.
        run(scale.steps.1.div_ceil(10))?;
        Ok(steps as f64 / run(steps)?)
    };
    let (there, here) =
        (steps_a_second(device, scale.steps.0)?, steps_a_second(&Device::cpu(), scale.steps.1)?);
    table.line(&format!(
        "training {name}: {there:.0} steps/s of 8 patches on {device}, {here:.1} on two threads of the host"
    ));
    table.at_least(&format!("training {name}, times the steps of two threads"), there / here, 20.0);
    let plan = ScenePlan {
        profile,
        steps: scale.steps.2,
        quantizer: 160,
        byte_price: 1e-5,
        seed: 1,
        rules: Defaults::default().training,
    };
    let patches = Patches { training, judges: patches(scale.patches.1)? };
    let begin = Instant::now();
    train_scene(&plan, patches, &[], device, &CancelToken::new())?;
    let seconds = begin.elapsed().as_secs_f64();
    let steps = scale.steps.2;
    table.line(&format!("training {name}, {device}: {seconds:.2} s for {steps} steps and all candidates"));
    if profile == NetworkSize::M {
        table.at_most("training M for a scene, s", seconds, 1.0);
    }
    Ok(())
}

/// Hashes of filtered frames, GPU beside CPU; false where one differs.
pub(crate) fn hashes(device: &Device, scale: &Scale, hashes: &mut String) -> Result<bool> {
    let mut all_equal = true;
    for profile in [NetworkSize::M, NetworkSize::L] {
        for format in [PixelFormat::YUV420_8, PixelFormat::YUV420_10] {
            let (network, frame) = (network(profile)?, picture(scale, format, 1)?);
            let on = Filter::with_device(&network, &device.clone().for_every_size());
            // The first frame of a kind is the CPU's if they differ; the second is the GPU's own.
            on.apply(&frame, 2, None)?;
            let hash = |filter: &Filter| Ok::<_, Error>(FrameHash::of(&filter.apply(&frame, 2, None)?));
            let (gpu, cpu) = (hash(&on)?, hash(&Filter::new(&network))?);
            all_equal &= gpu == cpu;
            let verdict = if gpu == cpu { "equal" } else { "DIFFERENT" };
            hashes.push_str(&format!(
                "filter {} at {format}: gpu {gpu}, cpu {cpu}: {verdict}\n",
                profile.name()
            ));
        }
    }
    Ok(all_equal)
}
