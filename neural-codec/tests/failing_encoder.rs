//! What becomes of an encode whose base encoder fails within a scene: the real SVT-AV1 behind a library that damages one of its packets.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first error")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use neural_codec::base::Library;
use neural_codec::decoder::{DecoderSettings, StreamDecoder, inspect};
use neural_codec::encoder::{Hooks, encode};
use neural_codec::error::Error;
use neural_codec::frame::{Frame, PixelFormat, Planes};
use neural_codec::report::Report;
use neural_codec::settings::Settings;
use support::Clip;

/// How the library fails.
#[derive(Clone, Copy, PartialEq)]
enum Failure {
    /// It writes a packet that no decoder takes.
    Damage,
    /// It gives a packet without anything in it.
    Loss,
    /// Damage in every instance.
    Always,
}

/// Says at which packet the next instance of the library that comes so far fails, and after it the next, and so on.
fn fail(at: &[u64], failure: Failure) {
    let set = |name: &str, value: Option<String>| {
        // SAFETY: nothing else runs in this process while no encode does.
        #[allow(unsafe_code)]
        unsafe {
            match value {
                Some(value) => std::env::set_var(name, value),
                None => std::env::remove_var(name),
            }
        }
    };
    set("FAILING_ENCODER_AT", Some(at.iter().map(u64::to_string).collect::<Vec<_>>().join(",")));
    set("FAILING_ENCODER_LOSES", (failure == Failure::Loss).then(|| "1".into()));
    set("FAILING_ENCODER_ALWAYS", (failure == Failure::Always).then(|| "1".into()));
}

/// The library of failing_encoder/encoder.c, compiled.
fn compiled(folder: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/failing_encoder/encoder.c");
    let library = folder.join("libSvtAv1Enc.so");
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".into());
    let flags = ["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"];
    let output = Command::new(compiler).args(flags).arg(&library).arg(source).arg("-ldl").output();
    let output = output.expect("a C compiler, which `make setup` installs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    library
}

/// Ninety frames, each scene of 30; whatever moves, moves by two columns and a row a frame.
fn clip() -> Clip {
    Clip::new(96, 64, PixelFormat::YUV420_8, 90, 30)
}

fn frames_of(bytes: &[u8]) -> Vec<Frame> {
    let mut decoder = StreamDecoder::new(bytes, DecoderSettings::default()).unwrap();
    std::iter::from_fn(|| decoder.decode_frame().unwrap()).collect()
}

/// Sum of the absolute differences of luma.
fn difference(a: &Frame, b: &Frame) -> u64 {
    let luma = |frame: &Frame| match frame.planes() {
        Planes::U8(planes) => planes[0].samples().to_vec(),
        Planes::U16(_) => unreachable!("8 bits"),
    };
    luma(a).iter().zip(luma(b)).map(|(&a, b)| u64::from(a.abs_diff(b))).sum()
}

/// The clip, coded in its scenes.
fn encoded(pairs: &[(&str, &str)]) -> Result<(Vec<u8>, Report), Error> {
    let mut settings = Settings::default();
    let all = [("effort", "0"), ("threads", "1"), ("strategies", "av1")];
    all.iter().chain(pairs).for_each(|(name, value)| settings.set(name, value).unwrap());
    let (mut clip, mut bytes) = (clip(), Vec::new());
    let mut hooks = Hooks::default();
    hooks.scenes = Some(vec![0..30, 30..60, 60..90]);
    let report = encode(&mut clip, &mut bytes, &settings, hooks)?;
    Ok((bytes, report))
}

fn spans(report: &Report) -> Vec<(u32, u64, u64)> {
    report.scenes.iter().map(|scene| (scene.index, scene.first_frame, scene.frames)).collect()
}

#[test]
fn an_encode_goes_on_where_the_base_encoder_failed() {
    let folder = tempfile::tempdir().unwrap();
    let behind = Library::load(None).unwrap();
    // SAFETY: nothing else runs in this process yet.
    #[allow(unsafe_code)]
    unsafe {
        std::env::set_var("FAILING_ENCODER_BEHIND", behind.file());
        std::env::set_var("NEURAL_CODEC_SVTAV1", compiled(folder.path()));
    }
    let source = clip();
    let whole = [(0, 0, 30), (1, 30, 30), (2, 60, 30)];

    // Frames that pass are gone: another scene begins with the frame that could not be decoded.
    fail(&[], Failure::Damage);
    let (plain, report) = encoded(&[("quantizer", "40")]).unwrap();
    assert_eq!((spans(&report).as_slice(), report.notes.as_slice()), (whole.as_slice(), [].as_slice()));
    let plain = frames_of(&plain);
    // Packets, and where scenes begin because of them: with the frame that is missing, and with none where the first is.
    let cases: [(&[u64], &[u64]); 6] = [
        (&[0], &[]),
        (&[11], &[11]),
        (&[29], &[29]),
        // Within the scene that began, and within the next one.
        (&[11, 4], &[11, 15]),
        (&[11, 25], &[11, 55]),
        (&[0, 2, 29], &[2, 59]),
    ];
    for (failure, (packets, beginnings)) in
        [Failure::Damage, Failure::Loss].into_iter().flat_map(|failure| cases.map(|case| (failure, case)))
    {
        fail(packets, failure);
        let (bytes, report) = encoded(&[("quantizer", "40")]).unwrap();
        let mut edges = [&[0, 30, 60, 90], beginnings].concat();
        edges.sort_unstable();
        let expected: Vec<_> = edges.windows(2).map(|edge| (edge[0], edge[1] - edge[0])).collect();
        let expected: Vec<_> =
            (0..).zip(expected).map(|(index, (first, frames))| (index, first, frames)).collect();
        assert_eq!(spans(&report), expected, "{packets:?}");
        let count = beginnings.len();
        let note = format!("Scenes that begin where the base encoder failed, not at a cut: {count}.");
        assert_eq!(report.notes.contains(&note), count > 0);
        let times = ["once", "2 times", "3 times"][packets.len() - 1];
        let note = format!("was retried {times}.");
        assert!(report.notes.iter().any(|other| other.contains(&note)), "{:?}", report.notes);
        for scene in &report.scenes {
            let begins = scene.reason.ends_with("; it begins where the base encoder failed");
            assert_eq!(begins, beginnings.contains(&scene.first_frame), "{}", scene.reason);
        }
        // Decoding compares the hashes of what was measured. Scenes without a failure are as if nothing had been.
        let frames = frames_of(&bytes);
        assert_eq!(frames.len(), 90);
        let whole_from = if beginnings.iter().any(|&first| first > 30) { 60 } else { 30 };
        assert_eq!(frames[whole_from..], plain[whole_from..]);
        for (index, frame) in (0..).zip(&frames) {
            let near = index.max(1) - 1..(index + 2).min(90);
            let nearest = near.min_by_key(|&other| difference(frame, &source.frame(other)));
            assert_eq!(nearest, Some(index), "{packets:?}");
            assert_eq!(frame.timestamp, source.frame(index).timestamp, "{packets:?}");
        }
        let summary = inspect(bytes.as_slice(), Default::default()).unwrap();
        assert_eq!((summary.frames, summary.scenes.len()), (90, report.scenes.len()));
        assert_eq!(report.total.bytes, bytes.len() as u64);
    }

    // What is kept is tried again as a whole, and nothing shows but the note.
    let searched = [("min_psnr_y", "30"), ("effort", "2")];
    fail(&[], Failure::Damage);
    let (plain, _) = encoded(&searched).unwrap();
    for failure in [Failure::Damage, Failure::Loss] {
        fail(&[11], failure);
        let (bytes, report) = encoded(&searched).unwrap();
        assert_eq!((spans(&report).as_slice(), bytes == plain), (whole.as_slice(), true));
        assert!(report.notes.iter().any(|note| note.contains("was retried once.")), "{:?}", report.notes);
    }

    // A base encoder that always fails is an error: at frame 3 of the third try, which begins behind the six frames of the two before; of each
    // try where frames are kept.
    for (pairs, frame) in [([("quantizer", "40")], 9), ([("min_psnr_y", "30")], 3)] {
        fail(&[3], Failure::Always);
        let error = encoded(&pairs).unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }), "{error}");
        assert_eq!(error.place().frame, Some(frame), "{error}");
    }
}
