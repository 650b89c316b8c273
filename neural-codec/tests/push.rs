//! Pushed streams: a frame comes with the last byte that it needs, is marked until it is checked, and is right once it is.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first error")]

mod support;

use std::io::Read;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use neural_codec::bitstream::{EarlyItem, FRAMES_PER_HASH, Limits, PacketReader, Strategy};
use neural_codec::decoder::{DecoderSettings, DecodingAgent, OnDamage, Received};
use neural_codec::encoder::{Hooks, encode};
use neural_codec::error::Error;
use neural_codec::frame::{FrameHash, PixelFormat};
use neural_codec::settings::Settings;
use support::Clip;
use support::streams::{WEIGHTS_ANYWHERE, decoded};

/// Frames of the scenes of the stream that is tried: a whole group and a part, less than one, one frame.
const SCENES: [u64; 3] = [40, 12, 1];
const FRAMES: u64 = SCENES[0] + SCENES[1] + SCENES[2];

/// A stream of three scenes, and the hashes of its frames.
fn stream() -> &'static (Vec<u8>, Vec<FrameHash>) {
    static STREAM: OnceLock<(Vec<u8>, Vec<FrameHash>)> = OnceLock::new();
    STREAM.get_or_init(|| {
        let mut settings = Settings::default();
        for (name, value) in [("quantizer", "58"), ("preset", "8"), ("strategies", "av1")] {
            settings.set(name, value).unwrap();
        }
        let hooks = Hooks::default().with_scenes(vec![0..40, 40..52, 52..FRAMES]);
        let mut bytes = Vec::new();
        encode(&mut Clip::new(96, 64, PixelFormat::YUV420_8, FRAMES, 20), &mut bytes, &settings, hooks)
            .unwrap();
        let hashes = decoded(&bytes).unwrap();
        (bytes, hashes)
    })
}

/// Which frames end a group of hashes, so that they are never provisional.
fn ends_a_group(frame: u64) -> bool {
    let mut first = 0;
    for frames in SCENES {
        if frame < first + frames {
            return (frame - first + 1).is_multiple_of(FRAMES_PER_HASH as u64) || frame + 1 == first + frames;
        }
        first += frames;
    }
    false
}

/// What came out of an agent.
#[derive(Debug)]
enum Out {
    /// A frame by its timestamp, its hash, whether it is provisional, and how many bytes were sent before it.
    Frame(i64, FrameHash, bool, usize),
    Error(Error),
}

/// Pushes a stream in pieces, and receives all that comes after each.
fn pushed(bytes: &[u8], piece: usize, settings: DecoderSettings) -> Vec<Out> {
    let mut agent = DecodingAgent::new(settings).unwrap();
    let (mut pieces, mut sent, mut out) = (bytes.chunks(piece), 0, Vec::new());
    loop {
        match agent.receive_frame() {
            Ok(Received::Frame(frame)) => {
                let (time, hash) = (frame.timestamp(), FrameHash::of(&frame.into_host().unwrap()));
                out.push(Out::Frame(time, hash, agent.is_provisional(), sent));
            }
            Ok(Received::NeedsData) => match pieces.next() {
                Some(piece) => {
                    sent += piece.len();
                    assert!(agent.send_data(piece).unwrap());
                }
                None => agent.finish().unwrap(),
            },
            Ok(Received::End) => return out,
            Err(error) => out.push(Out::Error(error)),
        }
    }
}

/// One byte at a time, and how many were read.
struct Counted<'a>(&'a [u8], &'a AtomicUsize);

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.0.read(&mut buffer[..1])?;
        self.1.fetch_add(count, Ordering::Relaxed);
        Ok(count)
    }
}

/// Bytes of the stream up to the end of each unit.
fn ends_of_units(bytes: &[u8]) -> Vec<usize> {
    let read = AtomicUsize::new(0);
    let mut reader = PacketReader::new(Counted(bytes, &read), Limits::default()).unwrap();
    let mut ends = Vec::new();
    while let Some(item) = reader.next_early_item().unwrap() {
        assert!(matches!(item, EarlyItem::Opened(_)));
        while reader.next_unit().unwrap().is_some() {
            ends.push(read.load(Ordering::Relaxed));
        }
    }
    ends
}

#[test]
fn a_frame_comes_with_the_last_byte_of_its_unit() {
    let (bytes, hashes) = stream();
    let ends = ends_of_units(bytes);
    assert_eq!(ends.len() as u64, FRAMES);
    for threads in [1, 4] {
        let out = pushed(bytes, 1, DecoderSettings::default().with_threads(threads));
        assert_eq!(out.len() as u64, FRAMES);
        for (number, out) in out.into_iter().enumerate() {
            let Out::Frame(time, hash, is_provisional, sent) = out else { panic!("frame {number}: {out:?}") };
            assert_eq!((time, hash, sent), (number as i64, hashes[number], ends[number]));
            assert_eq!(is_provisional, !ends_a_group(number as u64), "frame {number}");
        }
    }
}

#[test]
fn pieces_of_any_size_give_the_same_frames() {
    let (bytes, hashes) = stream();
    for piece in [7, 1000, bytes.len()] {
        let out = pushed(bytes, piece, DecoderSettings::default());
        let found: Vec<_> =
            out.iter().map(|out| if let Out::Frame(_, hash, ..) = out { *hash } else { panic!() }).collect();
        assert_eq!(&found, hashes);
    }
}

#[test]
fn whole_scenes_come_late_and_checked_where_that_is_asked_for() {
    let (bytes, hashes) = stream();
    let ends = ends_of_units(bytes);
    let settings = DecoderSettings::default().with_whole_scenes(true);
    for (number, out) in pushed(bytes, 1, settings).into_iter().enumerate() {
        let Out::Frame(_, hash, is_provisional, sent) = out else { panic!("frame {number}: {out:?}") };
        let scene_end = [39, 51, 52].into_iter().find(|&last| number <= last).unwrap();
        assert_eq!((hash, is_provisional, sent), (hashes[number], false, ends[scene_end]));
    }
}

#[test]
fn what_was_confirmed_is_right_and_damage_costs_no_scene_after_it() {
    let (bytes, hashes) = stream();
    let skip = DecoderSettings::default().with_on_damage(OnDamage::SkipScene).with_threads(1);
    let ends = ends_of_units(bytes);
    for position in (200..ends[51]).step_by(ends[51] / 60) {
        let mut damaged = bytes.clone();
        damaged[position] ^= 0x24;
        for (settings, skips) in [(skip.clone(), true), (DecoderSettings::default().with_threads(1), false)] {
            let (mut waiting, mut confirmed, mut errors) = (Vec::new(), Vec::new(), Vec::new());
            for out in pushed(&damaged, 500, settings) {
                match out {
                    Out::Frame(time, hash, is_provisional, _) => {
                        waiting.push((time as usize, hash));
                        if !is_provisional {
                            confirmed.append(&mut waiting);
                        }
                    }
                    Out::Error(error) => {
                        waiting.clear();
                        errors.push(error);
                    }
                }
            }
            assert!(waiting.is_empty(), "byte {position}: frames that were neither confirmed nor refused");
            assert_eq!(errors.len(), 1, "byte {position}: {errors:?}");
            for (time, hash) in &confirmed {
                assert_eq!(*hash, hashes[*time], "byte {position}, frame {time}");
            }
            let damaged_scene = if position < ends[39] { 0..40 } else { 40..52 };
            assert_eq!(
                errors[0].place().scene,
                Some(if damaged_scene.start == 0 { 0 } else { 1 }),
                "{}",
                errors[0]
            );
            let others = (0..FRAMES as usize).filter(|frame| !damaged_scene.contains(frame));
            let others = others.filter(|&frame| skips || frame < damaged_scene.start);
            assert!(
                others.clone().all(|frame| confirmed.iter().any(|(time, _)| *time == frame)),
                "byte {position}"
            );
        }
    }
}

#[test]
fn a_stream_that_stops_gives_the_frames_that_came_and_then_says_so() {
    let (bytes, hashes) = stream();
    let ends = ends_of_units(bytes);
    for last in [0, 1, 20, 39, 40, 45] {
        let stop = ends[last] - 1;
        let frames = ends.iter().filter(|&&end| end <= stop).count();
        let mut out = pushed(&bytes[..stop], 300, DecoderSettings::default());
        assert!(matches!(out.pop(), Some(Out::Error(Error::Truncated { .. }))), "{frames} frames");
        assert_eq!(out.len(), frames);
        for (number, out) in out.into_iter().enumerate() {
            assert!(matches!(out, Out::Frame(_, hash, ..) if hash == hashes[number]));
        }
    }
}

/// A stream of two scenes whose frames depend on the frame after them.
fn looking_ahead() -> &'static (Vec<u8>, Vec<FrameHash>) {
    static STREAM: OnceLock<(Vec<u8>, Vec<FrameHash>)> = OnceLock::new();
    STREAM.get_or_init(|| {
        let mut settings = Settings::default();
        for (name, value) in [("effort", "0"), ("min_psnr_y", "34"), ("defaults", WEIGHTS_ANYWHERE)] {
            settings.set(name, value).unwrap();
        }
        let hooks = Hooks::default().with_scenes(vec![0..36, 36..48]);
        let mut bytes = Vec::new();
        let mut clip = Clip::new(160, 112, PixelFormat::YUV420_8, 48, 36);
        let report = encode(&mut clip, &mut bytes, &settings, hooks).unwrap();
        assert!(report.scenes.iter().all(|scene| scene.strategy == Strategy::Hybrid), "{:?}", report.scenes);
        let hashes = decoded(&bytes).unwrap();
        (bytes, hashes)
    })
}

#[test]
fn a_frame_that_depends_on_the_next_comes_with_the_last_byte_of_its_unit() {
    let (bytes, hashes) = looking_ahead();
    let ends = ends_of_units(bytes);
    for (threads, piece) in [(1, 1), (4, 1), (2, 1000), (1, bytes.len())] {
        let out = pushed(bytes, piece, DecoderSettings::default().with_threads(threads));
        assert_eq!(out.len(), 48);
        for (number, out) in out.into_iter().enumerate() {
            let Out::Frame(time, hash, is_provisional, sent) = out else { panic!("frame {number}: {out:?}") };
            assert_eq!((time, hash), (number as i64, hashes[number]));
            assert_eq!(is_provisional, ![31, 35, 47].contains(&number), "frame {number}");
            let needed = if [35, 47].contains(&number) { number } else { number + 1 };
            assert!(piece > 1 || sent == ends[needed], "frame {number} after {sent}, not {}", ends[needed]);
        }
    }
}

#[test]
fn a_stream_that_stops_gives_the_frames_whose_next_came_too() {
    let (bytes, hashes) = looking_ahead();
    let ends = ends_of_units(bytes);
    for last in [0, 1, 2, 20, 35, 36, 37, 47] {
        for stop in [ends[last] - 1, ends[last] - 30] {
            let units = ends.iter().filter(|&&end| end <= stop).count();
            let frames = if units < 36 { units.saturating_sub(1) } else { 36.max(units - 1) };
            let mut out = pushed(&bytes[..stop], 300, DecoderSettings::default());
            assert!(matches!(out.pop(), Some(Out::Error(Error::Truncated { .. }))), "{units} units");
            assert_eq!(out.len(), frames, "{units} units");
            for (number, out) in out.into_iter().enumerate() {
                assert!(matches!(out, Out::Frame(_, hash, ..) if hash == hashes[number]));
            }
        }
    }
}

#[test]
fn damage_where_frames_look_ahead_ends_in_errors_and_not_in_a_wait() {
    let (bytes, hashes) = looking_ahead();
    for position in (200..bytes.len() - 60).step_by(bytes.len() / 40) {
        let mut damaged = bytes.clone();
        damaged[position] ^= 0x24;
        for on_damage in [OnDamage::SkipScene, OnDamage::Stop] {
            let out = pushed(&damaged, 500, DecoderSettings::default().with_on_damage(on_damage));
            assert!(out.iter().any(|out| matches!(out, Out::Error(_))), "byte {position}");
            let confirmed = |out: &Out| !matches!(out, Out::Frame(time, hash, false, _) if *hash != hashes[*time as usize]);
            assert!(out.iter().all(confirmed), "byte {position}");
        }
    }
}

#[test]
fn an_agent_that_is_dropped_in_the_middle_of_a_scene_ends() {
    for ((bytes, _), received) in
        [(stream(), false), (stream(), true), (looking_ahead(), false), (looking_ahead(), true)]
    {
        let ends = ends_of_units(bytes);
        let mut agent = DecodingAgent::new(DecoderSettings::default()).unwrap();
        assert!(agent.send_data(&bytes[..ends[20] + 1]).unwrap());
        if received {
            assert!(matches!(agent.receive_frame().unwrap(), Received::Frame(_)));
        }
        drop(agent);
    }
}

#[test]
fn streams_of_the_first_version_come_whole_and_checked() {
    let bytes = include_bytes!("data/golden-v1.nvc");
    let mut frames = 0;
    for out in pushed(bytes, 100, DecoderSettings::default()) {
        assert!(matches!(out, Out::Frame(_, _, false, _)));
        frames += 1;
    }
    assert_eq!(frames, 12);
}
