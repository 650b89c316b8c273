//! From frames to a stream and back, through the public facade.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test stops at the first error"
)]

mod support;

use neural_codec::bitstream::{AudioPacket, Trim};
use neural_codec::decoder::{DecoderSettings, DecodingAgent, OnDamage, Received, StreamDecoder, inspect};
use neural_codec::encoder::{EncodingAgent, Hooks, encode};
use neural_codec::error::Error;
use neural_codec::frame::{Frame, FrameHash, PixelFormat};
use neural_codec::media::FrameSource;
use neural_codec::progress::CancelToken;
use neural_codec::report::Report;
use neural_codec::settings::Settings;
use support::Clip;

fn settings(pairs: &[(&str, &str)]) -> Settings {
    let mut settings = Settings::default();
    settings.set("effort", "1").unwrap();
    pairs.iter().for_each(|(name, value)| settings.set(name, value).unwrap());
    settings
}

fn encoded(clip: &mut Clip, settings: &Settings) -> (Vec<u8>, Report) {
    let mut bytes = Vec::new();
    let report = encode(clip, &mut bytes, settings, Hooks::default()).unwrap();
    (bytes, report)
}

fn decoded(bytes: &[u8]) -> (Vec<Frame>, Vec<AudioPacket>) {
    let mut decoder = StreamDecoder::new(bytes, DecoderSettings::default()).unwrap();
    let (mut frames, mut audio) = (Vec::new(), Vec::new());
    while let Some(frame) = decoder.decode_frame().unwrap() {
        frames.push(frame);
        audio.extend(decoder.take_audio());
    }
    audio.extend(decoder.take_audio());
    (frames, audio)
}

#[test]
fn every_frame_comes_back_in_order_with_its_time_and_description() {
    let formats = [PixelFormat::YUV420_8, PixelFormat::YUV420_10];
    for (format, (width, height)) in formats.into_iter().zip([(97, 65), (64, 48)]) {
        let mut clip = Clip::new(width, height, format, 25, 10);
        let (bytes, report) = encoded(&mut clip, &settings(&[("quantizer", "20")]));
        let (frames, _) = decoded(&bytes);
        assert_eq!(frames.len(), 25);
        for (index, frame) in frames.iter().enumerate() {
            assert_eq!((frame.width(), frame.height()), (width, height));
            assert_eq!(frame.format(), format);
            assert_eq!(frame.color(), clip.info.color);
            assert_eq!(frame.timestamp, index as i64);
        }
        assert_eq!(report.total.bytes, bytes.len() as u64);
        assert_eq!(report.total.frames, 25);
        assert!(report.total.quality.psnr_y.unwrap() > 30.0);
    }
}

#[test]
fn the_report_is_what_a_fresh_comparison_measures() {
    let mut clip = Clip::new(128, 96, PixelFormat::YUV420_8, 30, 12);
    let (bytes, report) = encoded(&mut clip, &settings(&[("quantizer", "40")]));
    clip.next = 0;
    let mut decoder = StreamDecoder::new(bytes.as_slice(), DecoderSettings::default()).unwrap();
    let metrics =
        neural_codec::decoder::compare(&mut clip, &mut decoder, neural_codec::metrics::Measures::SSIM)
            .unwrap();
    assert_eq!(metrics.psnr_y, report.total.quality.psnr_y);
    assert_eq!(metrics.psnr_yuv, report.total.quality.psnr_yuv);
    assert_eq!(metrics.ssim_y, report.total.quality.ssim_y);
    let summary = inspect(bytes.as_slice(), Default::default()).unwrap();
    assert_eq!(summary.frames, 30);
    assert_eq!(summary.bytes, report.total.bytes);
    assert_eq!(summary.scenes.len() as u32, report.total.scenes);
    assert!((summary.bitrate_bps - report.total.bitrate_bps).abs() < 1e-6);
}

#[test]
fn output_does_not_depend_on_thread_count() {
    let run = |threads| {
        encoded(&mut Clip::new(96, 64, PixelFormat::YUV420_8, 60, 20), &settings(&[("threads", threads)])).0
    };
    let one = run("1");
    assert_eq!(one, run("2"));
    assert_eq!(one, run("5"));
}

#[test]
fn scenes_are_found_or_taken_from_the_caller() {
    let (_, report) = encoded(&mut Clip::new(160, 96, PixelFormat::YUV420_8, 60, 20), &settings(&[]));
    let starts: Vec<u64> = report.scenes.iter().map(|scene| scene.first_frame).collect();
    assert_eq!(starts, [0, 20, 40]);
    let hooks = Hooks::default().with_scenes(vec![0..7, 7..60]);
    let mut clip = Clip::new(160, 96, PixelFormat::YUV420_8, 60, 20);
    let report = encode(&mut clip, &mut Vec::new(), &settings(&[]), hooks).unwrap();
    let lengths: Vec<u64> = report.scenes.iter().map(|scene| scene.frames).collect();
    assert_eq!(lengths, [7, 53]);
}

#[test]
fn tiny_and_single_frame_clips_work() {
    for (width, height, frames) in [(1, 1, 3), (5, 3, 1), (64, 64, 1), (2, 200, 2)] {
        let mut clip = Clip::new(width, height, PixelFormat::YUV420_8, frames, 100);
        let (bytes, report) = encoded(&mut clip, &settings(&[("quantizer", "10")]));
        assert_eq!(decoded(&bytes).0.len() as u64, frames);
        assert_eq!(report.total.quality.ssim_y.is_some(), width >= 11 && height >= 11);
    }
}

#[test]
fn other_layouts_are_coded_as_420_and_the_report_says_so() {
    let mut clip = Clip::new(64, 48, PixelFormat::RGB_8, 4, 100);
    let (bytes, report) = encoded(&mut clip, &settings(&[]));
    assert_eq!(
        (report.source.pixel_format.as_str(), report.coded.pixel_format.as_str()),
        ("gbrp", "yuv420p")
    );
    assert_eq!(report.notes.len(), 1);
    assert_eq!(decoded(&bytes).0[0].format(), PixelFormat::YUV420_8);
}

#[test]
fn coding_at_10_bits_keeps_the_output_at_8() {
    let mut clip = Clip::new(96, 64, PixelFormat::YUV420_8, 8, 100);
    let (bytes, report) = encoded(&mut clip, &settings(&[("bit_depth", "10"), ("quantizer", "20")]));
    assert_eq!(report.scenes[0].bit_depth, 10);
    assert_eq!(decoded(&bytes).0[0].format(), PixelFormat::YUV420_8);
}

#[test]
fn audio_comes_back_unchanged() {
    let mut clip = Clip::new(64, 48, PixelFormat::YUV420_8, 40, 15).with_audio();
    let (bytes, report) = encoded(&mut clip, &settings(&[]));
    let (_, audio) = decoded(&bytes);
    assert_eq!(audio.len(), 40);
    for (index, packet) in audio.iter().enumerate() {
        assert_eq!(packet.timestamp, index as i64 * 1920);
        assert_eq!(packet.data, (index as u64).to_le_bytes().repeat(10));
    }
    // The same in every kind of file, and no more than what a demuxer finds there.
    let bytes: usize = audio.iter().map(|packet| packet.data.len()).sum();
    assert_eq!(report.total.audio_bytes, bytes as u64);
}

#[test]
fn audio_may_still_come_when_a_scene_is_already_written() {
    let clip = Clip::new(64, 48, PixelFormat::YUV420_8, 60, 15).with_audio();
    let mut agent =
        EncodingAgent::new(clip.info, &settings(&[])).unwrap().with_tracks(clip.tracks.clone()).unwrap();
    let packet =
        |timestamp| AudioPacket { track: 0, timestamp, duration: 1, trim: Trim::default(), data: vec![7] };
    let (mut bytes, mut sent) = (Vec::new(), 0);
    for index in 0..60 {
        agent.send_frame(clip.frame(index)).unwrap();
    }
    // The first scenes need nothing more; wait until one is out.
    while bytes.is_empty() {
        bytes.extend(agent.receive_packet().unwrap().unwrap_or_default());
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    while sent < 3 {
        agent.send_audio(packet(sent)).unwrap();
        sent += 1;
    }
    agent.finish().unwrap();
    while let Some(more) = agent.receive_packet().unwrap() {
        bytes.extend(more);
    }
    assert_eq!(decoded(&bytes).1.len(), 3);
}

#[test]
fn pushing_bytes_in_pieces_gives_the_same_frames() {
    let (bytes, _) = encoded(&mut Clip::new(96, 64, PixelFormat::YUV420_8, 24, 10), &settings(&[]));
    let expected: Vec<FrameHash> = decoded(&bytes).0.iter().map(FrameHash::of).collect();
    for piece in [1, 100, 4096, bytes.len()] {
        let mut agent = DecodingAgent::new(DecoderSettings::default()).unwrap();
        let (mut pieces, mut found) = (bytes.chunks(piece), Vec::new());
        loop {
            match agent.receive_frame().unwrap() {
                Received::Frame(frame) => found.push(FrameHash::of(&frame.into_host().unwrap())),
                Received::NeedsData => match pieces.next() {
                    Some(piece) => assert!(agent.send_data(piece).unwrap()),
                    None => agent.finish().unwrap(),
                },
                Received::End => break,
            }
        }
        assert_eq!(found, expected, "pieces of {piece}");
        assert_eq!(agent.header().unwrap().info.width, 96);
    }
}

#[test]
fn a_damaged_scene_costs_that_scene_only() {
    let (mut bytes, report) = encoded(&mut Clip::new(96, 64, PixelFormat::YUV420_8, 30, 10), &settings(&[]));
    assert_eq!(report.total.scenes, 3);
    let middle = bytes.len() - report.scenes[2].bytes as usize - 200 - report.scenes[1].bytes as usize / 2;
    bytes[middle] ^= 0x55;
    let skip = DecoderSettings::default().with_on_damage(OnDamage::SkipScene);
    let mut decoder = StreamDecoder::new(bytes.as_slice(), skip).unwrap();
    let (mut times, mut errors) = (Vec::new(), Vec::new());
    loop {
        match decoder.decode_frame() {
            Ok(Some(frame)) => times.push(frame.timestamp),
            Ok(None) => break,
            Err(error) => errors.push(error),
        }
    }
    assert_eq!(times, (0..10).chain(20..30).collect::<Vec<_>>());
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].place().scene, Some(1));
    let mut strict = StreamDecoder::new(bytes.as_slice(), DecoderSettings::default()).unwrap();
    let results: Vec<_> = std::iter::from_fn(|| strict.decode_frame().transpose()).collect();
    assert_eq!(results.len(), 11);
    assert!(results[10].is_err());
}

#[test]
fn a_truncated_stream_is_an_error_wherever_it_ends() {
    let (bytes, _) =
        encoded(&mut Clip::new(64, 64, PixelFormat::YUV420_8, 3, 100), &settings(&[("quantizer", "63")]));
    for length in 0..bytes.len() {
        let mut frames = 0;
        let result =
            StreamDecoder::new(&bytes[..length], DecoderSettings::default()).and_then(|mut decoder| {
                while decoder.decode_frame()?.is_some() {
                    frames += 1;
                }
                Ok(())
            });
        assert!(result.is_err(), "{length} of {} bytes gave {frames} frames and no error", bytes.len());
    }
}

#[test]
fn one_flipped_byte_anywhere_is_an_error_or_harmless_and_never_silent() {
    let (bytes, _) =
        encoded(&mut Clip::new(64, 64, PixelFormat::YUV420_8, 3, 100), &settings(&[("quantizer", "63")]));
    let expected: Vec<FrameHash> = decoded(&bytes).0.iter().map(FrameHash::of).collect();
    for at in 0..bytes.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut damaged = bytes.clone();
            damaged[at] ^= flip;
            let mut found = Vec::new();
            let result =
                StreamDecoder::new(damaged.as_slice(), DecoderSettings::default()).and_then(|mut decoder| {
                    while let Some(frame) = decoder.decode_frame()? {
                        found.push(FrameHash::of(&frame));
                    }
                    Ok(())
                });
            assert!(result.is_err() || found == expected, "byte {at} ^ {flip:#x}");
        }
    }
}

#[test]
fn frames_of_another_shape_are_refused_by_index() {
    let clip = Clip::new(64, 48, PixelFormat::YUV420_8, 4, 100);
    let mut agent = EncodingAgent::new(clip.info, &settings(&[])).unwrap();
    agent.send_frame(clip.frame(0)).unwrap();
    let other = Clip::new(64, 50, PixelFormat::YUV420_8, 4, 100).frame(0);
    let message = agent.send_frame(other).unwrap_err().to_string();
    assert!(message.contains("frame 1") && message.contains("64x50"), "{message}");
}

#[test]
fn calls_out_of_order_and_empty_clips_are_errors() {
    let clip = Clip::new(64, 48, PixelFormat::YUV420_8, 4, 100);
    let mut agent = EncodingAgent::new(clip.info, &settings(&[])).unwrap();
    assert!(matches!(agent.finish(), Err(Error::InvalidArgument { .. })));
    let mut agent = EncodingAgent::new(clip.info, &settings(&[])).unwrap();
    agent.send_frame(clip.frame(0)).unwrap();
    agent.finish().unwrap();
    assert!(matches!(agent.send_frame(clip.frame(1)), Err(Error::WrongOrder { .. })));
    assert!(matches!(agent.finish(), Err(Error::WrongOrder { .. })));
    assert!(matches!(agent.into_report(), Err(Error::WrongOrder { .. })));
}

#[test]
fn cancelling_ends_an_encode_at_once() {
    let cancel = CancelToken::new();
    let hooks = Hooks::default().with_cancel(cancel.clone());
    let mut clip = Clip::new(64, 48, PixelFormat::YUV420_8, 100, 40);
    cancel.cancel();
    assert!(matches!(encode(&mut clip, &mut Vec::new(), &settings(&[]), hooks), Err(Error::Cancelled)));
    let mut reported = 0;
    let hooks = Hooks::default().with_progress(|_| {
        reported += 1;
        if reported == 3 { std::ops::ControlFlow::Break(()) } else { std::ops::ControlFlow::Continue(()) }
    });
    let mut clip = Clip::new(64, 48, PixelFormat::YUV420_8, 100, 40);
    assert!(matches!(encode(&mut clip, &mut Vec::new(), &settings(&[]), hooks), Err(Error::Cancelled)));
    assert_eq!(reported, 3);
}
