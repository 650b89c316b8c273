//! An encode in parts, for many machines: split a clip, encode each scene where there is time, concat the scenes.
//!
//! ```text
//! split(source) -> ranges;  encode_scene(frames of a range, warm start) -> EncodedScene;  concat(scenes) -> stream
//! ```
//! The bytes are those of [`encode`](super::encode) where each scene gets the [`warm_start`] that it has there. Where
//! no networks are trained it is empty, and scenes depend on nothing before them.

use std::fmt;
use std::io::Write;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use super::encoded_scene::EncodedScene;
use super::filter_plan::FilterPlan;
use super::scene;
use super::session::{SceneRequest, Session, goal_of, own_settings};
use super::source_format::{check_frame, coded_frame};
use super::split::detect_scenes;
use super::task::{SceneGoal, SceneTask};
use super::track_queue::{OtherPacket, TrackQueue};
use super::warm_starts::warm_start_scenes;
use crate::base::{SequenceHeader, probe};
use crate::bitstream::{Limits, ScenePackets, Tracks};
use crate::error::{Error, Result};
use crate::filter::train::WarmStart;
use crate::frame::{AnyFrame, VideoInfo};
use crate::lost::Lost;
use crate::media::FrameSource;
use crate::progress::CancelToken;
use crate::report::Report;
use crate::scene::{FrameAnalyzer, Profiler, Reading, SceneFrames};
use crate::search::Target;
use crate::settings::Settings;

/// Where a scene stands in its clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScenePlace {
    /// Number of the scene, from 0.
    pub index: u32,
    /// Number of its first frame, from 0.
    pub first_frame: u64,
}

/// The scenes of a clip, as [`encode`](super::encode) finds them with these settings. Units: frames.
///
/// # Errors
///
/// `InvalidArgument` for a clip without frames; whatever the source reports.
pub fn split(source: &mut dyn FrameSource, settings: &Settings) -> Result<Vec<Range<u64>>> {
    let device = settings.device.open(source.info().width * source.info().height)?;
    detect_scenes(source, settings.max_scene_seconds, &device)
}

/// Whether scenes of these settings start warm from earlier ones, so that they cannot be encoded in any order.
///
/// # Errors
///
/// As of [`encode_scene`], of settings that single scenes cannot have.
pub fn scenes_start_warm(settings: &Settings) -> Result<bool> {
    let target = Target::of(settings)?;
    check_alone(matches!(goal_of(&target), SceneGoal::Undecided), settings)?;
    let own = settings.scene_settings.scenes().iter().map(|choice| own_settings(settings, choice));
    let mut all = std::iter::once(settings.clone()).chain(own);
    Ok(all.any(|settings| FilterPlan::new(&settings, &target).is_some_and(|filter| filter.starts_warm())))
}

/// That a scene can be encoded apart from its clip.
fn check_alone(is_shared: bool, settings: &Settings) -> Result<()> {
    let unsupported =
        |what: &str, remedy: &str| Error::Unsupported { what: what.into(), remedy: remedy.into() };
    if is_shared {
        return Err(unsupported(
            "a bitrate, a size or a floor of the clip for one scene",
            "encode the whole clip, or use a floor of scenes, lambda or a quantizer",
        ));
    }
    if settings.cache_dir.is_some() {
        return Err(unsupported("cache_dir for one scene", "keep the encoded scene itself"));
    }
    Ok(())
}

/// What scene `index` begins from in a whole encode, out of the scenes that are given: one value, which may travel.
///
/// The set depends on the number of the scene alone; a scene that is missing may change bytes.
pub fn warm_start(index: u32, earlier: &[EncodedScene]) -> WarmStart {
    let mut earlier: Vec<&EncodedScene> =
        earlier.iter().filter(|scene| warm_start_scenes(index).contains(&scene.report.index)).collect();
    earlier.sort_by_key(|scene| scene.report.index);
    WarmStart { filters: earlier.into_iter().filter_map(|scene| scene.trained.clone()).collect() }
}

/// Encodes one scene apart from its clip.
///
/// `info` is that of the whole clip, and `settings` have to be the same for all of its scenes.
///
/// # Errors
///
/// `Unsupported` for a bitrate or a size, which all scenes share, and for a cache of attempts; `InvalidArgument` for a
/// scene without frames; as of [`encode`](super::encode).
///
/// ```
/// use neural_codec::encoder::{ScenePlace, concat, encode_scene};
/// use neural_codec::filter::train::WarmStart;
/// # use neural_codec::{progress::CancelToken, settings::Settings};
/// # use neural_codec::frame::{AnyFrame, Color, Frame, PixelFormat, Rational, VideoInfo};
/// # let info = VideoInfo::new(64, 48, PixelFormat::YUV420_8, Rational::new(25, 1)?);
/// # let mut settings = Settings::default();
/// # settings.set("effort", "0")?;
/// # let frame = |i| Frame::new(64, 48, info.format, Color::default()).map(|f| AnyFrame::Host(f.with_timestamp(i)));
/// let place = ScenePlace { index: 0, first_frame: 0 };
/// let frames = (0..5).map(frame);
/// let scene = encode_scene(&info, frames, place, &settings, &WarmStart::default(), &CancelToken::new())?;
/// let mut stream = Vec::new();
/// let report = concat(&info, None, &mut stream, &settings, [scene])?;
/// assert_eq!((report.total.frames, report.total.bytes), (5, stream.len() as u64));
/// # Ok::<(), neural_codec::Error>(())
/// ```
pub fn encode_scene(
    info: &VideoInfo,
    frames: impl IntoIterator<Item = Result<AnyFrame>>,
    place: ScenePlace,
    settings: &Settings,
    warm_start: &WarmStart,
    cancel: &CancelToken,
) -> Result<EncodedScene> {
    let mut session = Session::new(*info, settings)?;
    session.context.resources.cancel = cancel.clone();
    let SceneRequest { goal, filter, tools, asked } = session.request(place.index)?;
    check_alone(matches!(goal, SceneGoal::Undecided), settings)?;
    let resources = &session.context.resources;
    let memory = Arc::clone(&resources.memory);
    let kept = SceneFrames::new(Reading::Repeated, memory, false, session.repeats_for(&goal));
    let mut analyzer = FrameAnalyzer::with_device(&resources.device);
    let mut profiler = Profiler::with_limits(info.frame_rate, session.context.clip.defaults.classes);
    for (number, frame) in frames.into_iter().enumerate() {
        let frame = frame?;
        check_frame(&frame, info, place.first_frame + number as u64)?;
        let (frame, resident) = coded_frame(frame, &session.context.clip.info, &resources.device)?;
        let features = analyzer.analyze_any(&frame, resident.as_ref())?;
        profiler.push_features(&frame, features);
        kept.push(Arc::new(frame))?;
    }
    let empty = |_| Error::invalid("scene", "at least 1 frame", 0);
    kept.close(Some(profiler.finish().map_err(empty)?));
    let ScenePlace { index, first_frame } = place;
    let task = SceneTask { index, first_frame, frames: kept, goal, tools, asked, filter };
    scene::encode_scene(&session.context, &task, warm_start)
}

/// Joins the scenes of a clip, in order, into a stream. A scene that was encoded with other settings meets the floor of these where its
/// frames, as they were measured, do.
///
/// `source`: the clip, where it has audio; its frames are read for their place among the audio packets and not encoded.
///
/// # Errors
///
/// `InvalidArgument` for scenes that do not follow one another, or were encoded with another preset or bit depth; `Unsupported` for a floor
/// of the clip; `Io`.
pub fn concat(
    info: &VideoInfo,
    source: Option<&mut dyn FrameSource>,
    output: &mut dyn Write,
    settings: &Settings,
    scenes: impl IntoIterator<Item = EncodedScene>,
) -> Result<Report> {
    let others = source.map(others_of).transpose()?.unwrap_or_default();
    join(info, others, output, settings, scenes)
}

/// Joins scenes with what their clip has beside its pictures.
pub(super) fn join(
    info: &VideoInfo,
    others: Others,
    output: &mut dyn Write,
    settings: &Settings,
    scenes: impl IntoIterator<Item = EncodedScene>,
) -> Result<Report> {
    let session = Session::new(*info, settings)?;
    if session.target.floor_of_clip().is_some() {
        return Err(Error::Unsupported {
            what: "a floor of the clip for scenes that were encoded one by one".into(),
            remedy: "use a floor of scenes".into(),
        });
    }
    let Others { tracks, packets: mut queue, lost, last_duration, frames } = others;
    let mut muxer = session.muxer(&tracks, Instant::now())?;
    muxer.lose(lost);
    muxer.set_last_duration(last_duration);
    let (mut common, mut end): (Option<Common>, u64) = (None, 0);
    for mut scene in scenes {
        let found = Common::of(&scene)?;
        let first = *common.get_or_insert(found);
        if first != found {
            let name = format!("scene {}", scene.report.index);
            return Err(Error::invalid(name, format!("{first}, as of scene 0"), found));
        }
        end = scene.report.first_frame.saturating_add(scene.report.frames);
        queue.take_before(end).iter().try_for_each(|packet| muxer.add_packet(packet))?;
        if let Some(note) = session.judge(&mut scene)? {
            muxer.note(note);
        }
        muxer.add_scene(scene)?;
        output.write_all(&muxer.take_bytes())?;
    }
    if let Some(frames) = frames.filter(|&frames| frames != end) {
        return Err(Error::invalid("scenes", format!("all {frames} frames of the clip"), end));
    }
    queue.take_before(u64::MAX).iter().try_for_each(|packet| muxer.add_packet(packet))?;
    let (rest, report) = muxer.finish(&session.context.log.clock)?;
    output.write_all(&rest)?;
    Ok(report)
}

/// What a clip has beside its pictures.
#[derive(Debug, Default)]
pub(super) struct Others {
    tracks: Tracks,
    packets: TrackQueue,
    lost: Vec<Lost>,
    last_duration: Option<u64>,
    /// How many frames the clip has, where it was read to its end.
    frames: Option<u64>,
}

impl Others {
    /// Takes the packets that the source met before frame `frame`.
    pub(super) fn take(&mut self, source: &mut dyn FrameSource, frame: u64) {
        let audio = source.take_audio().into_iter().map(OtherPacket::Audio);
        audio.for_each(|packet| self.packets.push(frame, packet));
        let subtitles = source.take_subtitles().into_iter().map(OtherPacket::Subtitle);
        subtitles.for_each(|packet| self.packets.push(frame, packet));
    }

    /// All of them, once the source has given its last frame.
    pub(super) fn finish(&mut self, source: &dyn FrameSource) {
        self.tracks = source.tracks().clone();
        self.lost = source.lost();
        self.last_duration = source.last_duration();
    }
}

/// What a clip has beside its pictures, read to its end.
fn others_of(source: &mut dyn FrameSource) -> Result<Others> {
    let mut others = Others::default();
    for number in 0.. {
        let frame = source.next_any_frame()?;
        others.take(source, number);
        if frame.is_none() {
            others.frames = Some(number);
            break;
        }
    }
    others.finish(source);
    Ok(others)
}

/// What all scenes of a clip have in common. The base encoder chooses the size of superblocks by the quantizer, so that whole sequence
/// headers may differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Common {
    preset: i8,
    sequence: SequenceHeader,
}

impl Common {
    fn of(scene: &EncodedScene) -> Result<Self> {
        let packets = ScenePackets::from_bytes(&scene.bytes, &Limits::default())?;
        let first =
            packets.base.units().next().ok_or_else(|| Error::internal("scene", "no temporal unit"))?;
        let sequence = probe(first, None)?.sequence;
        let sequence = sequence.ok_or_else(|| Error::internal("scene", "no sequence header"))?;
        Ok(Self { preset: scene.report.preset, sequence })
    }
}

impl fmt::Display for Common {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { preset, sequence: SequenceHeader { width, height, bits, .. } } = self;
        write!(f, "preset {preset}, {width}x{height} at {bits} bits")
    }
}
