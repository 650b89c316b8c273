//! What becomes of the tracks of sound of a source, track by track.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// Bits a second that may be asked for.
const BIT_RATES: std::ops::RangeInclusive<u32> = 6_000..=1_536_000;

/// What may be asked for, in errors.
const EXPECTED: &str = "copy, none, opus, aac or flac, the first two of them with bits a second such as opus:96k, or by track such as 0:copy,1:opus:96k";

/// A codec that sound is encoded with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AudioCodec {
    /// Every container holds it.
    Opus,
    /// Every container but WebM holds it.
    Aac,
    /// Without loss; every container but WebM holds it.
    Flac,
}

impl AudioCodec {
    /// FFmpeg's name of the codec.
    pub fn name(self) -> &'static str {
        match self {
            Self::Opus => "opus",
            Self::Aac => "aac",
            Self::Flac => "flac",
        }
    }
}

/// What becomes of one track of sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum AudioAction {
    /// Its packets are carried unchanged.
    #[default]
    Copy,
    /// It is left out.
    Drop,
    /// It is decoded and encoded again.
    Encode {
        /// With this codec.
        codec: AudioCodec,
        /// Bits a second; none where the encoder decides.
        bit_rate: Option<u32>,
    },
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

    /// The tracks with an entry that a source of `count` does not have.
    pub(crate) fn missing(&self, count: usize) -> Vec<u8> {
        self.tracks.iter().map(|(track, _)| *track).filter(|&track| usize::from(track) >= count).collect()
    }
}

impl FromStr for AudioAction {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let unknown = || Error::invalid("audio", EXPECTED, text);
        let (name, rate) = text.split_once(':').map_or((text, None), |(name, rate)| (name, Some(rate)));
        let codec = match name {
            "opus" => AudioCodec::Opus,
            "aac" => AudioCodec::Aac,
            "flac" if rate.is_none() => AudioCodec::Flac,
            "copy" if rate.is_none() => return Ok(Self::Copy),
            "none" if rate.is_none() => return Ok(Self::Drop),
            _ => return Err(unknown()),
        };
        let bit_rate = rate.map(|rate| bits(rate).ok_or_else(unknown)).transpose()?;
        if let Some(rate) = bit_rate.filter(|rate| !BIT_RATES.contains(rate)) {
            let expected = format!("{} to {} bits a second", BIT_RATES.start(), BIT_RATES.end());
            return Err(Error::invalid("audio", expected, rate));
        }
        Ok(Self::Encode { codec, bit_rate })
    }
}

/// Bits a second such as `96k` or `96000`.
fn bits(text: &str) -> Option<u32> {
    let (digits, unit) = text.strip_suffix('k').map_or((text, 1), |digits| (digits, 1000));
    let number: u32 = digits.parse().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    number.checked_mul(unit)
}

impl fmt::Display for AudioAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Copy => f.write_str("copy"),
            Self::Drop => f.write_str("none"),
            Self::Encode { codec, bit_rate: None } => f.write_str(codec.name()),
            Self::Encode { codec, bit_rate: Some(rate) } if rate % 1000 == 0 => {
                write!(f, "{}:{}k", codec.name(), rate / 1000)
            }
            Self::Encode { codec, bit_rate: Some(rate) } => write!(f, "{}:{rate}", codec.name()),
        }
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
        let plan: AudioPlan = "none, 1:copy, 2:opus:96k, 3:aac:96001, 4:flac".parse().unwrap();
        let encode = |codec, bit_rate| AudioAction::Encode { codec, bit_rate };
        assert_eq!(
            [0, 1, 2, 3, 4, 5].map(|track| plan.action(track)),
            [
                AudioAction::Drop,
                AudioAction::Copy,
                encode(AudioCodec::Opus, Some(96_000)),
                encode(AudioCodec::Aac, Some(96_001)),
                encode(AudioCodec::Flac, None),
                AudioAction::Drop,
            ]
        );
        assert_eq!(plan.to_string().parse::<AudioPlan>().unwrap(), plan);
        assert_eq!(
            (plan.missing(3), plan.missing(0), plan.missing(9)),
            (vec![3, 4], vec![1, 2, 3, 4], vec![])
        );
        assert_eq!("copy".parse::<AudioPlan>().unwrap(), AudioPlan::default());
        for text in [
            "",
            "mp3",
            "1:",
            "300:copy",
            "x:copy",
            "1:copy:2",
            "opus:",
            "opus:k",
            "opus:-1k",
            "aac:1k",
            "flac:9k",
            "opus:9999999k",
            "none:64k",
        ] {
            assert!(text.parse::<AudioPlan>().is_err(), "{text:?}");
        }
    }
}
