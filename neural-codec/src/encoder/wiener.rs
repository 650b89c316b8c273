//! The Wiener filter of a stored scene: solved for over its decoded frames, run, measured, kept where it pays.

use super::filtered::{FilterOutcome, FilteredMeasurer, StoredFrames, added_bytes, byte_price, empty_report};
use crate::error::Result;
use crate::report::FilterVerdict;
use crate::scene::SceneFrames;
use crate::search::{AttemptContext, EncodeAttempt, EncodeParams, Floor, Quality};
use crate::wiener::{Reach, WienerPlan, packet_of, train_wiener};

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
    (reach, floor): (Reach, Option<&Floor>),
    frames: &SceneFrames,
    params: &EncodeParams,
    attempt: &mut EncodeAttempt,
) -> Result<FilterOutcome> {
    let clip = &context.clip;
    let (rules, search) = (clip.defaults.wiener, &clip.defaults.search);
    let base = attempt.comparison.finish();
    let mut report = empty_report(NAME, &base);
    if attempt.bytes() < rules.least_bytes {
        return Ok(FilterOutcome::nothing_to_gain(report, attempt.bytes()));
    }
    let held = attempt.decoded.take();
    let stored = StoredFrames { context, frames, depth: params.depth, units: &attempt.units, held };
    let before = Quality::of(&attempt.frames, clip.pooling);
    // Least squares are what PSNR and XPSNR ask for; what else binds wants the contrast that they take away.
    let wants_contrast = floor.is_some_and(|floor| !floor.is_bound_by_errors(&before));
    let plan = WienerPlan {
        reach,
        frames: attempt.units.len(),
        frame_samples: clip.info.width * clip.info.height,
        byte_price: byte_price(attempt.bytes(), search.log_bytes_per_db),
        samples: match reach {
            Reach::Near => rules.samples,
            Reach::Far => rules.far_samples,
        },
        sharpening: if wants_contrast { rules.sharpening.into() } else { 0 },
    };
    let mut pass = stored.pass()?;
    let Some(trained) = train_wiener(&plan, &mut || pass.next())? else {
        report.reason = "no weights are worth their bytes".into();
        return Ok(FilterOutcome::none(report));
    };
    let mut measurer = FilteredMeasurer::new(context, frames)?;
    let mut pass = stored.pass()?;
    trained.run(&mut || pass.next(), |source, filtered| measurer.push(source, filtered))?;
    let filtered = measurer.finish()?;
    let packet = packet_of(&trained.weights, params.quantizer.quarters())?;
    let left = filtered.error_left(attempt, |frame| frame.planes[0].sum as f64);
    let gained = match floor {
        Some(floor) => floor.margin(&Quality::of(&filtered.frames, clip.pooling)) - floor.margin(&before),
        None => -10.0 * left.log10(),
    };
    let bytes = added_bytes(&packet);
    report.reason = format!("{gained:.3} dB for {bytes} bytes");
    // No number at all, where a floor has nothing to look at, pays for nothing.
    let pays = search.log_bytes_per_db * gained > bytes as f64 / attempt.bytes() as f64 + rules.worth;
    if !pays {
        return Ok(FilterOutcome::none(report));
    }
    // The mean of decibels leaves exact frames out, so that one that is exact no more would count as a gain.
    let exact = filtered.comparison.finish().lossless_frames;
    if left >= 1.0
        || exact < base.lossless_frames
        || !filtered.keeps_ssim(&base, clip.defaults.filter.ssim_slack)
    {
        report.verdict = FilterVerdict::QualityWouldFall;
        return Ok(FilterOutcome::none(report));
    }
    let macs_per_pixel = reach.taps() as f64;
    Ok(FilterOutcome::kept(report, packet, macs_per_pixel, filtered, &clip.info, attempt))
}
