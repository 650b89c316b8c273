//! Finds and loads SVT-AV1 at run time, so that nothing needs it to build or to decode.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::copy::LoadedCopy;
use super::quantizer::Quantizer;
use super::version::Version;
use crate::error::{Error, Result};

/// Environment variable that names the library file to use, before any other.
pub const LIBRARY_VARIABLE: &str = "NEURAL_CODEC_SVTAV1";

/// Names under which systems install the library, newest first.
const SONAMES: [&str; 4] =
    ["libSvtAv1Enc.so.4", "libSvtAv1Enc.so.3", "libSvtAv1Enc.so.2", "libSvtAv1Enc.so.1"];

const REMEDY: &str = "install the system package (Debian: apt install libsvtav1enc1), or the PyPI package `av` \
                      and set NEURAL_CODEC_SVTAV1 to the libSvtAv1Enc file in its av.libs folder";

/// An SVT-AV1 that was found.
///
/// Its tables are global, and up to version 3 at least each instance overwrites them for its own settings: two
/// instances at a time, and even one after another, crash, hang or change each other's bytes. So every instance
/// gets code and tables of its own: a copy of the file, loaded for it and unloaded after it.
pub struct Library {
    version: Version,
    file: PathBuf,
    /// Never encodes; keeps what the library itself depends on loaded for the copies.
    _original: LoadedCopy,
}

impl fmt::Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SVT-AV1 {} ({})", self.version, self.file.display())
    }
}

/// Every library found so far, by the name it was asked for.
static FOUND: Mutex<BTreeMap<PathBuf, Arc<Library>>> = Mutex::new(BTreeMap::new());

/// A file to try before the system's library.
static SUGGESTED: Mutex<Option<OsString>> = Mutex::new(None);

impl Library {
    /// Loads the library that `NEURAL_CODEC_SVTAV1` names, else `path`, else the one that was
    /// [suggested](Self::suggest), else the newest that the system has.
    ///
    /// # Errors
    ///
    /// `MissingLibrary` with what was tried; a file that was named is never replaced by another.
    pub fn load(path: Option<&Path>) -> Result<Arc<Self>> {
        Self::load_named(std::env::var_os(LIBRARY_VARIABLE), path)
    }

    /// Suggests a file to try before the system's library, for the whole process; the last suggestion counts.
    ///
    /// For hosts that carry the library in a place no system knows of, such as a Python package.
    pub fn suggest(path: &Path) {
        *SUGGESTED.lock().unwrap_or_else(PoisonError::into_inner) = Some(path.as_os_str().to_owned());
    }

    fn load_named(variable: Option<OsString>, path: Option<&Path>) -> Result<Arc<Self>> {
        let variable = variable.filter(|v| !v.is_empty());
        let named = variable.as_deref().or(path.map(Path::as_os_str));
        let suggested = SUGGESTED.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let candidates: Vec<&OsStr> = match named {
            Some(name) => vec![name],
            None => suggested.as_deref().into_iter().chain(SONAMES.iter().map(OsStr::new)).collect(),
        };
        let mut tried = Vec::new();
        for candidate in candidates {
            match Self::find(Path::new(candidate)) {
                Ok(library) => return Ok(library),
                Err(reason) => tried.push(reason),
            }
        }
        Err(Error::MissingLibrary {
            name: "SVT-AV1",
            remedy: format!("tried {}; {REMEDY}", tried.join("; ")),
        })
    }

    /// Version that the library says it is.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The coarsest quantizer it takes.
    pub fn coarsest_quantizer(&self) -> Quantizer {
        if self.has_quarter_steps() { Quantizer::COARSEST } else { Quantizer::from(63) }
    }

    /// The coarsest quantizer at or below `value` that it takes; the finest there is for values below that.
    pub fn quantizer_at_most(&self, value: f64) -> Quantizer {
        Quantizer::at_most(value, !self.has_quarter_steps()).min(self.coarsest_quantizer())
    }

    /// Whether it takes quarter steps, and quantizers beyond 63.
    fn has_quarter_steps(&self) -> bool {
        self.version.0 >= 4
    }

    /// The file it was loaded from.
    pub fn file(&self) -> &Path {
        &self.file
    }

    fn find(name: &Path) -> Result<Arc<Self>, String> {
        let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(library) = found.get(name) {
            return Ok(library.clone());
        }
        let (original, version) =
            LoadedCopy::load(name).map_err(|reason| format!("{}: {reason}", name.display()))?;
        let file = original.file().unwrap_or_else(|| name.to_owned());
        let library = Arc::new(Self { version, file, _original: original });
        found.insert(name.to_owned(), library.clone());
        Ok(library)
    }

    /// Code and tables for one instance.
    ///
    /// # Errors
    ///
    /// `Unsupported` when the file cannot be loaded once more.
    pub(super) fn load_copy(&self) -> Result<LoadedCopy> {
        self.copy_and_load().map_err(|reason| Error::Unsupported {
            what: format!("temporary folder for a copy of {} ({reason})", self.file.display()),
            remedy: "set TMPDIR to a folder with room for it whose files may be executed".into(),
        })
    }

    /// Loads the file once more. The loader tells files apart by inode, so a real copy is needed; it can be
    /// unlinked as soon as it is mapped.
    fn copy_and_load(&self) -> Result<LoadedCopy, String> {
        let text = |e: std::io::Error| e.to_string();
        let mut file = tempfile::Builder::new().suffix(".so").tempfile().map_err(text)?;
        std::io::copy(&mut std::fs::File::open(&self.file).map_err(text)?, &mut file).map_err(text)?;
        Ok(LoadedCopy::load(file.path())?.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_library_is_an_error_that_names_file_and_remedy() {
        let error = Library::load_named(Some("/nonsense/libSvtAv1Enc.so".into()), None).unwrap_err();
        assert!(matches!(error, Error::MissingLibrary { .. }));
        for part in ["/nonsense/libSvtAv1Enc.so", "apt install", "PyPI", LIBRARY_VARIABLE] {
            assert!(error.to_string().contains(part), "{error} does not name {part}");
        }
    }

    #[test]
    fn the_variable_wins_over_the_path() {
        let error =
            Library::load_named(Some("/a/nowhere.so".into()), Some(Path::new("/b/nowhere.so"))).unwrap_err();
        assert!(error.to_string().contains("/a/nowhere.so"));
        assert!(!error.to_string().contains("/b/nowhere.so"));
    }

    #[test]
    fn a_library_that_is_not_svt_av1_is_an_error() {
        let error = Library::load_named(None, Some(Path::new("libc.so.6"))).unwrap_err();
        assert!(matches!(error, Error::MissingLibrary { .. }), "{error}");
        assert!(error.to_string().contains("libc.so.6"), "{error}");
    }

    #[test]
    fn a_suggestion_is_tried_first_and_replaced_by_the_system_library() {
        Library::suggest(Path::new("/c/nowhere.so"));
        match Library::load_named(None, None) {
            Ok(library) => assert_ne!(library.file(), Path::new("/c/nowhere.so")),
            Err(error) => assert!(error.to_string().contains("tried /c/nowhere.so"), "{error}"),
        }
    }
}
