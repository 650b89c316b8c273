//! What analysis sees of a frame, on the CPU or on a GPU. Rank 2, where frames enter `scene`.

use std::sync::atomic::{AtomicU64, Ordering};

use super::difference::novelty;
use super::downscale::Thumbnail;
use super::information::{spatial_information, temporal_information};
use super::movement::{Movement, movement};
use super::on_device;
use super::texture::{Texture, texture};
use crate::compute::Device;
use crate::compute::cuda::ScenePicture;
use crate::error::Result;
use crate::frame::{BitDepth, Frame, PixelFormat};

/// A frame made small, with what is known of it already: a GPU measures at once what the CPU measures where it is asked.
///
/// What it says does not depend on where it was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// No other look of this process has it.
    number: u64,
    thumbnail: Thumbnail,
    detail: Option<Detail>,
    pair: Option<Pair>,
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
    /// Number of the look at the picture before.
    pub before: u64,
    /// Temporal information.
    pub temporal: f32,
    pub movement: Movement,
    /// Unexplained share of the picture.
    pub change: f32,
}

impl Look {
    /// A look on the CPU. Errors: none that a valid frame can cause.
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

    /// What is measured of the frame that this is the look of.
    pub(super) fn detail(&self, frame: &Frame) -> Detail {
        let measure =
            || Detail { spatial: spatial_information(&self.thumbnail.luma), texture: texture(frame) };
        self.detail.unwrap_or_else(measure)
    }

    /// What is known of it against the look of a number.
    pub(super) fn pair_with(&self, number: u64) -> Option<Pair> {
        self.pair.filter(|pair| pair.before == number)
    }

    /// The same with all that a GPU measures.
    fn measured(mut self, frame: &Frame, before: Option<&Self>) -> Self {
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

impl From<Thumbnail> for Look {
    fn from(thumbnail: Thumbnail) -> Self {
        Self { number: next_number(), thumbnail, detail: None, pair: None }
    }
}

fn next_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Looks at the frames of a clip one after the other, on a device.
///
/// ```
/// use neural_codec::compute::Device;
/// use neural_codec::scene::{Analyst, CutDetector, CutSettings, Profiler};
/// # use neural_codec::frame::{Color, Frame, PixelFormat, Rational};
///
/// let rate = Rational::new(25, 1)?;
/// let mut analyst = Analyst::on(&Device::auto());
/// let mut detector = CutDetector::new(CutSettings::new(rate))?;
/// let mut profiler = Profiler::new(rate);
/// for _ in 0..10 {
///     let frame = Frame::new(64, 48, PixelFormat::YUV420_8, Color::default())?;
///     let look = analyst.look(&frame)?;
///     detector.push_look(&look);
///     profiler.push_look(&frame, look);
/// }
/// assert_eq!(detector.finish(), [0]);
/// assert_eq!(profiler.finish()?.frames, 10);
/// # Ok::<(), neural_codec::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Analyst {
    device: Device,
    before: Option<Before>,
}

/// The frame before, where a GPU looked at it.
#[derive(Debug)]
struct Before {
    look: Look,
    picture: ScenePicture,
    shape: (usize, usize, PixelFormat),
}

impl Analyst {
    /// One that works on a device, and on the CPU for small frames.
    pub fn on(device: &Device) -> Self {
        Self { device: device.clone(), before: None }
    }

    /// Looks at the next frame. Errors: none that a valid frame can cause.
    pub fn look(&mut self, frame: &Frame) -> Result<Look> {
        let shape = (frame.width(), frame.height(), frame.format());
        let before = self.before.take().filter(|before| before.shape == shape);
        let look_before = before.as_ref().map(|before| &before.look);
        let what = match (frame.format().depth, &before) {
            (BitDepth::Eight, None) => "scene analysis",
            (BitDepth::Ten, None) => "scene analysis of 10 bits",
            (BitDepth::Eight, Some(_)) => "scene analysis of pairs",
            (BitDepth::Ten, Some(_)) => "scene analysis of pairs of 10 bits",
        };
        let number = next_number();
        let mut kept = None;
        let look = self.device.verified(
            what,
            frame.width() * frame.height(),
            |gpu| {
                let known = before.as_ref().map(|before| &before.picture);
                let picture = on_device::picture(gpu, frame, known)?;
                let figures = gpu.figures(&picture)?;
                kept = Some(picture);
                let thumbnail = on_device::thumbnail(&figures)?;
                let pair = on_device::pair(&figures, &thumbnail, look_before);
                Ok(Look { number, thumbnail, detail: Some(on_device::detail(&figures, frame)), pair })
            },
            || Ok(Look { number, ..Look::new(frame)? }.measured(frame, look_before)),
        )?;
        let Some(look) = look else { return Look::new(frame) };
        self.before = kept.map(|picture| Before { look: look.clone(), picture, shape });
        Ok(look)
    }
}
