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
fn every_call_is_described_and_tried_by_a_c_test() {
    let header = generated();
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let sources = std::fs::read_dir(tests).unwrap().map(|entry| entry.unwrap().path());
    let sources = sources.filter(|path| path.extension().is_some_and(|ending| ending == "c"));
    let tests: String = sources.map(|path| std::fs::read_to_string(path).unwrap()).collect();
    for symbol in include_str!("../exported-symbols.txt").lines() {
        let call = format!("{symbol}(");
        let at = header.find(&format!("\nint32_t {call}")).or_else(|| {
            ["const char *", "void "].iter().find_map(|result| header.find(&format!("\n{result}{call}")))
        });
        let before = at.map(|at| &header[..at]);
        assert!(before.is_some_and(|text| text.ends_with(" */")), "{symbol} has no comment in the header");
        let named =
            |text: &str| text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == symbol);
        assert!(named(&tests), "{symbol} is in no test");
    }
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
