//! Finds and loads SVT-AV1 at run time, so that nothing needs it to build or to decode.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
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

const REMEDY: &str = "install the system package (Debian: apt install libsvtav1enc1), or the PyPI package `av`, which Python \
                      finds by itself; NEURAL_CODEC_SVTAV1 may name a libSvtAv1Enc file, such as that of its av.libs folder";

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

    /// Which quantizers it takes, in words.
    pub(crate) fn quantizers(&self) -> String {
        let steps = if self.has_quarter_steps() { "quarter" } else { "whole" };
        format!("1 to {} in {steps} steps, as SVT-AV1 {} takes", self.coarsest_quantizer(), self.version())
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
            what: format!("place for a copy of {} ({reason})", self.file.display()),
            remedy: "set TMPDIR to a folder with room for it whose files may be executed".into(),
        })
    }

    /// Loads the file once more. The loader tells files apart by inode, so a real copy is needed: in memory, else in a
    /// file without a name, of both of which nothing is left however the process ends; else in one that is removed as
    /// soon as it is mapped.
    fn copy_and_load(&self) -> Result<LoadedCopy, String> {
        let text = |e: std::io::Error| e.to_string();
        #[cfg(target_os = "linux")]
        for make in [in_memory, tempfile::tempfile] {
            let copied = make().and_then(|mut file| {
                std::io::copy(&mut File::open(&self.file)?, &mut file)?;
                Ok(file)
            });
            if let Ok(file) = copied
                && let Ok((loaded, _)) = LoadedCopy::load(&unique_path(&file))
            {
                return Ok(loaded);
            }
        }
        let mut file =
            tempfile::Builder::new().prefix("neural-codec-").suffix(".so").tempfile().map_err(text)?;
        std::io::copy(&mut File::open(&self.file).map_err(text)?, &mut file).map_err(text)?;
        Ok(LoadedCopy::load(file.path())?.0)
    }
}

/// An empty file in memory.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
fn in_memory() -> std::io::Result<File> {
    use std::os::fd::{FromRawFd, OwnedFd};

    // SAFETY: the name is a string that ends in a zero byte.
    let descriptor = unsafe { libc::memfd_create(c"neural-codec SVT-AV1".as_ptr(), libc::MFD_CLOEXEC) };
    if descriptor < 0 {
        return Err(std::io::Error::last_os_error());
    }
    // SAFETY: the call succeeded, and nobody else knows the descriptor.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) }.into())
}

/// A path to an open file that no call gave before.
///
/// The loader takes a name that it has seen for the library that it loaded then, and descriptors are used again. So each
/// path goes through its folder in another way: the bits of a counter are steps to where it is already.
#[cfg(target_os = "linux")]
fn unique_path(file: &File) -> PathBuf {
    use std::os::fd::AsRawFd;
    use std::sync::atomic::{AtomicU32, Ordering};

    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let steps: String = (0..32).map(|bit| if count >> bit & 1 == 1 { "./" } else { "/" }).collect();
    PathBuf::from(format!("/proc/self/fd/{steps}{}", file.as_raw_fd()))
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

    #[cfg(target_os = "linux")]
    #[test]
    fn a_copy_lies_in_memory_and_no_two_have_one_name() {
        let file = in_memory().unwrap();
        // As text: paths that lead to one place compare equal.
        let names: std::collections::BTreeSet<_> =
            (0..1000).map(|_| unique_path(&file).into_os_string()).collect();
        assert_eq!(names.len(), 1000);
        assert!(names.iter().all(|name| Path::new(name).exists()));
        let library = Library::load(None).unwrap();
        let copies: Vec<_> = (0..3).map(|_| library.load_copy().unwrap()).collect();
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let inodes: std::collections::BTreeSet<_> = maps
            .lines()
            .filter(|line| line.contains("memfd:neural-codec SVT-AV1"))
            .map(|line| line.split_whitespace().nth(4).unwrap())
            .collect();
        // Other tests may have copies of their own at work.
        assert!(inodes.len() >= copies.len(), "{inodes:?}");
    }
}
