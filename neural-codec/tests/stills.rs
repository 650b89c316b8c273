//! Neural stills: to a floor and back as a photo, the golden one on every instruction set, and what damage does.
#![cfg(feature = "images")]
#![allow(clippy::unwrap_used, reason = "a test stops at the first error")]

#[path = "support/pictures.rs"]
mod pictures;

use std::ops::ControlFlow;
use std::path::Path;

use neural_codec::bitstream::{Limits, PhotoCode, PhotoFilter, PhotoPacket, PhotoTags};
use neural_codec::decoder::{DecoderSettings, decode_photo_bytes, inspect_file, open_photo};
use neural_codec::encoder::{Hooks, encode_file};
use neural_codec::error::Error;
use neural_codec::frame::{BitDepth, Color, Frame, FrameHash, PixelFormat, Plane, Planes};
use neural_codec::progress::Stage;
use neural_codec::report::Report;
use neural_codec::settings::Settings;
use neural_codec::still::{self, StillHeader, StillPicture, StillSettings, StillTarget};
use pictures::{decode_on_every_instruction_set, soft_shapes};

/// The samples of the pictures that stills are tested with: ramps and edges, other ones in each color.
fn still_picture(width: u32, height: u32) -> StillPicture {
    let plane = |color: u32| {
        let at = |i: u32| {
            let (x, y) = (i % width, i / width);
            let edge = if (x / 9 + y / 7) % 2 == 0 { 60 } else { 0 };
            ((x * (3 + color) + y * 2 + edge) % 230) as u16
        };
        (0..width * height).map(at).collect()
    };
    StillPicture { width, height, bit_depth: 8, planes: [plane(0), plane(1), plane(2)] }
}

/// The file of a still's payload.
fn photo_of(payload: Vec<u8>, hash: u64) -> PhotoPacket {
    let header = StillHeader::read(&payload).unwrap();
    PhotoPacket {
        width: header.width,
        height: header.height,
        depth: BitDepth::Eight,
        is_gray: false,
        macs_per_pixel: header.multiplications.into(),
        hash,
        tags: PhotoTags::default(),
        alpha: Vec::new(),
        code: PhotoCode::Neural { filter: None, code: payload },
    }
}

/// A payload that version 0.1 wrote for `still_picture(70, 45)` with effort 3 and a floor of 30 dB, which so few steps do not reach.
const GOLDEN_STILL: &[u8] = include_bytes!("data/still-v1.bin");

/// The hash of the picture that it decodes to.
const GOLDEN_STILL_HASH: u64 = 0xea10_b0da_a0de_0282;

/// Soft shapes of 70x45 as version 0.1 coded them at effort 3 for a floor of 30 dB: a still with network 2 over it.
const GOLDEN_FILTERED: &[u8] = include_bytes!("data/still-filtered-v1.nvc");

/// The same with parameters of version 2 and network 3 over it.
const GOLDEN_V2: &[u8] = include_bytes!("data/still-filtered-v2.nvc");

/// The same at effort 9, when that took the large network for pictures of any size: parameters of version 2, no filter.
const GOLDEN_LARGE: &[u8] = include_bytes!("data/still-large-v2.nvc");

/// Codes soft shapes of 70x45 as a photo that may be nothing but a still, to a floor of 30 dB.
fn encoded_still(output: &Path) -> Report {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("in.png");
    soft_shapes(70, 45).save(&input).unwrap();
    let mut settings = Settings::default();
    for (name, value) in [("effort", "3"), ("min_psnr", "30"), ("strategies", "still")] {
        settings.set(name, value).unwrap();
    }
    encode_file(&input, output, &settings, Hooks::default()).unwrap()
}

#[test]
fn a_still_has_a_filter_and_its_floor_is_of_what_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.nvc");
    let report = encoded_still(&path);
    let file = std::fs::read(&path).unwrap();
    let packet = PhotoPacket::read_file(&file[..], &Limits::default()).unwrap();
    let PhotoCode::Neural { filter: Some(filter), code } = &packet.code else { panic!("{:?}", packet.code) };
    let header = StillHeader::read(code).unwrap();
    assert_eq!((filter.network, header.bit_depth, packet.depth), (3, 10, BitDepth::Eight));
    assert_eq!(packet.macs_per_pixel, u64::from(header.multiplications) + 33_696);
    let summary = inspect_file(&path, Limits::default()).unwrap();
    assert_eq!(
        (&summary.scenes[0].strategy[..], summary.scenes[0].macs_per_pixel as u64),
        ("still", packet.macs_per_pixel)
    );
    // What a reader sees, by the definition.
    let seen = decode_photo_bytes(&file, &DecoderSettings::default()).unwrap().frame;
    let Planes::U8(planes) = seen.planes() else { panic!("ten bits") };
    let source = soft_shapes(70, 45);
    let squares = |(at, pixel): (usize, &image::Rgb<u8>)| -> f64 {
        let seen = planes.each_ref().map(|plane| f64::from(plane.samples()[at]));
        pixel.0.iter().zip(seen).map(|(&a, b)| (f64::from(a) - b).powi(2)).sum()
    };
    let error: f64 = source.pixels().enumerate().map(squares).sum();
    let psnr = 10.0 * (255.0_f64.powi(2) * 3.0 * 70.0 * 45.0 / error).log10();
    let scene = &report.scenes[0];
    assert!((scene.quality.psnr_rgb.unwrap() - psnr).abs() < 1e-9, "{psnr}");
    assert!(report.total.target_met && psnr >= 30.0, "{psnr}");
    assert_eq!((scene.bit_depth, report.total.bytes), (10, file.len() as u64));
}

#[test]
fn the_golden_filtered_stills_decode_on_every_instruction_set() {
    for (golden, network) in [(GOLDEN_FILTERED, Some(2)), (GOLDEN_V2, Some(3)), (GOLDEN_LARGE, None)] {
        decode_on_every_instruction_set(golden);
        let packet = PhotoPacket::read_file(golden, &Limits::default()).unwrap();
        let PhotoCode::Neural { filter, .. } = packet.code else { panic!() };
        assert_eq!(filter.map(|filter| filter.network), network);
    }
}

/// Writes it anew: `cargo test --test stills -- --ignored`, for a new network only.
#[test]
#[ignore = "writes a file of the repository"]
fn write_the_golden_filtered_still() {
    encoded_still(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/still-filtered-v2.nvc"));
}

#[test]
fn a_filtered_still_that_does_not_agree_with_its_header_is_an_error() {
    let golden = PhotoPacket::read_file(GOLDEN_FILTERED, &Limits::default()).unwrap();
    let PhotoCode::Neural { filter: Some(filter), code } = golden.code.clone() else { panic!() };
    let neural = |filter, code: &[u8]| PhotoCode::Neural { filter, code: code.to_vec() };
    let error = |packet: &PhotoPacket, settings: &DecoderSettings| {
        decode_photo_bytes(&packet.to_file().unwrap(), settings).unwrap_err()
    };
    let settings = DecoderSettings::default();
    let refused = |packet: PhotoPacket, says: &str| {
        let error = error(&packet, &settings).to_string();
        assert!(error.contains(says), "{error}");
    };
    let unknown = Some(PhotoFilter { network: 4, ..filter });
    refused(PhotoPacket { code: neural(unknown, &code), ..golden.clone() }, "network 4 of a photo");
    // Without a filter a still has the bits and the multiplications of the photo.
    refused(PhotoPacket { code: neural(None, &code), ..golden.clone() }, "header of a still");
    refused(
        PhotoPacket { code: neural(None, &code), depth: BitDepth::Ten, ..golden.clone() },
        "multiplications a pixel",
    );
    let macs_per_pixel = golden.macs_per_pixel - 1;
    refused(PhotoPacket { macs_per_pixel, ..golden.clone() }, "multiplications a pixel");
    refused(PhotoPacket { width: 71, ..golden.clone() }, "header of a still");
    // Other gains are another picture, which the hash tells.
    let other = Some(PhotoFilter { quantizer: filter.quantizer ^ 63, ..filter });
    refused(PhotoPacket { code: neural(other, &code), ..golden.clone() }, "decoded photo");
    let mut small = DecoderSettings::default();
    small.limits.max_memory_bytes = 1000;
    assert!(matches!(error(&golden, &small), Error::LimitExceeded { .. }));
}

#[test]
fn the_golden_still_decodes_to_the_golden_picture_on_every_instruction_set() {
    let photo = photo_of(GOLDEN_STILL.to_vec(), GOLDEN_STILL_HASH);
    decode_on_every_instruction_set(&photo.to_file().unwrap());
}

#[test]
fn a_still_comes_back_as_a_photo_and_a_higher_floor_gives_a_better_one() {
    let picture = still_picture(40, 30);
    let coded = |floor: f64| {
        let settings = StillSettings::new(1, StillTarget::MinPsnr(floor));
        let payload = still::encode(&picture, &settings, &mut |_| {}).unwrap();
        let decoded = still::decode(&payload, &Limits::default(), 1).unwrap();
        (picture.psnr_rgb(&decoded).unwrap(), payload, decoded)
    };
    let ((low, ..), (high, payload, decoded)) = (coded(10.0), coded(20.0));
    assert!(low >= 10.0 && high > low, "{low} {high}");
    let samples = |plane: &Vec<u16>| {
        Plane::from_samples(40, 30, plane.iter().map(|&v| v as u8).collect::<Vec<_>>()).unwrap()
    };
    let planes = Planes::U8([0, 1, 2].map(|color| samples(&decoded.planes[color])));
    let frame = Frame::from_planes(planes, PixelFormat::RGB_8, Color::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("still.nvc");
    std::fs::write(&path, photo_of(payload, FrameHash::of(&frame).0).to_file().unwrap()).unwrap();
    let back = open_photo(&path, &DecoderSettings::default()).unwrap();
    assert_eq!(back.frame.planes(), frame.planes());
    let summary = inspect_file(&path, Limits::default()).unwrap();
    assert_eq!(summary.photo.as_ref().unwrap().coding, "neural");
    assert!(summary.scenes[0].macs_per_pixel > 400.0);
}

#[test]
fn a_damaged_still_is_an_error() {
    let settings = DecoderSettings::default();
    let error = |payload: Vec<u8>| {
        // The checksum of the packet is right: what is damaged is what an encoder wrote.
        let photo = PhotoPacket {
            code: PhotoCode::Neural { filter: None, code: payload },
            ..photo_of(GOLDEN_STILL.to_vec(), GOLDEN_STILL_HASH)
        };
        match decode_photo_bytes(&photo.to_file().unwrap(), &settings) {
            Err(Error::Internal { .. }) => panic!("a fault of the library's"),
            other => other.err(),
        }
    };
    for end in (0..GOLDEN_STILL.len()).step_by(11) {
        assert!(error(GOLDEN_STILL[..end].to_vec()).is_some(), "cut at {end}");
    }
    for at in (0..40).chain((40..GOLDEN_STILL.len()).step_by(13)) {
        let mut changed = GOLDEN_STILL.to_vec();
        changed[at] ^= 0x41;
        // The last bits may have no effect; what does decode is the same picture, for its hash was compared.
        error(changed);
    }
    let mut huge = GOLDEN_STILL.to_vec();
    huge[4..8].fill(0xff);
    assert!(error(huge).unwrap().to_string().contains("header of a still"));
    let mut settings = DecoderSettings::default();
    settings.limits.max_memory_bytes = 1000;
    let photo = photo_of(GOLDEN_STILL.to_vec(), GOLDEN_STILL_HASH);
    let refused = decode_photo_bytes(&photo.to_file().unwrap(), &settings);
    assert!(matches!(refused, Err(Error::LimitExceeded { .. })));
}

#[test]
fn training_a_still_tells_how_far_it_is_and_stops_where_it_is_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let ramps = |x: u32, y: u32| image::Rgb([(3 * x) as u8, (5 * y) as u8, 90]);
    image::RgbImage::from_fn(40, 33, ramps).save(at("in.png")).unwrap();
    let mut settings = Settings::default();
    for (name, value) in [("effort", "3"), ("min_psnr", "28"), ("strategies", "still")] {
        settings.set(name, value).unwrap();
    }
    let mut coded = Vec::new();
    let hooks = Hooks::default().with_progress(|progress| {
        assert_eq!(progress.stage, Some(Stage::Still));
        coded.push(progress.frames_coded);
        if coded.len() == 20 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let error = encode_file(&at("in.png"), &at("out.nvc"), &settings, hooks).unwrap_err();
    assert!(matches!(error, Error::Cancelled), "{error}");
    assert!(coded.is_sorted() && coded.len() == 20 && !at("out.nvc").exists(), "{coded:?}");
}
