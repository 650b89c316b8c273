//! The class of a scene, and the reason for it.

use std::fmt;

/// What a scene looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SceneClass {
    /// Next to nothing changes.
    #[default]
    Static,
    /// A person before a still background, who speaks or listens.
    TalkingHead,
    /// Things or the camera move.
    ModerateMotion,
    /// Most of the picture moves fast.
    HighMotion,
    /// Drawn, rendered or of a screen, not from a camera.
    Synthetic,
}

impl SceneClass {
    /// Every class there is.
    pub const ALL: [Self; 5] =
        [Self::Static, Self::TalkingHead, Self::ModerateMotion, Self::HighMotion, Self::Synthetic];

    /// The name in reports, such as `talking_head`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::TalkingHead => "talking_head",
            Self::ModerateMotion => "moderate_motion",
            Self::HighMotion => "high_motion",
            Self::Synthetic => "synthetic",
        }
    }
}

impl fmt::Display for SceneClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A class and why it was given.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Evidence {
    /// The class.
    pub class: SceneClass,
    /// One line that names the deciding measurements.
    pub reason: String,
}
