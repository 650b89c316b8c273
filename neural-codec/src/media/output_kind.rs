//! What an output is, by the ending of its name.

use std::path::Path;

#[cfg(feature = "ffmpeg")]
use super::container::Container;
use crate::error::{Error, Result};

/// What an encode writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputKind {
    /// `.nvc`, this library's own stream.
    Stream,
    /// `.avif`, a picture that browsers show.
    Avif,
    /// An ordinary video file.
    #[cfg(feature = "ffmpeg")]
    Container(Container),
}

/// Endings that are known, for errors.
const ENDINGS: &str = "a name that ends in .mp4, .m4v, .mkv, .webm or .nvc, or in .avif for a picture";

impl OutputKind {
    /// The kind that the ending of `path` stands for.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` that lists the endings; `Unsupported` naming the cargo feature that is missing.
    pub fn of(path: &Path) -> Result<Self> {
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        match ending.as_str() {
            "nvc" => Ok(Self::Stream),
            "avif" => Ok(Self::Avif),
            "mp4" | "m4v" | "mkv" | "webm" => Self::container(path),
            _ => Err(Error::invalid("output", ENDINGS, path.display())),
        }
    }

    #[cfg(feature = "ffmpeg")]
    fn container(path: &Path) -> Result<Self> {
        Container::of(path, ENDINGS).map(Self::Container)
    }

    #[cfg(not(feature = "ffmpeg"))]
    fn container(_: &Path) -> Result<Self> {
        Err(super::missing_feature("video files other than .nvc", "ffmpeg"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ending_that_is_missing_or_unknown_is_an_error_that_lists_them() {
        assert_eq!(OutputKind::of(Path::new("a/b.NVC")).unwrap(), OutputKind::Stream);
        for name in ["clip", "clip.avi", "clip.mov", ".mkv", "mkv", "clip."] {
            let text = OutputKind::of(Path::new(name)).unwrap_err().to_string();
            assert!(text.contains(".webm or .nvc") && text.contains(name), "{text}");
        }
    }

    #[cfg(feature = "ffmpeg")]
    #[test]
    fn endings_of_containers_are_known() {
        for name in ["50%discount.mkv", "a b.mp4", "x.webm", "x.m4v"] {
            assert!(matches!(OutputKind::of(Path::new(name)), Ok(OutputKind::Container(_))), "{name}");
        }
    }
}
