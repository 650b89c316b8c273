//! How a clip is opened.

use crate::frame::Rational;
use crate::settings::{AudioPlan, Settings};
pub use crate::settings::{Deinterlace, SourceDamage};

/// Whether a source hands on what a file has beside its pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AudioChoice {
    /// Packets pile up until they are taken.
    #[default]
    Keep,
    /// Sound and subtitles are skipped.
    Discard,
}

/// How to open a source.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct OpenOptions {
    /// Frames a second, in place of what the file says: frames are then counted and the file's timestamps ignored.
    /// Pictures and raw streams that name no rate get 25 without it.
    pub frame_rate: Option<Rational>,
    /// Threads to decode with; 0 for one a core.
    pub threads: usize,
    /// Whether to collect packets of sound and subtitles.
    pub audio: AudioChoice,
    /// What becomes of each track of sound.
    pub audio_plan: AudioPlan,
    /// What to do about damage.
    pub on_damage: SourceDamage,
    /// What to do about pictures of two fields.
    pub deinterlace: Deinterlace,
}

impl OpenOptions {
    /// How settings of an encode want their source.
    pub fn of(settings: &Settings) -> Self {
        let (audio_plan, on_damage) = (settings.audio.clone(), settings.on_damage);
        Self { audio_plan, on_damage, deinterlace: settings.deinterlace, ..Self::default() }
    }
}
