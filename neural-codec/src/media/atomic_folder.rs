//! Files of a folder that appear together: written into a hidden folder, which becomes the folder, or whose files move into it.
//!
//! A folder that is not there yet appears whole or not at all. Into one that is there the files move at the end, one after the other: that
//! takes a moment, in which a kill leaves some of them there. Hidden folders that killed processes left are removed when the next is
//! begun in the same place.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::atomic_file::{builder, expect_folder, folder_of, reason_alone, remove_left};
use crate::error::{Error, Result};
use crate::process;

/// A folder under construction. Its files get their names at [`commit`](Self::commit); dropped before, it leaves nothing.
#[derive(Debug)]
pub(super) struct AtomicFolder {
    /// None once it has its name.
    hidden: Option<TempDir>,
    target: PathBuf,
    /// Held while the folder is written, so that nobody takes it for one that was left.
    _lock: Option<File>,
}

impl AtomicFolder {
    /// Starts the files of the folder `target`, or the folder where there is none.
    ///
    /// # Errors
    ///
    /// `Io` where the folder, or the one it will be in, cannot be written; `InvalidArgument` where `target` is no folder.
    pub(super) fn create(target: &Path) -> Result<Self> {
        let target = if target.as_os_str().is_empty() { Path::new(".") } else { target };
        let place = match fs::metadata(target) {
            Ok(found) if found.is_dir() => target,
            Ok(_) => {
                return Err(Error::invalid(
                    "output path",
                    "a folder",
                    format!("a file: {}", target.display()),
                ));
            }
            Err(_) => folder_of(target),
        };
        expect_folder(target, place)?;
        remove_left(place);
        let hidden = builder(0o777).tempdir_in(place).map_err(|e| reason_alone(target, e))?;
        // Best effort, like what it is for.
        let lock = File::open(hidden.path()).ok().filter(|folder| folder.try_lock().is_ok());
        Ok(Self { hidden: Some(hidden), target: target.to_owned(), _lock: lock })
    }

    /// Where its files are until then.
    pub(super) fn path(&self) -> &Path {
        self.hidden.as_ref().map_or(&self.target, TempDir::path)
    }

    /// Gives the files their names, those of `names`, in place of earlier files.
    ///
    /// # Errors
    ///
    /// `Io`. A folder that was not there is not there then either.
    pub(super) fn commit(mut self, names: impl Iterator<Item = PathBuf>) -> Result<()> {
        process::check("commit")?;
        let Some(hidden) = self.hidden.take() else { return Ok(()) };
        // A folder that came since is no reason to lose the files.
        if !self.target.is_dir() && fs::rename(hidden.path(), &self.target).is_ok() {
            // It is there under another name.
            let _ = hidden.keep();
            return Ok(());
        }
        for name in names {
            let target = self.target.join(&name);
            fs::rename(hidden.path().join(&name), &target).map_err(|e| Error::io(&target, e))?;
        }
        Ok(())
    }
}

impl Drop for AtomicFolder {
    fn drop(&mut self) {
        if process::is_forked() {
            // The folder is the parent's, and is not removed.
            std::mem::forget(self.hidden.take());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::atomic_file::tests::names;
    use super::super::atomic_file::{PREFIX, SUFFIX};
    use super::*;

    fn written(target: &Path, files: &[&str]) -> AtomicFolder {
        let folder = AtomicFolder::create(target).unwrap();
        files.iter().for_each(|name| fs::write(folder.path().join(name), "new").unwrap());
        folder
    }

    fn commit(folder: AtomicFolder, files: &[&str]) -> Result<()> {
        folder.commit(files.iter().map(PathBuf::from))
    }

    #[test]
    fn a_new_folder_is_there_only_after_commit() {
        let place = tempfile::tempdir().unwrap();
        let target = place.path().join("frames");
        drop(written(&target, &["1"]));
        assert!(names(place.path()).is_empty());
        let folder = written(&target, &["1", "2"]);
        assert!(!target.exists());
        commit(folder, &["1", "2"]).unwrap();
        assert_eq!(
            (names(place.path()), names(&target)),
            (vec!["frames".into()], vec!["1".into(), "2".into()])
        );
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::create_dir(place.path().join("plain")).unwrap();
            let mode = |name: &str| fs::metadata(place.path().join(name)).unwrap().permissions().mode();
            assert_eq!(mode("frames"), mode("plain"));
        }
    }

    #[test]
    fn files_move_into_a_folder_that_is_there_or_came_since() {
        let place = tempfile::tempdir().unwrap();
        for came_since in [false, true] {
            let target = place.path().join(format!("frames{came_since}"));
            let earlier = || {
                fs::create_dir(&target).unwrap();
                ["1", "other"].iter().for_each(|name| fs::write(target.join(name), "earlier").unwrap());
            };
            if !came_since {
                earlier();
            }
            let folder = written(&target, &["1", "2"]);
            if came_since {
                earlier();
            }
            assert_eq!(fs::read(target.join("1")).unwrap(), b"earlier");
            commit(folder, &["1", "2"]).unwrap();
            assert_eq!(names(&target), ["1", "2", "other"]);
            assert_eq!(fs::read(target.join("1")).unwrap(), b"new");
            assert_eq!(fs::read(target.join("other")).unwrap(), b"earlier");
        }
        assert_eq!(names(place.path()), ["framesfalse", "framestrue"]);
    }

    #[test]
    fn what_a_killed_process_left_is_removed_and_what_is_written_stays() {
        let place = tempfile::tempdir().unwrap();
        let aged = |path: &Path| {
            let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
            File::open(path).unwrap().set_modified(long_ago).unwrap();
        };
        let left = place.path().join(format!("{PREFIX}left{SUFFIX}"));
        fs::create_dir(&left).unwrap();
        fs::write(left.join("1"), "half").unwrap();
        let live = written(&place.path().join("frames"), &["1"]);
        assert!(left.exists(), "it is not a minute old");
        [left.as_path(), live.path()].into_iter().for_each(aged);
        drop(written(&place.path().join("others"), &[]));
        assert!(!left.exists() && live.path().exists());
    }

    #[test]
    fn what_cannot_be_a_folder_is_an_error() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("file"), "").unwrap();
        let error = |target: &str| AtomicFolder::create(&place.path().join(target)).unwrap_err();
        assert!(matches!(error("file"), Error::InvalidArgument { .. }));
        assert!(error("no/frames").to_string().contains("there is no folder"));
    }
}
