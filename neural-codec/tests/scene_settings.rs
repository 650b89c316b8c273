//! Choices for single scenes: what is asked is done, echoed, and wrong where it contradicts.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first error")]

mod support;

use neural_codec::Result;
use neural_codec::encoder::{Hooks, encode, probe, profile_scenes};
use neural_codec::frame::{AnyFrame, PixelFormat};
use neural_codec::media::FrameSource;
use neural_codec::progress::CancelToken;
use neural_codec::report::{Report, SceneVerdict};
use neural_codec::settings::Settings;
use support::Clip;

/// Two scenes of twelve frames.
fn clip() -> Clip {
    Clip::new(96, 80, PixelFormat::YUV420_8, 24, 12)
}

fn settings(pairs: &[(&str, &str)]) -> Settings {
    let mut settings = Settings::default();
    pairs.iter().for_each(|(name, value)| settings.set(name, value).unwrap());
    settings
}

fn encoded(pairs: &[(&str, &str)]) -> Result<Report> {
    let scenes = vec![0..12, 12..24];
    let hooks = Hooks::default().with_scenes(scenes);
    encode(&mut clip(), &mut Vec::new(), &settings(pairs), hooks)
}

#[test]
fn every_scene_is_coded_as_it_was_asked() {
    let choices = r#"[{"quantizer": 30}, {"quantizer": 50, "tools": {"hierarchical_levels": 3}}]"#;
    let report = encoded(&[("effort", "1"), ("scene_settings", choices)]).unwrap();
    let [first, second] = &report.scenes[..] else { panic!("two scenes") };
    assert_eq!((first.quantizer, second.quantizer), (30.0, 50.0));
    assert!(first.bytes > second.bytes);
    assert_eq!((first.tools.as_str(), second.tools.as_str()), ("default", "hierarchical-levels=3"));
    assert_eq!((first.asked["quantizer"].as_str(), second.asked["quantizer"].as_str()), ("30", "50"));
    assert_eq!((first.verdict, second.verdict), (SceneVerdict::AsAsked, SceneVerdict::AsAsked));
    assert_eq!(report.settings["scene_settings"][1]["tools"]["hierarchical_levels"], 3);
    assert_eq!((&report.settings["effort"], &report.settings["min_psnr_y"]), (&1.into(), &35.0.into()));
}

#[test]
fn a_quantizer_that_a_preset_does_not_take_is_not_said_to_be_what_was_asked_for() {
    let mut clip = Clip::new(256, 256, PixelFormat::YUV420_8, 4, 4);
    let settings =
        settings(&[("preset", "12"), ("quantizer", "40"), ("scene_settings", r#"[{"quantizer": 2}]"#)]);
    let report = encode(&mut clip, &mut Vec::new(), &settings, Hooks::default()).unwrap();
    let scene = &report.scenes[0];
    let is_taken = scene.quantizer == 2.0;
    assert_eq!(scene.reason.contains("2 was asked for"), !is_taken, "{} {}", scene.quantizer, scene.reason);
}

#[test]
fn a_higher_floor_of_one_scene_is_met_there_alone() {
    let pairs = [("effort", "0"), ("min_psnr_y", "32"), ("scene_settings", r#"[{}, {"min_psnr_y": 42}]"#)];
    let report = encoded(&pairs).unwrap();
    assert!(report.scenes[1].quality.psnr_y.unwrap() >= 42.0 && report.total.target_met);
    assert!(report.scenes[0].quality.psnr_y.unwrap() < 42.0);
}

#[test]
fn contradictions_name_scene_and_key() {
    for (pairs, scene, key) in [
        (vec![("scene_settings", r#"[{"preset": 9}, {"preset": 10}]"#)], "scene 1", "preset"),
        (vec![("bit_depth", "8"), ("scene_settings", r#"[{}, {"bit_depth": 10}]"#)], "scene 1", "bit_depth"),
        (
            vec![("bitrate_bps", "100000"), ("scene_settings", r#"[{"quantizer": 30}, {}]"#)],
            "scene 0",
            "quantizer",
        ),
        (
            vec![("min_psnr_y", "38"), ("scene_settings", r#"[{}, {"min_psnr_y": 36}]"#)],
            "scene 1",
            "min_psnr_y",
        ),
        (
            vec![("quantizer", "38"), ("scene_settings", r#"[{}, {"min_psnr_y": 36}]"#)],
            "scene 1",
            "min_psnr_y",
        ),
        (vec![("scene_settings", r#"[{"quantizer": 30}]"#)], "2 objects", "scene_settings"),
    ] {
        let message = encoded(&pairs).unwrap_err().to_string();
        assert!(message.contains(scene) && message.contains(key), "{message}");
    }
}

#[test]
fn a_probe_measures_what_an_encode_gives_and_profiles_cover_the_clip() {
    let asked = settings(&[("effort", "1"), ("quantizer", "40")]);
    let mut source = clip();
    let info = *source.info();
    let scenes = profile_scenes(&mut source, &asked, &CancelToken::new()).unwrap();
    assert_eq!((scenes[0].frames.start, scenes.last().unwrap().frames.end), (0, 24));
    assert!(scenes.iter().all(|scene| scene.profile.spatial_information > 0.0));
    let mut source = clip();
    let frames = (0..24).map(|_| {
        let frame = source.next_frame()?;
        Ok(AnyFrame::Host(frame.unwrap()))
    });
    let measured = probe(&info, frames, &asked, &CancelToken::new()).unwrap();
    let whole = Hooks::default().with_scenes(std::iter::once(0..24).collect());
    let report = encode(&mut clip(), &mut Vec::new(), &asked, whole).unwrap();
    assert_eq!((measured.frames, measured.psnr_y), (24, report.scenes[0].quality.psnr_y));
    let none = probe(&info, std::iter::empty(), &settings(&[("effort", "1")]), &CancelToken::new());
    assert!(none.unwrap_err().to_string().contains("quantizer"));
}
