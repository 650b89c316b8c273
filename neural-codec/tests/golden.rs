//! A stream written by the first version decodes to the same pictures for ever.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test stops at the first error"
)]

mod support;

use std::path::PathBuf;

use neural_codec::decoder::{DecoderSettings, StreamDecoder};
use neural_codec::encoder::{Hooks, encode};
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

/// Writes the stream anew: `cargo test --test golden -- --ignored`, for a new version of the format only.
#[test]
#[ignore = "writes a file of the repository"]
fn write_the_golden_stream() {
    let mut settings = Settings::default();
    for (name, value) in [("quantizer", "50"), ("preset", "8")] {
        settings.set(name, value).unwrap();
    }
    let mut clip = Clip::new(66, 47, PixelFormat::YUV420_8, 12, 6).with_audio();
    let hooks = Hooks { scenes: Some(vec![0..6, 6..12]), ..Hooks::default() };
    let mut bytes = Vec::new();
    encode(&mut clip, &mut bytes, &settings, hooks).unwrap();
    std::fs::write(path(), bytes).unwrap();
}
