//! Frames in any order are the frames in order.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first error")]

mod support;

use std::io::Cursor;

use neural_codec::decoder::{DecoderSettings, SeekingDecoder, StreamDecoder};
use neural_codec::encoder::{Hooks, encode};
use neural_codec::error::Error;
use neural_codec::frame::{FrameHash, PixelFormat};
use neural_codec::settings::Settings;
use support::Clip;

/// 33 frames in scenes of 10, 10, 10 and 3.
fn stream() -> Vec<u8> {
    let mut settings = Settings::default();
    settings.set("effort", "0").unwrap();
    settings.set("quantizer", "45").unwrap();
    let hooks = Hooks::default().with_scenes(vec![0..10, 10..20, 20..30, 30..33]);
    let mut bytes = Vec::new();
    let mut clip = Clip::new(64, 64, PixelFormat::YUV420_8, 33, 10);
    encode(&mut clip, &mut bytes, &settings, hooks).unwrap();
    bytes
}

fn in_order(bytes: &[u8]) -> Vec<(FrameHash, i64)> {
    let mut decoder = StreamDecoder::new(bytes, DecoderSettings::default()).unwrap();
    std::iter::from_fn(|| decoder.decode_frame().unwrap())
        .map(|frame| (FrameHash::of(&frame), frame.timestamp))
        .collect()
}

fn opened(bytes: &[u8]) -> SeekingDecoder<Cursor<&[u8]>> {
    SeekingDecoder::open(Cursor::new(bytes), DecoderSettings::default()).unwrap()
}

#[test]
fn any_order_of_frames_gives_the_frames_of_a_decode_from_front_to_back() {
    let bytes = stream();
    let expected = in_order(&bytes);
    let mut decoder = opened(&bytes);
    assert_eq!(decoder.frame_count(), 33);
    assert_eq!(
        [0, 9, 10, 29, 30, 32, 33].map(|frame| decoder.scene_end(frame)),
        [10, 10, 20, 30, 33, 33, 33]
    );
    let forwards = 0..33;
    let scattered = [32, 0, 15, 15, 16, 9, 10, 3, 7, 29, 30];
    for frame in forwards.clone().chain(forwards.rev()).chain(scattered) {
        decoder.seek(frame).unwrap();
        assert_eq!(decoder.position(), frame);
        let found = decoder.decode_frame().unwrap().unwrap();
        assert_eq!((FrameHash::of(&found), found.timestamp), expected[frame as usize], "frame {frame}");
        assert_eq!(decoder.position(), frame + 1);
    }
    decoder.seek(27).unwrap();
    let rest: Vec<_> = std::iter::from_fn(|| decoder.decode_frame().unwrap())
        .map(|frame| (FrameHash::of(&frame), frame.timestamp))
        .collect();
    assert_eq!(rest, expected[27..]);
}

#[test]
fn past_the_end_is_an_error_and_the_end_is_the_end() {
    let bytes = stream();
    let mut decoder = opened(&bytes);
    decoder.seek(33).unwrap();
    assert!(decoder.decode_frame().unwrap().is_none());
    for frame in [34, u64::MAX] {
        let error = decoder.seek(frame).unwrap_err();
        assert!(
            matches!(error, Error::InvalidArgument { .. }) && error.to_string().contains("frame"),
            "{error}"
        );
    }
    decoder.seek(0).unwrap();
    assert_eq!(decoder.decode_frame().unwrap().unwrap().timestamp, 0);
}

#[test]
fn a_damaged_scene_does_not_bar_the_way_to_others() {
    let mut bytes = stream();
    let expected = in_order(&bytes);
    // Half way lies in one of the inner scenes.
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x40;
    let mut decoder = opened(&bytes);
    let mut failed = Vec::new();
    for frame in (0..33).rev() {
        decoder.seek(frame).unwrap();
        match decoder.decode_frame() {
            Ok(found) => assert_eq!(FrameHash::of(&found.unwrap()), expected[frame as usize].0),
            Err(error) => {
                let place = error.place();
                assert!(place.scene.is_some(), "{error}");
                failed.push(place.scene.unwrap());
            }
        }
    }
    failed.dedup();
    assert_eq!(failed.len(), 1, "one scene is damaged, others are not: {failed:?}");
}

#[test]
fn a_stream_without_its_end_cannot_be_sought_in() {
    let bytes = stream();
    let open = |bytes: &[u8]| SeekingDecoder::open(Cursor::new(bytes.to_vec()), DecoderSettings::default());
    assert!(matches!(open(&bytes[..bytes.len() - 1]).map(|_| ()), Err(Error::Truncated { .. })));
    assert!(matches!(open(b"this is no stream at all").map(|_| ()), Err(Error::Corrupt { .. })));
}
