//! The table of constants as a setting: what it says is done and told, and nothing changes where it says nothing.
#![allow(clippy::unwrap_used, reason = "a test stops at the first error")]

mod support;

use neural_codec::defaults::Defaults;
use neural_codec::encoder::{Hooks, encode, profile_scenes};
use neural_codec::frame::PixelFormat;
use neural_codec::progress::{CancelToken, Stage};
use neural_codec::report::Report;
use neural_codec::settings::Settings;
use support::Clip;

fn settings(pairs: &[(&str, &str)]) -> Settings {
    let mut settings = Settings::default();
    pairs.iter().for_each(|(name, value)| settings.set(name, value).unwrap());
    settings
}

fn clip() -> Clip {
    Clip::new(96, 80, PixelFormat::YUV420_8, 24, 24)
}

fn encoded(settings: &Settings) -> (Vec<u8>, Report) {
    let mut bytes = Vec::new();
    let report = encode(&mut clip(), &mut bytes, settings, Hooks::default()).unwrap();
    (bytes, report)
}

fn probes(report: &Report) -> Vec<f64> {
    let attempts = report.scenes[0].attempts.iter();
    attempts.filter(|attempt| attempt.stage == Stage::Locate).map(|attempt| attempt.quantizer).collect()
}

#[test]
fn the_embedded_table_given_as_text_gives_the_same_bytes() {
    let plain = settings(&[("effort", "1"), ("min_psnr_y", "38")]);
    let mut whole = plain.clone();
    whole.set("defaults", &Defaults::default().to_toml()).unwrap();
    assert_eq!(whole, plain);
    let ((bytes, report), (same, _)) = (encoded(&plain), encoded(&whole));
    assert!(bytes == same && report.settings["defaults"].is_null());
}

#[test]
fn a_changed_constant_decides_and_is_told() {
    let text =
        "[search]\nfirst_quantizer = 20\nfirst_by_changed = 0\nfirst_by_flatness = 0\nmost_located = 1\n";
    // The floor for which the constants are.
    let pairs = [("effort", "1"), ("min_psnr_y", "35")];
    let changed = settings(&[&pairs[..], &[("defaults", text)]].concat());
    let ((_, before), (_, after)) = (encoded(&settings(&pairs)), encoded(&changed));
    assert_eq!(probes(&after), [20.0]);
    assert_ne!(probes(&before)[0], 20.0);
    assert!(after.total.target_met);
    let told = &after.settings["defaults"];
    assert_eq!(told["hash"], Defaults::from_toml(text).unwrap().hash());
    let changes = serde_json::json!({
        "search.first_quantizer": 20,
        "search.first_by_changed": 0.0,
        "search.first_by_flatness": 0.0,
        "search.most_located": 1
    });
    assert_eq!(told["changes"], changes);
}

#[test]
fn presets_of_efforts_and_limits_of_classes_are_those_of_the_table() {
    let presets = "[effort]\npresets = [13, 12, 12, 9, 8, 7, 6, 5, 4, 3]\n[classes]\nhigh_motion = 0.0\n\
                   synthetic_hard_edges = 1.0\nstatic_changed_blocks = 0.0\nhead_face_skin = 1.0\n";
    let changed = settings(&[("effort", "3"), ("quantizer", "40"), ("defaults", presets)]);
    let (_, report) = encoded(&changed);
    assert_eq!(report.scenes[0].preset, 9);
    let profiles = profile_scenes(&mut clip(), &changed, &CancelToken::new()).unwrap();
    assert_eq!(profiles[0].profile.scene_class, "high_motion");
    assert_eq!(report.scenes[0].profile.scene_class, "high_motion");
}

#[test]
fn an_attempt_of_another_table_is_not_taken_from_the_cache() {
    let folder = tempfile::tempdir().unwrap();
    let run = |defaults: &str| {
        let cache = folder.path().to_str().unwrap();
        let pairs = [("effort", "1"), ("quantizer", "40"), ("cache_dir", cache), ("defaults", defaults)];
        let (bytes, report) = encoded(&settings(&pairs));
        (bytes, report.notes.iter().any(|note| note.contains("attempt cache")))
    };
    let (first, _) = run("none");
    // No constant of the search decides a constant quantizer: the bytes are the same, and made anew all the same.
    let (other, was_taken) = run("[search]\nfar = 0.5\n");
    assert!(first == other && !was_taken);
    assert!(run("[search]\nfar = 0.5\n").1 && run("none").1);
}
