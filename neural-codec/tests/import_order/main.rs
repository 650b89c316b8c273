//! Folders import only from ranks below their own, and no files import one another in a circle: the order of docs/ARCHITECTURE.md.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test stops at the first error"
)]

mod graph;
mod source;

use std::path::Path;

use graph::{Crate, Graph, circles, folder, inside};

/// The folders (and single files) of `neural-codec/src`, from the lowest rank up. Equal ranks never import one another.
const RANKS: &[&[&str]] = &[
    &["error"],
    &["simd", "memory", "process", "threads", "loader", "gpu"],
    &[
        "device",
        "defaults",
        "strategy",
        "repeats",
        "progress",
        "lost",
        "audio_plan",
        "pooling",
        "range_coder",
        "random",
    ],
    &["frame", "scene_choice"],
    &["metrics", "bitstream", "scene", "settings"],
    &["base", "filter", "wiener", "still", "media", "report"],
    &["search", "decoder"],
    &["encoder"],
];

/// What a folder must not import although its rank is lower.
const FORBIDDEN: &[(&str, &str)] = &[("decoder", "search")];

fn rank(folder: &str) -> usize {
    let found = RANKS.iter().position(|names| names.contains(&folder));
    found.unwrap_or_else(|| panic!("{folder} has no rank: add it to RANKS"))
}

/// The imports that point up, or to a folder of the same rank.
fn pointing_up(graph: &Graph) -> Vec<String> {
    let mut found = Vec::new();
    for (file, targets) in graph.iter().filter(|(file, _)| *file != "lib.rs") {
        for target in targets.iter().filter(|target| folder(target) != folder(file)) {
            let (from, to) = (folder(file), folder(target));
            if rank(to) >= rank(from) || FORBIDDEN.contains(&(from, to)) {
                found.push(format!("{file} imports {target}"));
            }
        }
    }
    found
}

fn report_of(graph: &Graph, found: &[Vec<String>]) -> String {
    found.iter().map(|circle| format!("\n{}\n", inside(graph, circle).join("\n"))).collect()
}

fn graph_of(src: &str) -> Option<Graph> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join(src);
    // A packaged crate stands without its siblings.
    src.is_dir().then(|| Crate::read(&src).imports())
}

#[test]
fn no_import_points_up() {
    let found = pointing_up(&graph_of("src").unwrap());
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_gpu_folder_imports_errors_alone() {
    let graph = graph_of("src").unwrap();
    let files = graph.iter().filter(|(file, _)| folder(file) == "gpu");
    let outside: Vec<_> =
        files.flat_map(|(_, to)| to).filter(|to| !["gpu", "error"].contains(&folder(to))).collect();
    assert!(outside.is_empty(), "{outside:?}");
}

#[test]
fn no_files_import_one_another() {
    let mut report = String::new();
    for src in ["src", "../codec-ffi/src", "../codec-py/src"] {
        let Some(graph) = graph_of(src) else { continue };
        let found = circles(&graph);
        report += &report_of(&graph, &found);
    }
    assert!(report.is_empty(), "circles:\n{report}");
}

/// The imports of a made-up crate.
fn made_up(files: &[(&str, &str)]) -> Graph {
    let text = |path: &str| files.iter().find(|(name, _)| *name == path).map(|(_, text)| (*text).to_owned());
    Crate::from_files(&text).imports()
}

#[test]
fn an_import_that_points_up_is_found() {
    let graph = made_up(&[
        ("lib.rs", "pub mod frame; pub mod metrics; pub mod error; pub mod decoder; pub mod search;"),
        ("frame.rs", "use crate::error::Error;\nuse crate::metrics::Psnr;"),
        ("metrics.rs", "pub struct Psnr;"),
        ("error.rs", "pub struct Error;"),
        ("decoder.rs", "fn decode() { crate::search::plan() }"),
        ("search.rs", "pub fn plan() {}"),
    ]);
    assert_eq!(pointing_up(&graph), ["decoder.rs imports search.rs", "frame.rs imports metrics.rs"]);
}

#[test]
fn a_circle_through_a_reexport_is_found() {
    let graph = made_up(&[
        ("lib.rs", "pub mod a;\npub use a::One;"),
        (
            "a/mod.rs",
            "//! Re-exports.\nmod one;\nmod two;\nmod three;\npub use one::One;\npub(crate) use self::two::{Two as Deux};",
        ),
        ("a/one.rs", "use crate::{\n    a::{Deux, /* not me */},\n};\npub struct One;"),
        ("a/two.rs", "pub struct Two(Three);\nuse super::three::Three;"),
        ("a/three.rs", "pub struct Three;\nfn quote() { let q = '\"'; crate::One::new(); }"),
    ]);
    assert!(graph["a/mod.rs"].is_empty());
    assert_eq!(circles(&graph), [["a/one.rs", "a/three.rs", "a/two.rs"]]);
    assert_eq!(inside(&graph, &circles(&graph)[0]).len(), 3);
}

#[test]
fn tests_comments_and_strings_import_nothing() {
    let graph = made_up(&[
        ("lib.rs", "mod a;\nmod b;"),
        (
            "a.rs",
            "// crate::b::B\nconst TEXT: &str = r#\"crate::b::B\"#;\npub struct A;\n#[cfg(test)]\n#[allow(unused)]\nmod tests { use crate::b::B; }",
        ),
        ("b.rs", "use crate::a::A;\npub struct B;\n#[cfg(test)]\nmod left_out;"),
    ]);
    assert!(graph["a.rs"].is_empty());
    assert_eq!(graph["b.rs"].iter().collect::<Vec<_>>(), ["a.rs"]);
}

#[test]
fn a_parent_and_the_child_that_it_uses_are_a_circle() {
    let graph = made_up(&[
        ("lib.rs", "mod a;"),
        ("a/mod.rs", "mod b;\npub use b::B;\npub struct A(B);"),
        ("a/b.rs", "use super::A;\npub struct B;"),
    ]);
    assert_eq!(circles(&graph), [["a/b.rs", "a/mod.rs"]]);
}
