//! A stored scene under a filter, of whichever kind: its frames in pairs, what the filter made of them, and the account of it.

use std::sync::Arc;

use crate::base::Av1Decoder;
use crate::bitstream::NeuralFilter;
use crate::error::{Error, Result};
use crate::filter::train::TrainedFilter;
use crate::frame::{BitDepth, Frame, FrameHash, VideoInfo};
use crate::metrics::{ClipMeasurer, Comparison, FrameMetrics, Measured, Metrics};
use crate::report::{FilterReport, FilterVerdict};
use crate::scene::{HeldFrames, SceneFrames};
use crate::search::{AttemptContext, EncodeAttempt, at_depth};

/// Bytes that say how many bytes of its scene a filter is.
const LENGTH_BYTES: usize = 2;

/// What became of a scene's filter.
pub(super) struct FilterOutcome {
    /// The packet, where the filter is kept.
    pub(super) packet: Option<NeuralFilter>,
    /// The network behind it, for later scenes.
    pub(super) trained: Option<TrainedFilter>,
    pub(super) report: FilterReport,
}

impl FilterOutcome {
    /// A scene without a filter; the report says why.
    pub(super) fn none(report: FilterReport) -> Self {
        Self { packet: None, trained: None, report }
    }

    /// A scene of so few bytes that no filter can pay.
    pub(super) fn nothing_to_gain(mut report: FilterReport, bytes: u64) -> Self {
        report.verdict = FilterVerdict::NothingToGain;
        report.reason = format!("a scene of {bytes} bytes has nothing to gain");
        Self::none(report)
    }

    /// A filter that is kept: the attempt's hashes and distortion become those of the filtered frames.
    pub(super) fn kept(
        mut report: FilterReport,
        packet: NeuralFilter,
        macs_per_pixel: f64,
        filtered: Filtered,
        info: &VideoInfo,
        attempt: &mut EncodeAttempt,
    ) -> Self {
        report.verdict = FilterVerdict::Kept;
        report.bytes = packet.byte_len() as u64;
        report.macs_per_pixel = macs_per_pixel;
        report.tops_per_frame = 2.0 * macs_per_pixel * (info.width * info.height) as f64 / 1e12;
        (attempt.hashes, attempt.frames, attempt.comparison) =
            (filtered.hashes, filtered.frames, filtered.comparison);
        Self { packet: Some(packet), trained: None, report }
    }
}

/// The report of a filter that was not made yet, over a base layer of this quality.
pub(super) fn empty_report(name: &str, base: &Metrics) -> FilterReport {
    FilterReport {
        network_size: name.into(),
        verdict: FilterVerdict::NotWorthItsBytes,
        reason: String::new(),
        bytes: 0,
        base_psnr_y: base.psnr_y,
        base_psnr_yuv: base.psnr_yuv,
        base_ssim_y: base.ssim_y,
        macs_per_pixel: 0.0,
        tops_per_frame: 0.0,
        candidates: Vec::new(),
    }
}

/// Bytes that a filter adds to its scene.
pub(super) fn added_bytes(packet: &NeuralFilter) -> usize {
    packet.byte_len() + LENGTH_BYTES
}

/// The share of a scene's squared error that is worth as much as one of its bytes.
pub(super) fn byte_price(bytes: u64, log_bytes_per_db: f64) -> f64 {
    let error_per_log_byte = std::f64::consts::LN_10 / 10.0 / log_bytes_per_db;
    error_per_log_byte / bytes as f64
}

/// A stored scene: its source frames, and what it decodes to.
pub(super) struct StoredFrames<'a> {
    pub(super) context: &'a AttemptContext,
    pub(super) frames: &'a SceneFrames,
    pub(super) depth: BitDepth,
    pub(super) units: &'a [Vec<u8>],
    /// What the units decode to, where it is in memory.
    pub(super) held: Option<HeldFrames>,
}

impl StoredFrames<'_> {
    /// A pass over the scene.
    ///
    /// # Errors
    ///
    /// As of a decoder.
    pub(super) fn pass(&self) -> Result<Pass<'_>> {
        let decoded = match &self.held {
            Some(held) => Decoded::Held(held),
            None => Decoded::Again(Box::new(self.context.decoder(self.depth)?), self.units.iter()),
        };
        Ok(Pass { stored: self, decoded, passed: 0 })
    }
}

/// The frames of a stored scene, first to last.
pub(super) struct Pass<'a> {
    stored: &'a StoredFrames<'a>,
    decoded: Decoded<'a>,
    passed: usize,
}

/// Where decoded frames come from.
enum Decoded<'a> {
    Held(&'a HeldFrames),
    /// The decoder, and the units that it did not get yet.
    Again(Box<Av1Decoder>, std::slice::Iter<'a, Vec<u8>>),
}

impl Pass<'_> {
    /// The next source frame and what it was decoded to, at the depth of the base layer.
    ///
    /// # Errors
    ///
    /// `Cancelled`, those of frames that wait on a disk, and of a decoder; there is none past the last frame.
    pub(super) fn next(&mut self) -> Result<(Arc<Frame>, Arc<Frame>)> {
        self.stored.context.resources.cancel.check()?;
        let gone = || Error::internal("filter", "a frame is gone");
        let source = self.stored.frames.get(self.passed as u64)?.ok_or_else(gone)?;
        let decoded = match &mut self.decoded {
            Decoded::Held(held) => held.get(self.passed),
            Decoded::Again(decoder, units) => next_decoded(decoder, units)?.map(Arc::new),
        };
        self.passed += 1;
        Ok((source, decoded.ok_or_else(gone)?))
    }
}

/// The next frame of units that are decoded again; none past the last.
fn next_decoded(
    decoder: &mut Av1Decoder,
    units: &mut std::slice::Iter<'_, Vec<u8>>,
) -> Result<Option<Frame>> {
    loop {
        if let Some(frame) = decoder.receive()? {
            return Ok(Some(frame));
        }
        match units.next() {
            Some(unit) => decoder.send(unit)?,
            None => {
                decoder.finish()?;
                return decoder.receive();
            }
        }
    }
}

/// Filtered frames on their way to be measured and hashed.
pub(super) struct FilteredMeasurer<'a> {
    context: &'a AttemptContext,
    frames: &'a SceneFrames,
    measurer: ClipMeasurer,
    hashes: Vec<FrameHash>,
    /// Frames that were pushed.
    count: u64,
}

impl<'a> FilteredMeasurer<'a> {
    /// # Errors
    ///
    /// As of a measurer.
    pub(super) fn new(context: &'a AttemptContext, frames: &'a SceneFrames) -> Result<Self> {
        let clip = &context.clip;
        let measurer =
            ClipMeasurer::new(&clip.info, clip.store_measures)?.with_device(&context.resources.device);
        Ok(Self { context, frames, measurer, hashes: Vec::new(), count: 0 })
    }

    /// The next frame, as the filter gives it.
    ///
    /// # Errors
    ///
    /// As of a measurer.
    pub(super) fn push(&mut self, source: &Frame, filtered: Frame) -> Result<()> {
        let shown = at_depth(Arc::new(filtered), self.context.clip.info.format.depth)?;
        let times = self.frames.times(self.count)?.len();
        self.measurer.push_shown(source, &shown, times)?;
        self.hashes.resize(self.measurer.len(), FrameHash::of(&shown));
        self.count += 1;
        Ok(())
    }

    /// # Errors
    ///
    /// As of a measurer.
    pub(super) fn finish(self) -> Result<Filtered> {
        let Measured { frames, comparison } = self.measurer.finish()?;
        Ok(Filtered { hashes: self.hashes, frames, comparison })
    }
}

/// What a filter made of a scene.
pub(super) struct Filtered {
    hashes: Vec<FrameHash>,
    pub(super) frames: Vec<FrameMetrics>,
    pub(super) comparison: Comparison,
}

impl Filtered {
    /// Squared error of that without the filter; `of` says what counts of a frame.
    pub(super) fn error_left(&self, attempt: &EncodeAttempt, of: impl Fn(&FrameMetrics) -> f64) -> f64 {
        let sum = |frames: &[FrameMetrics]| -> f64 { frames.iter().map(&of).sum() };
        let without = sum(&attempt.frames);
        if without > 0.0 { sum(&self.frames) / without } else { 1.0 }
    }

    /// Whether luma SSIM stays, but for a share of what it lacks of 1.
    pub(super) fn keeps_ssim(&self, base: &Metrics, slack: f64) -> bool {
        let now = self.comparison.finish().ssim_y;
        now.zip(base.ssim_y).is_none_or(|(now, base)| now >= base - slack * (1.0 - base))
    }
}
