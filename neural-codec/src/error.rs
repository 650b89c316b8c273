//! The one error type of the crate. Imports nothing, everything imports it.
//!
//! Each variant is something a caller can act on, and says what was expected, what was found and where.

use std::fmt;
use std::path::{Path, PathBuf};

/// Result of every fallible call in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Where in a stream or clip something went wrong; unknown parts stay `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Place {
    /// Byte offset from the start of the stream.
    pub offset: Option<u64>,
    /// Index of the scene, from 0.
    pub scene: Option<u32>,
    /// Index of the frame in the clip, from 0.
    pub frame: Option<u64>,
}

impl Place {
    /// A place known by its byte offset alone.
    pub fn at_offset(offset: u64) -> Self {
        Self { offset: Some(offset), ..Self::default() }
    }

    /// A place known by its scene alone.
    pub fn in_scene(scene: u32) -> Self {
        Self { scene: Some(scene), ..Self::default() }
    }

    /// A place known by its frame alone.
    pub fn at_frame(frame: u64) -> Self {
        Self { frame: Some(frame), ..Self::default() }
    }

    /// This place, with what it does not know filled in from `outer`.
    pub fn or(self, outer: Place) -> Self {
        Self {
            offset: self.offset.or(outer.offset),
            scene: self.scene.or(outer.scene),
            frame: self.frame.or(outer.frame),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = " (";
        for (name, value) in
            [("byte", self.offset), ("scene", self.scene.map(u64::from)), ("frame", self.frame)]
        {
            if let Some(value) = value {
                write!(f, "{separator}{name} {value}")?;
                separator = ", ";
            }
        }
        if separator == ", " { f.write_str(")") } else { Ok(()) }
    }
}

/// Everything that can go wrong, by what the caller can do about it.
///
/// `Debug` prints the same sentence as `Display`, because that is what a program shows whose `main` returns an error.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An argument or setting is not usable: pass another.
    #[error("{name}: expected {expected}, found {found}")]
    InvalidArgument {
        /// Name of the argument or setting.
        name: String,
        /// What would have been accepted.
        expected: String,
        /// What was given.
        found: String,
    },
    /// A call came at the wrong time, such as a frame after the end.
    #[error("{call}: {reason}")]
    WrongOrder {
        /// The call that was made.
        call: &'static str,
        /// Why it cannot be made now.
        reason: String,
    },
    /// The bytes are not a valid stream, or are damaged.
    #[error("corrupt {what}: expected {expected}, found {found}{place}")]
    Corrupt {
        /// The field or part that is wrong.
        what: &'static str,
        /// What a valid stream has there.
        expected: String,
        /// What was there.
        found: String,
        /// Where.
        place: Place,
    },
    /// The bytes end too early.
    #[error("truncated {what}{place}")]
    Truncated {
        /// The field or part that is incomplete.
        what: &'static str,
        /// Where.
        place: Place,
    },
    /// The stream was written by a newer format version.
    #[error("unsupported stream version {found}: this library reads up to {supported}")]
    UnsupportedVersion {
        /// Version in the stream.
        found: u32,
        /// Newest version that can be read.
        supported: u32,
    },
    /// A valid request that this build or this machine cannot serve.
    #[error("unsupported {what}: {remedy}")]
    Unsupported {
        /// What was asked for.
        what: String,
        /// What to do instead.
        remedy: String,
    },
    /// A library that is loaded at run time is not there or not usable.
    #[error("missing library {name}: {remedy}")]
    MissingLibrary {
        /// The library.
        name: &'static str,
        /// What was tried, and how to install it.
        remedy: String,
    },
    /// A limit of `Limits` or of the format is exceeded.
    #[error("{what} is {found}, over the limit of {limit}{place}")]
    LimitExceeded {
        /// The quantity.
        what: &'static str,
        /// The limit in force.
        limit: u64,
        /// What was asked for.
        found: u64,
        /// Where.
        place: Place,
    },
    /// Memory could not be allocated.
    #[error("out of memory{} for {what}", if *bytes == 0 { String::new() } else { format!(" allocating {bytes} bytes") })]
    OutOfMemory {
        /// What the memory was for.
        what: &'static str,
        /// How much was asked for, in bytes; 0 where that is not known.
        bytes: u64,
    },
    /// A compute device failed or is not there.
    #[error("device {device}: {reason}")]
    Device {
        /// The device, such as `cuda:0`.
        device: String,
        /// What went wrong and the remedy.
        reason: String,
    },
    /// The caller cancelled.
    #[error("cancelled")]
    Cancelled,
    /// The operating system refused to read or write.
    #[error("{}: {source}", .path.as_deref().map_or_else(|| "stream".into(), |p| p.display().to_string()))]
    Io {
        /// The file, where there is one.
        path: Option<PathBuf>,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A component that this library calls stalls; it is left behind, with its memory and threads.
    #[error("{what} stalls: nothing has moved for {seconds} s; start the work again")]
    Stalled {
        /// The component.
        what: &'static str,
        /// How long it was waited for.
        seconds: u64,
    },
    /// A component that this library calls failed in a way that is not the caller's fault.
    #[error("internal error in {component}: {reason}")]
    Internal {
        /// The component.
        component: &'static str,
        /// What it said.
        reason: String,
    },
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error {
    /// An [`Error::InvalidArgument`].
    pub fn invalid(name: impl Into<String>, expected: impl fmt::Display, found: impl fmt::Display) -> Self {
        Self::InvalidArgument { name: name.into(), expected: expected.to_string(), found: found.to_string() }
    }

    /// An [`Error::Corrupt`].
    pub fn corrupt(
        what: &'static str,
        expected: impl fmt::Display,
        found: impl fmt::Display,
        place: Place,
    ) -> Self {
        Self::Corrupt { what, expected: expected.to_string(), found: found.to_string(), place }
    }

    /// That something does not exceed its limit.
    ///
    /// # Errors
    ///
    /// `LimitExceeded` at `place`.
    pub(crate) fn within_limit(what: &'static str, found: u64, limit: u64, place: Place) -> Result<()> {
        if found > limit {
            return Err(Self::LimitExceeded { what, limit, found, place });
        }
        Ok(())
    }

    /// An [`Error::Io`] on a named file.
    pub fn io(path: impl AsRef<Path>, source: std::io::Error) -> Self {
        Self::Io { path: Some(path.as_ref().to_owned()), source }
    }

    /// The error with the name of the file it is about, where the system gave it without one.
    pub(crate) fn of_file(self, path: &Path) -> Self {
        match self {
            Self::Io { path: None, source } => Self::io(path, source),
            other => other,
        }
    }

    /// What the system says where it refuses a thread: it lacks the memory for one, or all that it allows are there.
    pub fn no_thread(source: std::io::Error) -> Self {
        match source.kind() {
            std::io::ErrorKind::WouldBlock | std::io::ErrorKind::OutOfMemory => {
                Self::OutOfMemory { what: "a thread", bytes: 0 }
            }
            _ => Self::Io { path: None, source },
        }
    }

    /// An [`Error::Internal`].
    pub fn internal(component: &'static str, reason: impl fmt::Display) -> Self {
        Self::Internal { component, reason: reason.to_string() }
    }

    /// Whether it is about what bytes hold: what follows them may be right.
    pub fn is_damage(&self) -> bool {
        matches!(
            self,
            Self::Corrupt { .. }
                | Self::Truncated { .. }
                | Self::LimitExceeded { .. }
                | Self::Unsupported { .. }
                | Self::UnsupportedVersion { .. }
        )
    }

    /// Where the error happened, as far as it is known.
    pub fn place(&self) -> Place {
        match self {
            Self::Corrupt { place, .. }
            | Self::Truncated { place, .. }
            | Self::LimitExceeded { place, .. } => *place,
            _ => Place::default(),
        }
    }

    /// The same error with unknown parts of its place filled in from `outer`.
    #[must_use]
    pub fn within(self, outer: Place) -> Self {
        self.with_place(|place| place.or(outer))
    }

    /// The same error where as many frames lie before what it counted from.
    #[must_use]
    pub(crate) fn frames_later(self, frames: u64) -> Self {
        self.with_place(|place| Place { frame: place.frame.map(|frame| frame + frames), ..place })
    }

    fn with_place(mut self, change: impl FnOnce(Place) -> Place) -> Self {
        if let Self::Corrupt { place, .. }
        | Self::Truncated { place, .. }
        | Self::LimitExceeded { place, .. } = &mut self
        {
            *place = change(*place);
        }
        self
    }
}

impl From<std::io::Error> for Error {
    fn from(source: std::io::Error) -> Self {
        match source.kind() {
            std::io::ErrorKind::OutOfMemory => Self::OutOfMemory { what: "bytes read or written", bytes: 0 },
            std::io::ErrorKind::UnexpectedEof => Self::Truncated { what: "stream", place: Place::default() },
            _ => Self::Io { path: None, source },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_named_by_what_is_known() {
        let place = Place { offset: Some(12), scene: Some(3), frame: None };
        let error = Error::corrupt("magic", "NVC", "text", place);
        assert_eq!(error.to_string(), "corrupt magic: expected NVC, found text (byte 12, scene 3)");
        assert_eq!(Place::default().to_string(), "");
    }

    #[test]
    fn an_error_that_main_returns_prints_as_a_sentence() {
        let error = Error::invalid("effort", "0 to 9", 12);
        assert_eq!(format!("Error: {error:?}"), "Error: effort: expected 0 to 9, found 12");
    }

    #[test]
    fn an_outer_place_fills_in_only_what_is_missing() {
        let error = Error::Truncated { what: "packet", place: Place::at_offset(7) };
        let place = error.within(Place { offset: Some(1), scene: Some(2), frame: None }).place();
        assert_eq!(place, Place { offset: Some(7), scene: Some(2), frame: None });
    }
}
