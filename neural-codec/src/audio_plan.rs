//! What becomes of the tracks of sound of a source, track by track.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// What becomes of one track of sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AudioAction {
    /// Its packets are carried unchanged.
    #[default]
    Copy,
    /// It is left out.
    Drop,
}

/// What becomes of each track of sound.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AudioPlan {
    /// Of tracks that have no entry.
    default: AudioAction,
    tracks: Vec<(u8, AudioAction)>,
}

impl AudioPlan {
    /// All tracks are left out.
    pub fn none() -> Self {
        Self { default: AudioAction::Drop, tracks: Vec::new() }
    }

    /// What becomes of track `number`, counted among the tracks of sound of the source from 0.
    pub fn action(&self, number: usize) -> AudioAction {
        let found = self.tracks.iter().find(|(track, _)| usize::from(*track) == number);
        found.map_or(self.default, |(_, action)| *action)
    }
}

impl FromStr for AudioAction {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "copy" => Ok(Self::Copy),
            "none" => Ok(Self::Drop),
            _ => Err(Error::invalid("audio", "copy or none, or by track such as 0:copy,1:none", text)),
        }
    }
}

impl fmt::Display for AudioAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Copy => "copy",
            Self::Drop => "none",
        })
    }
}

impl FromStr for AudioPlan {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut plan = Self::default();
        for part in text.split(',').map(str::trim) {
            match part.split_once(':') {
                Some((number, action)) if number.bytes().all(|byte| byte.is_ascii_digit()) => {
                    let expected = "the number of a track, 0 to 254";
                    let number = number.parse().map_err(|_| Error::invalid("audio", expected, number))?;
                    plan.tracks.push((number, action.parse()?));
                }
                _ => plan.default = part.parse()?,
            }
        }
        Ok(plan)
    }
}

impl fmt::Display for AudioPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.default.fmt(f)?;
        self.tracks.iter().try_for_each(|(track, action)| write!(f, ",{track}:{action}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_names_tracks_and_what_becomes_of_the_others() {
        let plan: AudioPlan = "none, 1:copy".parse().unwrap();
        assert_eq!(
            [0, 1, 2].map(|track| plan.action(track)),
            [AudioAction::Drop, AudioAction::Copy, AudioAction::Drop]
        );
        assert_eq!(plan.to_string().parse::<AudioPlan>().unwrap(), plan);
        assert_eq!("copy".parse::<AudioPlan>().unwrap(), AudioPlan::default());
        for text in ["", "mp3", "1:", "300:copy", "x:copy", "1:copy:2"] {
            assert!(text.parse::<AudioPlan>().is_err(), "{text:?}");
        }
    }
}
