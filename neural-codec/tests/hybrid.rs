//! Hybrid scenes: a filter over AV1, from training to the decoder, and what damaged filters do.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test stops at the first error"
)]

mod support;

use neural_codec::bitstream::Strategy;
use neural_codec::decoder::{DecoderSettings, SeekingDecoder};
use neural_codec::encoder::{EncodingAgent, Hooks, encode};
use neural_codec::error::Error;
use neural_codec::frame::{FrameHash, PixelFormat};
use neural_codec::progress::Stage;
use neural_codec::report::FilterVerdict;
use neural_codec::report::Report;
use neural_codec::settings::Settings;
use neural_codec::simd::InstructionSet;
use support::Clip;
use support::streams::{changed, decoded, with_filter};

fn encoded(pairs: &[(&str, &str)]) -> (Vec<u8>, Report) {
    let mut settings = Settings::default();
    for (name, value) in [("effort", "3"), ("strategies", "hybrid"), ("min_psnr_y", "34")].iter().chain(pairs)
    {
        settings.set(name, value).unwrap();
    }
    let mut clip = Clip::new(333, 259, PixelFormat::YUV420_8, 24, 24);
    let mut bytes = Vec::new();
    let report = encode(&mut clip, &mut bytes, &settings, Hooks::default()).unwrap();
    (bytes, report)
}

#[test]
fn a_filter_that_pays_is_stored_measured_and_decoded_alike_by_every_instruction_set() {
    let (bytes, report) = encoded(&[]);
    let scene = &report.scenes[0];
    let filter = scene.filter.as_ref().unwrap();
    assert_eq!(scene.strategy, Strategy::Hybrid, "{}", filter.reason);
    assert!(filter.verdict == FilterVerdict::Kept && filter.bytes > 0 && filter.network_size == "M");
    assert_eq!(filter.macs_per_pixel, 1008.0);
    assert!((filter.tops_per_frame - 2.0 * 1008.0 * 333.0 * 259.0 / 1e12).abs() < 1e-12);
    assert!(scene.quality.psnr_y > filter.base_psnr_y);
    assert!(report.total.target_met && scene.quality.psnr_y.unwrap() >= 34.0);
    assert!(scene.attempts.iter().any(|attempt| attempt.stage == Stage::Filter));
    // The decoder compares every frame with its hash.
    let frames = decoded(&bytes).unwrap();
    assert_eq!(frames.len(), 24);
    for set in InstructionSet::available() {
        assert!(set.force());
        assert_eq!(decoded(&bytes).unwrap(), frames, "{set:?}");
    }
}

#[test]
fn layers_and_steps_are_those_that_are_asked_for_at_any_effort() {
    // Few patches, for the sake of time.
    let few = "[filter]\nfewest_patches = 96\nmost_patches = 96\nleast_bytes = 0\n";
    let run = |pairs: &[(&str, &str)]| {
        let mut settings = Settings::default();
        let common = [("effort", "1"), ("quantizer", "40"), ("defaults", few)];
        common.iter().chain(pairs).for_each(|(name, value)| settings.set(name, value).unwrap());
        let mut clip = Clip::new(192, 160, PixelFormat::YUV420_8, 12, 12);
        let mut bytes = Vec::new();
        let report = encode(&mut clip, &mut bytes, &settings, Hooks::default())?;
        assert_eq!(decoded(&bytes)?.len(), 12);
        Ok::<Report, Error>(report)
    };
    assert!(run(&[]).unwrap().scenes[0].filter.is_none(), "effort 1 tries none by itself");
    let filter = |layers, steps| {
        let report = run(&[("filter_layers", layers), ("filter_steps", steps)]).unwrap();
        assert_eq!(report.settings["filter_layers"].to_string(), layers);
        report.scenes[0].filter.clone().unwrap()
    };
    assert_eq!(filter("4", "8").network_size, "L");
    let left = |steps| {
        let filter = filter("3", steps);
        assert_eq!(filter.network_size, "M");
        filter.candidates.last().unwrap().error_left
    };
    assert!(left("300") < left("8"), "more steps leave less");
    let error = run(&[("strategies", "av1"), ("filter_steps", "100")]).unwrap_err();
    assert_eq!(error.to_string(), "filter_steps: expected hybrid among the strategies, found av1");
}

#[test]
fn every_instruction_set_encodes_and_measures_alike() {
    let mut found = Vec::new();
    for set in InstructionSet::available() {
        assert!(set.force());
        let (bytes, report) = encoded(&[("strategies", "av1"), ("effort", "0")]);
        found.push((set, FrameHash::of_group(&decoded(&bytes).unwrap()), bytes, report.total.quality));
    }
    eprintln!("{:?}", found.iter().map(|(set, ..)| set.name()).collect::<Vec<_>>());
    for (set, hash, bytes, quality) in &found[1..] {
        assert_eq!((hash, quality), (&found[0].1, &found[0].3), "{set:?}");
        assert!(*bytes == found[0].2, "{set:?}");
    }
}

#[test]
fn the_same_clip_gives_the_same_bytes_for_any_number_of_threads() {
    let (one, _) = encoded(&[("threads", "1")]);
    let (two, _) = encoded(&[("threads", "2")]);
    assert!(one == two);
}

#[test]
fn scenes_go_on_from_filters_of_scenes_like_them_for_any_number_of_threads() {
    // One shot that is cut into three scenes.
    let clip = Clip::new(333, 259, PixelFormat::YUV420_8, 48, 48);
    let encoded = |threads: &str| {
        let mut settings = Settings::default();
        for (name, value) in
            [("effort", "3"), ("strategies", "hybrid"), ("quantizer", "60"), ("threads", threads)]
        {
            settings.set(name, value).unwrap();
        }
        let scenes = (0..3).map(|scene| 12 * scene..12 * (scene + 1)).collect();
        let mut agent = EncodingAgent::new(clip.info, &settings).unwrap().with_scenes(scenes).unwrap();
        let frame = |index: u32| clip.frame(u64::from(12 + index)).with_timestamp(index.into());
        (0..36).try_for_each(|index| agent.send_frame(frame(index))).unwrap();
        agent.finish().unwrap();
        let mut bytes = Vec::new();
        while let Some(packet) = agent.receive_packet().unwrap() {
            bytes.extend(packet);
        }
        (bytes, agent.into_report().unwrap())
    };
    let (bytes, report) = encoded("2");
    let filters: Vec<_> = report.scenes.iter().map(|scene| scene.filter.as_ref().unwrap()).collect();
    let continues =
        |scene: usize| filters[scene].candidates.iter().any(|candidate| candidate.name == "earlier");
    assert!(filters[0].verdict == FilterVerdict::Kept, "{filters:#?}");
    for scene in 0..3 {
        // The scene just before may still be at work.
        let is_one_kept =
            (0..scene).any(|before| before + 1 < scene && filters[before].verdict == FilterVerdict::Kept);
        assert_eq!(continues(scene), is_one_kept, "{scene}: {filters:#?}");
    }
    assert_eq!(decoded(&bytes).unwrap().len(), 36);
    assert!(encoded("1").0 == bytes);
    // A scene decodes without those that its filter was trained from.
    let mut decoder = SeekingDecoder::open(std::io::Cursor::new(&bytes), DecoderSettings::default()).unwrap();
    decoder.seek(30).unwrap();
    assert_eq!(decoder.decode_frame().unwrap().unwrap().timestamp, 30);
}

#[test]
fn beside_plain_av1_no_network_is_trained_unless_it_is_asked_for() {
    let (_, report) = encoded(&[("strategies", "av1,hybrid"), ("effort", "5")]);
    assert_eq!(report.scenes[0].filter.as_ref().unwrap().network_size, "Wiener");
    let (_, report) = encoded(&[("strategies", "av1,hybrid"), ("filter_steps", "8")]);
    assert_eq!(report.scenes[0].filter.as_ref().unwrap().network_size, "M");
}

#[test]
fn filters_that_cannot_be_are_refused_by_name() {
    let (bytes, _) = encoded(&[]);
    let refused = |bytes: &[u8], name: &str| {
        let error = decoded(bytes).unwrap_err();
        assert!(error.to_string().contains(name), "{name}: {error}");
        assert!(matches!(error, Error::Corrupt { .. } | Error::Unsupported { .. }), "{error:?}");
    };
    refused(&with_filter(&bytes, |filter| filter.profile = 9), "profile 9");
    refused(&with_filter(&bytes, |filter| filter.profile = 2), "layers of the filter");
    refused(&with_filter(&bytes, |filter| filter.quantizer = 3), "quantizer of a filter");
    refused(&with_filter(&bytes, |filter| filter.steps[1] = 8), "step of a filter layer");
    refused(&with_filter(&bytes, |filter| filter.steps.push(0)), "layers of the filter");
    refused(&with_filter(&bytes, |filter| filter.differences.push(0)), "coded values");
    refused(&with_filter(&bytes, |filter| filter.differences.extend([7; 40])), "coded values");
    refused(&with_filter(&bytes, |filter| filter.blocks = vec![1]), "coded values");
    refused(&with_filter(&bytes, |filter| filter.blocks.extend([0x55; 4000])), "");
    refused(&with_filter(&bytes, |filter| filter.differences.truncate(2)), "");
    refused(&changed(&bytes, |scene| scene.filter = None), "filter");
    refused(&changed(&bytes, |scene| scene.header.strategy = Strategy::Av1), "filter");
}
