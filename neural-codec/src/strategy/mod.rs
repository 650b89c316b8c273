//! How each scene is coded: targets, plans, the search for the best one, and the trials that check them. Rank 4.

mod clock;
mod curve;
mod filter;
mod forecast;
mod kept_filters;
mod plan;
mod rate;
mod search;
mod target;
mod trial;
mod work;

pub(crate) use clock::{Spent, StageClock};
pub(crate) use filter::{FilterMeans, Filtered};
pub(crate) use kept_filters::KeptFilters;
pub use plan::{BasePlan, Tools};
pub(crate) use plan::{Means, check_served};
pub(crate) use rate::{RateCurve, allocate};
pub(crate) use search::{Found, Search, Tried, store};
pub use target::{Floor, Target};
pub(crate) use trial::{Purpose, Trial, TrialContext};
pub(crate) use work::WorkFolder;
