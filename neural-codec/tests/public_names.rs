//! Every public function of the facade is called by name in a test, an example, or a binding whose own calls are all tested.
#![allow(clippy::unwrap_used, reason = "a test stops at the first error")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What programs are written against; other modules are public for tools and benches.
const FACADE: [&str; 7] = ["decoder", "encoder", "media", "metrics", "progress.rs", "report.rs", "settings"];

fn rust_files(path: &Path) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path.to_owned()];
    }
    let entries = fs::read_dir(path).unwrap();
    let found = entries.flat_map(|entry| rust_files(&entry.unwrap().path()));
    found.filter(|path| path.extension().is_some_and(|ending| ending == "rs")).collect()
}

/// A source without its tests, and the tests.
fn split(path: &Path) -> (String, String) {
    let text = fs::read_to_string(path).unwrap();
    let is_test = path.components().any(|part| part.as_os_str() == "tests")
        || path.file_stem().unwrap().to_string_lossy().ends_with("tests");
    match text.split_once("#[cfg(test)]") {
        _ if is_test => (String::new(), text),
        Some((code, tests)) => (code.to_owned(), tests.to_owned()),
        None => (text, String::new()),
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
}

/// Names of `pub fn`, not of `pub(crate) fn`.
fn public_functions(code: &str) -> impl Iterator<Item = &str> {
    let declared = code.lines().filter_map(|line| line.trim_start().strip_prefix("pub "));
    let functions = declared.filter_map(|line| line.trim_start_matches("const ").strip_prefix("fn "));
    functions.filter_map(|rest| rest.split(['(', '<']).next())
}

#[test]
fn every_public_function_is_called_by_a_test_an_example_or_a_binding() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut called = BTreeSet::new();
    for path in rust_files(&root.join("src")) {
        called.extend(words(&split(&path).1).map(str::to_owned));
    }
    for folder in
        ["tests", "../codec-ffi/src", "../codec-py/src", "../examples/rust", "../eval", "../fuzz/src"]
    {
        for path in rust_files(&root.join(folder)).iter().filter(|path| !path.ends_with("public_names.rs")) {
            called.extend(words(&fs::read_to_string(path).unwrap()).map(str::to_owned));
        }
    }
    let (mut seen, mut untried) = (0, Vec::new());
    for path in FACADE.iter().flat_map(|part| rust_files(&root.join("src").join(part))) {
        let (code, _) = split(&path);
        for name in public_functions(&code) {
            seen += 1;
            if !called.contains(name) {
                untried.push(format!("{name} in {}", path.display()));
            }
        }
    }
    assert!(seen > 60, "only {seen} public functions were found");
    assert!(untried.is_empty(), "{untried:#?}");
}
