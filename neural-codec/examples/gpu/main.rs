//! Speed and hashes of the CUDA back end on a real GPU: `gpu FOLDER` writes `table.txt` and `hashes.txt` there.
//!
//! Frames lie in the memory of the device. Copy bandwidth is measured in the same run, read and write counted; metrics count
//! each plane read once. Part of `make gpu-test`.
#![allow(clippy::print_stdout, reason = "a program tells what it found")]

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use neural_codec::Result;
use neural_codec::compute::Device;
use neural_codec::compute::cuda::{FilterLayer, FilterPlanes, Gpu, GpuFilter, ScenePlanes};
use neural_codec::error::Error;
use neural_codec::frame::{Color, Frame, FrameHash, GpuFrame, PixelFormat};
use neural_codec::metrics::{Comparison, Measures};
use neural_codec::neural::train::{PATCH, Patch, Patches, Rates, Rule, ScenePlan, Schedule, Trainer, learn};
use neural_codec::neural::{Filter, Network, Profile, SceneNetwork, Sites};
use neural_codec::progress::CancelToken;
use neural_codec::scene::Analyst;
use neural_codec::with_planes;

const WIDTH: usize = 1920;
const HEIGHT: usize = 1080;

/// Seconds that a case is run for, after a tenth of that to warm up.
const SECONDS: f64 = 0.5;

/// 2 C1 and 2 C2 of SSIM at 8 bits.
const CONSTANTS: (f32, f32) = (2.0 * 2.55 * 2.55, 2.0 * 7.65 * 7.65);

fn main() -> Result<()> {
    let folder = std::env::args_os().nth(1).unwrap_or_else(|| "gpu-out".into());
    let folder = Path::new(&folder);
    let device = Device::cuda(0)?;
    let gpu = device.gpu().ok_or_else(|| Error::internal("gpu", "a device without a GPU"))?;
    let mut table = format!("{device}, library {}\n\n", env!("CARGO_PKG_VERSION"));
    let mut hashes = String::new();
    measure_metrics(gpu, &mut table)?;
    for profile in [Profile::M, Profile::L] {
        measure_filter(gpu, profile, &mut table)?;
    }
    measure_scene(gpu, &mut table)?;
    measure_conversion(gpu, &mut table)?;
    measure_whole(&device, &mut table)?;
    for profile in [Profile::M, Profile::L] {
        measure_training(&device, profile, &mut table)?;
    }
    for profile in [Profile::M, Profile::L] {
        for format in [PixelFormat::YUV420_8, PixelFormat::YUV420_10] {
            compare_hashes(&device, profile, format, &mut hashes)?;
        }
    }
    for note in device.notes() {
        line(&mut table, &format!("note: {note}"));
    }
    println!("{table}\n{hashes}");
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|error| Error::io(&path, error))
    };
    std::fs::create_dir_all(folder).map_err(|error| Error::io(folder, error))?;
    write("table.txt", &table)?;
    write("hashes.txt", &hashes)?;
    if hashes.contains("DIFFERENT") || !device.notes().is_empty() {
        return Err(Error::internal(
            "gpu",
            "the GPU failed or gives other frames than the CPU: see the tables",
        ));
    }
    Ok(())
}

fn line(text: &mut String, row: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{row}");
}

/// Seconds a call of what is only queued, all calls done at the end.
fn seconds(gpu: &Gpu, mut call: impl FnMut() -> Result<()>) -> Result<f64> {
    let mut of = |calls: u32| -> Result<f64> {
        gpu.synchronize()?;
        let start = Instant::now();
        for _ in 0..calls {
            call()?;
        }
        gpu.synchronize()?;
        Ok(start.elapsed().as_secs_f64() / f64::from(calls))
    };
    of(1)?;
    let first = of(1)?;
    let guess = if first < SECONDS { of((SECONDS / 10.0 / first).ceil() as u32)? } else { first };
    of((SECONDS / guess).ceil() as u32)
}

fn measure_metrics(gpu: &Gpu, table: &mut String) -> Result<()> {
    let large = gpu.zeros::<u8>(1 << 30)?;
    let copy = 2.0 * large.len() as f64 / seconds(gpu, || gpu.copy(&large).map(drop))?;
    drop(large);
    line(table, &format!("copy bandwidth, read and write: {:.0} GB/s", copy / 1e9));
    let frame = picture(PixelFormat::YUV420_8, 1)?;
    let other = picture(PixelFormat::YUV420_8, 9)?;
    let (x, y) = (gpu.upload(luma(&frame))?, gpu.upload(luma(&other))?);
    let mut row = |name: &str, seconds: f64| {
        let read = 2.0 * (WIDTH * HEIGHT) as f64 / seconds;
        let share = 100.0 * read / copy;
        line(
            table,
            &format!("{name}: {:.0} fps, {:.1} GB/s read, {share:.1} % of copy", 1.0 / seconds, read / 1e9),
        );
    };
    let psnr = || gpu.squared_error(&x, &y).map(drop);
    let ssim = || gpu.similarity([&x, &y], WIDTH, CONSTANTS).map(drop);
    row("psnr, 1080p luma on the device", seconds(gpu, psnr)?);
    row("ssim, 1080p luma on the device", seconds(gpu, ssim)?);
    row("psnr and ssim, 1080p luma on the device", seconds(gpu, || psnr().and_then(|()| ssim()))?);
    Ok(())
}

fn measure_filter(gpu: &Arc<Gpu>, profile: Profile, table: &mut String) -> Result<()> {
    let network = network(profile)?;
    let layers: Vec<FilterLayer<'_>> = network.layers().iter().map(FilterLayer::from).collect();
    let filter = GpuFilter::new(gpu, &layers)?;
    let frame = picture(PixelFormat::YUV420_8, 1)?;
    let neural_codec::frame::Planes::U8([y, u, v]) = frame.planes() else {
        return Err(Error::internal("gpu", "a frame of 8 bits"));
    };
    let planes = [gpu.upload(y.samples())?, gpu.upload(u.samples())?, gpu.upload(v.samples())?];
    let picture = FilterPlanes { planes, width: WIDTH, height: HEIGHT, bits: 8 };
    let blocks = vec![1; WIDTH.div_ceil(64) * HEIGHT.div_ceil(64)];
    let seconds = seconds(gpu, || filter.apply(&picture, 1, &blocks).map(drop))?;
    let macs = network.macs_per_pixel() * (WIDTH * HEIGHT) as f64 / seconds;
    let row = format!("{:.0} fps, {:.2} T multiplications/s", 1.0 / seconds, macs / 1e12);
    line(table, &format!("filter {}, 1080p on the device: {row}", profile.name()));
    Ok(())
}

/// All that cuts and profile need of each frame, once as it is queued and once with its figures waited for.
fn measure_scene(gpu: &Gpu, table: &mut String) -> Result<()> {
    let frame = picture(PixelFormat::YUV420_8, 9)?;
    let neural_codec::frame::Planes::U8(planes) = frame.planes() else {
        return Err(Error::internal("gpu", "a frame of 8 bits"));
    };
    let [y, u, v] = planes.each_ref().map(|plane| gpu.upload(plane.samples()));
    let (y, u, v) = (y?, u?, v?);
    let sizes = planes.each_ref().map(|plane| (plane.width(), plane.height()));
    let planes = ScenePlanes { planes: [&y, &u, &v], sizes, shift: 0, is_rgb: false };
    let before = gpu.look(&planes, None)?;
    let queued = seconds(gpu, || gpu.look(&planes, Some(&before)).map(drop))?;
    let waited = seconds(gpu, || gpu.figures(&gpu.look(&planes, Some(&before))?).map(drop))?;
    let row = format!("{:.0} fps queued, {:.0} fps with figures on the host", 1.0 / queued, 1.0 / waited);
    line(table, &format!("scene analysis, 1080p on the device: {row}"));
    Ok(())
}

/// Between RGB and 4:2:0.
fn measure_conversion(gpu: &Arc<Gpu>, table: &mut String) -> Result<()> {
    let color = Color { matrix: Color::BT709, ..Color::default() };
    for (from, to) in
        [(PixelFormat::YUV420_8, PixelFormat::RGB_8), (PixelFormat::RGB_8, PixelFormat::YUV420_8)]
    {
        let frame = GpuFrame::upload(gpu, &picture(from, 9)?)?;
        let fps = 1.0 / seconds(gpu, || frame.convert(to, color).map(drop))?;
        line(table, &format!("{from} to {to}, 1080p on the device: {fps:.0} fps"));
    }
    Ok(())
}

/// From host memory and back, GPU beside CPU.
fn measure_whole(device: &Device, table: &mut String) -> Result<()> {
    let (source, decoded) = (picture(PixelFormat::YUV420_8, 1)?, picture(PixelFormat::YUV420_8, 9)?);
    for device in [device.clone(), Device::cpu()] {
        for measures in [Measures::Psnr, Measures::Ssim, Measures::MsSsim] {
            let mut comparison = Comparison::new(source.format(), measures).on(&device);
            let fps = rate(|| comparison.push(&source, &decoded).map(drop))?;
            line(table, &format!("{measures:?} of frames in host memory, {device}: {fps:.1} fps"));
        }
        let mut analyst = Analyst::on(&device);
        let fps = rate(|| analyst.look(&source).map(drop))?;
        line(table, &format!("looks at frames in host memory, {device}: {fps:.1} fps"));
        for profile in [Profile::M, Profile::L] {
            let filter = Filter::on(&network(profile)?, &device);
            let fps = rate(|| filter.apply(&source, 1, None).map(drop))?;
            line(
                table,
                &format!("filter {} of frames in host memory, {device}: {fps:.1} fps", profile.name()),
            );
        }
    }
    Ok(())
}

/// Steps at the batch of scenes, GPU beside two cores, and a whole scene.
fn measure_training(device: &Device, profile: Profile, table: &mut String) -> Result<()> {
    let (shape, name) = (profile.base()?.shape(), profile.name());
    let start = SceneNetwork::base(profile, 160)?.parameters()?;
    let learners = patches(768)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build();
    let pool = pool.map_err(|error| Error::internal("threads", error.to_string()))?;
    for (device, steps) in [(device.clone(), 2000), (Device::cpu(), 100)] {
        let mut trainer = Trainer::new(shape, &learners, &device);
        let mut run = |steps: usize| -> Result<f64> {
            let schedule = Schedule { steps, batch: 8, rates: Rates { weights: 6e-3, gains: 8e-3 }, seed: 1 };
            let begin = Instant::now();
            pool.install(|| trainer.run(&mut start.clone(), &schedule, Rule::Free, &CancelToken::new()))?;
            Ok(begin.elapsed().as_secs_f64())
        };
        // The first run uploads the patches.
        run(10)?;
        let row = format!("{:.0} steps/s of 8 patches, two threads of the host", steps as f64 / run(steps)?);
        line(table, &format!("training {name}, {device}: {row}"));
    }
    let plan = ScenePlan { profile, steps: 1000, quantizer: 160, byte_price: 1e-5, seed: 1 };
    let patches = Patches { learners, judges: patches(128)? };
    let begin = Instant::now();
    learn(&plan, patches, device, &CancelToken::new())?;
    let seconds = begin.elapsed().as_secs_f64();
    line(table, &format!("training {name}, {device}: {seconds:.2} s for 1000 steps and all candidates"));
    Ok(())
}

/// Patches of a picture and of the same with more noise.
fn patches(count: usize) -> Result<Vec<Patch>> {
    let frames = [picture(PixelFormat::YUV420_8, 1)?, picture(PixelFormat::YUV420_8, 9)?];
    let [source, decoded] = [Sites::of(&frames[0])?, Sites::of(&frames[1])?];
    let patch = |index: usize| {
        let (x, y) = ((index * 61 % 890) as isize, (index * 37 % 470) as isize);
        let [decoded, source] =
            [&decoded, &source].map(|sites| sites.square(x, y, PATCH).into_iter().collect());
        Patch { decoded, source, temporal_layer: index % 6, set: 0, weight: 1e-2, chroma: 1.0 }
    };
    Ok((0..count).map(patch).collect())
}

/// Calls a second of what waits for its result.
fn rate(mut call: impl FnMut() -> Result<()>) -> Result<f64> {
    call()?;
    let (start, mut calls) = (Instant::now(), 0_u32);
    while start.elapsed().as_secs_f64() < SECONDS {
        call()?;
        calls += 1;
    }
    Ok(f64::from(calls) / start.elapsed().as_secs_f64())
}

fn compare_hashes(device: &Device, profile: Profile, format: PixelFormat, hashes: &mut String) -> Result<()> {
    let (network, frame) = (network(profile)?, picture(format, 1)?);
    let hash = |filter: Filter| Ok::<_, Error>(FrameHash::of(&filter.apply(&frame, 2, None)?));
    let (gpu, cpu) = (hash(Filter::on(&network, device))?, hash(Filter::new(&network))?);
    let verdict = if gpu == cpu { "equal" } else { "DIFFERENT" };
    line(hashes, &format!("filter {} at {format}: gpu {gpu}, cpu {cpu}: {verdict}", profile.name()));
    Ok(())
}

fn network(profile: Profile) -> Result<Network> {
    SceneNetwork::base(profile, 160)?.network()
}

/// A gradient with noise of so many levels.
fn picture(format: PixelFormat, noise: u32) -> Result<Frame> {
    let mut frame = Frame::new(WIDTH, HEIGHT, format, Color::default())?;
    let (mut state, max) = (1_u32, u32::from(format.depth.max_value()));
    with_planes!(frame.planes_mut(), planes => for plane in planes.iter_mut() {
        let width = plane.width();
        for (at, sample) in plane.samples_mut().iter_mut().enumerate() {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let value = (at % width + at / width) as u32 % max / 2 + (state >> 16) % noise;
            *sample = value.min(max) as _;
        }
    });
    Ok(frame)
}

fn luma(frame: &Frame) -> &[u8] {
    match frame.planes() {
        neural_codec::frame::Planes::U8(planes) => planes[0].samples(),
        neural_codec::frame::Planes::U16(_) => &[],
    }
}
