//! Floors of perceptual metrics are met by measurement, for scenes and for the clip, or said to be missed.
#![allow(clippy::unwrap_used, reason = "a test stops at the first error")]

mod oracles;
mod support;

use neural_codec::decoder::{DecoderSettings, StreamDecoder};
use neural_codec::encoder::{Hooks, encode};
use neural_codec::frame::PixelFormat;
use neural_codec::metrics::{Measures, Metric};
use neural_codec::progress::Stage;
use neural_codec::report::{Report, SceneVerdict};
use neural_codec::settings::Settings;
use support::Clip;

fn clip(width: usize, height: usize) -> Clip {
    Clip::new(width, height, PixelFormat::YUV420_8, 40, 20)
}

fn encoded(mut clip: Clip, pairs: &[(&str, &str)]) -> neural_codec::Result<(Vec<u8>, Report)> {
    oracles::use_libvmaf();
    let mut settings = Settings::default();
    settings.set("effort", "0")?;
    pairs.iter().try_for_each(|(name, value)| settings.set(name, value))?;
    let mut bytes = Vec::new();
    let report = encode(&mut clip, &mut bytes, &settings, Hooks::default())?;
    Ok((bytes, report))
}

#[test]
fn every_scene_reaches_the_floor_of_each_metric() {
    for (setting, floor, metric) in [
        ("min_vmaf", 85.0, "vmaf"),
        ("min_ssimulacra2", 60.0, "ssimulacra2"),
        ("min_xpsnr", 36.0, "xpsnr_y"),
        ("min_ms_ssim", 0.98, "ms_ssim_y"),
    ] {
        let (_, report) = encoded(clip(192, 176), &[(setting, &floor.to_string())]).unwrap();
        assert!(report.total.target_met && report.scenes.len() == 2, "{setting}");
        for scene in &report.scenes {
            assert!(scene.pooled[metric] >= floor, "{setting}: {:?}", scene.pooled);
            assert!(scene.reason.contains(metric), "{}", scene.reason);
            // Nothing else was measured of attempts that only look.
            let probes = scene.attempts.iter().filter(|attempt| attempt.stage == Stage::Locate);
            assert!(probes.clone().all(|attempt| attempt.ssim_y.is_none() || metric == "ms_ssim_y"));
            assert!(probes.clone().all(|attempt| attempt.vmaf.is_some() == (metric == "vmaf")));
        }
    }
}

#[test]
fn a_floor_of_the_clip_is_met_by_all_frames_together_and_closely() {
    let pairs = [("min_vmaf", "90"), ("scope", "clip")];
    let (bytes, report) = encoded(clip(192, 160), &pairs).unwrap();
    let found = report.total.pooled["vmaf"];
    assert!(report.total.target_met && found >= 90.0, "{found}");
    assert!(report.scenes.iter().all(|scene| scene.verdict == SceneVerdict::FloorMet));
    // Every decision waits for all scenes, so that threads change nothing.
    let (again, _) = encoded(clip(192, 160), &[pairs[0], pairs[1], ("threads", "1")]).unwrap();
    assert!(again == bytes);
    // What a fresh reader measures: a frame a scene has others before it.
    let mut decoder = StreamDecoder::new(bytes.as_slice(), DecoderSettings::default()).unwrap();
    let measures = Measures::PSNR.with(Metric::Vmaf);
    let measured = neural_codec::decoder::compare(&mut clip(192, 160), &mut decoder, measures).unwrap();
    assert!((measured.vmaf.unwrap() - found).abs() < 1.0, "{measured:?} {found}");
}

#[test]
fn fine_floors_of_the_clip_are_met_closely_too() {
    // Quality bends where quantizers are fine, and a line through a far point leads astray.
    for floor in [36.0, 40.0, 44.0, 47.0] {
        let pairs = [("min_psnr_y", &*floor.to_string()), ("scope", "clip"), ("effort", "1")];
        let (_, report) = encoded(clip(96, 80), &pairs).unwrap();
        let above = report.total.pooled["psnr_y"] - floor;
        let codings = |stage| report.scenes[0].attempts.iter().filter(|a| a.stage == stage).count();
        assert!((0.0..0.8).contains(&above) && codings(Stage::Store) <= 4, "{floor}: {above}");
    }
}

#[test]
fn a_percentile_asks_more_than_the_mean() {
    let pooled = |pooling: &str| {
        let (_, report) = encoded(clip(96, 96), &[("min_xpsnr", "34"), ("pooling", pooling)]).unwrap();
        assert!(report.total.target_met && report.scenes.iter().all(|scene| scene.pooled["xpsnr_y"] >= 34.0));
        report.total.quality.xpsnr_y.unwrap()
    };
    assert!(pooled("p5") > pooled("mean") && pooled("harmonic_mean") > 33.9);
}

#[test]
fn what_cannot_be_is_said_to_be_missed_or_refused_with_its_name() {
    for scope in ["scene", "clip"] {
        let (_, report) = encoded(clip(96, 96), &[("min_xpsnr", "79"), ("scope", scope)]).unwrap();
        assert!(!report.total.target_met, "{scope}");
        assert!(report.scenes.iter().all(|scene| scene.verdict == SceneVerdict::FloorMissed));
        assert_eq!(report.notes.iter().any(|note| note.contains("xpsnr_y >= 79")), scope == "clip");
    }
    for (size, pairs, name) in [
        ((64, 64), &[("min_vmaf", "90")][..], "min_vmaf"),
        ((160, 160), &[("min_ms_ssim", "0.9")], "min_ms_ssim"),
        ((10, 96), &[("min_ssim_y", "0.99")], "at least 11 samples a side, found 10x96"),
        ((96, 96), &[("min_vmaf", "90"), ("bitrate_bps", "90000")], "min_vmaf and bitrate_bps"),
        ((96, 96), &[("scope", "clip"), ("quantizer", "40")], "scope"),
        ((96, 96), &[("pooling", "median")], "pooling"),
    ] {
        let error = encoded(clip(size.0, size.1), pairs).unwrap_err().to_string();
        assert!(error.contains(name), "{error}");
    }
}

#[test]
fn pictures_too_small_for_ssim_have_a_default_floor_without_it() {
    let (_, report) = encoded(clip(10, 10), &[]).unwrap();
    let (psnr_y, ssim_y) = (report.total.quality.psnr_y, report.total.quality.ssim_y);
    assert!(report.total.target_met && psnr_y.unwrap() >= 35.0 && ssim_y.is_none());
    assert!(report.notes.iter().any(|note| note.contains("too small for SSIM")), "{:?}", report.notes);
    assert!(!report.scenes[0].reason.contains("ssim"), "{}", report.scenes[0].reason);
    let (_, report) = encoded(clip(11, 11), &[]).unwrap();
    assert!(
        report.total.quality.ssim_y.unwrap() >= 0.95
            && report.notes.iter().all(|note| !note.contains("SSIM"))
    );
}
