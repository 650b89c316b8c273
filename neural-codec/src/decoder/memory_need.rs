//! About how much memory a scene takes to decode, known before anything is allocated.

use crate::bitstream::{ScenePackets, Strategy};
use crate::error::{Error, Place, Result};
use crate::frame::BitDepth;
use crate::wiener::reach_of;

/// Pictures that dav1d holds beside one for each that is in work: 8 references and the one that is given out.
const REFERENCES: u64 = 9;
/// Frames between dav1d and who takes them: one that is converted, three of the stage, one at another depth.
const WAITING: u64 = 5;
/// Frames more between the filter and who takes them.
const FILTERED: u64 = 4;
/// Bytes for a pixel of a Wiener filter: luma of a frame at 8 and 16 bits, and sums of blocks.
const WIENER_BYTES: u64 = 4;
/// And for each frame that it reaches on either side: luma of two at 8 and 16 bits, of two as another shows them, and the frame that waits.
const REACHED_BYTES: u64 = 13;
/// Bytes of coefficients, motion vectors and the like that dav1d keeps for a pixel of a frame in work, at 8 bits.
const WORK_BYTES: u64 = 4;

/// Bytes that decoding a scene takes at most, as far as its headers tell.
fn need(scene: &ScenePackets, threads: usize) -> u64 {
    let in_work = threads.min(2) as u64;
    let sample = if scene.base.depth == BitDepth::Eight { 1 } else { 2 };
    let pixels = u64::from(scene.base.width) * u64::from(scene.base.height);
    let shown_again = u64::from(!scene.header.repeats.is_empty());
    let filtered = if scene.header.strategy == Strategy::Hybrid { FILTERED } else { 0 };
    let pictures = (REFERENCES + in_work + WAITING + shown_again + filtered) * pixels * 3 / 2 * sample;
    let reach = scene.filter.as_ref().and_then(|filter| reach_of(filter.profile));
    let wiener = reach.map_or(0, |reach| pixels * (WIENER_BYTES + REACHED_BYTES * reach.frames() as u64));
    pictures + wiener + in_work * pixels * WORK_BYTES * sample + scene.base.byte_len() as u64
}

/// Refuses a scene that takes more memory to decode than the limits allow.
///
/// # Errors
///
/// `LimitExceeded`.
pub(super) fn check(scene: &ScenePackets, threads: usize, limit: u64) -> Result<()> {
    let place = Place::in_scene(scene.header.index);
    Error::within_limit("memory to decode a scene, in bytes,", need(scene, threads), limit, place)
}
