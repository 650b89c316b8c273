//! Which frames of a scene show the one before again, so that they are not coded.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// What becomes of frames that show the one before again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RepeatChoice {
    /// They are left out of a stream, and its decoder shows the one before again.
    #[default]
    Auto,
    /// They are coded as all others.
    Off,
}

impl FromStr for RepeatChoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "auto" => Ok(Self::Auto),
            "off" => Ok(Self::Off),
            _ => Err(Error::invalid("repeats", "auto or off", text)),
        }
    }
}

impl fmt::Display for RepeatChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Auto { "auto" } else { "off" })
    }
}

/// How often each coded frame of a scene is shown again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Repeats {
    /// By coded frame, up to the last that is shown again; none at all where no frame is.
    again: Vec<u32>,
}

impl Repeats {
    /// Of a scene whose coded frames are each shown so many times after the first.
    pub fn new(mut again: Vec<u32>) -> Self {
        again.truncate(again.iter().rposition(|&times| times > 0).map_or(0, |last| last + 1));
        Self { again }
    }

    /// Whether every frame is coded.
    pub fn is_empty(&self) -> bool {
        self.again.is_empty()
    }

    /// How often a coded frame is shown again.
    pub fn of(&self, coded: usize) -> u32 {
        self.again.get(coded).copied().unwrap_or(0)
    }

    /// Frames that are not coded.
    pub fn count(&self) -> usize {
        self.again.iter().map(|&times| times as usize).sum()
    }

    /// The items of a scene's frames that belong to coded ones, out of those of all frames.
    pub fn coded<'a, T>(&'a self, shown: &'a [T]) -> impl Iterator<Item = &'a T> {
        let mut next = 0;
        (0..).map_while(move |coded| {
            let item = shown.get(next)?;
            next += 1 + self.of(coded) as usize;
            Some(item)
        })
    }

    /// Coded frames up to the last that is shown again.
    pub(crate) fn spoken_of(&self) -> &[u32] {
        &self.again
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_of_coded_frames_are_the_first_of_those_shown() {
        let repeats = Repeats::new(vec![0, 2, 0, 1, 0, 0]);
        assert_eq!(repeats.count(), 3);
        let shown: Vec<u32> = (0..9).collect();
        assert_eq!(repeats.coded(&shown).copied().collect::<Vec<_>>(), [0, 1, 4, 5, 7, 8]);
        assert_eq!(Repeats::new(vec![299]).coded(&[7; 300]).count(), 1);
        assert!(Repeats::new(vec![0, 0]).is_empty());
    }
}
