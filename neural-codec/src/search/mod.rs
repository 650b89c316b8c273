//! How each scene is coded: targets, plans, the search for the best one, and the attempts that check them.

mod attempt;
mod attempt_cache;
mod filter;
mod floor;
mod forecast;
mod params;
mod quality_curve;
mod rate_curve;
mod stage_clock;
mod target;
mod warm_start;

pub(crate) use attempt::{AttemptContext, AttemptKind, EncodeAttempt};
pub(crate) use attempt_cache::AttemptCache;
pub(crate) use filter::{Filtered, TrainingConfig};
pub(crate) use floor::{AttemptRecord, Search, SearchResult, store};
pub(crate) use params::EffortParams;
pub use params::{EncodeParams, Tools};
pub(crate) use rate_curve::{RateCurve, allocate};
pub(crate) use stage_clock::{Spent, StageClock};
pub use target::{Floor, Target};
pub(crate) use warm_start::WarmStarts;
