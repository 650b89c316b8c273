//! What an encode would see of a clip's scenes, and what a choice would do to one of them, without encoding the clip.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use cpu_time::ProcessTime;
use serde::{Deserialize, Serialize};

use super::session::Session;
use super::source_format::{check_frame, coded_frame, coded_info};
use super::split::each_step;
use super::splitter::{SceneSplitter, Step};
use super::task::SceneGoal;
use crate::error::{Error, Result};
use crate::frame::{AnyFrame, VideoInfo};
use crate::media::FrameSource;
use crate::progress::CancelToken;
use crate::report::ProfileReport;
use crate::scene::{Profiler, Reading, SceneFrames};
use crate::search::{AttemptKind, run_attempt};
use crate::settings::Settings;

/// A scene and its profile. Units: frames.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProfiledScene {
    /// Its frames in the clip.
    pub frames: Range<u64>,
    /// What it looks like.
    pub profile: ProfileReport,
}

/// What coding some frames with a choice gave, measured on what the bytes decode to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProbeReport {
    /// Frames coded.
    pub frames: u64,
    /// Bytes of the base layer.
    pub bytes: u64,
    /// Mean luma PSNR in dB; none where all are lossless.
    pub psnr_y: Option<f64>,
    /// Mean luma SSIM; none where it is not defined.
    pub ssim_y: Option<f64>,
    /// Wall seconds, decoding and measuring included.
    pub seconds: f64,
    /// Processor seconds of the process meanwhile.
    pub cpu_seconds: f64,
}

/// The scenes of a clip as [`encode`](super::encode) finds them with these settings, each with its profile.
///
/// # Errors
///
/// `InvalidArgument` for a clip without frames; `Cancelled`; whatever the source reports.
pub fn profile_scenes(
    source: &mut dyn FrameSource,
    settings: &Settings,
    cancel: &CancelToken,
) -> Result<Vec<ProfiledScene>> {
    let info = *source.info();
    let device = settings.device.open(info.width * info.height)?;
    let splitter = SceneSplitter::detecting(&coded_info(&info), settings.max_scene_seconds)?;
    let mut scenes = Vec::new();
    let mut open: Option<(u64, Profiler)> = None;
    each_step(source, splitter.with_device(&device), &device, |step| {
        cancel.check()?;
        match step {
            Step::Start(first) => {
                close(&mut open, &mut scenes)?;
                open = Some((first, Profiler::with_limits(info.frame_rate, settings.defaults.classes)));
            }
            Step::Frame(frame, features) => {
                if let Some((_, profiler)) = &mut open {
                    profiler.push_features(&frame, *features);
                }
            }
            Step::End => {}
        }
        Ok(())
    })?;
    close(&mut open, &mut scenes)?;
    Ok(scenes)
}

/// Ends the open scene.
fn close(open: &mut Option<(u64, Profiler)>, scenes: &mut Vec<ProfiledScene>) -> Result<()> {
    if let Some((first, profiler)) = open.take() {
        let profile = profiler.finish()?;
        scenes.push(ProfiledScene {
            frames: first..first + profile.frames,
            profile: ProfileReport::new(&profile),
        });
    }
    Ok(())
}

/// Codes frames of one scene with the quantizer, preset, depth and tools that the settings name, and measures them. The
/// first object of `scene_settings`, where there is one, counts as the scene's.
///
/// # Errors
///
/// `InvalidArgument` for settings without a quantizer and for no frames; `Cancelled`; whatever base encoder and decoder report.
pub fn probe(
    info: &VideoInfo,
    frames: impl IntoIterator<Item = Result<AnyFrame>>,
    settings: &Settings,
    cancel: &CancelToken,
) -> Result<ProbeReport> {
    let mut session = Session::new(*info, settings)?;
    session.context.resources.cancel = cancel.clone();
    // Whoever probes wants to know, whatever the target needs.
    let clip = Arc::make_mut(&mut session.context.clip);
    clip.probe_measures = clip.store_measures;
    let request = session.request(0)?;
    let SceneGoal::Constant(quantizer) = request.goal else {
        return Err(Error::invalid("quantizer", "a quantizer to probe at", "none"));
    };
    let params = session.context.clip.effort.params(quantizer, request.tools.unwrap_or_default());
    let resources = &session.context.resources;
    let memory = Arc::clone(&resources.memory);
    let kept = SceneFrames::new(Reading::Repeated, memory, false, session.repeats_for(&request.goal));
    for (number, frame) in frames.into_iter().enumerate() {
        let frame = frame?;
        check_frame(&frame, info, number as u64)?;
        kept.push(Arc::new(coded_frame(frame, &session.context.clip.info, &resources.device)?.0))?;
    }
    kept.close(None);
    let (wall, cpu) = (Instant::now(), ProcessTime::now());
    let attempt = run_attempt(&session.context, &kept, 0..u64::MAX, &params, AttemptKind::Probe)?;
    if attempt.frames.is_empty() {
        return Err(Error::invalid("scene", "at least 1 frame", 0));
    }
    let metrics = attempt.comparison.finish();
    Ok(ProbeReport {
        frames: attempt.frames.len() as u64,
        bytes: attempt.bytes(),
        psnr_y: metrics.psnr_y,
        ssim_y: metrics.ssim_y,
        seconds: wall.elapsed().as_secs_f64(),
        cpu_seconds: cpu.elapsed().as_secs_f64(),
    })
}
