//! What becomes of an encode whose base encoder fails within a scene: the real SVT-AV1 behind a library that damages one of its packets.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first error")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use neural_codec::base::Library;
use neural_codec::decoder::inspect;
use neural_codec::encoder::{Hooks, encode};
use neural_codec::error::Error;
use neural_codec::frame::PixelFormat;
use neural_codec::report::Report;
use neural_codec::settings::Settings;
use support::Clip;
use support::streams::decoded;

/// Says at which packet of its next instance the library fails; at which of every instance.
fn fail(at: Option<u32>, always: bool) {
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
    set("FAILING_ENCODER_AT", at.map(|at| at.to_string()));
    set("FAILING_ENCODER_ALWAYS", always.then(|| "1".into()));
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

/// A clip of 90 frames, each scene of 30.
fn encoded(pairs: &[(&str, &str)]) -> Result<(Vec<u8>, Report), Error> {
    let mut settings = Settings::default();
    let all = [("effort", "0"), ("threads", "1"), ("strategies", "av1")];
    all.iter().chain(pairs).for_each(|(name, value)| settings.set(name, value).unwrap());
    let mut clip = Clip::new(96, 64, PixelFormat::YUV420_8, 90, 30);
    let mut bytes = Vec::new();
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
    let whole = [(0, 0, 30), (1, 30, 30), (2, 60, 30)];

    // Frames that pass are gone: another scene begins with the frame that could not be decoded.
    fail(None, false);
    let (plain, report) = encoded(&[("quantizer", "40")]).unwrap();
    assert_eq!((spans(&report).as_slice(), report.notes.as_slice()), (whole.as_slice(), [].as_slice()));
    for at in [0, 11, 29] {
        fail(Some(at), false);
        let (bytes, report) = encoded(&[("quantizer", "40")]).unwrap();
        let at = u64::from(at);
        let split = [(0, 0, at), (1, at, 30 - at), (2, 30, 30), (3, 60, 30)];
        assert_eq!(spans(&report), if at > 0 { split.as_slice() } else { whole.as_slice() });
        let note = "Scenes that begin where the base encoder failed, not at a cut: 1.".to_owned();
        assert_eq!(report.notes.contains(&note), at > 0);
        assert!(report.notes.iter().any(|note| note.contains("was retried 1 times")), "{:?}", report.notes);
        // Decoding compares the hashes of what was measured.
        let frames = decoded(&bytes).unwrap();
        assert_eq!(frames.len(), 90);
        // The last scene is as if nothing had been.
        assert_eq!(frames[30..], decoded(&plain).unwrap()[30..]);
        let summary = inspect(bytes.as_slice(), Default::default()).unwrap();
        assert_eq!((summary.frames, summary.scenes.len()), (90, report.scenes.len()));
        assert_eq!(report.total.bytes, bytes.len() as u64);
    }

    // What is kept is tried again as a whole, and nothing shows but the note.
    let searched = [("min_psnr_y", "30"), ("effort", "2")];
    fail(None, false);
    let (plain, _) = encoded(&searched).unwrap();
    fail(Some(11), false);
    let (bytes, report) = encoded(&searched).unwrap();
    assert_eq!((spans(&report).as_slice(), bytes == plain), (whole.as_slice(), true));
    assert!(report.notes.iter().any(|note| note.contains("was retried 1 times")), "{:?}", report.notes);

    // A base encoder that always fails is an error, and soon.
    for pairs in [[("quantizer", "40")], [("min_psnr_y", "30")]] {
        fail(Some(3), true);
        let error = encoded(&pairs).unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }), "{error}");
    }
}
