//! The account of one scene, made where the scene is.

use super::task::{SceneTask, StoredScene};
use crate::frame::VideoInfo;
use crate::metrics::Comparison;
use crate::pooling::Pooling;
use crate::report::{
    FilterVerdict, PredictedReport, ProfileReport, QualityReport, SceneReport, SceneVerdict,
};
use crate::scene::Profile;
use crate::search::{Pooled, SearchResult};
use crate::strategy::Strategy;

/// What was done for a scene of so many bytes of packets, and what came out.
pub(super) fn scene_report(
    info: &VideoInfo,
    task: &SceneTask,
    result: &SearchResult<StoredScene>,
    pooling: Pooling,
    profile: &Profile,
    bytes: u64,
    seconds: f64,
) -> SceneReport {
    let StoredScene { attempt, filter } = &result.scene;
    let frames = attempt.timestamps.len() as u64;
    let span = attempt.timestamps.first().copied().zip(attempt.timestamps.last().copied());
    let filter = filter.as_ref().map(|filter| filter.report.clone());
    let is_filtered = filter.as_ref().is_some_and(|filter| filter.verdict == FilterVerdict::Kept);
    let worst = attempt.worst().map(|(frame, psnr)| (task.first_frame + frame, psnr));
    SceneReport {
        index: task.index,
        first_frame: task.first_frame,
        frames,
        coded_frames: attempt.base.sizes.len() as u64,
        strategy: if is_filtered { Strategy::Hybrid } else { Strategy::Av1 },
        profile: ProfileReport::new(profile),
        quantizer: result.params.quantizer.value(),
        preset: result.params.preset,
        bit_depth: result.params.depth.bits(),
        tools: result.params.tools.to_string(),
        asked: task.asked.clone(),
        verdict: result.verdict,
        reason: result.reason.clone(),
        target_met: result.verdict != SceneVerdict::FloorMissed,
        predicted: result
            .predicted
            .map(|quality| PredictedReport { psnr_y: quality.psnr_y, ssim_y: quality.ssim_y() }),
        attempts: result.attempts.clone(),
        filter,
        bytes,
        bitrate_bps: bytes as f64 * 8.0 / duration_seconds(info, span, frames, None),
        quality: quality_report(&attempt.comparison, worst),
        pooled: Pooled::of(&attempt.frames, pooling).by_name(),
        seconds,
    }
}

/// The measured quality of a scene or a clip.
pub(super) fn quality_report(comparison: &Comparison, worst: Option<(u64, f64)>) -> QualityReport {
    let metrics = comparison.finish();
    QualityReport {
        psnr_y: metrics.psnr_y,
        psnr_yuv: metrics.psnr_yuv,
        psnr_rgb: None,
        ssim_y: metrics.ssim_y,
        ms_ssim_y: metrics.ms_ssim_y,
        ssimulacra2: metrics.ssimulacra2,
        vmaf: metrics.vmaf,
        xpsnr_y: metrics.xpsnr_y,
        lossless_frames: metrics.lossless_frames,
        worst_frame_psnr_y: worst.map(|(_, psnr)| psnr),
        worst_frame: worst.map(|(frame, _)| frame),
    }
}

/// From the first frame's start to the last one's end, the last one lasting one nominal frame where nothing else is known.
pub(super) fn duration_seconds(
    info: &VideoInfo,
    span: Option<(i64, i64)>,
    frames: u64,
    last_seconds: Option<f64>,
) -> f64 {
    let frame = info.frame_rate.inverse().value();
    match span {
        Some((first, last)) => {
            // One of nothing says nothing.
            let last_seconds = last_seconds.filter(|&seconds| seconds > 0.0).unwrap_or(frame);
            last.abs_diff(first) as f64 * info.time_base.value() + last_seconds
        }
        None => frames as f64 * frame,
    }
}
