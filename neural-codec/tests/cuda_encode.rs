//! Whole encodes and decodes on a GPU, or on the fake driver for one: the bytes and frames of the CPU, lost devices included.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test stops at the first error"
)]

mod fake_driver;
mod support;

use std::io::Cursor;
use std::sync::{Mutex, MutexGuard, PoisonError};

use fake_driver::{fake_driver, is_real};
use neural_codec::decoder::{
    DecoderSettings, DecodingAgent, Received, SeekingDecoder, StreamDecoder, compare_with_device,
};
use neural_codec::encoder::{Hooks, encode};
use neural_codec::error::Error;
use neural_codec::frame::{FrameHash, PixelFormat};
use neural_codec::metrics::Measures;
use neural_codec::report::Report;
use neural_codec::settings::{DeviceChoice, Settings};
use neural_codec::strategy::Strategy;
use support::Clip;

/// The device for one test at a time, healthy.
fn alone() -> MutexGuard<'static, ()> {
    static GATE: Mutex<()> = Mutex::new(());
    let guard = GATE.lock().unwrap_or_else(PoisonError::into_inner);
    if !is_real() {
        fake_driver().fail(c"", -1, 0);
    }
    guard
}

/// The smallest clip whose frames are large enough for a GPU.
fn encoded(device: &str, strategies: &str) -> (Vec<u8>, Report) {
    let mut settings = Settings::default();
    for (name, value) in
        [("effort", "0"), ("strategies", strategies), ("min_psnr_y", "34"), ("device", device)]
    {
        settings.set(name, value).unwrap();
    }
    let mut clip = Clip::new(640, 360, PixelFormat::YUV420_8, 4, 4);
    let mut bytes = Vec::new();
    let report = encode(&mut clip, &mut bytes, &settings, Hooks::default()).unwrap();
    (bytes, report)
}

fn decoded(bytes: &[u8], device: &str) -> Result<Vec<FrameHash>, Error> {
    let mut settings = DecoderSettings::default();
    settings.set("device", device)?;
    let mut decoder = StreamDecoder::new(bytes, settings)?;
    let mut hashes = Vec::new();
    while let Some(frame) = decoder.decode_frame()? {
        hashes.push(FrameHash::of(&frame));
    }
    Ok(hashes)
}

#[test]
fn the_bytes_do_not_depend_on_the_device_even_where_it_is_lost_on_the_way() {
    let _guard = alone();
    let (on_cpu, cpu_report) = encoded("cpu", "av1");
    let (on_gpu, gpu_report) = encoded("cuda:0", "av1");
    assert!(on_cpu == on_gpu);
    assert!(!cpu_report.notes.iter().any(|note| note.contains("cuda")), "{:?}", cpu_report.notes);
    assert!(
        gpu_report.notes[0].contains("analyzed, measured and filtered on cuda:0"),
        "{:?}",
        gpu_report.notes
    );
    assert!(!gpu_report.notes.iter().any(|note| note.contains("on the CPU")), "{:?}", gpu_report.notes);
    if is_real() {
        return;
    }
    fake_driver().fail(c"cuLaunchKernel", 20, 719);
    let (bytes, report) = encoded("cuda", "av1");
    assert!(bytes == on_cpu);
    let fallbacks = report.notes.iter().filter(|note| note.contains("on the CPU: device cuda:0"));
    assert_eq!(fallbacks.count(), 1, "{:?}", report.notes);
}

#[test]
fn a_filter_decodes_alike_everywhere() {
    let _guard = alone();
    // The fake driver would take a minute to train; tests/cuda_train.rs has its gradients.
    let (bytes, report) = encoded(if is_real() { "cuda" } else { "cpu" }, "hybrid");
    assert_eq!(report.scenes[0].strategy, Strategy::Hybrid);
    assert!(!report.notes.iter().any(|note| note.contains("on the CPU")), "{:?}", report.notes);
    // Decoders compare every frame with the hash that the encoder stored.
    let on_cpu = decoded(&bytes, "cpu").unwrap();
    let launches = || if is_real() { 0 } else { fake_driver().launches() };
    let before = launches();
    assert_eq!(decoded(&bytes, "cuda").unwrap(), on_cpu);
    if !is_real() {
        assert!(launches() > before);
        fake_driver().fail(c"cuLaunchKernel", 7, 719);
        let mut settings = DecoderSettings::default();
        settings.set("device", "cuda").unwrap();
        let mut decoder = StreamDecoder::new(bytes.as_slice(), settings).unwrap();
        let frames = std::iter::from_fn(|| decoder.decode_frame().unwrap());
        assert_eq!(frames.map(|frame| FrameHash::of(&frame)).collect::<Vec<_>>(), on_cpu);
        fake_driver().fail(c"", -1, 0);
        let notes = decoder.take_notes();
        assert!(notes.len() == 1 && notes[0].contains("on the CPU: device cuda:0"), "{notes:?}");
        assert_eq!(decoder.take_notes(), Vec::<String>::new());
    }
}

#[test]
fn frames_too_small_for_a_gpu_are_not_said_to_have_been_there() {
    let _guard = alone();
    let mut settings = Settings::default();
    for (name, value) in [("effort", "0"), ("quantizer", "50"), ("device", "cuda")] {
        settings.set(name, value).unwrap();
    }
    let mut clip = Clip::new(64, 48, PixelFormat::YUV420_8, 4, 4);
    let report = encode(&mut clip, &mut Vec::new(), &settings, Hooks::default()).unwrap();
    assert_eq!(report.notes, Vec::<String>::new());
}

/// How many frames the push decoder gives on a GPU.
fn pushed(bytes: &[u8], settings: DecoderSettings) -> usize {
    let mut agent = DecodingAgent::new(settings).unwrap();
    assert!(agent.send_data(bytes).unwrap());
    agent.finish().unwrap();
    let mut resident = 0;
    loop {
        match agent.receive_frame().unwrap() {
            Received::Frame(frame) => resident += usize::from(frame.gpu().is_some()),
            Received::NeedsData => panic!("the whole stream was sent"),
            Received::End => return resident,
        }
    }
}

#[test]
fn frames_stay_on_the_gpu_where_they_are_wanted_there_and_come_to_the_host_where_it_fails() {
    let _guard = alone();
    for strategy in ["hybrid", "av1"] {
        let (bytes, _) = encoded(if is_real() { "cuda" } else { "cpu" }, strategy);
        let on_cpu = decoded(&bytes, "cpu").unwrap();
        let kept = |device: &str| {
            let mut settings = DecoderSettings::default().with_gpu_resident(true);
            settings.set("device", device).unwrap();
            let mut decoder = StreamDecoder::new(bytes.as_slice(), settings.clone()).unwrap();
            let (mut frames, mut there) = (Vec::new(), 0);
            while let Some(frame) = decoder.decode_any_frame().unwrap() {
                assert_eq!(frame.timestamp(), frames.len() as i64);
                there += usize::from(frame.gpu().is_some());
                frames.push(frame);
            }
            assert_eq!(pushed(&bytes, settings.clone()), there, "the push decoder keeps as many");
            let mut seeking = SeekingDecoder::open(Cursor::new(&bytes), settings).unwrap();
            seeking.seek(2).unwrap();
            let third = seeking.decode_any_frame().unwrap().unwrap();
            assert_eq!(third.gpu().is_some(), device != "cpu");
            assert_eq!(FrameHash::of(&third.into_host().unwrap()), on_cpu[2]);
            let hashes = frames.into_iter().map(|frame| FrameHash::of(&frame.into_host().unwrap()));
            (hashes.collect::<Vec<_>>(), there)
        };
        assert_eq!(kept("cpu"), (on_cpu.clone(), 0));
        let copied = || if is_real() { 0 } else { fake_driver().copied().0 };
        let before = copied();
        assert_eq!(kept("cuda"), (on_cpu.clone(), 4));
        if is_real() {
            continue;
        }
        // Of a filter, pictures go there once, with its weights; they stay as they were filtered.
        let frames = (copied() - before) as f64 / f64::from(640 * 360 * 3 / 2);
        assert!(strategy == "av1" || frames < 2.0 * 7.5, "{frames}");
        let mut settings = DecoderSettings::default().with_gpu_resident(true);
        settings.set("device", "cuda").unwrap();
        let mut decoder = StreamDecoder::new(bytes.as_slice(), settings).unwrap();
        fake_driver().leave_memory(0);
        let frame = decoder.decode_any_frame().unwrap().unwrap();
        fake_driver().leave_memory(1 << 32);
        assert!(frame.gpu().is_none());
        assert_eq!(FrameHash::of(&frame.into_host().unwrap()), on_cpu[0]);
    }
}

#[test]
fn clips_compare_alike_everywhere() {
    let _guard = alone();
    let compared = |device: DeviceChoice| {
        let device = device.open(640 * 360).unwrap();
        let mut clips = [1, 2].map(|scene| Clip::new(640, 360, PixelFormat::YUV420_8, 3, scene));
        let [reference, clip] = &mut clips;
        compare_with_device(&device, reference, clip, Measures::SSIM).unwrap()
    };
    let on_cpu = compared(DeviceChoice::Cpu);
    assert!(on_cpu.psnr_y.is_some());
    assert_eq!(compared(DeviceChoice::Cuda(0)), on_cpu);
}

#[test]
fn a_device_that_is_not_there_is_refused_before_the_first_frame() {
    let _guard = alone();
    let mut settings = Settings::default();
    settings.set("device", "cuda:4000").unwrap();
    let mut clip = Clip::new(64, 64, PixelFormat::YUV420_8, 2, 2);
    let refused = encode(&mut clip, &mut Vec::new(), &settings, Hooks::default());
    assert!(matches!(refused, Err(Error::Device { device, .. }) if device == "cuda:4000"));
}

#[test]
fn an_rgb_source_and_its_scenes_do_not_depend_on_the_device() {
    let _guard = alone();
    let coded = |device: &str| {
        let mut settings = Settings::default();
        for (name, value) in [("effort", "0"), ("strategies", "av1"), ("quantizer", "50"), ("device", device)]
        {
            settings.set(name, value).unwrap();
        }
        let mut clip = Clip::new(640, 360, PixelFormat::RGB_8, 16, 8);
        let mut bytes = Vec::new();
        let report = encode(&mut clip, &mut bytes, &settings, Hooks::default()).unwrap();
        (bytes, report.scenes.len(), report.notes)
    };
    let (on_cpu, scenes, _) = coded("cpu");
    let (on_gpu, _, notes) = coded("cuda");
    assert!(on_gpu == on_cpu && scenes == 2, "{scenes} scenes");
    assert!(!notes.iter().any(|note| note.contains("on the CPU")), "{notes:?}");
}
