//! Stills coded by a network that is trained for one picture: the neural sibling of an AV1 still.
//!
//! ```text
//! encode   picture -> train/ (latents, network) -> whole numbers -> payload
//! decode   payload -> latents (entropy model) -> upsampling -> synthesis -> picture
//! ```
//! Source: the Cool-chic family of overfitted image codecs (Ladune et al. 2023 and later). Decoding is in whole numbers and gives
//! the same samples on every machine; `docs/BITSTREAM.md` specifies it.

mod base;
mod choose;
mod encode;
mod lanes;
mod laplace;
mod latents;
mod payload;
mod picture;
mod plan;
mod synthesis;
mod train;

pub use encode::{StillProgress, StillReader, StillSettings, StillTarget, encode};
pub use picture::StillPicture;
pub use plan::StillNetwork;
#[cfg(feature = "images")]
pub(crate) use train::training_bytes;

use crate::bitstream::Limits;
use crate::error::{Error, Place, Result};
use crate::threads::with_threads;

/// Decodes a payload on at most `threads` threads; 0: as many as there are cores.
///
/// # Errors
///
/// `Corrupt`, `Truncated`, `UnsupportedVersion`; `LimitExceeded` before anything is allocated; `OutOfMemory`.
pub fn decode(bytes: &[u8], limits: &Limits, threads: usize) -> Result<StillPicture> {
    let check = |plan: &plan::Plan, _: u8| {
        let pixels = (plan.width * plan.height) as u64;
        for (what, limit, found) in [
            ("width", u64::from(limits.max_width), plan.width as u64),
            ("height", u64::from(limits.max_height), plan.height as u64),
            ("pixels", limits.max_pixels, pixels),
            ("memory of a still", limits.max_memory_bytes, plan.decoder_bytes()),
        ] {
            Error::within_limit(what, found, limit, Place::at_offset(4))?;
        }
        Ok(())
    };
    with_threads(threads, || {
        let payload = payload::Payload::read(bytes, check)?;
        decode_payload(&payload)
    })
}

fn decode_payload(payload: &payload::Payload) -> Result<StillPicture> {
    let planes = samples_of(payload, &payload.latents)?;
    let (width, height) = (payload.plan.width as u32, payload.plan.height as u32);
    Ok(StillPicture { width, height, bit_depth: payload.depth, planes })
}

/// Samples of the three colors that latents decode to, all else as in the payload.
fn samples_of(payload: &payload::Payload, latents: &[Vec<i16>]) -> Result<[Vec<u16>; 3]> {
    let planes = synthesis::upsample(&payload.plan, &payload.parameters, latents)?;
    synthesis::synthesize(&payload.plan, &payload.parameters, &planes, payload.depth)
}

/// What the header of a payload says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct StillHeader {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Bits of a sample.
    pub bit_depth: u8,
    /// Multiplications a pixel that decoding takes.
    pub multiplications: u32,
}

impl StillHeader {
    /// Reads the header; whether the rest fits is seen by [`decode`].
    ///
    /// # Errors
    ///
    /// `Truncated`.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        let Some(&[_, _, _, bit_depth, w0, w1, h0, h1, m0, m1]) = bytes.first_chunk::<10>() else {
            return Err(Error::Truncated { what: "still", place: Place::at_offset(bytes.len() as u64) });
        };
        let value = |low, high| u32::from(u16::from_le_bytes([low, high]));
        Ok(Self { width: value(w0, w1), height: value(h0, h1), bit_depth, multiplications: value(m0, m1) })
    }

    /// The same still with samples of so many bits, 8 to 16: only how the last sums are rounded differs.
    pub(crate) fn with_bit_depth(mut code: Vec<u8>, bits: u8) -> Vec<u8> {
        if let Some(depth) = code.get_mut(3) {
            *depth = bits;
        }
        code
    }
}

#[cfg(test)]
mod tests;
