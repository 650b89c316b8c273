//! Weights in the packet that carries any filter of a scene.

use super::code::{WEIGHT_BITS, WienerWeights};
use super::taps::Reach;
use crate::bitstream::NeuralFilter;
use crate::error::{Error, Place, Result};

/// The profile of filter packets that hold weights which reach so far.
const fn profile_of(reach: Reach) -> u8 {
    match reach {
        Reach::Near => 16,
        Reach::Far => 17,
    }
}

/// How far weights of a filter packet of this profile reach; none where it holds no weights.
pub fn reach_of(profile: u8) -> Option<Reach> {
    [Reach::Near, Reach::Far].into_iter().find(|&reach| profile_of(reach) == profile)
}

/// The packet of a scene's weights. Units of the quantizer: quarter steps of the base encoder's scale.
///
/// # Errors
///
/// None in memory.
pub(crate) fn packet_of(weights: &WienerWeights, quantizer: u16) -> Result<NeuralFilter> {
    Ok(NeuralFilter {
        profile: profile_of(weights.reach),
        quantizer,
        steps: vec![WEIGHT_BITS as u8],
        differences: weights.to_bytes()?,
        blocks: Vec::new(),
    })
}

/// The weights of a packet; none where it is of another profile.
///
/// # Errors
///
/// `Corrupt` naming the field that cannot be, `Unsupported` for other steps than this version's.
pub fn weights_of(packet: &NeuralFilter) -> Result<Option<WienerWeights>> {
    let Some(reach) = reach_of(packet.profile) else { return Ok(None) };
    if packet.steps != [WEIGHT_BITS as u8] {
        return Err(Error::Unsupported {
            what: format!("a Wiener filter of steps {:?}", packet.steps),
            remedy: "a newer version of this library may read it".into(),
        });
    }
    if !packet.blocks.is_empty() {
        let found = packet.blocks.len();
        return Err(Error::corrupt("block maps of a Wiener filter", "none", found, Place::default()));
    }
    WienerWeights::from_bytes(&packet.differences, reach).map(Some)
}
