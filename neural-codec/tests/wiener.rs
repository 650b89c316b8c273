//! Scenes with a Wiener filter over their AV1: solved for, measured, decoded alike everywhere, and left out where players look.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test stops at the first error"
)]

mod support;

use neural_codec::bitstream::{Limits, NeuralFilter, Strategy, Tracks};
use neural_codec::decoder::{DecoderSettings, SeekingDecoder, StreamDecoder, inspect_any};
use neural_codec::encoder::{Hooks, encode};
use neural_codec::error::Error;
use neural_codec::frame::{Frame, FrameHash, PixelFormat, VideoInfo};
use neural_codec::media::FrameSource;
use neural_codec::progress::Stage;
use neural_codec::report::{FilterVerdict, Report};
use neural_codec::settings::Settings;
use neural_codec::simd::InstructionSet;
use neural_codec::wiener::{Reach, weights_of};
use neural_codec::with_planes;
use support::Clip;
use support::streams::{WEIGHTS_ANYWHERE, decoded, with_filter};

const FRAMES: u64 = 40;

fn encoded(pairs: &[(&str, &str)]) -> (Vec<u8>, Report) {
    let mut settings = Settings::default();
    let common = [("effort", "4"), ("defaults", "[wiener]\nleast_bytes = 0\n")];
    common.iter().chain(pairs).for_each(|(name, value)| settings.set(name, value).unwrap());
    let mut clip = Clip::new(222, 158, PixelFormat::YUV420_8, FRAMES, FRAMES);
    let mut bytes = Vec::new();
    let report = encode(&mut clip, &mut bytes, &settings, Hooks::default()).unwrap();
    (bytes, report)
}

/// Weights that reach as far, at any effort.
fn reaching(reach: Reach) -> [(&'static str, &'static str); 1] {
    [match reach {
        Reach::Near => ("defaults", "[wiener]\nleast_bytes = 0\nfar_from_effort = 10\n"),
        Reach::Far => ("defaults", "[wiener]\nleast_bytes = 0\nfar_from_effort = 0\n"),
    }]
}

#[test]
fn a_floor_is_met_with_a_filter_that_decodes_alike_on_every_instruction_set() {
    [Reach::Near, Reach::Far].into_iter().for_each(decodes_alike);
}

fn decodes_alike(reach: Reach) {
    let (bytes, report) = encoded(&reaching(reach));
    let scene = &report.scenes[0];
    let filter = scene.filter.as_ref().unwrap();
    assert_eq!(scene.strategy, Strategy::Hybrid, "{}", filter.reason);
    assert!(filter.verdict == FilterVerdict::Kept && filter.bytes > 0 && filter.network_size == "Wiener");
    assert_eq!(filter.macs_per_pixel, reach.taps() as f64);
    assert!(scene.quality.psnr_y > filter.base_psnr_y);
    assert!(report.total.target_met);
    assert!(scene.attempts.iter().any(|attempt| attempt.stage == Stage::Filter));
    let summary = inspect_any(std::io::Cursor::new(bytes.clone()), Limits::default()).unwrap();
    assert_eq!(
        (summary.scenes[0].filter_bytes, summary.scenes[0].macs_per_pixel),
        (filter.bytes, reach.taps() as f64)
    );
    // The decoder compares every frame with its hash.
    let frames = decoded(&bytes).unwrap();
    assert_eq!(frames.len() as u64, FRAMES);
    for set in InstructionSet::available() {
        assert!(set.force());
        assert_eq!(decoded(&bytes).unwrap(), frames, "{set:?}");
        assert!(encoded(&reaching(reach)).0 == bytes, "{set:?} encodes alike");
    }
}

#[test]
fn what_the_report_says_is_what_the_decoded_frames_have() {
    let (bytes, report) = encoded(&[("bit_depth", "8")]);
    assert_eq!(report.scenes[0].strategy, Strategy::Hybrid);
    let clip = Clip::new(222, 158, PixelFormat::YUV420_8, FRAMES, FRAMES);
    let mut decoder = StreamDecoder::new(&bytes[..], DecoderSettings::default()).unwrap();
    let mut sum = 0.0;
    for index in 0..FRAMES {
        let (source, frame) = (clip.frame(index), decoder.decode_frame().unwrap().unwrap());
        let luma = |frame: &neural_codec::frame::Frame| match frame.planes() {
            neural_codec::frame::Planes::U8(planes) => planes[0].samples().to_vec(),
            neural_codec::frame::Planes::U16(_) => Vec::new(),
        };
        let (a, b) = (luma(&source), luma(&frame));
        let squares: f64 = a.iter().zip(&b).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum();
        sum += 10.0 * (255.0 * 255.0 * a.len() as f64 / squares).log10();
    }
    let reported = report.total.quality.psnr_y.unwrap();
    assert!((sum / FRAMES as f64 - reported).abs() < 1e-6, "{} and {reported}", sum / FRAMES as f64);
}

#[test]
fn a_seek_into_the_scene_gives_the_frames_of_the_whole() {
    for reach in [Reach::Near, Reach::Far] {
        let (bytes, _) = encoded(&reaching(reach));
        let frames = decoded(&bytes).unwrap();
        let mut decoder =
            SeekingDecoder::open(std::io::Cursor::new(bytes), DecoderSettings::default()).unwrap();
        for index in [FRAMES - 1, 17, 0] {
            decoder.seek(index).unwrap();
            let frame = decoder.decode_frame().unwrap().unwrap();
            assert_eq!(FrameHash::of(&frame), frames[index as usize], "frame {index}");
        }
    }
}

/// Black frames before a texture with noise.
struct Opening {
    clip: Clip,
    next: u64,
}

impl FrameSource for Opening {
    fn info(&self) -> &VideoInfo {
        &self.clip.info
    }

    fn next_frame(&mut self) -> neural_codec::Result<Option<Frame>> {
        let index = self.next;
        self.next += 1;
        if index == 40 {
            return Ok(None);
        }
        let mut frame = self.clip.frame(index);
        with_planes!(frame.planes_mut(), planes => for plane in planes {
            let mut state = index as u32 + 1;
            for sample in plane.samples_mut() {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *sample = if index < 20 { 0 } else { (*sample as u32 * 3 / 4 + (state >> 26)) as _ };
            }
        });
        Ok(Some(frame))
    }

    fn tracks(&self) -> &Tracks {
        self.clip.tracks()
    }
}

/// Whether each of the black frames is black as decoded.
fn is_black(pairs: &[(&str, &str)]) -> Vec<bool> {
    let mut settings = Settings::default();
    let asked = [("effort", "4"), ("preset", "10"), ("lambda", "150"), ("repeats", "off")];
    asked.iter().chain(pairs).for_each(|(name, value)| settings.set(name, value).unwrap());
    let mut opening = Opening { clip: Clip::new(160, 96, PixelFormat::YUV420_8, 40, 40), next: 0 };
    let mut bytes = Vec::new();
    let hooks = Hooks::default().with_scenes(vec![0..35, 35..40]);
    encode(&mut opening, &mut bytes, &settings, hooks).unwrap();
    let mut decoder = StreamDecoder::new(&bytes[..], DecoderSettings::default()).unwrap();
    let mut next = || decoder.decode_frame().unwrap().unwrap();
    (0..20)
        .map(|_| with_planes!(next().planes(), planes => planes[0].samples().iter().all(|&sample| sample == 0)))
        .collect()
}

#[test]
fn frames_that_are_exact_stay_exact_beside_noise() {
    // A weight of rate is followed without regard to filters, so the base layer is the same.
    let base = is_black(&[("strategies", "av1")]);
    if !base.contains(&true) {
        eprintln!("SKIPPED: this SVT-AV1 codes no black frame exactly");
        return;
    }
    for reach in [Reach::Near, Reach::Far] {
        let filtered = is_black(&reaching(reach));
        assert!(base.iter().zip(&filtered).all(|(base, filtered)| *filtered || !base), "{reach:?}");
    }
}

#[test]
fn quantizers_that_are_asked_for_and_plain_av1_have_no_filter() {
    for pairs in [[("quantizer", "45")], [("strategies", "av1")], [("effort", "3")]] {
        let (bytes, report) = encoded(&pairs);
        assert!(report.scenes[0].filter.is_none() && report.scenes[0].strategy == Strategy::Av1, "{pairs:?}");
        assert_eq!(decoded(&bytes).unwrap().len() as u64, FRAMES);
    }
}

/// A quantizer that is asked for one scene of a clip with a floor.
#[test]
fn scenes_whose_quantizer_is_asked_for_have_no_filter_either() {
    let (_, report) = encoded(&[("scene_settings", r#"[{"quantizer": 40}]"#)]);
    assert!(report.scenes[0].filter.is_none() && report.scenes[0].strategy == Strategy::Av1);
}

#[test]
fn pictures_that_have_no_ssim_are_filtered_for_a_floor_of_psnr_alone() {
    let mut settings = Settings::default();
    for (name, value) in [("effort", "0"), ("defaults", WEIGHTS_ANYWHERE)] {
        settings.set(name, value).unwrap();
    }
    // SSIM takes windows of 11x11.
    let clip = || Clip::new(64, 8, PixelFormat::YUV420_8, 24, 24);
    let report = encode(&mut clip(), &mut Vec::new(), &settings, Hooks::default()).unwrap();
    let (filter, quality) = (report.scenes[0].filter.as_ref().unwrap(), &report.total.quality);
    assert!(report.total.target_met && quality.psnr_y.unwrap() >= 35.0 && quality.ssim_y.is_none());
    assert!(
        filter.verdict != FilterVerdict::Kept || quality.psnr_y > filter.base_psnr_y,
        "{}",
        filter.reason
    );
    settings.set("min_ssim_y", "0.9").unwrap();
    let refused = encode(&mut clip(), &mut Vec::new(), &settings, Hooks::default()).unwrap_err();
    assert!(refused.to_string().starts_with("min_ssim_y: expected pictures of at least 11"), "{refused}");
}

/// Targets that all scenes share.
#[test]
fn filters_serve_rates_lambda_and_floors_of_the_clip() {
    for pairs in
        [&[("bitrate_bps", "400000")][..], &[("lambda", "30")], &[("scope", "clip"), ("min_ssim_y", "0.97")]]
    {
        let fast = [("preset", "10"), ("bit_depth", "8")];
        let (bytes, report) = encoded(&[pairs, &fast].concat());
        let scene = &report.scenes[0];
        let filter = scene.filter.as_ref().unwrap();
        assert_eq!(filter.verdict, FilterVerdict::Kept, "{pairs:?}: {}", filter.reason);
        assert!(scene.quality.psnr_y > filter.base_psnr_y && scene.quality.ssim_y > filter.base_ssim_y);
        assert!(report.total.target_met && report.total.bytes == bytes.len() as u64, "{pairs:?}");
        assert_eq!(decoded(&bytes).unwrap().len() as u64, FRAMES);
    }
}

#[test]
fn the_same_clip_gives_the_same_bytes_for_any_number_of_threads() {
    assert!(encoded(&[("threads", "1")]).0 == encoded(&[("threads", "3")]).0);
}

#[test]
fn filters_that_cannot_be_are_refused_by_name() {
    let (bytes, _) = encoded(&[]);
    let refused = |change: &dyn Fn(&mut NeuralFilter), name: &str| {
        let error = decoded(&with_filter(&bytes, |filter| change(filter))).unwrap_err();
        assert!(error.to_string().contains(name), "{name}: {error}");
        assert!(matches!(error, Error::Corrupt { .. } | Error::Unsupported { .. }), "{error:?}");
    };
    refused(&|filter| filter.profile = 18, "profile 18");
    refused(&|filter| filter.steps = vec![7], "Wiener filter of steps [7]");
    refused(&|filter| filter.steps.push(8), "Wiener filter of steps");
    refused(&|filter| filter.blocks = vec![1, 2], "block maps");
    refused(&|filter| filter.differences.push(0), "coded values");
    refused(&|filter| filter.differences.extend([7; 40]), "coded values");
    refused(&|filter| filter.differences.truncate(4), "");
    // Other weights are a filter too, but not the one that the hashes are of.
    let other = |filter: &mut NeuralFilter| filter.differences[6] ^= 1;
    let is_read = std::cell::Cell::new(false);
    let changed = with_filter(&bytes, |filter| {
        other(filter);
        is_read.set(weights_of(filter).is_ok());
    });
    let error = decoded(&changed).unwrap_err();
    assert!(!is_read.get() || error.to_string().contains("hash of decoded frames"), "{error}");
}

#[cfg(feature = "ffmpeg")]
mod files {
    use std::ops::ControlFlow;
    use std::path::Path;
    use std::process::Command;

    use neural_codec::decoder::{inspect_file, remux};
    use neural_codec::encoder::encode_file;
    use neural_codec::progress::CancelToken;

    use super::*;

    fn to(input: &Path, output: &Path) {
        let settings = DecoderSettings::default();
        remux(input, output, &settings, &CancelToken::new(), &mut |_| ControlFlow::Continue(())).unwrap();
    }

    fn of_file(path: &Path) -> Vec<FrameHash> {
        let mut decoder = StreamDecoder::open_file(path, DecoderSettings::default()).unwrap();
        let mut hashes = Vec::new();
        while let Some(frame) = decoder.decode_frame().unwrap() {
            hashes.push(FrameHash::of(&frame));
        }
        hashes
    }

    /// Players show the base layer, so that this has to meet the floor.
    #[test]
    fn files_for_players_have_no_filter_and_meet_the_floor_without() {
        let folder = tempfile::tempdir().unwrap();
        let (bytes, _) = encoded(&[("effort", "0"), ("quantizer", "8"), ("strategies", "av1")]);
        let source = folder.path().join("source.nvc");
        std::fs::write(&source, bytes).unwrap();
        let clip = folder.path().join("source.y4m");
        neural_codec::decoder::decode_file(
            &source,
            &clip,
            &DecoderSettings::default(),
            &CancelToken::new(),
            &mut |_| ControlFlow::Continue(()),
        )
        .unwrap();
        let mut settings = Settings::default();
        settings.set("effort", "4").unwrap();
        settings.set("defaults", "[wiener]\nleast_bytes = 0\n").unwrap();
        let kinds = ["mkv", "nvc"].map(|ending| {
            let output = folder.path().join(format!("out.{ending}"));
            let report = encode_file(&clip, &output, &settings, Hooks::default()).unwrap();
            assert!(report.total.target_met);
            let summary = inspect_file(&output, Limits::default()).unwrap();
            summary.scenes[0].strategy.clone()
        });
        assert_eq!(kinds, ["av1", "hybrid"]);
    }

    #[test]
    fn a_file_that_was_cut_decodes_as_far_as_it_goes() {
        [Reach::Near, Reach::Far].into_iter().for_each(cut);
    }

    fn cut(reach: Reach) {
        let folder = tempfile::tempdir().unwrap();
        let name = |name: &str| folder.path().join(name);
        let (bytes, report) = encoded(&reaching(reach));
        assert_eq!(report.scenes[0].strategy, Strategy::Hybrid);
        std::fs::write(name("whole.nvc"), &bytes).unwrap();
        to(&name("whole.nvc"), &name("whole.mkv"));
        let whole = decoded(&bytes).unwrap();
        assert_eq!(of_file(&name("whole.mkv")), whole);
        // 32 frames are a group of hashes: the last of them had frames after them when they were hashed.
        for frames in [32_usize, 20] {
            let cut = name(&format!("cut{frames}.mkv"));
            let status = Command::new("ffmpeg")
                .args(["-nostdin", "-v", "error", "-y", "-i"])
                .arg(name("whole.mkv"))
                .args(["-map", "0", "-c", "copy", "-frames:v", &frames.to_string()])
                .arg(&cut)
                .status();
            let Ok(status) = status else {
                eprintln!("SKIPPED: ffmpeg cannot be run here");
                return;
            };
            assert!(status.success());
            let found = of_file(&cut);
            assert_eq!(found.len(), frames);
            let right = frames - reach.frames();
            assert_eq!(found[..right], whole[..right]);
            assert_ne!(found[frames - 1], whole[frames - 1], "the last frame has no neighbor after it");
            to(&cut, &name("again.nvc"));
            assert_eq!(of_file(&name("again.nvc")), found, "hashed anew");
        }
    }
}
