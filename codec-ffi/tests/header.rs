//! The committed header is what cbindgen makes of the sources; `make header` writes it anew.
#![allow(clippy::unwrap_used, reason = "a test stops at the first error")]

use std::path::Path;

/// In the order in which a reader of the header wants them.
const SOURCES: [&str; 9] = [
    "library.rs",
    "status.rs",
    "video.rs",
    "audio.rs",
    "progress.rs",
    "log.rs",
    "encoder.rs",
    "decoder.rs",
    "files.rs",
];

fn generated() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).unwrap();
    let mut builder = cbindgen::Builder::new().with_config(config);
    for source in SOURCES {
        builder = builder.with_src(root.join("src").join(source));
    }
    let mut text = Vec::new();
    builder.generate().unwrap().write(&mut text);
    String::from_utf8(text).unwrap()
}

#[test]
fn the_header_is_what_the_sources_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../include/neural_codec.h");
    let generated = generated();
    if std::env::var_os("NEURAL_CODEC_WRITE_HEADER").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &generated).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == generated, "include/neural_codec.h is out of date: run `make header`");
}

#[test]
fn every_entry_is_in_the_header() {
    let header = generated();
    let listed = include_str!("../exported-symbols.txt");
    for symbol in listed.lines() {
        assert!(header.contains(&format!("{symbol}(")), "{symbol} is not in the header");
    }
    assert!(!header.contains("ncodec_debug"), "test-only calls stay out of the header");
}
