//! How a scene is coded: the one list for settings, streams and reports.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// How a scene is coded; the numbers are those of a stream, where 4 is kept for interpolated frames and no scene of a clip has 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
#[non_exhaustive]
pub enum Strategy {
    /// AV1 alone.
    Av1 = 1,
    /// AV1 and a filter made for the scene: weights that were solved for, or a network that was trained.
    Hybrid = 2,
    /// Latents and a network trained on the picture; of photos alone.
    Still = 3,
}

impl Strategy {
    /// The name in settings and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Av1 => "av1",
            Self::Hybrid => "hybrid",
            Self::Still => "still",
        }
    }
}

impl FromStr for Strategy {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        [Self::Av1, Self::Hybrid, Self::Still]
            .into_iter()
            .find(|strategy| strategy.name() == text)
            .ok_or_else(|| Error::invalid("strategies", "av1, hybrid or still", text))
    }
}
