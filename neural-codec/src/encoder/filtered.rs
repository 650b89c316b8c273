//! A stored scene under a filter, of whichever kind: its frames in pairs, what the filter made of them, and the account of it.

use std::sync::Arc;

use crate::base::Av1Decoder;
use crate::bitstream::NeuralFilter;
use crate::error::{Error, Result};
use crate::filter::train::TrainedFilter;
use crate::frame::{Frame, FrameHash, VideoInfo};
use crate::metrics::{ClipMeasurer, Comparison, FrameMetrics, Measured, Metrics};
use crate::report::{FilterReport, FilterVerdict};
use crate::scene::{Reading, SceneFrames};
use crate::search::{AttemptContext, EncodeAttempt, EncodeParams, at_depth};

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
    context: &'a AttemptContext,
    frames: &'a SceneFrames,
    /// At the depth of the base layer.
    decoded: Arc<SceneFrames>,
}

impl<'a> StoredFrames<'a> {
    /// Of an attempt, which is decoded again where it was taken from the cache.
    ///
    /// # Errors
    ///
    /// `Cancelled`, and whatever decoding reports.
    pub(super) fn of(
        context: &'a AttemptContext,
        frames: &'a SceneFrames,
        params: &EncodeParams,
        attempt: &mut EncodeAttempt,
    ) -> Result<Self> {
        let decoded = match attempt.decoded.take() {
            Some(decoded) => decoded,
            None => decoded_again(context, params, attempt)?,
        };
        Ok(Self { context, frames, decoded })
    }

    /// The source and the decoded frame of a number.
    ///
    /// # Errors
    ///
    /// `Cancelled`, and those of frames that wait on a disk.
    pub(super) fn pair(&self, index: usize) -> Result<(Arc<Frame>, Arc<Frame>)> {
        self.context.resources.cancel.check()?;
        let frame = |frames: &SceneFrames| {
            frames.get(index as u64)?.ok_or_else(|| Error::internal("filter", "a frame is gone"))
        };
        Ok((frame(self.frames)?, frame(&self.decoded)?))
    }
}

/// What the units of an attempt decode to.
fn decoded_again(
    context: &AttemptContext,
    params: &EncodeParams,
    attempt: &EncodeAttempt,
) -> Result<Arc<SceneFrames>> {
    let decoded = SceneFrames::new(Reading::Repeated, Arc::clone(&context.resources.memory));
    let mut decoder = context.decoder(params.depth)?;
    let drain = |decoder: &mut Av1Decoder| -> Result<()> {
        while let Some(frame) = decoder.receive()? {
            context.resources.cancel.check()?;
            decoded.push(Arc::new(frame))?;
        }
        Ok(())
    };
    for unit in &attempt.units {
        decoder.send(unit)?;
        drain(&mut decoder)?;
    }
    decoder.finish()?;
    drain(&mut decoder)?;
    decoded.close(None);
    Ok(decoded)
}

/// Filtered frames on their way to be measured and hashed.
pub(super) struct FilteredMeasurer<'a> {
    context: &'a AttemptContext,
    measurer: ClipMeasurer,
    hashes: Vec<FrameHash>,
}

impl<'a> FilteredMeasurer<'a> {
    /// # Errors
    ///
    /// As of a measurer.
    pub(super) fn new(context: &'a AttemptContext) -> Result<Self> {
        let clip = &context.clip;
        let measurer =
            ClipMeasurer::new(&clip.info, clip.store_measures)?.with_device(&context.resources.device);
        Ok(Self { context, measurer, hashes: Vec::new() })
    }

    /// The next frame, as the filter gives it.
    ///
    /// # Errors
    ///
    /// As of a measurer.
    pub(super) fn push(&mut self, source: &Frame, filtered: Frame) -> Result<()> {
        let shown = at_depth(Arc::new(filtered), self.context.clip.info.format.depth)?;
        self.measurer.push(source, &shown)?;
        self.hashes.push(FrameHash::of(&shown));
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
