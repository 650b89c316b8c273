//! What analysis sees of a frame, wherever it was measured.

use std::sync::atomic::{AtomicU64, Ordering};

use super::difference::novelty;
use super::downscale::Thumbnail;
use super::information::{spatial_information, temporal_information};
use super::movement::{Movement, movement};
use super::texture::{Texture, texture};
use crate::error::Result;
use crate::frame::Frame;

/// A frame made small, with what is known of it already: a GPU measures at once what the CPU measures where it is asked.
///
/// What it says does not depend on where it was made.
#[derive(Debug, Clone, PartialEq)]
pub struct FrameFeatures {
    /// No other features of this process have it.
    pub(super) number: u64,
    pub(super) thumbnail: Thumbnail,
    pub(super) detail: Option<Detail>,
    pub(super) pair: Option<Pair>,
}

/// What is measured of one picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Detail {
    /// Spatial information.
    pub spatial: f32,
    pub texture: Texture,
}

/// What is measured against the picture before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pair {
    /// Number of the features of the picture before.
    pub before: u64,
    /// Temporal information.
    pub temporal: f32,
    pub movement: Movement,
    /// Unexplained share of the picture.
    pub change: f32,
}

impl FrameFeatures {
    /// Features measured on the CPU.
    ///
    /// # Errors
    ///
    /// None that a valid frame can cause.
    pub fn new(frame: &Frame) -> Result<Self> {
        Ok(Thumbnail::new(frame)?.into())
    }

    /// The frame made small.
    pub fn thumbnail(&self) -> &Thumbnail {
        &self.thumbnail
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// What is measured of the frame that these are the features of.
    pub(super) fn detail(&self, frame: &Frame) -> Detail {
        let measure =
            || Detail { spatial: spatial_information(&self.thumbnail.luma), texture: texture(frame) };
        self.detail.unwrap_or_else(measure)
    }

    /// What is known of it against the features of a number.
    pub(super) fn pair_with(&self, number: u64) -> Option<Pair> {
        self.pair.filter(|pair| pair.before == number)
    }

    /// The same with all that a GPU measures.
    pub(super) fn measured(mut self, frame: &Frame, before: Option<&Self>) -> Self {
        self.detail = Some(self.detail(frame));
        self.pair = before.map(|before| Pair {
            before: before.number,
            temporal: temporal_information(&before.thumbnail.luma, &self.thumbnail.luma),
            movement: movement(&before.thumbnail, &self.thumbnail),
            change: novelty(&before.thumbnail.coarse, &self.thumbnail.coarse).unexplained,
        });
        self
    }
}

impl From<Thumbnail> for FrameFeatures {
    fn from(thumbnail: Thumbnail) -> Self {
        Self { number: next_number(), thumbnail, detail: None, pair: None }
    }
}

pub(super) fn next_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
