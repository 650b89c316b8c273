//! The Wiener filter: decoded luma, and the same content in the frames before and after it, summed with weights that the encoder
//! solves for. Integer in the decoder, the same on every machine.
//!
//! ```text
//! both     decoded frames -> motion between neighbors -> the neighbors as this frame shows them -> class of each 4x4 block
//! encode   those + source -> normal equations of each class -> classes that share weights -> coded weights
//! decode   those, coded weights -> weighted sums -> frames
//! ```
//! The profile of the packet says whether neighbors lie one frame away or up to two. AV1's own filters see one frame each. A neighbor
//! has other errors, so that a sum takes away noise that no filter of one frame can tell from detail. The weights are those of least
//! squares (N. Wiener, "Extrapolation, Interpolation, and Smoothing of Stationary Time Series", 1949), by classes of blocks as in
//! C.-Y. Tsai et al., "Adaptive Loop Filtering for Video Coding", IEEE JSTSP 7 (6), 2013. `docs/BITSTREAM.md` has the decoder in words,
//! `docs/decisions/0021-wiener-filter.md` what it gains.

mod apply;
mod classes;
mod code;
mod equations;
mod groups;
mod luma;
mod motion;
mod packet;
mod scene;
mod taps;
mod train;

#[cfg(test)]
mod tests;

pub use code::WienerWeights;
pub(crate) use packet::packet_of;
pub use packet::{reach_of, weights_of};
pub use scene::WienerFilter;
pub use taps::Reach;
pub(crate) use train::{WienerPlan, train_wiener};
