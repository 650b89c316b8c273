//! Properties of the quality floor: every scene reaches it at few bytes, or the report says that it cannot.
#![allow(clippy::unwrap_used, reason = "a test stops at the first error")]

mod support;

use neural_codec::Error;
use neural_codec::encoder::{Hooks, encode};
use neural_codec::frame::PixelFormat;
use neural_codec::progress::Stage;
use neural_codec::report::{Report, SceneReport, SceneVerdict};
use neural_codec::settings::Settings;
use support::Clip;

fn encoded(pairs: &[(&str, &str)]) -> neural_codec::Result<(Vec<u8>, Report)> {
    encoded_clip(Clip::new(192, 128, PixelFormat::YUV420_8, 90, 45), pairs)
}

fn encoded_clip(mut clip: Clip, pairs: &[(&str, &str)]) -> neural_codec::Result<(Vec<u8>, Report)> {
    let mut settings = Settings::default();
    pairs.iter().try_for_each(|(name, value)| settings.set(name, value))?;
    let mut bytes = Vec::new();
    let report = encode(&mut clip, &mut bytes, &settings, Hooks::default())?;
    Ok((bytes, report))
}

#[test]
fn every_scene_reaches_the_floor_by_measurement() {
    for (effort, floor) in
        [("0", ("min_psnr_y", "38")), ("3", ("min_ssim_y", "0.97")), ("5", ("effort", "5"))]
    {
        let (_, report) = encoded(&[("effort", effort), floor]).unwrap();
        assert!(report.total.target_met && report.scenes.len() > 1);
        let (psnr, ssim) = match floor.0 {
            "min_psnr_y" => (38.0, 0.0),
            "min_ssim_y" => (0.0, 0.97),
            _ => (35.0, 0.95),
        };
        for scene in &report.scenes {
            let quality = scene.quality;
            assert!(quality.psnr_y.unwrap() >= psnr && quality.ssim_y.unwrap() >= ssim, "{scene:?}");
            let stored = scene.attempts.iter().filter(|attempt| attempt.stage == Stage::Store);
            assert!(stored.clone().any(|attempt| attempt.quantizer == scene.quantizer));
            // A scene that comes out too good is coded again, coarser, unless nothing coarser is left.
            let is_near = quality.psnr_y.unwrap() < psnr + 1.0 || quality.ssim_y.unwrap() < ssim + 0.01;
            // From 57 on, steps are large.
            assert!(is_near || scene.quantizer >= 57.0, "{scene:?}");
        }
    }
}

/// Frames of an attempt, and whether the preset that is stored made it.
type Looked = (u64, bool);

/// A clip of one scene at a floor of 36 dB.
fn one_scene(frames: u64, defaults: &str) -> SceneReport {
    let clip = Clip::new(96, 80, PixelFormat::YUV420_8, frames, frames);
    let pairs = [("effort", "5"), ("min_psnr_y", "36"), ("defaults", defaults)];
    let (_, mut report) = encoded_clip(clip, &pairs).unwrap();
    assert!(report.scenes.len() == 1 && report.scenes[0].target_met);
    report.scenes.remove(0)
}

/// What was coded before such a scene was stored, to locate and as pilots.
fn looked_at(frames: u64, defaults: &str) -> [Vec<Looked>; 2] {
    let scene = one_scene(frames, defaults);
    [Stage::Locate, Stage::Pilot].map(|stage| {
        let attempts = scene.attempts.iter().filter(move |attempt| attempt.stage == stage);
        attempts.map(|attempt| (attempt.frames, attempt.preset == scene.preset)).collect()
    })
}

#[test]
fn a_sample_of_a_long_scene_is_coded_as_it_will_be_stored_before_a_fast_pilot() {
    let [located, piloted] = looked_at(120, "[search]\nsampled_frames = 20\n");
    let (before, sample) = located.split_at(located.len() - 2);
    assert_eq!(sample, [(20, false), (20, true)], "by both presets");
    assert!(before.iter().all(|&located| located == (33, false)));
    assert!(piloted.iter().all(|&pilot| pilot == (120, false)) && !piloted.is_empty());
    for (frames, defaults) in [(60, ""), (120, "[search]\nsampled_quantizers = [80.0, 80.0]\n")] {
        let [located, _] = looked_at(frames, defaults);
        assert!(located.iter().all(|&(_, is_stored)| !is_stored), "{frames}: {located:?}");
    }
}

#[test]
fn a_sample_says_what_the_first_coding_comes_to() {
    // Nothing is steered on the way, and no filter is counted on.
    let text = "[steering]\nmost_moved = 0.0\n[wiener]\nfrom_effort = 10\n";
    for margin in [0.1, 0.7] {
        let scene = one_scene(120, &format!("{text}[search]\nsampled_margin = {margin}\n"));
        let first = scene.attempts.iter().find(|attempt| attempt.stage == Stage::Store).unwrap();
        let (predicted, found) = (scene.predicted.unwrap().psnr_y, first.psnr_y.unwrap());
        assert!((predicted - 36.0 - margin).abs() < 0.1, "{predicted}");
        assert!((predicted - found).abs() < 0.4, "{predicted} {found}");
    }
}

#[test]
fn a_higher_floor_takes_more_bytes() {
    let bytes = |psnr| encoded(&[("effort", "1"), ("min_psnr_y", psnr)]).unwrap().0.len();
    assert!(bytes("30") < bytes("36") && bytes("36") < bytes("42"));
}

#[test]
fn a_floor_beside_losslessness_is_not_met_by_losslessness() {
    let (_, report) = encoded(&[("effort", "5"), ("min_psnr_y", "51")]).unwrap();
    let is_lossless = |psnr: Option<f64>| psnr.is_none_or(|psnr| psnr > 60.0);
    let mut attempts = report.scenes.iter().flat_map(|scene| &scene.attempts);
    assert!(attempts.any(|attempt| is_lossless(attempt.psnr_y)), "there is nothing to fall into");
    for scene in &report.scenes {
        assert!(scene.target_met && !is_lossless(scene.quality.psnr_y), "{scene:?}");
    }
}

#[test]
fn a_floor_out_of_reach_is_said_to_be_missed_with_the_closest_there_is() {
    let (_, report) = encoded(&[("effort", "1"), ("min_psnr_y", "80")]).unwrap();
    assert!(!report.total.target_met);
    for scene in &report.scenes {
        assert!(!scene.target_met && scene.verdict == SceneVerdict::FloorMissed, "{}", scene.reason);
        assert_eq!(scene.quantizer, 1.0);
    }
}

#[test]
fn the_bytes_do_not_depend_on_the_number_of_threads() {
    let bytes = |threads| encoded(&[("effort", "2"), ("threads", threads)]).unwrap().0;
    let first = bytes("1");
    assert!(["2", "5"].into_iter().all(|threads| bytes(threads) == first));
}

#[test]
fn memory_changes_no_byte_and_too_little_is_an_error_before_any_work() {
    let bytes = |memory| {
        Ok::<_, Error>(encoded(&[("effort", "2"), ("threads", "4"), ("max_memory_bytes", memory)])?.0)
    };
    assert!(bytes("150000000").unwrap() == bytes("none").unwrap());
    let error = bytes("60000000").unwrap_err();
    assert!(matches!(error, Error::LimitExceeded { limit: 60_000_000, .. }), "{error}");
    assert!(error.to_string().contains("memory that this encode takes at least"), "{error}");
}

#[test]
fn targets_that_contradict_each_other_are_refused_before_any_work() {
    let error = encoded(&[("quantizer", "30"), ("min_psnr_y", "40")]).unwrap_err().to_string();
    assert!(error.contains("quantizer and min_psnr_y"), "{error}");
    assert!(encoded(&[("min_psnr_y", "0")]).is_err() && encoded(&[("min_psnr_y", "100")]).is_err());
    assert!(encoded(&[("bitrate_bps", "0")]).is_err());
}
