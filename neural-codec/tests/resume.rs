//! Properties of the attempt cache: what was interrupted continues where it was, and gives the bytes of one that was not.
#![allow(clippy::unwrap_used, reason = "a test stops at the first error")]

mod support;

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use neural_codec::encoder::{Hooks, encode};
use neural_codec::error::Error;
use neural_codec::frame::PixelFormat;
use neural_codec::progress::CancelToken;
use neural_codec::report::Report;
use neural_codec::settings::Settings;
use support::Clip;

const TARGETS: [(&str, &str); 3] = [("min_psnr_y", "38"), ("quantizer", "40"), ("bitrate_bps", "200000")];

fn settings(target: (&str, &str), work: Option<&Path>) -> Settings {
    let mut settings = Settings::default();
    settings.set("effort", "3").unwrap();
    settings.set(target.0, target.1).unwrap();
    settings.cache_dir = work.map(Path::to_owned);
    settings
}

fn encoded(
    clip: &mut Clip,
    settings: &Settings,
    hooks: Hooks<'_>,
) -> neural_codec::Result<(Vec<u8>, Report)> {
    let mut bytes = Vec::new();
    let report = encode(clip, &mut bytes, settings, hooks)?;
    Ok((bytes, report))
}

fn clip() -> Clip {
    Clip::new(192, 128, PixelFormat::YUV420_8, 90, 30)
}

fn attempts(folder: &Path) -> usize {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|e| e == "attempt")).count()
}

fn reused(report: &Report) -> Option<u64> {
    let note = report.notes.iter().find(|note| note.contains("attempt cache"))?;
    note.split(' ').next()?.parse().ok()
}

#[test]
fn an_encode_that_was_interrupted_goes_on_and_gives_the_same_bytes() {
    for target in TARGETS {
        let (whole, _) = encoded(&mut clip(), &settings(target, None), Hooks::default()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let work = folder.path().join("deep/work");
        let with_folder = settings(target, Some(&work));
        let stop = |done: u64| {
            Hooks::default().with_progress(move |progress| {
                if progress.frames_done >= done { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
        };
        // More than the two scenes at work have together: one is finished and in the folder.
        let error = encoded(&mut clip(), &with_folder, stop(61)).unwrap_err();
        assert!(matches!(error, Error::Cancelled), "{error}");
        let before = attempts(&work);
        assert!(before > 0, "{target:?}");
        let (again, report) = encoded(&mut clip(), &with_folder, Hooks::default()).unwrap();
        assert!(again == whole, "{target:?}");
        assert_eq!(reused(&report), Some(before as u64), "{target:?}");
        let (third, report) = encoded(&mut clip(), &with_folder, Hooks::default()).unwrap();
        assert!(third == whole && reused(&report) == Some(attempts(&work) as u64));
    }
}

#[test]
fn cancelled_at_any_time_it_ends_soon_and_loses_nothing() {
    let target = TARGETS[0];
    let (whole, _) = encoded(&mut clip(), &settings(target, None), Hooks::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let with_folder = settings(target, Some(folder.path()));
    for milliseconds in [0, 30, 60, 120, 250, 400] {
        let cancel = CancelToken::new();
        let raised = cancel.clone();
        let timer = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(milliseconds));
            raised.cancel();
        });
        let outcome = encoded(&mut clip(), &with_folder, Hooks::default().with_cancel(cancel));
        match outcome {
            Ok((bytes, _)) => assert!(bytes == whole),
            Err(error) => assert!(matches!(error, Error::Cancelled), "{error}"),
        }
        timer.join().unwrap();
    }
    assert!(encoded(&mut clip(), &with_folder, Hooks::default()).unwrap().0 == whole);
}

#[test]
fn a_damaged_trial_is_made_again() {
    let target = TARGETS[0];
    let folder = tempfile::tempdir().unwrap();
    let with_folder = settings(target, Some(folder.path()));
    let (whole, _) = encoded(&mut clip(), &with_folder, Hooks::default()).unwrap();
    let files: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    for path in files.iter().filter(|path| path.extension().is_some_and(|e| e == "attempt")) {
        let bytes = fs::read(path).unwrap();
        fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
    }
    let (again, report) = encoded(&mut clip(), &with_folder, Hooks::default()).unwrap();
    assert!(again == whole && reused(&report).is_none());
}

#[test]
fn the_folder_of_another_clip_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let with_folder = settings(TARGETS[1], Some(folder.path()));
    encoded(&mut clip(), &with_folder, Hooks::default()).unwrap();
    let before = attempts(folder.path());
    let mut other = Clip::new(192, 128, PixelFormat::YUV420_10, 30, 30);
    let error = encoded(&mut other, &with_folder, Hooks::default()).unwrap_err();
    assert!(matches!(&error, Error::InvalidArgument { name, .. } if name == "cache_dir"), "{error}");
    assert!(error.to_string().contains("another clip"), "{error}");
    assert_eq!(attempts(folder.path()), before);
}

#[test]
fn other_targets_share_the_probes_of_one_folder() {
    let folder = tempfile::tempdir().unwrap();
    encoded(&mut clip(), &settings(("min_psnr_y", "38"), Some(folder.path())), Hooks::default()).unwrap();
    let other = settings(("min_psnr_y", "36"), Some(folder.path()));
    let (bytes, report) = encoded(&mut clip(), &other, Hooks::default()).unwrap();
    assert!(reused(&report).is_some_and(|reused| reused > 0), "{:?}", report.notes);
    let alone = settings(("min_psnr_y", "36"), None);
    assert!(bytes == encoded(&mut clip(), &alone, Hooks::default()).unwrap().0);
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().join("work");
    let error = encoded(&mut clip(), &settings(TARGETS[1], Some(&path)), Hooks::default()).unwrap_err();
    assert!(matches!(error, Error::Io { .. }) && error.to_string().contains("work"), "{error}");
}
