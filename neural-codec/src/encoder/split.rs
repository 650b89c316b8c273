//! The scenes that an encode would find, without encoding.

use std::ops::Range;

use super::source_format::{coded_frame, coded_info};
use super::splitter::{SceneSplitter, Step};
use crate::device::Device;
use crate::error::{Error, Result};
use crate::media::FrameSource;
use crate::settings;

/// As [`detect_scenes_on`], on a GPU where a usable one is there and frames are large enough for it.
pub fn detect_scenes(source: &mut dyn FrameSource, max_scene_seconds: f64) -> Result<Vec<Range<u64>>> {
    let device = settings::DeviceChoice::Auto.open(source.info().width * source.info().height)?;
    detect_scenes_on(&device, source, max_scene_seconds)
}

/// Scenes of a clip, as [`encode`](super::encode) cuts it without a list of scenes.
///
/// `device`: where frames are analyzed; the scenes do not depend on it.
/// Units: frames.
///
/// # Errors
///
/// `InvalidArgument` for a clip without frames; whatever the source reports.
pub fn detect_scenes_on(
    device: &Device,
    source: &mut dyn FrameSource,
    max_scene_seconds: f64,
) -> Result<Vec<Range<u64>>> {
    let coded = coded_info(source.info());
    let mut splitter = SceneSplitter::detecting(&coded, max_scene_seconds)?.on(device);
    let (mut starts, mut frames) = (Vec::new(), 0);
    let mut take = |steps: Vec<Step>| {
        starts.extend(
            steps.iter().filter_map(|step| if let Step::Start(at) = step { Some(*at) } else { None }),
        );
    };
    while let Some(frame) = source.next_any_frame()? {
        source.take_audio();
        let (frame, there) = coded_frame(frame, &coded, device)?;
        take(splitter.push(frame, there.as_ref())?);
        frames += 1;
    }
    take(splitter.finish()?);
    if frames == 0 {
        return Err(Error::invalid("clip", "at least 1 frame", 0));
    }
    let ends = starts.iter().skip(1).copied().chain([frames]);
    Ok(starts.iter().copied().zip(ends).map(|(start, end)| start..end).collect())
}
