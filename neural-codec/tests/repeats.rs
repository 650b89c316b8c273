//! Frames that show the one before again are coded once, and shown, counted and measured as all others.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first error")]

mod support;

use std::io::Cursor;

use neural_codec::bitstream::{Limits, SceneReader, Strategy, Tracks};
use neural_codec::decoder::{DecoderSettings, DecodingAgent, Received, SeekingDecoder, StreamDecoder};
use neural_codec::encoder::{Hooks, ScenePlace, concat, encode, encode_scene};
use neural_codec::filter::train::WarmStart;
use neural_codec::frame::{AnyFrame, Frame, FrameHash, PixelFormat, VideoInfo};
use neural_codec::media::FrameSource;
use neural_codec::metrics::{ClipMeasurer, Measures, Metric};
use neural_codec::progress::CancelToken;
use neural_codec::report::Report;
use neural_codec::settings::Settings;
use support::Clip;
use support::streams::{WEIGHTS_ANYWHERE, changed, decoded};

/// How often each picture of the clip is shown: a picture that stands, some that do not, pairs, and one that stands at the end.
const TIMES: [usize; 12] = [20, 1, 1, 2, 2, 2, 1, 5, 1, 1, 3, 9];
/// How often it is coded: half of the pictures are shown twice at least.
const CODINGS: [usize; 12] = [10, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1, 4];

fn frame_count() -> usize {
    TIMES.iter().sum()
}

/// A clip whose pictures are shown more than once, at uneven times.
struct Slides {
    clip: Clip,
    next: usize,
}

impl Slides {
    fn new() -> Self {
        Self::of_size(96, 64)
    }

    fn of_size(width: usize, height: usize) -> Self {
        Self { clip: Clip::new(width, height, PixelFormat::YUV420_8, TIMES.len() as u64, 100), next: 0 }
    }

    fn frame(&self, index: usize) -> Frame {
        let picture =
            TIMES.iter().enumerate().flat_map(|(k, &times)| std::iter::repeat_n(k, times)).nth(index);
        self.clip.frame(picture.unwrap() as u64).with_timestamp(timestamp(index))
    }
}

fn timestamp(index: usize) -> i64 {
    (2 * index + index / 7) as i64
}

impl FrameSource for Slides {
    fn info(&self) -> &VideoInfo {
        &self.clip.info
    }

    fn next_frame(&mut self) -> neural_codec::Result<Option<Frame>> {
        let frame = (self.next < frame_count()).then(|| self.frame(self.next));
        self.next += 1;
        Ok(frame)
    }

    fn tracks(&self) -> &Tracks {
        self.clip.tracks()
    }
}

fn settings(pairs: &[(&str, &str)]) -> Settings {
    let mut settings = Settings::default();
    pairs.iter().for_each(|(name, value)| settings.set(name, value).unwrap());
    settings
}

fn encoded(pairs: &[(&str, &str)]) -> (Vec<u8>, Report) {
    encoded_clip(Slides::new(), pairs)
}

fn encoded_clip(mut clip: Slides, pairs: &[(&str, &str)]) -> (Vec<u8>, Report) {
    let mut bytes = Vec::new();
    let report = encode(&mut clip, &mut bytes, &settings(pairs), Hooks::default()).unwrap();
    (bytes, report)
}

const PLAIN: [(&str, &str); 2] = [("effort", "2"), ("min_psnr_y", "36")];

#[test]
fn a_decoder_gives_every_frame_though_some_show_the_one_before() {
    let (bytes, report) = encoded(&PLAIN);
    let mut reader = SceneReader::open(Cursor::new(&bytes[..]), Limits::default()).unwrap();
    assert_eq!(reader.scene_count(), 1);
    let scene = reader.scene(0).unwrap();
    let coded = CODINGS.iter().sum();
    assert_eq!((scene.base.units().len(), scene.header.coded_count()), (coded, coded));
    assert_eq!((report.total.frames, report.scenes[0].coded_frames), (frame_count() as u64, coded as u64));
    let mut decoder = StreamDecoder::new(&bytes[..], DecoderSettings::default()).unwrap();
    let mut index = 0;
    for at in 0..coded {
        let mut pictures = Vec::new();
        for _ in 0..=scene.header.repeats.of(at) {
            let frame = decoder.decode_frame().unwrap().unwrap();
            assert_eq!(frame.timestamp, timestamp(index));
            pictures.push(FrameHash::of(&frame));
            index += 1;
        }
        assert!(pictures.windows(2).all(|pair| pair[0] == pair[1]), "frame {index}");
    }
    assert!(index == frame_count() && decoder.decode_frame().unwrap().is_none());
    let (_, report) = encoded(&[&PLAIN[..], &[("repeats", "off")]].concat());
    assert_eq!(report.scenes[0].coded_frames, report.scenes[0].frames);
}

/// A quantizer is coded as frames come, before it is known how often they are shown.
#[test]
fn a_quantizer_that_is_asked_for_codes_every_frame() {
    let folder = tempfile::tempdir().unwrap();
    let cache = ("cache_dir", folder.path().to_str().unwrap());
    for more in [&[][..], &[cache], &[("scene_settings", r#"[{"quantizer": 50}]"#)]] {
        let target =
            if more.len() == 1 && more[0].0 == "scene_settings" { &[][..] } else { &[("quantizer", "50")] };
        let (_, report) = encoded(&[&[("effort", "2")], target, more].concat());
        assert_eq!(report.scenes[0].coded_frames, report.scenes[0].frames);
    }
}

#[test]
fn a_floor_is_that_of_all_frames_that_are_shown() {
    let weights = &[("defaults", WEIGHTS_ANYWHERE)][..];
    let floors = [
        [("effort", "3"), ("min_psnr_y", "37")],
        [("effort", "4"), ("min_ssim_y", "0.97")],
        [("effort", "4"), ("min_xpsnr", "36")],
    ];
    for (floor, weights) in floors.iter().zip([&[][..], weights, weights]) {
        let (bytes, report) = encoded(&[floor, weights].concat());
        let measures = Measures::SSIM.with(Metric::XpsnrY);
        let mut measurer = ClipMeasurer::new(Slides::new().info(), measures).unwrap();
        let mut decoder = StreamDecoder::new(&bytes[..], DecoderSettings::default()).unwrap();
        for index in 0..frame_count() {
            let frame = decoder.decode_frame().unwrap().unwrap();
            measurer.push(&Slides::new().frame(index), &frame).unwrap();
        }
        let found = measurer.finish().unwrap().comparison.finish();
        let said = &report.total.quality;
        assert_eq!((said.psnr_y, said.ssim_y), (found.psnr_y, found.ssim_y));
        assert!(report.scenes.iter().all(|scene| scene.target_met), "{floor:?}");
        let reached = match floor[1].0 {
            "min_psnr_y" => found.psnr_y,
            "min_ssim_y" => found.ssim_y,
            _ => found.xpsnr_y,
        };
        assert!(reached.unwrap() >= floor[1].1.parse().unwrap(), "{floor:?}: {reached:?}");
        if !weights.is_empty() {
            assert_eq!(report.scenes[0].strategy, Strategy::Hybrid);
        }
    }
}

#[test]
fn shares_of_bytes_and_neural_filters_know_repeats() {
    let (bytes, report) = encoded(&[("effort", "3"), ("bitrate_bps", "60000")]);
    assert!(report.total.target_met && report.total.bitrate_bps <= 60_000.0);
    assert_eq!(decoded(&bytes).unwrap().len(), frame_count());
    let asked = [("effort", "3"), ("strategies", "hybrid"), ("min_psnr_y", "34")];
    let (bytes, report) = encoded_clip(Slides::of_size(333, 259), &asked);
    let scene = &report.scenes[0];
    assert_eq!(
        (scene.strategy, scene.coded_frames),
        (Strategy::Hybrid, CODINGS.iter().sum::<usize>() as u64)
    );
    assert_eq!(scene.filter.as_ref().unwrap().network_size, "M");
    assert_eq!(decoded(&bytes).unwrap().len(), frame_count());
}

#[test]
fn any_frame_is_found_within_those_that_are_shown_again() {
    for defaults in ["none", WEIGHTS_ANYWHERE] {
        let (bytes, _) = encoded(&[("effort", "3"), ("min_psnr_y", "36"), ("defaults", defaults)]);
        let expected = decoded(&bytes).unwrap();
        let mut decoder = SeekingDecoder::open(Cursor::new(&bytes[..]), DecoderSettings::default()).unwrap();
        for index in [0, 19, 20, 5, 30, 29, frame_count() - 1, 22] {
            decoder.seek(index as u64).unwrap();
            let frame = decoder.decode_frame().unwrap().unwrap();
            assert_eq!((FrameHash::of(&frame), frame.timestamp), (expected[index], timestamp(index)));
        }
    }
}

#[test]
fn a_pushed_stream_gives_what_is_shown_again_without_waiting_for_more() {
    for defaults in ["none", WEIGHTS_ANYWHERE] {
        let (bytes, _) = encoded(&[("effort", "3"), ("min_psnr_y", "36"), ("defaults", defaults)]);
        let expected = decoded(&bytes).unwrap();
        let mut agent = DecodingAgent::new(DecoderSettings::default()).unwrap();
        let (mut found, mut sent, mut came) = (Vec::new(), 0, vec![0; frame_count()]);
        loop {
            match agent.receive_frame().unwrap() {
                Received::Frame(frame) => {
                    came[found.len()] = sent;
                    found.push(FrameHash::of(&frame.into_host().unwrap()));
                }
                Received::NeedsData if sent < bytes.len() => {
                    agent.send_data(&bytes[sent..=sent]).unwrap();
                    sent += 1;
                }
                Received::NeedsData => agent.finish().unwrap(),
                _ => break,
            }
        }
        assert_eq!(found, expected);
        // What is shown again takes no more bytes.
        let mut reader = SceneReader::open(Cursor::new(&bytes[..]), Limits::default()).unwrap();
        let repeats = reader.scene(0).unwrap().header.repeats;
        let mut shown = came.iter();
        for at in 0..CODINGS.iter().sum() {
            let first = shown.next().unwrap();
            assert!(shown.by_ref().take(repeats.of(at) as usize).all(|at| at == first), "{came:?}");
        }
        assert!(came[0] < bytes.len() * 9 / 10, "{came:?}");
    }
}

#[test]
fn scenes_of_a_cluster_and_interrupted_encodes_give_the_same_bytes() {
    let (bytes, _) = encoded(&PLAIN);
    let slides = Slides::new();
    let frames = (0..frame_count()).map(|index| Ok(AnyFrame::Host(slides.frame(index))));
    let place = ScenePlace { index: 0, first_frame: 0 };
    let cancel = CancelToken::new();
    let chosen = settings(&PLAIN);
    let scene = encode_scene(slides.info(), frames, place, &chosen, &WarmStart::default(), &cancel).unwrap();
    let mut joined = Vec::new();
    concat(slides.info(), None, &mut joined, &chosen, [scene]).unwrap();
    assert_eq!(decoded(&joined).unwrap(), decoded(&bytes).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let cached = [("effort", "3"), ("min_psnr_y", "36"), ("cache_dir", folder.path().to_str().unwrap())];
    let (first, _) = encoded(&cached);
    let (again, report) = encoded(&cached);
    assert!(first == again && report.notes.iter().any(|note| note.contains("attempt cache")));
    assert_eq!(first, encoded(&cached[..2]).0);
}

#[test]
fn a_stream_that_contradicts_its_repeats_is_damage() {
    let (bytes, _) = encoded(&PLAIN);
    let last = changed(&bytes, |scene| {
        // A hash of other frames: the last group ends within the last run.
        let hash = scene.hashes.last_mut().unwrap();
        *hash ^= 1;
    });
    let mut decoder = StreamDecoder::new(&last[..], DecoderSettings::default()).unwrap();
    let mut frames = 0;
    let error = loop {
        match decoder.decode_frame() {
            Ok(Some(_)) => frames += 1,
            Ok(None) => panic!("no error after {frames} frames"),
            Err(error) => break error,
        }
    };
    assert!(error.to_string().contains("hash of decoded frames"), "{error}");
    assert_eq!(frames, frame_count() - 1);
}

#[cfg(feature = "ffmpeg")]
mod files {
    use std::ops::ControlFlow;

    use neural_codec::decoder::{decode_file, remux};

    use super::*;
    use crate::support::files::{ffmpeg, folder, times};

    /// Three pictures of testsrc, one a second, in a clip of 25 frames a second.
    fn slides(folder: &std::path::Path) {
        ffmpeg(folder, "-f lavfi -i testsrc=s=96x64:r=1:d=3 -vf fps=25 -c:v ffv1 {}/slides.mkv");
    }

    #[test]
    fn a_file_for_players_has_all_frames_and_one_made_of_a_stream_has_longer_ones() {
        let Some(folder) = folder() else { return };
        let path = folder.path();
        slides(path);
        let to = |from: &str, to: &str| {
            let (settings, cancel) = (DecoderSettings::default(), CancelToken::new());
            remux(&path.join(from), &path.join(to), &settings, &cancel, &mut |_| ControlFlow::Continue(()))
                .unwrap()
        };
        let encode = |to: &str| {
            let (from, to) = (path.join("slides.mkv"), path.join(to));
            let settings = settings(&[("effort", "2"), ("min_psnr_y", "36")]);
            neural_codec::encoder::encode_file(&from, &to, &settings, Hooks::default()).unwrap()
        };
        assert_eq!(encode("all.mp4").scenes.iter().map(|scene| scene.coded_frames).sum::<u64>(), 75);
        assert_eq!(times(path, "all.mp4", "v").len(), 75);
        let report = encode("slides.nvc");
        let repeated: u64 = report.scenes.iter().map(|scene| scene.frames - scene.coded_frames).sum();
        assert_eq!((report.total.frames, repeated), (75, 72));
        for container in ["mkv", "mp4"] {
            let name = format!("slides.{container}");
            let exported = to("slides.nvc", &name);
            assert_eq!((exported.frames, exported.lost.len()), (3, 1));
            assert!(exported.lost[0].why.starts_with("72 repeat the picture before"));
            assert_eq!(times(path, &name, "v"), [0.0, 1.0, 2.0]);
            let length = crate::support::files::run(
                path,
                &format!("ffprobe -v error -show_entries format=duration -of csv=p=0 {{}}/{name}"),
            );
            assert!((length.trim().parse::<f64>().unwrap() - 3.0).abs() < 0.045, "{container}: {length}");
            // Decoded, the last picture is shown as long.
            let (again, settings) = (path.join("again.mp4"), DecoderSettings::default());
            let cancel = CancelToken::new();
            decode_file(&path.join(&name), &again, &settings, &cancel, &mut |_| ControlFlow::Continue(()))
                .unwrap();
            assert_eq!(times(path, "again.mp4", "v"), [0.0, 1.0, 2.0]);
            let last = crate::support::files::run(
                path,
                "ffprobe -v error -show_entries packet=duration_time -of csv=p=0 {}/again.mp4",
            );
            let last: f64 = last.lines().last().unwrap().trim_end_matches(',').parse().unwrap();
            assert!((last - 1.0).abs() < 0.045, "{container}: the last picture lasts {last} s");
            // Back in a stream the same pictures come, checked by their hashes.
            to(&name, "back.nvc");
            let all = decoded(&std::fs::read(path.join("slides.nvc")).unwrap()).unwrap();
            let back = decoded(&std::fs::read(path.join("back.nvc")).unwrap()).unwrap();
            assert_eq!(back, [all[0], all[25], all[50]]);
        }
    }
}
