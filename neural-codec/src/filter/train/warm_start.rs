//! What scenes leave to the scenes after them, as one value: it may go to another process or machine.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::filter::SceneNetwork;

/// A network that was trained on another scene, or on an earlier attempt at this one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainedFilter {
    /// The network.
    pub network: SceneNetwork,
    /// Squared error that it left there of that without a filter.
    pub error_left: f64,
}

/// Everything that a scene may take over from scenes before it. The same warm start gives the same bytes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct WarmStart {
    /// Filters to begin training from, the nearest scene last.
    pub filters: Vec<TrainedFilter>,
}

impl WarmStart {
    /// The value as bytes, for [`from_bytes`](Self::from_bytes).
    ///
    /// # Errors
    ///
    /// None that a valid value can cause.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        postcard::to_stdvec(self).map_err(|error| Error::internal("warm start", error.to_string()))
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for bytes that are none, or hold networks that cannot be.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let wrong = |found: String| Error::invalid("warm_start", "what an encoded scene left", found);
        let start: Self = postcard::from_bytes(bytes).map_err(|error| wrong(error.to_string()))?;
        for filter in &start.filters {
            if !filter.network.is_well_formed()? {
                return Err(wrong("a network of another shape".into()));
            }
        }
        Ok(start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::NetworkSize;

    #[test]
    fn a_warm_start_comes_back_from_its_bytes_and_damage_is_an_error() {
        let network = SceneNetwork::base(NetworkSize::M, 120).unwrap();
        let start = WarmStart { filters: vec![TrainedFilter { network, error_left: 0.75 }] };
        let bytes = start.to_bytes().unwrap();
        assert_eq!(WarmStart::from_bytes(&bytes).unwrap(), start);
        assert!(WarmStart::from_bytes(&bytes[..bytes.len() - 1]).is_err());
        let mut wrong = start.clone();
        wrong.filters[0].network.steps.push(1);
        assert!(WarmStart::from_bytes(&wrong.to_bytes().unwrap()).is_err());
        wrong.filters[0].network.steps = vec![200; start.filters[0].network.steps.len()];
        assert!(WarmStart::from_bytes(&wrong.to_bytes().unwrap()).is_err());
    }
}
