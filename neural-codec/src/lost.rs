//! What of a source an encode cannot keep, named.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One thing of a source that is not in the output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Lost {
    /// What kind of thing, such as `alpha`, `bits`, `track`, `subtitle`, `attachment` or `frames`.
    pub what: String,
    /// Which, and why.
    pub why: String,
}

impl Lost {
    /// A thing that is lost, and why.
    pub fn new(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { what: what.into(), why: why.into() }
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.why)
    }
}
