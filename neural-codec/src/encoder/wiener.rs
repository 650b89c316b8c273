//! The Wiener filter of a stored scene: solved for over its decoded frames, run, measured, kept where it pays.

use std::sync::Arc;

use super::filter::{FilterOutcome, byte_price, decoded_again, empty_report};
use crate::bitstream::NeuralFilter;
use crate::error::{Error, Result};
use crate::frame::FrameHash;
use crate::metrics::{ClipMeasurer, Measured};
use crate::report::FilterVerdict;
use crate::scene::SceneFrames;
use crate::search::{AttemptContext, EncodeAttempt, EncodeParams, Floor, Quality, at_depth};
use crate::wiener::{WienerFilter, WienerPlan, packet_of, train_wiener};

/// The name in reports.
const NAME: &str = "Wiener";

/// Solves for a filter of a stored attempt, runs and weighs it. Where it pays, the attempt's hashes and distortion become those
/// of the filtered frames.
///
/// # Errors
///
/// `Cancelled`, `OutOfMemory`, and whatever decoding reports.
pub(super) fn wiener_scene(
    context: &AttemptContext,
    floor: Option<&Floor>,
    frames: &SceneFrames,
    params: &EncodeParams,
    attempt: &mut EncodeAttempt,
) -> Result<FilterOutcome> {
    let clip = &context.clip;
    let (rules, search) = (clip.defaults.wiener, &clip.defaults.search);
    let mut report = empty_report(NAME, &attempt.comparison.finish());
    let outcome = |report, packet| FilterOutcome { packet, trained: None, report };
    if attempt.bytes < rules.least_bytes {
        report.verdict = FilterVerdict::NothingToGain;
        report.reason = format!("a scene of {} bytes has nothing to gain", attempt.bytes);
        return Ok(outcome(report, None));
    }
    let decoded = match attempt.decoded.take() {
        Some(decoded) => decoded,
        None => decoded_again(context, params, attempt)?,
    };
    let pair = |index: usize| {
        context.resources.cancel.check()?;
        let frame = |frames: &SceneFrames| {
            frames.get(index as u64)?.ok_or_else(|| Error::internal("filter", "a frame is gone"))
        };
        Ok((frame(frames)?, frame(&decoded)?))
    };
    let price = byte_price(attempt.bytes, search.log_bytes_per_db);
    let before = Quality::of(&attempt.frames, clip.pooling);
    // Least squares are what PSNR asks for; what else binds wants the contrast that they take away.
    let wants_contrast = floor.is_some_and(|floor| !floor.is_bound_by_psnr(&before));
    let plan = WienerPlan {
        frames: attempt.units.len(),
        byte_price: price,
        samples: rules.samples,
        sharpening: if wants_contrast { rules.sharpening.into() } else { 0 },
    };
    let Some(trained) = train_wiener(&plan, &pair)? else {
        report.reason = "no weights are worth their bytes".into();
        return Ok(outcome(report, None));
    };
    let mut measurer =
        ClipMeasurer::new(&clip.info, clip.store_measures)?.with_device(&context.resources.device);
    let mut hashes = Vec::new();
    trained.run(&pair, |source, filtered| {
        let shown = at_depth(Arc::new(filtered), clip.info.format.depth)?;
        measurer.push(source, &shown)?;
        hashes.push(FrameHash::of(&shown));
        Ok(())
    })?;
    let measured: Measured = measurer.finish()?;
    let packet: NeuralFilter = packet_of(&trained.weights, params.quantizer.quarters())?;
    let bytes = packet.byte_len() as f64;
    let after = Quality::of(&measured.frames, clip.pooling);
    // What a target looks at, or luma PSNR.
    let gained = match floor {
        Some(floor) => floor.margin(&after) - floor.margin(&before),
        None => after.psnr_y - before.psnr_y,
    };
    report.reason = format!("{:.3} dB for {bytes} bytes", gained);
    if search.log_bytes_per_db * gained <= bytes / attempt.bytes as f64 + rules.worth {
        return Ok(outcome(report, None));
    }
    report.verdict = FilterVerdict::Kept;
    report.bytes = packet.byte_len() as u64;
    report.macs_per_pixel = WienerFilter::macs_per_pixel();
    let info = &clip.info;
    report.tops_per_frame = 2.0 * report.macs_per_pixel * (info.width * info.height) as f64 / 1e12;
    (attempt.hashes, attempt.frames, attempt.comparison) = (hashes, measured.frames, measured.comparison);
    Ok(outcome(report, Some(packet)))
}
