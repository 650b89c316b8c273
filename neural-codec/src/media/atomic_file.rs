//! A file that appears whole or not at all: written without a name or beside, synced, named.
//!
//! Linux has files without a name, of which nothing is left however the process ends. Where the file system has none, a
//! hidden file is written and locked; one that nobody has locked was left by a process that was killed, and is removed
//! when the next file is begun in its folder.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use std::time::Duration;

use tempfile::{Builder, NamedTempFile};

use crate::error::{Error, Result};
use crate::process;

/// How hidden files and folders begin and end.
pub(super) const PREFIX: &str = ".unfinished-";
pub(super) const SUFFIX: &str = ".part";

/// Hidden files and folders that were changed within this time are never taken for left ones.
const FRESH: Duration = Duration::from_secs(60);

/// Symbolic links that are followed one after the other, as Linux does.
const MAX_LINKS: usize = 40;

/// A file under construction. It gets its name at [`commit`](Self::commit); dropped before, it leaves nothing.
#[derive(Debug)]
pub struct AtomicFile {
    /// None once it got its name.
    temporary: Option<Temporary>,
    target: PathBuf,
}

#[derive(Debug)]
enum Temporary {
    #[cfg(target_os = "linux")]
    Unnamed(File),
    Hidden(NamedTempFile),
}

impl AtomicFile {
    /// Starts a file beside `path`, which is not touched until [`commit`](Self::commit).
    ///
    /// A symbolic link is followed, so that the file it points to is replaced, or made, and not the link. A file that
    /// replaces another has the permissions of that one.
    ///
    /// # Errors
    ///
    /// `Io` where the folder cannot be written; `InvalidArgument` where `path` is there and no plain file.
    pub fn create(path: &Path) -> Result<Self> {
        let target = end_of_links(path).map_err(|e| Error::io(path, e))?;
        let earlier = fs::metadata(&target).ok();
        if let Some(found) = earlier.as_ref().filter(|found| !found.is_file()) {
            let kind = if found.is_dir() { "a folder" } else { "a device or pipe" };
            return Err(Error::invalid("output path", "a plain file", format!("{kind}: {}", path.display())));
        }
        let folder = folder_of(&target);
        expect_folder(path, folder)?;
        let temporary = Temporary::create(folder).map_err(|e| reason_alone(path, e))?;
        if let Some(earlier) = earlier {
            let permitted = temporary.file().set_permissions(earlier.permissions());
            permitted.map_err(|e| reason_alone(path, e))?;
        }
        Ok(Self { temporary: Some(temporary), target })
    }

    /// The name the file will have.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// A name under which this process can open the file until then.
    #[cfg(feature = "ffmpeg")]
    pub(crate) fn path(&self) -> PathBuf {
        match &self.temporary {
            #[cfg(target_os = "linux")]
            Some(Temporary::Unnamed(file)) => path_of(file),
            Some(Temporary::Hidden(file)) => file.path().to_owned(),
            None => self.target.clone(),
        }
    }

    /// A second handle on the file under construction, for a library that wants to own what it writes to.
    ///
    /// # Errors
    ///
    /// `Io` where the system has no handle left.
    pub fn handle(&self) -> Result<File> {
        self.file().try_clone().map_err(|e| Error::io(&self.target, e))
    }

    /// Syncs the bytes to the disk and gives the file its name, in place of an earlier file of that name.
    ///
    /// # Errors
    ///
    /// `Io`, with no file left behind and an earlier one untouched.
    pub fn commit(mut self) -> Result<()> {
        process::check("commit")?;
        let synced = self.file().sync_all();
        let named = synced.and_then(|()| self.temporary.take().map_or(Ok(()), |it| it.name(&self.target)));
        named.map_err(|e| Error::io(&self.target, e))
    }

    fn file(&self) -> &File {
        // It is there until `commit`, which ends this value.
        self.temporary
            .as_ref()
            .map_or_else(|| unreachable!("a file that is used after its commit"), Temporary::file)
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if process::is_forked() {
            // The file is the parent's, and is not removed.
            std::mem::forget(self.temporary.take());
        }
    }
}

impl Temporary {
    fn create(folder: &Path) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        {
            use std::os::unix::fs::OpenOptionsExt;
            let mut options = File::options();
            options.read(true).write(true).custom_flags(libc::O_TMPFILE).mode(0o666);
            // Named again through `/proc`, which has to be there.
            if let Ok(file) = options.open(folder)
                && path_of(&file).exists()
            {
                return Ok(Self::Unnamed(file));
            }
        }
        Self::hidden(folder)
    }

    fn hidden(folder: &Path) -> io::Result<Self> {
        remove_left(folder);
        let hidden = builder(0o666).tempfile_in(folder)?;
        // Best effort, like what it is for.
        let _ = hidden.as_file().try_lock();
        Ok(Self::Hidden(hidden))
    }

    fn file(&self) -> &File {
        match self {
            #[cfg(target_os = "linux")]
            Self::Unnamed(file) => file,
            Self::Hidden(file) => file.as_file(),
        }
    }

    fn name(self, target: &Path) -> io::Result<()> {
        match self {
            #[cfg(target_os = "linux")]
            Self::Unnamed(file) => match link(&file, target) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => replace(&file, target),
                linked => linked,
            },
            Self::Hidden(file) => file.persist(target).map(drop).map_err(|e| e.error),
        }
    }
}

/// Where the file without a name can be found.
#[cfg(target_os = "linux")]
fn path_of(file: &File) -> PathBuf {
    use std::os::fd::AsRawFd;
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

/// Names a file that has no name, where there is none of that name.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
fn link(file: &File, target: &Path) -> io::Result<()> {
    use std::ffi::CString;
    use std::os::unix::ffi::OsStrExt;

    let text = |path: &Path| CString::new(path.as_os_str().as_bytes()).map_err(io::Error::from);
    let (from, to) = (text(&path_of(file))?, text(target)?);
    // SAFETY: both are strings that end in a zero byte and live for the call.
    let status = unsafe {
        libc::linkat(libc::AT_FDCWD, from.as_ptr(), libc::AT_FDCWD, to.as_ptr(), libc::AT_SYMLINK_FOLLOW)
    };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Names a file that has no name, in place of an earlier one: it has a hidden name for the moment between.
#[cfg(target_os = "linux")]
fn replace(file: &File, target: &Path) -> io::Result<()> {
    let hidden = builder(0o666).make_in(folder_of(target), |path| link(file, path))?;
    hidden.into_temp_path().persist(target).map_err(|e| e.error)
}

/// What a path leads to once symbolic links are followed, whether that is there or not.
fn end_of_links(path: &Path) -> io::Result<PathBuf> {
    let mut target = path.to_owned();
    for _ in 0..MAX_LINKS {
        match fs::read_link(&target) {
            Ok(next) => target = folder_of(&target).join(next),
            Err(_) => return Ok(target),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Removes hidden files and folders that killed processes left in a folder; what cannot be removed stays.
pub(super) fn remove_left(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let Ok(kind) = fs::symlink_metadata(&path).map(|found| found.file_type()) else { continue };
        let is_ours = name.starts_with(PREFIX) && name.ends_with(SUFFIX) && (kind.is_file() || kind.is_dir());
        if is_ours && is_left(&path) {
            let _ = if kind.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        }
    }
}

/// Whether nobody is writing a hidden file or folder any more.
fn is_left(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    let age = file.metadata().and_then(|metadata| metadata.modified());
    let age = age.ok().and_then(|changed| changed.elapsed().ok()).unwrap_or_default();
    age >= FRESH && file.try_lock().is_ok()
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

/// Temporary files and folders are hidden, and get the permissions `mode` that any new one gets, not the private ones of `/tmp`.
pub(super) fn builder(mode: u32) -> Builder<'static, 'static> {
    let mut builder = Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(mode));
    }
    #[cfg(not(unix))]
    let _ = mode;
    builder
}

/// Refuses to begin `path` where the folder that it will be in is none.
pub(super) fn expect_folder(path: &Path, folder: &Path) -> Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let reason = format!("there is no folder {}", folder.display());
    Err(Error::io(path, io::Error::new(io::ErrorKind::NotFound, reason)))
}

/// An error with the reason alone: the message of `tempfile` names a temporary path that means nothing to the caller.
pub(super) fn reason_alone(path: &Path, error: io::Error) -> Error {
    let reason = error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error);
    Error::io(path, reason)
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file().flush()
    }
}

impl Seek for AtomicFile {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.file().seek(position)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Names in a folder, sorted.
    pub(in crate::media) fn names(folder: &Path) -> Vec<String> {
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

    #[test]
    fn a_hidden_file_does_what_one_without_a_name_does() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("clip.bin");
        let create = || {
            let temporary = Temporary::hidden(folder.path()).unwrap();
            AtomicFile { temporary: Some(temporary), target: target.clone() }
        };
        create().write_all(b"dropped").unwrap();
        assert!(names(folder.path()).is_empty());
        for text in [b"first", b"again"] {
            let mut file = create();
            file.write_all(text).unwrap();
            file.commit().unwrap();
            assert_eq!(fs::read(&target).unwrap(), text);
            assert_eq!(names(folder.path()), ["clip.bin"]);
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_killed_process_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = AtomicFile::create(&folder.path().join("clip.bin")).unwrap();
        file.write_all(b"half").unwrap();
        match file.temporary.as_ref().unwrap() {
            // What a process that is killed now would leave.
            Temporary::Unnamed(_) => assert!(names(folder.path()).is_empty()),
            // No file system without files that have no name is at hand to the tests.
            Temporary::Hidden(_) => assert_eq!(names(folder.path()).len(), 1),
        }
    }

    #[test]
    fn what_a_killed_process_left_is_removed_and_what_another_writes_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let old = std::time::SystemTime::now() - 2 * FRESH;
        let make = |name: &str, is_old: bool| {
            let file = File::create(folder.path().join(name)).unwrap();
            if is_old {
                file.set_modified(old).unwrap();
            }
            file
        };
        drop(make(".unfinished-left.part", true));
        drop(make(".unfinished-fresh.part", false));
        drop(make(".unfinished-other", true));
        let locked = make(".unfinished-locked.part", true);
        locked.try_lock().unwrap();
        remove_left(folder.path());
        let expected = [".unfinished-fresh.part", ".unfinished-locked.part", ".unfinished-other"];
        assert_eq!(names(folder.path()), expected);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_has_the_permissions_of_the_one_it_replaces() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clip.bin");
        fs::write(&path, b"earlier").unwrap();
        for mode in [0o600, 0o640, 0o664] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let mut file = AtomicFile::create(&path).unwrap();
            file.write_all(b"later").unwrap();
            assert_eq!(file.file().metadata().unwrap().permissions().mode() & 0o777, mode);
            file.commit().unwrap();
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_nothing_leads_to_the_file_that_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (folder.path().join("first"), folder.path().join("second"));
        std::os::unix::fs::symlink("second", &first).unwrap();
        std::os::unix::fs::symlink("clip.bin", &second).unwrap();
        let mut file = AtomicFile::create(&first).unwrap();
        file.write_all(b"made").unwrap();
        file.commit().unwrap();
        assert_eq!(fs::read(folder.path().join("clip.bin")).unwrap(), b"made");
        assert!(fs::symlink_metadata(&first).unwrap().is_symlink());
        std::os::unix::fs::symlink("circle", folder.path().join("circle")).unwrap();
        assert!(AtomicFile::create(&folder.path().join("circle")).is_err());
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
