//! Properties of the header reader.

use super::clips::{clip, config, encode, libraries, library};
use crate::base::{EncoderConfig, probe};
use crate::frame::BitDepth;

#[test]
fn units_say_what_was_encoded() {
    for library in libraries() {
        for depth in [BitDepth::Eight, BitDepth::Ten] {
            for preset in [4, 8, 12] {
                let source = clip(130, 66, depth, 40);
                let settings = EncoderConfig { preset, keyframe_interval: Some(16), ..config(&source) };
                let mut sequence = None;
                let mut hidden = 0;
                for unit in encode(&library, &settings, &source).unwrap() {
                    let info = probe(&unit.data, sequence).unwrap();
                    assert_eq!(info.is_key, unit.is_key, "{library:?}");
                    hidden += info.frames - 1;
                    sequence = info.sequence.or(sequence);
                    let header = sequence.unwrap();
                    assert_eq!((header.width, header.height, header.bits), (130, 66, depth.bits()));
                    assert!(header.is_420 && header.profile == 0 && !header.film_grain);
                }
                assert!(hidden > 0, "no unit had hidden frames: the clip tests too little");
            }
        }
    }
}

#[test]
fn what_this_encoder_never_writes_is_refused() {
    let source = clip(64, 64, BitDepth::Eight, 2);
    let units = encode(&library(), &config(&source), &source).unwrap();
    let (key, inter) = (&units[0].data, &units[1].data);
    let sequence = probe(key, None).unwrap().sequence;
    assert!(probe(inter, sequence).is_ok());
    assert!(probe(inter, None).is_err(), "a frame without a sequence header");
    assert!(probe(&[], sequence).is_err(), "nothing");
    assert!(probe(&[&[0x12, 0], key.as_slice()].concat(), None).is_err(), "a delimiter");
    let joined = |parts: [&[u8]; 2]| probe(&parts.concat(), sequence);
    assert!(joined([inter, inter]).is_err(), "two shown frames");
    assert!(joined([inter, &[0x0a]]).is_err(), "a unit header without its size");
    assert!(joined([inter, &[0]]).is_err(), "trailing garbage");
    assert!(joined([inter, &[0x42, 0]]).is_err(), "a tile list");
    assert!(
        joined([inter, &[0x2a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]]).is_err(),
        "a huge size"
    );
    assert!(joined([inter, &[0x7a, 1, 0]]).is_ok(), "padding");
    let mut layered = key.clone();
    layered[0] |= 4;
    layered.insert(1, 0b0000_1000);
    assert!(probe(&layered, None).is_err(), "a spatial layer");
}
