//! The scenes that an encode would find, without encoding.

use std::ops::Range;

use super::source_format::{coded_frame, coded_info};
use super::splitter::{SceneSplitter, Step};
use crate::device::Device;
use crate::error::{Error, Result};
use crate::media::FrameSource;

/// Scenes of a clip, as [`encode`](super::encode) cuts it without a list of scenes.
///
/// `device`: where frames are analyzed; the scenes do not depend on it.
/// Units: frames.
///
/// # Errors
///
/// `InvalidArgument` for a clip without frames; whatever the source reports.
pub fn detect_scenes(
    source: &mut dyn FrameSource,
    max_scene_seconds: f64,
    device: &Device,
) -> Result<Vec<Range<u64>>> {
    let splitter = SceneSplitter::detecting(&coded_info(source.info()), max_scene_seconds)?;
    let mut starts = Vec::new();
    let frames = each_step(source, splitter.with_device(device), device, |step| {
        starts.extend(if let Step::Start(at) = step { Some(at) } else { None });
        Ok(())
    })?;
    let ends = starts.iter().skip(1).copied().chain([frames]);
    Ok(starts.iter().copied().zip(ends).map(|(start, end)| start..end).collect())
}

/// Hands every step of a clip to `take`; says how many frames there were.
///
/// # Errors
///
/// `InvalidArgument` for a clip without frames; whatever the source and `take` report.
pub(super) fn each_step(
    source: &mut dyn FrameSource,
    mut splitter: SceneSplitter,
    device: &Device,
    mut take: impl FnMut(Step) -> Result<()>,
) -> Result<u64> {
    let coded = coded_info(source.info());
    let mut frames = 0;
    while let Some(frame) = source.next_any_frame()? {
        source.leave_packets();
        let (frame, resident) = coded_frame(frame, &coded, device)?;
        splitter.push(frame, resident.as_ref())?.into_iter().try_for_each(&mut take)?;
        frames += 1;
    }
    splitter.finish()?.into_iter().try_for_each(&mut take)?;
    if frames == 0 { Err(Error::invalid("clip", "at least 1 frame", 0)) } else { Ok(frames) }
}
