//! Modules import only from ranks below their own: the order of docs/ARCHITECTURE.md, read from the `use` lines.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test stops at the first error"
)]

use std::fs;
use std::path::{Path, PathBuf};

/// Rank of each top-level module. Equal ranks never import one another; errors lie under all of them.
const RANKS: &[(&str, u32)] = &[
    ("error", 0),
    ("compute", 0),
    ("frame", 1),
    ("progress", 1),
    ("metrics", 2),
    ("bitstream", 2),
    ("scene", 2),
    ("settings", 2),
    ("base", 3),
    ("neural", 3),
    ("media", 3),
    ("report", 3),
    ("strategy", 4),
    ("encoder", 5),
    ("decoder", 5),
];

/// The module that imports nothing and that every other may import.
const ERRORS: &str = "error";

/// What a module must not import although its rank is lower.
const FORBIDDEN: &[(&str, &str)] = &[("decoder", "strategy")];

fn rank(module: &str) -> Option<u32> {
    RANKS.iter().find(|(name, _)| *name == module).map(|(_, rank)| *rank)
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// Top-level modules named by `crate::name` in a source line, `use crate::{a, b}` included.
fn imports(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for (at, _) in line.match_indices("crate::") {
        let rest = &line[at + "crate::".len()..];
        let names = rest.strip_prefix('{').map_or_else(
            || vec![rest],
            |list| list.split('}').next().unwrap_or("").split(',').map(str::trim).collect(),
        );
        for name in names {
            found.push(name.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or(""));
        }
    }
    found
}

fn violations(module: &str, text: &str) -> Vec<String> {
    let own = rank(module).unwrap_or_else(|| panic!("module {module} has no rank: add it to RANKS"));
    let mut found = Vec::new();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    for name in lines.flat_map(imports).filter(|name| *name != module) {
        let points_up = name != ERRORS && rank(name).is_some_and(|other| other >= own);
        if points_up || FORBIDDEN.contains(&(module, name)) {
            found.push(format!("{module} imports {name}"));
        }
    }
    found
}

#[test]
fn no_import_points_up() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    for path in rust_files(&source) {
        let inside = path.strip_prefix(&source).unwrap();
        let module = inside.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned();
        if module != "lib" {
            found.extend(violations(&module, &fs::read_to_string(&path).unwrap()));
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_check_finds_what_it_looks_for() {
    assert_eq!(violations("frame", "use crate::metrics::Psnr;"), ["frame imports metrics"]);
    assert_eq!(violations("metrics", "use crate::{error::Result, scene::Cut};"), ["metrics imports scene"]);
    assert_eq!(violations("compute", "use crate::{error::Error, frame::Plane};"), ["compute imports frame"]);
    assert_eq!(violations("error", "use crate::device::Device;"), ["error imports compute"]);
    assert_eq!(violations("decoder", "    crate::search::plan()"), ["decoder imports strategy"]);
    assert!(violations("encoder", "use crate::search::Plan;").is_empty());
}
