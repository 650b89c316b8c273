//! Streams of the versions that changed the format decode to the same pictures for ever.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test stops at the first error"
)]

mod support;

use std::path::PathBuf;

use neural_codec::bitstream::{Limits, NeuralFilter, PacketWriter, SceneReader, Strategy};
use neural_codec::decoder::{
    DecoderSettings, DecodingAgent, Received, SeekingDecoder, StreamDecoder, inspect,
};
use neural_codec::encoder::{Hooks, encode};
use neural_codec::filter::SceneFilter;
use neural_codec::frame::{FrameHash, PixelFormat};
use neural_codec::media::FrameSource;
use neural_codec::settings::Settings;
use support::Clip;

/// Hash of each frame of `golden-v1.nvc`; a change here is a change of format.
const HASHES: [u64; 12] = [
    0x4f81_1888_a18f_839c,
    0x30a8_8d31_e6b2_4266,
    0x9f11_4b8b_34b3_e315,
    0x73cd_e46d_abd4_65dc,
    0xefdd_f9f6_2ba7_97ee,
    0xff69_3dc3_813f_8bcc,
    0x5187_67dc_1682_2ac8,
    0xf9d3_7937_87c2_5527,
    0x97ea_e285_b28c_836a,
    0x78f4_b2bc_da6b_5dd8,
    0xf9da_3d97_84fb_eaaa,
    0x9081_77d1_d176_08e4,
];

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/golden-v1.nvc")
}

#[test]
fn the_golden_stream_decodes_to_the_golden_pictures() {
    let bytes = std::fs::read(path()).unwrap();
    for threads in [1, 2] {
        let settings = DecoderSettings::default().with_threads(threads);
        let mut decoder = StreamDecoder::new(bytes.as_slice(), settings).unwrap();
        let hashes: Vec<u64> = std::iter::from_fn(|| decoder.decode_frame().unwrap())
            .map(|frame| FrameHash::of(&frame).0)
            .collect();
        assert_eq!(hashes, HASHES, "{hashes:#x?}");
        assert_eq!(decoder.take_audio().len(), 12);
    }
}

/// Hash of the hashes of all frames of `golden-v1.3.nvc`, whose scenes are one of AV1 with 36 frames and a hybrid one with 4.
const HASH_OF_1_3: u64 = 0xa4d5_e814_4c7e_b760;

#[test]
fn the_golden_stream_of_1_3_decodes_to_the_golden_pictures_by_every_way() {
    let bytes = std::fs::read(path_of_1_3()).unwrap();
    let strategies =
        inspect(bytes.as_slice(), Limits::default()).unwrap().scenes.into_iter().map(|scene| scene.strategy);
    assert!(strategies.eq(["av1", "hybrid"]));
    let hash_of = |frames: Vec<FrameHash>| {
        assert_eq!(frames.len(), 40);
        FrameHash::of_group(&frames)
    };
    let mut decoder = StreamDecoder::new(bytes.as_slice(), DecoderSettings::default()).unwrap();
    let frames = std::iter::from_fn(|| decoder.decode_frame().unwrap()).map(|frame| FrameHash::of(&frame));
    let whole = hash_of(frames.collect());
    assert_eq!(whole, HASH_OF_1_3, "{whole:#x}");
    let mut agent = DecodingAgent::new(DecoderSettings::default()).unwrap();
    let (mut pieces, mut frames) = (bytes.chunks(77), Vec::new());
    loop {
        match agent.receive_frame().unwrap() {
            Received::Frame(frame) => frames.push(FrameHash::of(&frame.into_host().unwrap())),
            Received::NeedsData => match pieces.next() {
                Some(piece) => assert!(agent.send_data(piece).unwrap()),
                None => agent.finish().unwrap(),
            },
            Received::End => break,
        }
    }
    assert_eq!(hash_of(frames), whole);
    let mut decoder = SeekingDecoder::open(std::io::Cursor::new(&bytes), DecoderSettings::default()).unwrap();
    let mut frame = |number| {
        decoder.seek(number).unwrap();
        FrameHash::of(&decoder.decode_frame().unwrap().unwrap())
    };
    let mut backwards: Vec<FrameHash> = [39, 36, 35].map(&mut frame).to_vec();
    backwards.extend((0..3).map(frame));
    let mut decoder = StreamDecoder::new(bytes.as_slice(), DecoderSettings::default()).unwrap();
    let all: Vec<_> =
        std::iter::from_fn(|| decoder.decode_frame().unwrap()).map(|f| FrameHash::of(&f)).collect();
    assert_eq!(backwards, [39, 36, 35, 0, 1, 2].map(|number: usize| all[number]));
}

fn path_of_1_3() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/golden-v1.3.nvc")
}

/// Writes the stream of 1.3 anew, for a new version of the format only.
#[test]
#[ignore = "writes a file of the repository"]
fn write_the_golden_stream_of_1_3() {
    let mut settings = Settings::default();
    for (name, value) in [("quantizer", "60"), ("preset", "8"), ("bit_depth", "8"), ("strategies", "av1")] {
        settings.set(name, value).unwrap();
    }
    let mut clip = Clip::new(98, 79, PixelFormat::YUV420_8, 40, 36);
    let mut plain = Vec::new();
    encode(&mut clip, &mut plain, &settings, Hooks::default().with_scenes(vec![0..36, 36..40])).unwrap();
    // The second scene gets the base network, whatever it is worth.
    let packet = NeuralFilter {
        profile: 1,
        quantizer: 180,
        steps: vec![2, 3, 4],
        differences: Vec::new(),
        blocks: Vec::new(),
    };
    let mut filter = SceneFilter::new(&packet).unwrap();
    let mut decoder = StreamDecoder::new(plain.as_slice(), DecoderSettings::default()).unwrap();
    let frames = std::iter::from_fn(|| decoder.decode_frame().unwrap()).skip(36);
    let hashes: Vec<_> = frames.map(|frame| FrameHash::of(&filter.next(&frame).unwrap().0)).collect();
    let mut reader = SceneReader::open(std::io::Cursor::new(&plain), Limits::default()).unwrap();
    let mut scenes = [reader.scene(0).unwrap(), reader.scene(1).unwrap()];
    scenes[1].header.strategy = Strategy::Hybrid;
    scenes[1].filter = Some(packet);
    scenes[1].hashes = vec![FrameHash::of_group(&hashes)];
    let mut writer = PacketWriter::new(Vec::new(), reader.header(), Limits::default()).unwrap();
    scenes.iter().for_each(|scene| writer.write_scene(scene).unwrap());
    let bytes = writer.finish().unwrap();
    std::fs::write(path_of_1_3(), bytes).unwrap();
}

/// Writes the stream anew: `cargo test --test golden -- --ignored`, for a new version of the format only.
#[test]
#[ignore = "writes a file of the repository"]
fn write_the_golden_stream() {
    let mut settings = Settings::default();
    for (name, value) in [("quantizer", "50"), ("preset", "8")] {
        settings.set(name, value).unwrap();
    }
    let mut clip = Clip::new(66, 47, PixelFormat::YUV420_8, 12, 6).with_audio();
    let hooks = Hooks::default().with_scenes(vec![0..6, 6..12]);
    let mut bytes = Vec::new();
    encode(&mut clip, &mut bytes, &settings, hooks).unwrap();
    std::fs::write(path(), bytes).unwrap();
}
