//! Photos: a picture file to `.nvc` or `.avif` and back, with what belongs to it, and what damage does.
#![cfg(feature = "images")]
#![allow(clippy::unwrap_used, reason = "a test stops at the first error")]

#[path = "support/pictures.rs"]
mod pictures;

use std::ops::ControlFlow;
use std::path::Path;

use neural_codec::bitstream::{Limits, PhotoCode, PhotoFilter, PhotoPacket};
use neural_codec::decoder::{DecoderSettings, decode_file, decode_photo_bytes, inspect_file, open_photo};
use neural_codec::encoder::{EncodingAgent, Hooks, encode_file};
use neural_codec::error::Error;
use neural_codec::frame::{PixelFormat, Rational, VideoInfo};
use neural_codec::media::photo::write_photo;
use neural_codec::progress::{CancelToken, Stage};
use neural_codec::report::Report;
use neural_codec::settings::Settings;
use pictures::{decode_on_every_instruction_set, soft_shapes};

/// A picture with a gradient, edges and an opacity that is not whole.
fn write_png(path: &Path, width: u32, height: u32) {
    let picture = image::RgbaImage::from_fn(width, height, |x, y| {
        let edge = if (x / 9 + y / 7) % 2 == 0 { 40 } else { 0 };
        image::Rgba([
            (x * 2 % 200) as u8 + edge,
            (y * 3 % 190) as u8,
            90 + edge,
            if x < 5 { 128 } else { 255 },
        ])
    });
    picture.save(path).unwrap();
}

fn encoded(input: &Path, output: &Path, pairs: &[(&str, &str)]) -> Result<Report, Error> {
    let mut settings = Settings::default();
    settings.set("effort", "0").unwrap();
    pairs.iter().for_each(|(name, value)| settings.set(name, value).unwrap());
    encode_file(input, output, &settings, Hooks::default())
}

#[test]
fn constants_of_the_search_and_of_classes_are_those_of_the_table() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write_png(&at("in.png"), 75, 71);
    let attempts = |table: &str, pairs: &[(&str, &str)]| {
        let report =
            encoded(&at("in.png"), &at("out.nvc"), &[pairs, &[("defaults", table)]].concat()).unwrap();
        assert_eq!(report.settings["defaults"].is_null(), table.is_empty());
        report
    };
    let floor = [("effort", "5"), ("min_psnr", "24")];
    const SVT: &str = "[photo]\nlibaom_from_effort = 10\n";
    let before = attempts(SVT, &floor);
    let stages = |report: &Report, stage: Stage| {
        let found = report.scenes[0].attempts.iter().filter(move |attempt| attempt.stage == stage);
        found.map(|attempt| (attempt.preset, attempt.quantizer)).collect::<Vec<_>>()
    };
    assert!(
        before.scenes[0].preset == 4 && stages(&before, Stage::Locate).iter().all(|(preset, _)| *preset == 8)
    );
    let presets =
        "presets = [13, 12, 11, 10, 9, 8, 7, 6, 5, 4]\nlocate_preset = 10\nstored_at_once_from = 9\n";
    let after = attempts(&[SVT, presets].concat(), &floor);
    assert!(after.scenes[0].preset == 8 && after.total.target_met);
    assert!(stages(&after, Stage::Locate).iter().all(|(preset, _)| *preset == 10));
    let at_once = attempts(&format!("{SVT}stored_at_once_from = 0\n"), &floor);
    assert!(stages(&at_once, Stage::Locate).is_empty() && at_once.total.target_met);
    // Each of the others decides which quantizers are tried, or how many.
    let tried = |report: &Report| [stages(report, Stage::Locate), stages(report, Stage::Store)].concat();
    for constant in
        ["slope = 1.0", "near = 2.0", "located_near = 280.0", "located_width = 280", "most_attempts = 1"]
    {
        let found = attempts(&format!("{SVT}{constant}\n"), &floor);
        assert_ne!(tried(&found), tried(&before), "{constant}");
    }
    let by_libaom = attempts("", &floor);
    assert_ne!(tried(&by_libaom), tried(&before));
    for constant in
        ["libaom_speeds = [9, 9, 8, 7, 6, 5, 4, 3, 2, 1]", "libaom_locate_speed = 8", "libaom_near = 2.0"]
    {
        let found = attempts(&format!("[photo]\n{constant}\n"), &floor);
        assert_ne!(tried(&found), tried(&by_libaom), "{constant}");
    }
    let coarse = &format!("{SVT}stored_at_once_from = 0\nslope = 5.0\n")[..];
    for constant in ["longer = 10.0", "halved_every = 1"] {
        let found = attempts(&format!("{coarse}{constant}\n"), &floor);
        assert_ne!(tried(&found), tried(&attempts(coarse, &floor)), "{constant}");
    }
    let size = [("effort", "0"), ("size_bytes", "2000")];
    for constant in ["size_slope = 5.0", "size_near = 1.0"] {
        let found = attempts(&format!("[photo]\n{constant}\n"), &size);
        assert_ne!(tried(&found), tried(&attempts("", &size)), "{constant}");
    }
    let synthetic = attempts("[classes]\nsynthetic_top_values = 0.0\nsynthetic_hard_edges = 0.0\n", &floor);
    assert_eq!(synthetic.scenes[0].profile.scene_class, "synthetic");
}

#[test]
fn a_photo_reaches_its_floor_and_comes_back_with_its_opacity() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write_png(&at("in.png"), 75, 71);
    let report = encoded(&at("in.png"), &at("out.nvc"), &[("min_psnr", "29")]).unwrap();
    assert!(report.total.target_met, "{report:?}");
    assert!(report.total.pooled["psnr_rgb"] >= 29.0);
    assert_eq!(report.total.bytes, std::fs::metadata(at("out.nvc")).unwrap().len());
    let mut continues = |_| ControlFlow::Continue(());
    let settings = DecoderSettings::default();
    decode_file(&at("out.nvc"), &at("back.png"), &settings, &CancelToken::new(), &mut continues).unwrap();
    let (source, back) =
        (image::open(at("in.png")).unwrap().to_rgba8(), image::open(at("back.png")).unwrap().to_rgba8());
    assert_eq!(source.dimensions(), back.dimensions());
    assert!(source.pixels().zip(back.pixels()).all(|(before, after)| before.0[3] == after.0[3]));
    let squares = source.pixels().zip(back.pixels());
    let error: f64 = squares
        .map(|(a, b)| (0..3).map(|c| (f64::from(a.0[c]) - f64::from(b.0[c])).powi(2)).sum::<f64>())
        .sum();
    let psnr = 10.0 * (255.0_f64.powi(2) * 3.0 * 75.0 * 71.0 / error).log10();
    assert!((psnr - report.total.pooled["psnr_rgb"]).abs() < 1e-6, "{psnr}");
    assert_eq!(inspect_file(&at("out.nvc"), Limits::default()).unwrap().frames, 1);
}

#[test]
fn a_size_is_kept_and_a_floor_of_clips_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write_png(&at("in.png"), 160, 96);
    let report = encoded(&at("in.png"), &at("out.nvc"), &[("size_bytes", "1600")]).unwrap();
    assert!(report.total.target_met && report.total.bytes <= 1600, "{report:?}");
    let error = encoded(&at("in.png"), &at("out.nvc"), &[("bitrate_bps", "100000")]).unwrap_err();
    assert!(error.to_string().contains("bitrate_bps"), "{error}");
    let mut settings = Settings::default();
    settings.set("min_psnr", "40").unwrap();
    let info = VideoInfo::new(64, 48, PixelFormat::YUV420_8, Rational::new(25, 1).unwrap());
    let error = EncodingAgent::new(info, &settings).err().unwrap();
    assert!(error.to_string().contains("min_psnr_y"), "{error}");
}

#[test]
fn a_tiny_photo_and_an_avif_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write_png(&at("one.png"), 1, 1);
    encoded(&at("one.png"), &at("one.nvc"), &[("quantizer", "20")]).unwrap();
    let photo = open_photo(&at("one.nvc"), &DecoderSettings::default()).unwrap();
    assert_eq!((photo.frame.width(), photo.frame.height()), (1, 1));
    write_photo(&at("one.tiff"), &photo).unwrap();
    assert_eq!(image::open(at("one.tiff")).unwrap().width(), 1);
    write_png(&at("in.png"), 128, 96);
    let report = encoded(&at("in.png"), &at("out.avif"), &[("quantizer", "30")]).unwrap();
    assert!(
        report
            .lost
            .iter()
            .any(|lost| lost.to_string().contains("alpha") || lost.to_string().contains("opacity")),
        "{:?}",
        report.lost
    );
    let bytes = std::fs::read(at("out.avif")).unwrap();
    assert_eq!((&bytes[4..8], report.total.bytes), (&b"ftyp"[..], bytes.len() as u64));
    assert_eq!(report.photo.map(|photo| photo.alpha_bytes), Some(0));
}

#[test]
fn a_photo_that_is_cut_or_changed_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write_png(&at("in.png"), 64, 64);
    encoded(&at("in.png"), &at("out.nvc"), &[("quantizer", "50")]).unwrap();
    let bytes = std::fs::read(at("out.nvc")).unwrap();
    let settings = DecoderSettings::default();
    decode_photo_bytes(&bytes, &settings).unwrap();
    for end in (0..bytes.len()).step_by(7) {
        assert!(decode_photo_bytes(&bytes[..end], &settings).is_err(), "{end}");
    }
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 0x41;
        match decode_photo_bytes(&changed, &settings) {
            Ok(_) => panic!("byte {at} of {} may be anything", bytes.len()),
            Err(Error::Internal { .. }) => panic!("byte {at} is a fault of the library's"),
            Err(_) => {}
        }
    }
}

/// Waves of red against blue, too narrow for chroma of half the resolution.
fn write_narrow_colors(path: &Path, width: u32, height: u32) {
    let picture = image::RgbImage::from_fn(width, height, |x, y| {
        let wave = 60.0 * (f64::from(x) * 1.3 + f64::from(y) * 0.1).sin();
        image::Rgb([(128.0 + wave) as u8, 128, (128.0 - wave) as u8])
    });
    picture.save(path).unwrap();
}

#[test]
fn colors_of_its_own_reach_what_coarse_chroma_cannot() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    // Sides that are odd, and below what is coded.
    for (width, height) in [(160, 121), (33, 64), (2, 1), (7, 200)] {
        write_narrow_colors(&at("in.png"), width, height);
        let floor = [("effort", "4"), ("min_psnr", "33")];
        let own = encoded(&at("in.png"), &at("own.nvc"), &floor).unwrap();
        assert!(own.total.target_met, "{own:?}");
        assert!(own.base_encoder.starts_with("libaom 3."), "{}", own.base_encoder);
        let scene = &own.scenes[0];
        assert_eq!((scene.bit_depth, &scene.tools[..]), (10, "colors=own tune=psnr"));
        // Quarter steps lie between the whole ones that libaom has.
        assert!(scene.attempts.iter().any(|each| each.stage == Stage::Locate && each.preset == 6));
        let bytes = std::fs::read(at("own.nvc")).unwrap();
        let decoded = decode_photo_bytes(&bytes, &DecoderSettings::default()).unwrap();
        assert_eq!((decoded.frame.width(), decoded.frame.height()), (width as usize, height as usize));
        // What is measured is what a reader sees.
        let source = image::open(at("in.png")).unwrap().to_rgb8();
        let planes = match decoded.frame.planes() {
            neural_codec::frame::Planes::U8(planes) => planes,
            other => panic!("{other:?}"),
        };
        let errors = source.pixels().enumerate().flat_map(|(at, pixel)| {
            (0..3).map(move |channel| f64::from(planes[channel].samples()[at]) - f64::from(pixel.0[channel]))
        });
        let mean = errors.map(|error| error * error).sum::<f64>() / f64::from(3 * width * height);
        let psnr = 10.0 * (255.0 * 255.0 / mean).log10();
        match scene.quality.psnr_rgb {
            Some(told) => assert!((told - psnr).abs() < 1e-6, "{told} {psnr}"),
            None => assert_eq!(mean, 0.0),
        }
        if width == 160 {
            let svt = [&floor[..], &[("defaults", "[photo]\nlibaom_from_effort = 10\n")]].concat();
            let svt = encoded(&at("in.png"), &at("svt.nvc"), &svt).unwrap();
            assert!(svt.base_encoder.starts_with("SVT-AV1"), "{}", svt.base_encoder);
            // Chroma of half the resolution never reaches the floor.
            assert!(!svt.total.target_met && svt.total.bytes > own.total.bytes);
        }
        // Damaged and cut, it is an error.
        for at in (0..bytes.len()).step_by(bytes.len() / 40 + 1) {
            assert!(decode_photo_bytes(&bytes[..at], &DecoderSettings::default()).is_err());
            let mut changed = bytes.clone();
            changed[at] ^= 0x15;
            assert!(decode_photo_bytes(&changed, &DecoderSettings::default()).is_err(), "{at}");
        }
    }
}

#[test]
fn a_filter_brings_a_photo_nearer_for_three_bytes_and_is_left_out_where_it_is_not_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    soft_shapes(131, 97).save(at("in.png")).unwrap();
    let coded = |output: &str, pairs: &[(&str, &str)]| {
        let pairs = [&[("effort", "3"), ("quantizer", "45")], pairs].concat();
        encoded(&at("in.png"), &at(output), &pairs).unwrap()
    };
    let filtered = coded("filtered.nvc", &[]);
    let plain = coded("plain.nvc", &[("strategies", "av1")]);
    let psnr = |report: &Report| report.scenes[0].quality.psnr_rgb.unwrap();
    assert!(psnr(&filtered) > psnr(&plain) + 0.05, "{} {}", psnr(&filtered), psnr(&plain));
    let told = |report: &Report| {
        let photo = report.photo.clone().unwrap();
        (report.scenes[0].strategy.name(), photo.coding, photo.macs_per_pixel)
    };
    assert_eq!(told(&filtered), ("hybrid", "av1".into(), 10_944));
    assert_eq!(told(&plain), ("av1", "av1".into(), 0));
    // Two bytes of the filter, and a second one of the multiplications.
    assert_eq!(filtered.total.bytes, plain.total.bytes + 3);
    for (output, pairs) in [
        ("out.nvc", [("effort", "3"), ("min_ssimulacra2", "40")]),
        ("out.nvc", [("effort", "2"), ("quantizer", "45")]),
        ("out.avif", [("effort", "3"), ("quantizer", "45")]),
    ] {
        let report = encoded(&at("in.png"), &at(output), &pairs).unwrap();
        assert_eq!(report.scenes[0].strategy.name(), "av1", "{output} {pairs:?}");
        let asked = [&pairs[..], &[("strategies", "hybrid")]].concat();
        let report = encoded(&at("in.png"), &at(output), &asked).unwrap();
        assert!(report.notes.iter().any(|note| note.starts_with("No filter")), "{:?}", report.notes);
    }
    let asked = coded("asked.nvc", &[("strategies", "hybrid")]);
    assert!(told(&asked) == told(&filtered) && asked.notes == filtered.notes, "{:?}", asked.notes);
    // Readers give the same samples on any number of threads, and refuse another network and other multiplications.
    let bytes = std::fs::read(at("filtered.nvc")).unwrap();
    let packet = PhotoPacket::read_file(&bytes[..], &Limits::default()).unwrap();
    for threads in [1, 3] {
        let settings = DecoderSettings::default().with_threads(threads);
        decode_photo_bytes(&bytes, &settings).unwrap();
    }
    let PhotoCode::OwnColors { filter: Some(filter), .. } = packet.code else { panic!("{:?}", packet.code) };
    assert_eq!(filter, PhotoFilter { network: 1, quantizer: 45 });
    let refused = |change: &dyn Fn(&mut PhotoPacket)| {
        let mut packet = packet.clone();
        change(&mut packet);
        decode_photo_bytes(&packet.to_file().unwrap(), &DecoderSettings::default()).unwrap_err()
    };
    let with = |packet: &mut PhotoPacket, found: Option<PhotoFilter>| {
        if let PhotoCode::OwnColors { filter, .. } = &mut packet.code {
            *filter = found;
        }
    };
    let unknown = refused(&|packet| with(packet, Some(PhotoFilter { network: 9, ..filter })));
    assert!(
        matches!(unknown, Error::Unsupported { .. }) && unknown.to_string().contains("network 9"),
        "{unknown}"
    );
    let cost = refused(&|packet| packet.macs_per_pixel = 5).to_string();
    assert!(cost.contains("multiplications") && cost.contains("10944"), "{cost}");
    for other in [None, Some(PhotoFilter { quantizer: 10, ..filter })] {
        let changed = refused(&|packet| {
            with(packet, other);
            packet.macs_per_pixel *= u64::from(other.is_some());
        });
        assert!(changed.to_string().contains("hash"), "{changed}");
    }
    let summary = inspect_file(&at("filtered.nvc"), Limits::default()).unwrap();
    assert_eq!((&summary.scenes[0].strategy[..], summary.scenes[0].macs_per_pixel), ("hybrid", 10_944.0));
}

/// Soft shapes of 50x38 as version 0.1 coded them at effort 3 and quantizer 45, with the filter of network 1.
const GOLDEN_FILTERED: &[u8] = include_bytes!("data/photo-filtered-v1.nvc");

#[test]
fn the_golden_filtered_photo_decodes_on_every_instruction_set() {
    let packet = PhotoPacket::read_file(GOLDEN_FILTERED, &Limits::default()).unwrap();
    let filter = PhotoFilter { network: 1, quantizer: 45 };
    assert!(matches!(packet.code, PhotoCode::OwnColors { filter: Some(found), .. } if found == filter));
    decode_on_every_instruction_set(GOLDEN_FILTERED);
}

/// Writes it anew: `cargo test --test photos -- --ignored`, for a new network only.
#[test]
#[ignore = "writes a file of the repository"]
fn write_the_golden_filtered_photo() {
    let folder = tempfile::tempdir().unwrap();
    soft_shapes(50, 38).save(folder.path().join("in.png")).unwrap();
    let stored = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/photo-filtered-v1.nvc");
    let pairs = [("effort", "3"), ("quantizer", "45")];
    let report = encoded(&folder.path().join("in.png"), &stored, &pairs).unwrap();
    assert_eq!(report.scenes[0].strategy.name(), "hybrid");
}

#[test]
fn a_filter_is_kept_only_where_red_green_and_blue_are_nearer() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let mut random = neural_codec::filter::train::Random::new(3);
    let mut noise = |_, _| image::Rgb([(); 3].map(|()| if random.uniform() < 0.5 { 0_u8 } else { 255 }));
    image::RgbImage::from_fn(60, 40, &mut noise).save(at("noise.png")).unwrap();
    image::RgbImage::from_pixel(64, 64, image::Rgb([90, 130, 200])).save(at("flat.png")).unwrap();
    write_png(&at("edges.png"), 75, 71);
    soft_shapes(50, 70).save(at("soft.png")).unwrap();
    for (input, quantizer) in
        [("noise.png", "55"), ("flat.png", "63"), ("edges.png", "5"), ("soft.png", "35")]
    {
        let pairs = [("effort", "3"), ("quantizer", quantizer)];
        let filtered = encoded(&at(input), &at("out.nvc"), &pairs).unwrap();
        let plain =
            encoded(&at(input), &at("out.nvc"), &[&pairs[..], &[("strategies", "av1")]].concat()).unwrap();
        let psnr = |report: &Report| report.scenes[0].quality.psnr_rgb.unwrap_or(f64::INFINITY);
        match filtered.scenes[0].strategy.name() {
            "hybrid" => assert!(psnr(&filtered) > psnr(&plain) + 0.019, "{input}"),
            _ => assert_eq!(
                (filtered.total.bytes, psnr(&filtered)),
                (plain.total.bytes, psnr(&plain)),
                "{input}"
            ),
        }
    }
}

/// What the av1C box of an AVIF holds, from its first byte on.
fn av1c_of(avif: &[u8]) -> &[u8] {
    &avif[avif.windows(4).position(|four| four == b"av1C").unwrap() + 4..]
}

#[test]
fn an_avif_has_chroma_of_the_resolution_of_luma_in_colors_that_players_know() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write_narrow_colors(&at("in.png"), 97, 70);
    let report = encoded(&at("in.png"), &at("out.avif"), &[("effort", "4"), ("min_psnr", "33")]).unwrap();
    assert!(report.total.target_met && report.base_encoder.starts_with("libaom"), "{report:?}");
    assert_eq!(report.scenes[0].tools, "colors=ycbcr tune=psnr");
    let bytes = std::fs::read(at("out.avif")).unwrap();
    // Profile 1, ten bits, chroma not halved.
    let av1c = av1c_of(&bytes);
    assert_eq!((av1c[1] >> 5, av1c[2] & 0b0101_1100), (1, 0b0100_0000));
}

#[test]
fn an_avif_names_the_profile_that_its_picture_has() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write_narrow_colors(&at("in.png"), 64, 64);
    for (effort, profile) in [("0", 0), ("3", 1)] {
        encoded(&at("in.png"), &at("out.avif"), &[("effort", effort), ("quantizer", "30")]).unwrap();
        assert_eq!(av1c_of(&std::fs::read(at("out.avif")).unwrap())[1] >> 5, profile, "effort {effort}");
    }
}

#[test]
fn what_cannot_have_colors_of_its_own_is_coded_by_svt_av1() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write_narrow_colors(&at("colors.png"), 64, 64);
    image::GrayImage::from_fn(64, 64, |x, y| image::Luma([(x * 3 + y) as u8])).save(at("gray.png")).unwrap();
    for (input, output, pairs) in [
        ("gray.png", "out.nvc", [("effort", "5"), ("min_psnr", "33")]),
        ("colors.png", "out.nvc", [("effort", "2"), ("min_psnr", "25")]),
    ] {
        let report = encoded(&at(input), &at(output), &pairs).unwrap();
        assert!(report.base_encoder.starts_with("SVT-AV1"), "{input} {output}");
        assert!(report.notes.iter().all(|note| !note.contains("libaom")), "{:?}", report.notes);
    }
}

#[test]
fn the_smaller_of_av1_and_a_still_is_stored_and_the_only_one_that_reaches_the_floor() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write_png(&at("edges.png"), 64, 48);
    write_narrow_colors(&at("narrow.png"), 64, 48);
    // AV1 of SVT-AV1, whose chroma is too coarse for the second.
    let tried = "[photo]\nstill_from_effort = 0\nlibaom_from_effort = 10\n";
    for (input, floor, expected) in [("edges.png", 30.0, "av1"), ("narrow.png", 29.0, "still")] {
        let pairs = [("effort", "5"), ("min_psnr", &floor.to_string()[..]), ("defaults", tried)];
        let report = encoded(&at(input), &at("out.nvc"), &pairs).unwrap();
        let scene = &report.scenes[0];
        let stills = scene.attempts.iter().filter(|each| each.stage == Stage::Still).count();
        let is_met = |psnr: Option<f64>| psnr.is_some_and(|psnr| psnr >= floor);
        let smallest =
            scene.attempts.iter().filter(|each| is_met(each.psnr_rgb)).map(|each| each.bytes).min();
        assert_eq!((stills, smallest), (1, Some(report.total.bytes)), "{input}");
        assert!(report.total.target_met);
        let bytes = std::fs::read(at("out.nvc")).unwrap();
        assert_eq!(bytes.len() as u64, report.total.bytes);
        decode_photo_bytes(&bytes, &DecoderSettings::default()).unwrap();
        let photo = report.photo.unwrap();
        let is_still = expected == "still";
        assert_eq!(
            (scene.strategy.name(), &photo.coding[..]),
            (expected, if is_still { "neural" } else { "av1" })
        );
        assert_eq!((photo.macs_per_pixel > 500, scene.quantizer == 0.0), (is_still, is_still));
    }
}

#[test]
fn stills_are_trained_where_they_are_allowed_and_refused_where_they_cannot_be() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write_png(&at("in.png"), 40, 33);
    let report =
        encoded(&at("in.png"), &at("out.nvc"), &[("min_psnr", "10"), ("strategies", "still")]).unwrap();
    let stages: Vec<Stage> = report.scenes[0].attempts.iter().map(|each| each.stage).collect();
    assert!(stages == [Stage::Still] && report.total.target_met, "{report:?}");
    // Opacity is kept beside a still as beside AV1.
    assert!(report.photo.unwrap().alpha_bytes > 0);
    let report = encoded(&at("in.png"), &at("out.nvc"), &[("min_psnr", "28")]).unwrap();
    assert!(report.scenes[0].attempts.iter().all(|each| each.stage != Stage::Still));
    let alone = ("strategies", "still");
    for (output, pairs, what) in [
        ("out.nvc", &[alone][..], "min_psnr as the only target"),
        ("out.nvc", &[alone, ("quantizer", "30")], "min_psnr as the only target"),
        ("out.nvc", &[alone, ("min_psnr", "28"), ("min_psnr_y", "28")], "min_psnr as the only target"),
        ("out.avif", &[alone, ("min_psnr", "28")], "av1 for an .avif"),
        ("out.nvc", &[alone, ("min_psnr", "28"), ("max_memory_bytes", "50000000")], "memory of a still"),
    ] {
        write_png(&at("in.png"), if what.starts_with("memory") { 400 } else { 40 }, 400);
        let message = encoded(&at("in.png"), &at(output), pairs).unwrap_err().to_string();
        assert!(message.contains(what), "{message}");
    }
    let mut settings = Settings::default();
    settings.set("strategies", "still").unwrap();
    let info = VideoInfo::new(64, 48, PixelFormat::YUV420_8, Rational::new(25, 1).unwrap());
    let refused = EncodingAgent::new(info, &settings).map(drop).unwrap_err().to_string();
    assert!(refused.contains("av1 or hybrid for a clip"), "{refused}");
}
