//! Which file of a crate imports which, its circles, and the imports that point up.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::source::{Source, Use};

/// Files and the files that each imports, by their paths inside `src`.
pub(crate) type Graph = BTreeMap<String, BTreeSet<String>>;

/// A module's path from the crate's root: none for the root.
type ModulePath = Vec<String>;

struct Module {
    file: String,
    source: Source,
}

/// The modules of a crate.
pub(crate) struct Crate {
    modules: BTreeMap<ModulePath, Module>,
}

/// Follows at most so many re-exports of one name; a longer way is a circle of re-exports.
const MAX_REEXPORTS: u32 = 16;

impl Crate {
    /// Reads the crate whose root is `src/lib.rs`.
    pub(crate) fn read(src: &Path) -> Self {
        Self::from_files(&|path| fs::read_to_string(src.join(path)).ok())
    }

    /// As [`read`](Self::read), with the text of a file from `text`.
    pub(crate) fn from_files(text: &dyn Fn(&str) -> Option<String>) -> Self {
        let mut found = Self { modules: BTreeMap::new() };
        let root = Source::read(&text("lib.rs").expect("src/lib.rs"));
        found.add(text, &[], "lib.rs", "", root);
        found
    }

    fn add(
        &mut self,
        text: &dyn Fn(&str) -> Option<String>,
        path: &[String],
        file: &str,
        folder: &str,
        mut source: Source,
    ) {
        for (name, inner) in std::mem::take(&mut source.inline) {
            self.add(text, &below(path, &name), file, &format!("{folder}{name}/"), inner);
        }
        for name in &source.files {
            let inside = format!("{folder}{name}/");
            let candidates = [format!("{folder}{name}.rs"), format!("{inside}mod.rs")];
            let (file, body) = candidates
                .iter()
                .find_map(|file| text(file).map(|body| (file, body)))
                .unwrap_or_else(|| panic!("{file} declares {name}, which has no file"));
            self.add(text, &below(path, name), file, &inside, Source::read(&body));
        }
        self.modules.insert(path.to_vec(), Module { file: file.to_owned(), source });
    }

    /// Every import between two files. Modules that are named without anything of theirs count for nothing, nor do re-exports by a
    /// parent that does not use the name itself.
    pub(crate) fn imports(&self) -> Graph {
        let mut graph = Graph::new();
        for (path, module) in &self.modules {
            let edges = graph.entry(module.file.clone()).or_default();
            edges.extend(self.imports_of(path, module).into_iter().filter(|file| *file != module.file));
        }
        graph
    }

    fn imports_of(&self, path: &[String], module: &Module) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for import in &module.source.uses {
            let target = self.absolute(path, &import.path);
            let is_own = target.len() > path.len() && target.starts_with(path);
            if !(import.is_public && is_own) {
                found.extend(self.target_of_use(path, import));
            }
        }
        for named in &module.source.paths {
            let first = named[0].as_str();
            let known = matches!(first, "crate" | "super" | "self")
                || self.modules.contains_key(&below(path, first)) && named.len() > 1
                || module.source.uses.iter().any(|import| import.name == first);
            if known {
                found.extend(self.file_of(&self.absolute(path, named), 0));
            }
        }
        found
    }

    fn target_of_use(&self, path: &[String], import: &Use) -> Option<String> {
        let target = self.absolute(path, &import.path);
        match import.name.as_str() {
            "*" => self.modules.get(&target).map(|module| module.file.clone()),
            _ => self.file_of(&target, 0),
        }
    }

    /// A path as written in a module, from the root on; names of other crates stay as they are and are found nowhere.
    fn absolute(&self, module: &[String], written: &[String]) -> Vec<String> {
        let mut base = module.to_vec();
        let mut rest = written;
        match written[0].as_str() {
            "crate" => {
                base.clear();
                rest = &written[1..];
            }
            "self" => rest = &written[1..],
            _ => {}
        }
        while rest.first().is_some_and(|segment| segment == "super") {
            base.pop();
            rest = &rest[1..];
        }
        base.extend_from_slice(rest);
        base
    }

    /// The file that defines the item at a path; `None` for a module itself, and for what is none of this crate's.
    fn file_of(&self, path: &[String], steps: u32) -> Option<String> {
        if steps > MAX_REEXPORTS {
            return None;
        }
        let depth = (0..=path.len()).rev().find(|depth| self.modules.contains_key(&path[..*depth]))?;
        let module = &self.modules[&path[..depth]];
        let name = path.get(depth)?;
        if module.source.defined.contains(name) {
            return Some(module.file.clone());
        }
        for import in &module.source.uses {
            let mut target = self.absolute(&path[..depth], &import.path);
            if import.name == *name {
                target.extend_from_slice(&path[depth + 1..]);
            } else if import.name == "*" {
                target.extend_from_slice(&path[depth..]);
            } else {
                continue;
            }
            if let Some(file) = (target != path).then(|| self.file_of(&target, steps + 1)).flatten() {
                return Some(file);
            }
        }
        None
    }
}

fn below(path: &[String], name: &str) -> ModulePath {
    path.iter().cloned().chain([name.to_owned()]).collect()
}

/// The sets of more than one file of which each imports, over others, each other.
pub(crate) fn circles(graph: &Graph) -> Vec<Vec<String>> {
    let reached: BTreeMap<&String, BTreeSet<&String>> =
        graph.keys().map(|file| (file, reachable(graph, file))).collect();
    let mut found: Vec<Vec<String>> = Vec::new();
    for (file, to) in &reached {
        let circle: Vec<String> = to
            .iter()
            .filter(|other| reached.get(**other).is_some_and(|back| back.contains(*file)))
            .map(|other| (*other).clone())
            .collect();
        if circle.len() > 1 && !found.contains(&circle) {
            found.push(circle);
        }
    }
    found
}

fn reachable<'a>(graph: &'a Graph, from: &'a String) -> BTreeSet<&'a String> {
    let (mut found, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(file) = open.pop() {
        open.extend(graph.get(file).into_iter().flatten().filter(|next| found.insert(*next)));
    }
    found
}

/// The imports between the files of a circle, a line each.
pub(crate) fn inside(graph: &Graph, circle: &[String]) -> Vec<String> {
    let edges = |file: &String| {
        let targets = graph[file].iter().filter(|target| circle.contains(target));
        targets.map(|target| format!("{file} -> {target}")).collect::<Vec<_>>()
    };
    circle.iter().flat_map(edges).collect()
}

/// The first folder of a path, or the file's stem.
pub(crate) fn folder(file: &str) -> &str {
    file.split('/').next().unwrap_or(file).trim_end_matches(".rs")
}
