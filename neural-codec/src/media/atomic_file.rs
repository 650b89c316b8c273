//! A file that appears whole or not at all: written beside, synced, renamed.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

use crate::error::{Error, Result};

/// A file under construction. It gets its name at [`commit`](Self::commit); dropped before, it leaves nothing.
#[derive(Debug)]
pub struct AtomicFile {
    temporary: NamedTempFile,
    target: PathBuf,
}

impl AtomicFile {
    /// Starts a file beside `path`, which is not touched until [`commit`](Self::commit).
    ///
    /// A symbolic link is followed, so that the file it points to is replaced and not the link.
    ///
    /// # Errors
    ///
    /// `Io` where the folder cannot be written; `InvalidArgument` where `path` is there and no plain file.
    pub fn create(path: &Path) -> Result<Self> {
        let target = match fs::metadata(path) {
            Ok(found) if !found.is_file() => {
                let kind = if found.is_dir() { "a folder" } else { "a device or pipe" };
                return Err(Error::invalid(
                    "output path",
                    "a plain file",
                    format!("{kind}: {}", path.display()),
                ));
            }
            Ok(_) => fs::canonicalize(path).map_err(|e| Error::io(path, e))?,
            Err(_) => path.to_owned(),
        };
        let folder = match target.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        if !folder.is_dir() {
            let reason = format!("there is no folder {}", folder.display());
            return Err(Error::io(path, io::Error::new(io::ErrorKind::NotFound, reason)));
        }
        let temporary = builder().tempfile_in(folder).map_err(|e| {
            // The reason alone: the message of `tempfile` names a temporary path that means nothing to the caller.
            Error::io(path, e.raw_os_error().map_or_else(|| e.kind().into(), io::Error::from_raw_os_error))
        })?;
        Ok(Self { temporary, target })
    }

    /// The name the file will have.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Where the bytes lie until then.
    pub(crate) fn path(&self) -> &Path {
        self.temporary.path()
    }

    /// A second handle on the file under construction, for a library that wants to own what it writes to.
    ///
    /// # Errors
    ///
    /// `Io` where the system has no handle left.
    pub fn handle(&self) -> Result<File> {
        self.temporary.as_file().try_clone().map_err(|e| Error::io(&self.target, e))
    }

    /// Syncs the bytes to the disk and gives the file its name, in place of an earlier file of that name.
    ///
    /// # Errors
    ///
    /// `Io`, with no file left behind and an earlier one untouched.
    pub fn commit(self) -> Result<()> {
        let Self { temporary, target } = self;
        temporary.as_file().sync_all().map_err(|e| Error::io(&target, e))?;
        temporary.persist(&target).map_err(|e| Error::io(&target, e.error))?;
        Ok(())
    }
}

/// Refuses to write a file over the one it is made from.
///
/// # Errors
///
/// `InvalidArgument`.
pub(crate) fn expect_distinct(input: &Path, output: &Path) -> Result<()> {
    match (fs::canonicalize(input), fs::canonicalize(output)) {
        (Ok(from), Ok(to)) if from == to => {
            Err(Error::invalid("output path", "another file than the input", output.display()))
        }
        _ => Ok(()),
    }
}

/// Temporary files are hidden, and get the permissions that any new file gets, not the private ones of `/tmp`.
fn builder() -> Builder<'static, 'static> {
    let mut builder = Builder::new();
    builder.prefix(".unfinished-").suffix(".part");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.temporary.as_file_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.temporary.as_file_mut().flush()
    }
}

impl Seek for AtomicFile {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.temporary.as_file_mut().seek(position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_there_only_after_commit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clip.bin");
        let mut file = AtomicFile::create(&path).unwrap();
        file.write_all(b"whole").unwrap();
        assert!(!path.exists());
        file.commit().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(names(folder.path()), ["clip.bin"]);
    }

    #[test]
    fn a_dropped_file_leaves_the_earlier_one_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clip.bin");
        fs::write(&path, b"earlier").unwrap();
        let mut file = AtomicFile::create(&path).unwrap();
        file.write_all(b"half").unwrap();
        drop(file);
        assert_eq!(fs::read(&path).unwrap(), b"earlier");
        assert_eq!(names(folder.path()), ["clip.bin"]);
    }

    #[test]
    fn what_cannot_be_replaced_by_a_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(AtomicFile::create(folder.path()), Err(Error::InvalidArgument { .. })));
        let missing = folder.path().join("no/clip.bin");
        let error = AtomicFile::create(&missing).unwrap_err();
        assert!(error.to_string().ends_with(&format!("no folder {}", missing.parent().unwrap().display())));
        let Error::Io { path: Some(path), .. } = error else { panic!("not Io") };
        assert_eq!(path, missing);
        #[cfg(unix)]
        assert!(matches!(AtomicFile::create(Path::new("/dev/null")), Err(Error::InvalidArgument { .. })));
    }

    #[test]
    fn a_file_is_not_written_over_the_one_it_is_made_from() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clip.bin");
        fs::write(&path, b"source").unwrap();
        let same = folder.path().join(".").join("clip.bin");
        assert!(matches!(expect_distinct(&path, &same), Err(Error::InvalidArgument { .. })));
        assert!(expect_distinct(&path, &folder.path().join("other.bin")).is_ok());
        assert!(expect_distinct(Path::new("-"), Path::new("-")).is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link_and_permissions_are_ordinary() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("clip.bin"), folder.path().join("link"));
        fs::write(&path, b"earlier").unwrap();
        let ordinary = fs::metadata(&path).unwrap().permissions().mode();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let mut file = AtomicFile::create(&link).unwrap();
        file.write_all(b"later").unwrap();
        file.commit().unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&path).unwrap(), b"later");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode(), ordinary);
    }
}
