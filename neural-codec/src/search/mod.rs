//! From a target to the parameters of one scene: the search and the attempts that it makes. It knows attempts, not streams.
//!
//! ```text
//! target, profile -> scene_search (floor, slope) -> run_attempt: encode, decode, measure -> parameters, and why
//! ```

mod attempt;
mod attempt_cache;
mod bracket;
mod bytes_aim;
mod clip_floor;
mod context;
mod course;
mod first_guess;
mod floor;
mod forecast;
mod frame_quantizers;
mod params;
mod quality;
mod quality_aim;
mod quality_curve;
mod rate_curve;
mod rate_forecast;
mod run_attempt;
mod scene_search;
mod slope;
mod stage_clock;
mod steering;
mod target;
mod tune;

pub(crate) use attempt::{AttemptKind, CodedFrames, EncodeAttempt};
pub(crate) use attempt_cache::AttemptCache;
pub(crate) use clip_floor::Standing;
pub(crate) use context::{AttemptContext, Clip, EncodeLog, Resources};
pub(crate) use params::EffortParams;
pub use params::{EncodeParams, Tools};
pub(crate) use quality::{Pooled, Quality};
pub(crate) use quality_curve::{Curve, STEP, middle};
pub(crate) use rate_curve::{saving, shares};
pub(crate) use rate_forecast::RateForecast;
pub(crate) use run_attempt::{at_depth, run_attempt, run_passing_attempts};
pub(crate) use scene_search::{Search, SearchResult, Store, Stored, attempt_record};
pub(crate) use stage_clock::{Spent, StageClock};
pub use target::{Floor, Target};
pub use tune::Tune;
