//! Weights in the packet that carries any filter of a scene.

use super::code::{WEIGHT_BITS, WienerWeights};
use crate::bitstream::NeuralFilter;
use crate::error::{Error, Place, Result};

/// The profile of a filter packet that holds weights.
pub const WIENER_PROFILE: u8 = 16;

/// The packet of a scene's weights. Units of the quantizer: quarter steps of the base encoder's scale.
///
/// # Errors
///
/// None in memory.
pub(crate) fn packet_of(weights: &WienerWeights, quantizer: u16) -> Result<NeuralFilter> {
    Ok(NeuralFilter {
        profile: WIENER_PROFILE,
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
    if packet.profile != WIENER_PROFILE {
        return Ok(None);
    }
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
    WienerWeights::from_bytes(&packet.differences).map(Some)
}
