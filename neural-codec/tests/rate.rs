//! Properties of targets that bound the bytes, and of the one that weighs them.
#![allow(clippy::unwrap_used, reason = "a test stops at the first error")]

mod support;

use neural_codec::encoder::{EncodingAgent, Hooks, encode};
use neural_codec::frame::{PixelFormat, Rational};
use neural_codec::report::Report;
use neural_codec::settings::Settings;
use support::Clip;

fn encoded(pairs: &[(&str, &str)]) -> (Vec<u8>, Report) {
    let mut settings = Settings::default();
    settings.set("effort", "1").unwrap();
    pairs.iter().for_each(|(name, value)| settings.set(name, value).unwrap());
    let mut bytes = Vec::new();
    let mut clip = Clip::new(192, 128, PixelFormat::YUV420_8, 90, 45).with_audio();
    let report = encode(&mut clip, &mut bytes, &settings, Hooks::default()).unwrap();
    assert_eq!(report.total.bytes, bytes.len() as u64);
    (bytes, report)
}

#[test]
fn a_size_is_kept_to_and_used() {
    let (largest, audio) = {
        let (bytes, report) = encoded(&[("quantizer", "20")]);
        (bytes.len(), report.total.audio_bytes)
    };
    let size = (largest + audio as usize) / 2;
    let (bytes, report) = encoded(&[("size_bytes", &size.to_string())]);
    assert!(
        report.total.target_met && bytes.len() <= size && bytes.len() * 10 >= size * 9,
        "{size}: {report:?}"
    );
}

#[cfg(feature = "ffmpeg")]
#[test]
fn a_size_is_that_of_the_file_that_players_show() {
    use neural_codec::encoder::encode_to;
    let folder = tempfile::tempdir().unwrap();
    let file = |(ending, is_even, sounds): (&str, bool, i64), target: (&str, usize)| {
        let path = folder.path().join(format!("clip.{ending}"));
        let mut settings = Settings::default();
        settings.set("effort", "1").unwrap();
        settings.set(target.0, &target.1.to_string()).unwrap();
        let mut clip = Clip::new(192, 128, PixelFormat::YUV420_8, 90, 45);
        if !is_even {
            clip.info.time_base = Rational { num: 1, den: 1000 };
            clip.time_of = |index| (index * 40 + index % 3) as i64;
        }
        let mut clip = if sounds > 0 { clip.with_audio() } else { clip };
        clip.sounds = sounds;
        let report = encode_to(&mut clip, &path, &settings, Hooks::default()).unwrap();
        let length = std::fs::metadata(path).unwrap().len() as usize;
        assert_eq!(report.total.bytes, length as u64);
        (length, report)
    };
    for kind in [
        ("mkv", true, 0),
        ("mkv", true, 1),
        // In a stream each of many packets takes more than in a file.
        ("mkv", true, 8),
        ("webm", true, 0),
        ("mp4", true, 0),
        ("mp4", false, 0),
    ] {
        let size = file(kind, ("quantizer", 40)).0;
        let (length, report) = file(kind, ("size_bytes", size));
        assert!(
            report.total.target_met && length <= size && length * 10 >= size * 9,
            "{kind:?}: {length} of {size}, {report:?}"
        );
    }
}

#[test]
fn a_size_that_only_fine_quantizers_use_is_used_too() {
    // Between coarse probes and fine quantizers bytes rise faster than a line through the probes says.
    for quantizer in ["4", "10"] {
        let (whole, report) = encoded(&[("quantizer", quantizer)]);
        let size = whole.len() + report.total.audio_bytes as usize / 10;
        let (bytes, report) = encoded(&[("size_bytes", &size.to_string())]);
        let used = bytes.len() as f64 / size as f64;
        assert!(report.total.target_met && (0.8..=1.0).contains(&used), "{quantizer}: {used}");
    }
}

#[test]
fn a_bitrate_is_kept_to_by_the_whole_stream() {
    let (_, free) = encoded(&[("quantizer", "35")]);
    let asked = free.total.bitrate_bps as u64;
    let (_, report) = encoded(&[("bitrate_bps", &asked.to_string())]);
    let found = report.total.bitrate_bps;
    assert!(
        report.total.target_met && found <= asked as f64 && found > 0.9 * asked as f64,
        "{found} of {asked}"
    );
}

#[test]
fn a_size_that_is_too_small_is_said_to_be_missed_with_the_smallest_there_is() {
    let (_, report) = encoded(&[("size_bytes", "1000")]);
    assert!(!report.total.target_met && report.total.bytes > 1000);
    assert!(report.notes.iter().any(|note| note.contains("size_bytes")), "{:?}", report.notes);
}

#[test]
fn what_a_stream_holds_beside_its_pictures_counts_for_its_size() {
    let encoded = |size: usize| {
        let mut settings = Settings::default();
        for (name, value) in [("effort", "1"), ("size_bytes", &size.to_string())] {
            settings.set(name, value).unwrap();
        }
        let mut clip = Clip::new(192, 128, PixelFormat::YUV420_8, 30, 30);
        clip.tracks.tags.push(("comment".into(), "x".repeat(3000)));
        let mut bytes = Vec::new();
        let report = encode(&mut clip, &mut bytes, &settings, Hooks::default()).unwrap();
        (bytes.len(), report)
    };
    let (bytes, report) = encoded(12_000);
    assert!(report.total.target_met && bytes <= 12_000, "{bytes}");
    // No room for what the tag alone takes.
    let (bytes, report) = encoded(3000);
    assert!(bytes > 3000 && !report.total.target_met && !report.scenes[0].target_met);
}

#[test]
fn a_last_duration_of_nothing_leaves_a_clip_its_length() {
    let clip = Clip::new(64, 48, PixelFormat::YUV420_8, 1, 1);
    let mut settings = Settings::default();
    settings.set("effort", "0").unwrap();
    let mut agent = EncodingAgent::new(clip.info, &settings).unwrap();
    agent.send_frame(clip.frame(0)).unwrap();
    agent.set_last_duration(Some(0)).unwrap();
    agent.finish().unwrap();
    while agent.receive_packet().unwrap().is_some() {}
    let total = agent.into_report().unwrap().total;
    assert!(total.duration_seconds > 0.0 && total.bitrate_bps.is_finite(), "{total:?}");
}

#[test]
fn a_heavier_weight_on_bytes_takes_fewer() {
    let bytes = |lambda| encoded(&[("lambda", lambda)]).0.len();
    assert!(bytes("1") > bytes("30") && bytes("30") > bytes("1000"));
}

#[test]
fn the_bytes_do_not_depend_on_the_number_of_threads() {
    let bytes = |threads| encoded(&[("bitrate_bps", "900000"), ("threads", threads)]).0;
    assert_eq!(bytes("1"), bytes("3"));
}
