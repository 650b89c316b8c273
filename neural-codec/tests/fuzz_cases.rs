//! Every fuzz seed and every input that once broke something, through the bodies of the fuzz targets.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::path::Path;

#[allow(unreachable_pub)]
#[path = "../../fuzz/src/lib.rs"]
mod fuzz;

/// The body of a fuzz target.
type Body = fn(&[u8]);

const TARGETS: [(&str, Body); 7] = [
    ("decoder", fuzz::decoder),
    ("filter", fuzz::filter),
    ("header", fuzz::header),
    ("layer", fuzz::layer),
    ("packets", fuzz::packets),
    ("photo", fuzz::photo),
    ("seek", fuzz::seek),
];

/// Runs `body` on each file of a folder whose name begins with `prefix`, and counts them.
fn run_folder(folder: &Path, prefix: &str, body: Body) -> usize {
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().starts_with(prefix) {
            let bytes = std::fs::read(&path).unwrap();
            std::panic::catch_unwind(|| body(&bytes)).unwrap_or_else(|_| panic!("{}", path.display()));
            count += 1;
        }
    }
    count
}

#[test]
fn every_seed_passes() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds");
    for (target, body) in TARGETS {
        assert!(run_folder(&seeds.join(target), "", body) > 0, "{target} has seeds");
    }
}

/// A file is named `target-what-it-broke`.
#[test]
fn every_past_crash_passes() {
    let crashes = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/crashes");
    if !crashes.exists() {
        eprintln!("skipped: no fuzz target has found a crash yet");
        return;
    }
    let count: usize =
        TARGETS.iter().map(|(target, body)| run_folder(&crashes, &format!("{target}-"), *body)).sum();
    assert_eq!(count, std::fs::read_dir(&crashes).unwrap().count(), "every file names a target");
}

/// Damage of any one byte, with right checksums: the properties hold although nothing gives the damage away.
#[test]
fn no_changed_byte_breaks_a_property_under_right_checksums() {
    for name in ["synthetic-v1.nvc", "synthetic-v1.3.nvc", "synthetic-v1.4.nvc"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
        let whole = [&[1], &std::fs::read(path).unwrap()[..]].concat();
        for position in 1..whole.len() {
            for change in [1, 2, 4, 8, 16, 32, 64, 128, 255] {
                let mut damaged = whole.clone();
                damaged[position] ^= change;
                fuzz::packets(&damaged);
                fuzz::seek(&damaged);
            }
        }
    }
}

/// Every length of every seed, and a changed byte at every place.
#[test]
fn no_cut_or_changed_filter_breaks_a_property() {
    for name in ["m-nothing", "m-differences", "l-differences-and-maps", "wiener-weights"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds/filter").join(name);
        let seed = std::fs::read(path).unwrap();
        for position in 0..seed.len() {
            fuzz::filter(&seed[..position]);
            for change in [1, 16, 128, 255] {
                let mut damaged = seed.clone();
                damaged[position] ^= change;
                fuzz::filter(&damaged);
            }
        }
    }
}
