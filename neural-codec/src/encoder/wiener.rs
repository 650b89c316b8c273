//! The Wiener filter of a stored scene: solved for over its decoded frames, run, measured, kept where it pays.

use std::sync::Arc;

use super::filter::{FilterOutcome, LENGTH_BYTES, byte_price, decoded_again, empty_report};
use crate::error::{Error, Result};
use crate::frame::FrameHash;
use crate::metrics::{ClipMeasurer, Comparison, FrameMetrics};
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
    let measured = measurer.finish()?;
    let packet = packet_of(&trained.weights, params.quantizer.quarters())?;
    let after = Quality::of(&measured.frames, clip.pooling);
    let error =
        |frames: &[FrameMetrics]| -> f64 { frames.iter().map(|frame| frame.planes[0].sum as f64).sum() };
    let left = error(&measured.frames) / error(&attempt.frames);
    let gained = match floor {
        Some(floor) => floor.margin(&after) - floor.margin(&before),
        None => -10.0 * left.log10(),
    };
    let bytes = packet.byte_len() + LENGTH_BYTES;
    report.reason = format!("{gained:.3} dB for {bytes} bytes");
    let share = bytes as f64 / attempt.bytes as f64;
    // No number at all, where a floor has nothing to look at, pays for nothing.
    let pays = search.log_bytes_per_db * gained > share + rules.worth;
    let ssim = |comparison: &Comparison| comparison.finish().ssim_y;
    let keeps_ssim = ssim(&measured.comparison)
        .zip(ssim(&attempt.comparison))
        .is_none_or(|(now, base)| now >= base - clip.defaults.filter.ssim_slack * (1.0 - base));
    if !pays {
        return Ok(outcome(report, None));
    }
    if left >= 1.0 || !keeps_ssim {
        report.verdict = FilterVerdict::QualityWouldFall;
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
