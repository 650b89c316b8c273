//! How a clip is opened.

use crate::frame::Rational;

/// Whether a source hands on the audio of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AudioChoice {
    /// Audio packets pile up until they are taken.
    #[default]
    Keep,
    /// Audio is skipped.
    Discard,
}

/// What to do about frames that are damaged in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SourceDamage {
    /// The clip ends with an error that names the frame.
    #[default]
    Fail,
    /// Frames are given as the decoder patched them up; what does not decode at all is left out.
    Keep,
}

/// How to open a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct OpenOptions {
    /// Frames a second, in place of what the file says: frames are then counted and the file's timestamps ignored.
    /// Pictures and raw streams that name no rate get 25 without it.
    pub frame_rate: Option<Rational>,
    /// Threads to decode with; 0 for one a core.
    pub threads: usize,
    /// Whether to collect audio packets.
    pub audio: AudioChoice,
    /// What to do about damage.
    pub on_damage: SourceDamage,
}
