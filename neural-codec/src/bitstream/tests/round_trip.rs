//! What is written reads back, in any order.

use std::io::Cursor;

use proptest::prelude::*;

use super::super::Strategy;
use super::super::*;
use super::{golden, golden_header, golden_items, read, scene, write};
use crate::error::Error;
use crate::frame::{BitDepth, ChromaLocation, Color, ColorRange, Layout, PixelFormat, Rational, VideoInfo};

#[test]
fn scenes_are_read_in_any_order() {
    let bytes = golden();
    let mut reader = SceneReader::open(Cursor::new(&bytes), Limits::default()).unwrap();
    assert_eq!((reader.scene_count(), reader.table().frame_count()), (3, 8));
    assert_eq!(reader.header(), &golden_header());
    for index in [2, 0, 1, 1] {
        let expected = golden_items().into_iter().find_map(|item| match item {
            StreamItem::Scene(scene) if scene.header.index as usize == index => Some(scene),
            _ => None,
        });
        assert_eq!(reader.scene(index).unwrap(), expected.unwrap());
    }
    assert!(matches!(reader.scene(3), Err(Error::InvalidArgument { .. })));
}

#[test]
fn scenes_encoded_apart_join_to_the_same_stream() {
    let header = golden_header();
    let scenes: Vec<_> =
        (0..4).map(|k| scene(k, 2 * u64::from(k), &[10 * i64::from(k), 10 * i64::from(k) + 1], 8)).collect();
    let apart = concat(&header, scenes.iter().map(|s| s.to_bytes().unwrap()), Limits::default()).unwrap();
    let items: Vec<_> = scenes.iter().cloned().map(StreamItem::Scene).collect();
    assert_eq!(apart, write(&header, &items).unwrap());
    for scene in &scenes {
        let bytes = scene.to_bytes().unwrap();
        assert_eq!(&ScenePackets::from_bytes(&bytes, &Limits::default()).unwrap(), scene);
        for end in 0..bytes.len() {
            assert!(ScenePackets::from_bytes(&bytes[..end], &Limits::default()).is_err());
        }
        assert!(ScenePackets::from_bytes(&[&bytes[..], &[0]].concat(), &Limits::default()).is_err());
    }
}

#[test]
fn an_empty_stream_is_a_stream() {
    let bytes = write(&golden_header(), &[]).unwrap();
    assert!(matches!(read(&bytes[..]), (items, Ok(_)) if items.is_empty()));
    assert_eq!(SceneReader::open(Cursor::new(&bytes), Limits::default()).unwrap().scene_count(), 0);
}

prop_compose! {
    fn any_rational()(num in 1_u32.., den in 1_u32..) -> Rational {
        Rational { num, den }
    }
}

prop_compose! {
    fn any_track()(
        codec in ".{0,40}", language in ".{0,8}", time_base in any_rational(), sample_rate: u32, channels: u16,
        frame_size: u32, bit_rate: u64, extradata in prop::collection::vec(any::<u8>(), 0..50),
    ) -> AudioTrack {
        AudioTrack { codec, time_base, sample_rate, channels, frame_size, bit_rate, extradata, language, details: AudioDetails::default() }
    }
}

prop_compose! {
    fn any_header()(
        (width, height) in (1_usize..5000, 1_usize..5000), format in prop::sample::select(&PixelFormat::ALL[..]),
        range in prop::sample::select(vec![ColorRange::Unspecified, ColorRange::Limited, ColorRange::Full]),
        (primaries, transfer, matrix) in any::<(u8, u8, u8)>(),
        (frame_rate, time_base, pixel_aspect) in (any_rational(), any_rational(), any_rational()),
        encoder in ".{0,60}", audio_tracks in prop::collection::vec(any_track(), 0..4),
    ) -> StreamHeader {
        let color = Color { range, primaries, transfer, matrix, chroma_location: ChromaLocation::TopLeft };
        let info = VideoInfo { width, height, format, color, frame_rate, time_base, pixel_aspect };
        StreamHeader { version: FormatVersion::CURRENT, info, encoder, audio_tracks }
    }
}

prop_compose! {
    /// Per scene: the delta in front of each frame's timestamp, and the bytes of each unit.
    fn any_filter()(
        fields in any::<(u8, u16)>(),
        steps in prop::collection::vec(any::<u8>(), 1..=MAX_FILTER_LAYERS),
        coded in any::<(Vec<u8>, Vec<u8>)>(),
    ) -> NeuralFilter {
        let ((profile, quantizer), (differences, blocks)) = (fields, coded);
        NeuralFilter { profile, quantizer, steps, differences, blocks }
    }
}

prop_compose! {
    fn any_scene()(frames in prop::collection::vec((1_u64..1 << 40, 1_usize..200), 1..8)) -> Vec<(u64, usize)> {
        frames
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_stream_reads_back_as_it_was_written(
        mut header in any_header(),
        first in any::<i32>(),
        scenes in prop::collection::vec(any_scene(), 0..6),
        filter in prop::option::of(any_filter()),
        is_early in any::<bool>(),
        audio in prop::collection::vec((any::<i64>(), any::<u32>(), prop::collection::vec(any::<u8>(), 0..40)), 0..6),
    ) {
        if !scenes.is_empty() {
            header.info.format.layout = Layout::Yuv420;
        }
        if is_early {
            header.version = FormatVersion { major: 1, minor: 2 };
        }
        let (width, height) = (header.info.width as u32, header.info.height as u32);
        let (mut time, mut first_frame, mut items) = (i64::from(first), 0, Vec::new());
        for (index, frames) in scenes.iter().enumerate() {
            let mut base = BaseLayer::new(width + 7, height, BitDepth::Ten);
            let (mut timestamps, mut again) = (Vec::new(), Vec::new());
            for &(delta, size) in frames {
                time += delta as i64;
                timestamps.push(time);
                match again.last_mut() {
                    Some(times) if size.is_multiple_of(3) && !is_early => *times += 1,
                    _ => {
                        again.push(0);
                        base.push_unit(&vec![index as u8; size]).unwrap();
                    }
                }
            }
            let repeats = Repeats::new(again);
            let hashes = timestamps.chunks(FRAMES_PER_HASH).map(|times| times[0] as u64).collect();
            let header = SceneHeader { index: index as u32, first_frame, strategy: Strategy::Hybrid, timestamps, repeats };
            first_frame += frames.len() as u64;
            items.push(StreamItem::Scene(ScenePackets { header, base, filter: filter.clone(), hashes }));
        }
        for (at, (timestamp, duration, data)) in audio.into_iter().enumerate() {
            if !header.audio_tracks.is_empty() {
                let track = (at % header.audio_tracks.len()) as u8;
                items.insert(at.min(items.len()), StreamItem::Audio(AudioPacket { track, timestamp, duration, trim: Trim::default(), data }));
            }
        }
        let bytes = write(&header, &items).unwrap();
        let (found, result) = read(&bytes[..]);
        prop_assert_eq!((found, result.unwrap()), (items, header));
    }
}
