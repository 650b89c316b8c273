//! Versions of SVT-AV1, and which layout of its structures each has.

use std::fmt;

use super::abi::BufferLayout;

/// Version of a library: major, minor, patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32, pub u32);

impl Version {
    /// Reads "v1.4.1" and "v1.4.1-12-gabcdef".
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.trim_start_matches('v').split(['.', '-']).map(|n| n.parse().ok());
        let mut next = || numbers.next().flatten();
        Some(Self(next()?, next()?, next().unwrap_or(0)))
    }

    /// The layout of the structures, or `None` for a version that is not known.
    pub(super) fn buffer_layout(self) -> Option<BufferLayout> {
        match self {
            Self(1, 0..=4, _) => Some(BufferLayout::V1_0),
            Self(1 | 2, ..) => Some(BufferLayout::V1_5),
            Self(3 | 4, ..) => Some(BufferLayout::V3_0),
            _ => None,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_choose_their_layout() {
        let layout = |text| Version::parse(text).unwrap().buffer_layout();
        assert_eq!(layout("v1.4.1"), Some(BufferLayout::V1_0));
        assert_eq!(layout("v1.5.0-rc1"), Some(BufferLayout::V1_5));
        assert_eq!(layout("v2.2.1-3-gabcdef-dirty"), Some(BufferLayout::V1_5));
        assert_eq!(layout("v4.1.0"), Some(BufferLayout::V3_0));
        assert_eq!(layout("v0.9.1"), None);
        assert_eq!(layout("v5.0.0"), None);
        assert_eq!(Version::parse("unknown"), None);
    }
}
