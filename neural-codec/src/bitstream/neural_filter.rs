//! NEURAL_FILTER: the filter that a scene's decoded frames pass through.
//!
//! The fields are carried here; what the coded bytes mean is known to `filter` and, for profiles 16 and 17, to `wiener`.

use super::Limits;
use super::bytes::{Reader, Writer};
use super::kind::PacketKind;
use super::payload::Payload;
use crate::error::Result;

/// Most layers that a filter packet may have.
pub const MAX_FILTER_LAYERS: usize = 6;

/// Most bytes of coded differences.
const MAX_DIFFERENCES: u32 = 1 << 18;

/// A scene's filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeuralFilter {
    /// Which base network it begins with, or that it is a Wiener filter.
    pub profile: u8,
    /// Quantizer whose gains it begins with. Units: quarter steps of the base encoder's scale.
    pub quantizer: u16,
    /// Exponent of the step of each layer's weights.
    pub steps: Vec<u8>,
    /// Coded differences from the base network.
    pub differences: Vec<u8>,
    /// Coded block maps; empty where every block of every frame is filtered.
    pub blocks: Vec<u8>,
}

impl NeuralFilter {
    /// Bytes of the payload.
    pub fn byte_len(&self) -> usize {
        8 + self.steps.len() + self.differences.len() + self.blocks.len()
    }
}

impl Payload for NeuralFilter {
    const KIND: PacketKind = PacketKind::NeuralFilter;

    fn read(reader: &mut Reader<'_>, _: &Limits) -> Result<Self> {
        let profile = reader.u8("profile of a filter")?;
        let quantizer = reader.u16("quantizer of a filter")?;
        let layers = reader.u8("layers of a filter")?;
        if layers == 0 || usize::from(layers) > MAX_FILTER_LAYERS {
            return Err(reader.corrupt("layers of a filter", format!("1 to {MAX_FILTER_LAYERS}"), layers));
        }
        let steps = reader.bytes(usize::from(layers), "steps of a filter")?.to_vec();
        let length = reader.u32("bytes of a filter's differences")?;
        reader.limited("bytes of a filter's differences", u64::from(length), u64::from(MAX_DIFFERENCES))?;
        let differences = reader.bytes(length as usize, "differences of a filter")?.to_vec();
        let blocks = reader.rest("block maps of a filter")?;
        Ok(Self { profile, quantizer, steps, differences, blocks })
    }

    fn write(&self, writer: &mut Writer) -> Result<()> {
        writer.u8(self.profile);
        writer.u16(self.quantizer);
        writer.u8(self.steps.len() as u8);
        writer.raw(&self.steps);
        writer.size("bytes of a filter's differences", self.differences.len())?;
        writer.raw(&self.differences);
        writer.raw(&self.blocks);
        Ok(())
    }
}
