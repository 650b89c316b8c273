//! Tells what a file is by its first bytes, not by its name.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::jpeg_run;
use super::sequence::{self, SequencePattern};
use crate::error::{Error, Result};

/// The bit of WebP's extended header that stands for animation.
const ANIMATED: u8 = 2;

/// What there is to open.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FileKind {
    /// A Y4M file.
    Y4m,
    /// Pictures: one, or a sequence in order.
    Pictures(Vec<PathBuf>),
    /// An animated WebP file.
    Animation,
    /// Anything else that has bytes: for FFmpeg to find out.
    Container,
}

/// Finds out what `path` is.
///
/// # Errors
///
/// `Io` where it cannot be read; `InvalidArgument` for a folder without a sequence, an empty file, or
/// what is no plain file.
pub(super) fn identify(path: &Path) -> Result<FileKind> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) => match SequencePattern::parse(path) {
            Some(pattern) => return Ok(FileKind::Pictures(pattern.files()?)),
            None => return Err(Error::io(path, error)),
        },
    };
    if metadata.is_dir() {
        return sequence::in_folder(path)?.map(FileKind::Pictures).ok_or_else(|| {
            let expected = "a file, or a folder with one numbered picture sequence";
            Error::invalid("input path", expected, format!("the folder {}", path.display()))
        });
    }
    if !metadata.is_file() {
        return Err(Error::invalid("input path", "a file", format!("a device or pipe: {}", path.display())));
    }
    let mut head = Vec::new();
    let mut file = File::open(path).map_err(|e| Error::io(path, e))?;
    file.by_ref().take(4096).read_to_end(&mut head).map_err(|e| Error::io(path, e))?;
    if head.is_empty() {
        return Err(Error::invalid("input file", "a video", format!("an empty file: {}", path.display())));
    }
    Ok(identify_bytes(&head, path))
}

fn identify_bytes(head: &[u8], path: &Path) -> FileKind {
    if head.starts_with(b"YUV4MPEG2") {
        return FileKind::Y4m;
    }
    // A header that has more than one picture behind it.
    let is_extended = head.starts_with(b"RIFF") && head.get(8..16) == Some(b"WEBPVP8X");
    if is_extended && head.get(20).is_some_and(|flags| flags & ANIMATED != 0) {
        return FileKind::Animation;
    }
    let picture = match head {
        // A chunk acTL before the pixels makes it a clip.
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => {
            let place = |name: &[u8]| head.windows(4).position(|found| found == name);
            place(b"acTL").is_none_or(|clip| place(b"IDAT").is_some_and(|pixels| pixels < clip))
        }
        // A run of JPEG pictures is a Motion JPEG stream.
        [0xFF, 0xD8, 0xFF, ..] => {
            let named = path.extension();
            !named.is_some_and(|e| e.eq_ignore_ascii_case("mjpeg") || e.eq_ignore_ascii_case("mjpg"))
                && !jpeg_run::begins(path)
        }
        [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => true,
        // "BM" may begin a text; the size of the second header is one of few.
        [b'B', b'M', rest @ ..] => {
            matches!(rest.get(12..16), Some([12 | 40 | 52 | 56 | 64 | 108 | 124, 0, 0, 0]))
        }
        _ => false,
    };
    if picture { FileKind::Pictures(vec![path.to_owned()]) } else { FileKind::Container }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_decides_and_the_name_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clip.mp4");
        let identify_as = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            identify(&path).unwrap()
        };
        assert_eq!(identify_as(b"YUV4MPEG2 W2 H2\n"), FileKind::Y4m);
        assert_eq!(identify_as(b"\x89PNG\r\n\x1a\n...."), FileKind::Pictures(vec![path.clone()]));
        assert_eq!(identify_as(b"\x89PNG\r\n\x1a\n....IHDR....acTL....IDAT"), FileKind::Container);
        assert_eq!(identify_as(b"\xff\xd8\xff\xe0"), FileKind::Pictures(vec![path.clone()]));
        assert_eq!(identify_as(b"BMs and other abbreviations"), FileKind::Container);
        assert_eq!(identify_as(b"x"), FileKind::Container);
    }

    #[test]
    fn what_is_no_readable_file_is_a_clear_error() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("clip.mp4");
        assert!(matches!(identify(&missing), Err(Error::Io { path: Some(path), .. }) if path == missing));
        assert!(identify(folder.path()).unwrap_err().to_string().contains("expected a file"));
        fs::write(&missing, b"").unwrap();
        assert!(identify(&missing).unwrap_err().to_string().contains("empty"));
    }
}
