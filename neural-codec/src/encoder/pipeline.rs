//! The way of a frame through an encode: threads, order and memory.
//!
//! ```text
//! source frames -> SceneSplitter -> SceneFrames -> encode_scene (worker threads) -> StreamMuxer -> bytes and report
//! ```
//! For a bitrate, a size or a floor of the clip, scenes are probed first and wait for what all need (`rate`, `clip_floor`).

use std::collections::VecDeque;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::clip_control::ClipControl;
use super::clip_length::ClipLength;
use super::encoded_scene::EncodedScene;
use super::muxer::StreamMuxer;
use super::scene_job::{WorkerResult, encode, probe};
use super::session::{SceneRequest, Session};
use super::shared_scene::NextStep;
use super::source_format::{check_frame, coded_frame};
use super::splitter::{SceneSplitter, Step};
use super::task::SceneTask;
use super::track_queue::{OtherPacket, TrackQueue};
use super::warm_starts::WarmStarts;
use super::workers::Workers;
use crate::bitstream::{AudioPacket, Limits, SubtitlePacket, Tracks, check_tracks};
use crate::error::{Error, Place, Result};
use crate::frame::{AnyFrame, Frame, FrameHash, KeepsSpares, VideoInfo};
use crate::lost::Lost;
use crate::media::Container;
use crate::process;
use crate::progress::{CancelToken, Progress};
use crate::report::Report;
use crate::scene::{Profiler, SceneFrames};
use crate::search::{AttemptCache, Clip};
use crate::settings::Settings;
use crate::simd::InstructionSet;

/// How often a waiting call checks progress and cancellation.
const POLL: Duration = Duration::from_millis(50);

/// The scene that frames go to.
struct OpenScene {
    frames: Arc<SceneFrames>,
    profiler: Profiler,
}

/// All stages of an encode.
pub(super) struct Pipeline {
    session: Session,
    splitter: SceneSplitter,
    open: Option<OpenScene>,
    warm_starts: WarmStarts,
    workers: Workers<WorkerResult>,
    /// Scenes that may be at work or wait, beside the open one.
    scenes_ahead: u64,
    /// Decides for all scenes together; none for targets that each reaches by itself.
    control: Option<ClipControl>,
    tracks: Tracks,
    lost: Vec<Lost>,
    notes: Vec<String>,
    length: ClipLength,
    /// The file that the stream is put into, where it is.
    container: Option<Container>,
    packets: TrackQueue,
    muxer: Option<StreamMuxer>,
    ready: VecDeque<Vec<u8>>,
    report: Option<Report>,
    progress: Progress,
    scenes_started: u32,
    /// Scenes that came in addition, where the base encoder failed within a scene whose frames were gone.
    scenes_added: u32,
    is_finished: bool,
    /// Frames that are done with serve again while it lives.
    _spares: KeepsSpares,
    start: Instant,
}

impl Pipeline {
    pub(super) fn new(info: VideoInfo, settings: &Settings) -> Result<Self> {
        process::check("new")?;
        InstructionSet::named()?;
        let session = Session::new(info, settings)?;
        let at_once = session.scenes_at_once;
        let splitter = SceneSplitter::detecting(&info, settings.max_scene_seconds)?;
        Ok(Self {
            splitter: splitter.with_device(&session.context.resources.device),
            open: None,
            warm_starts: WarmStarts::default(),
            workers: Workers::new(at_once),
            scenes_ahead: at_once as u64 + 1,
            control: ClipControl::of(&session.target, &session.context.clip.defaults),
            tracks: Tracks::NONE,
            lost: Vec::new(),
            notes: Vec::new(),
            length: ClipLength::default(),
            container: None,
            packets: TrackQueue::default(),
            muxer: None,
            ready: VecDeque::new(),
            report: None,
            progress: Progress::default(),
            scenes_started: 0,
            scenes_added: 0,
            is_finished: false,
            start: Instant::now(),
            session,
            _spares: KeepsSpares::new(),
        })
    }

    pub(super) fn use_cancel(&mut self, cancel: CancelToken) {
        // What ends this encode ends no other of the caller's.
        self.session.context.resources.cancel = cancel.child();
    }

    /// # Errors
    ///
    /// `InvalidArgument` or `LimitExceeded` for what a stream cannot hold.
    pub(super) fn use_tracks(&mut self, tracks: Tracks) -> Result<()> {
        check_tracks(&tracks.audio)?;
        self.tracks = tracks;
        Ok(())
    }

    pub(super) fn use_scenes(&mut self, scenes: Vec<Range<u64>>) -> Result<()> {
        self.session.settings.scene_settings.check_count(scenes.len())?;
        let device = &self.session.context.resources.device;
        self.splitter = SceneSplitter::following(scenes)?.with_device(device);
        Ok(())
    }

    /// Source -> scenes -> encoded scenes -> stream: takes a frame, or the end, as far as it goes without waiting for
    /// more than a place for it.
    pub(super) fn advance(&mut self, frame: Option<AnyFrame>) -> Result<()> {
        process::check(if frame.is_some() { "send_frame" } else { "finish" })?;
        // Source -> scenes.
        for step in self.split(frame)? {
            // Scenes -> encoded scenes: `encode_scene` on the workers.
            self.encode(step)?;
        }
        // Encoded scenes -> stream.
        self.mux_encoded()
    }

    /// Takes an audio packet, to be stored near the frames sent around it.
    pub(super) fn push_audio(&mut self, packet: AudioPacket) -> Result<()> {
        process::check("send_audio")?;
        expect_track("audio track", packet.track, self.tracks.audio.len())?;
        let (limit, found) = (Limits::default().max_audio_packet_bytes.into(), packet.data.len() as u64);
        let place = Place::at_frame(self.length.frames());
        Error::within_limit("bytes of an audio packet", found, limit, place)?;
        self.packets.push(self.length.frames(), OtherPacket::Audio(packet));
        Ok(())
    }

    /// Takes a packet of a subtitle track, to be stored near the frames sent around it.
    pub(super) fn push_subtitle(&mut self, packet: SubtitlePacket) -> Result<()> {
        expect_track("subtitle track", packet.track, self.tracks.subtitles.len())?;
        self.packets.push(self.length.frames(), OtherPacket::Subtitle(packet));
        Ok(())
    }

    /// Says what of the source is not in the stream, and what else a person should know about it.
    pub(super) fn lose(&mut self, lost: Vec<Lost>, notes: Vec<String>) {
        self.lost = lost;
        self.notes = notes;
    }

    /// Says how long the last frame is shown, in the time base.
    pub(super) fn set_last_duration(&mut self, duration: Option<u64>) {
        self.length.last_duration = duration;
    }

    pub(super) fn expect_frames(&mut self, frames: Option<u64>) {
        self.length.declared_frames = frames;
    }

    /// Has targets of bytes count those of this container.
    pub(super) fn count_for(&mut self, container: Container) {
        self.container = Some(container);
    }

    /// The next bytes of the stream; waits for them once the clip is finished. `None`: not yet, or, at the end, no more.
    pub(super) fn next_packet(
        &mut self,
        on_progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Option<Vec<u8>>> {
        process::check("receive_packet")?;
        loop {
            self.mux_encoded()?;
            if let Some(bytes) = self.ready.pop_front() {
                return Ok(Some(bytes));
            }
            if !self.is_finished || self.report.is_some() {
                return Ok(None);
            }
            if self.workers.in_flight() == 0 {
                match self.control.take() {
                    Some(control) => self.decide(control)?,
                    None => self.end_stream()?,
                }
                continue;
            }
            if let Some(result) = self.workers.next_within(POLL) {
                self.mux(result?)?;
            }
            self.session.context.resources.cancel.check()?;
            if on_progress(self.progress()).is_break() {
                self.session.context.resources.cancel.cancel();
                return Err(Error::Cancelled);
            }
        }
    }

    pub(super) fn progress(&self) -> Progress {
        if process::is_forked() {
            return self.progress;
        }
        let (sent, log) = (self.length.frames(), &self.session.context.log);
        let (stage, attempts) = log.begun();
        Progress {
            // A scene that is stored again counts once.
            frames_done: log.frames_stored().min(sent),
            stage,
            attempts,
            frames_coded: log.frames_coded(),
            frames_total: self.is_finished.then_some(sent),
            ..self.progress
        }
    }

    /// That frames and tracks may still come, or `WrongOrder`.
    pub(super) fn expect_open(&self, call: &'static str) -> Result<()> {
        match self.is_finished {
            true => Err(Error::WrongOrder { call, reason: "the clip was finished".into() }),
            false => Ok(()),
        }
    }

    pub(super) fn report(&self) -> Option<&Report> {
        self.report.as_ref()
    }

    pub(super) fn into_report(mut self) -> Option<Report> {
        self.report.take()
    }

    /// Source -> scenes: what is now decided about frames and where they belong.
    fn split(&mut self, frame: Option<AnyFrame>) -> Result<Vec<Step>> {
        let context = &self.session.context;
        let Some(frame) = frame else {
            if self.length.frames() == 0 {
                return Err(Error::invalid("clip", "at least 1 frame", 0));
            }
            let mut steps = self.splitter.finish()?;
            steps.push(Step::End);
            return Ok(steps);
        };
        context.resources.cancel.check()?;
        check_frame(&frame, &self.session.source, self.length.frames())?;
        self.length.expect_next(frame.timestamp())?;
        let (frame, resident) = coded_frame(frame, &context.clip.info, &context.resources.device)?;
        if self.length.frames() == 0 {
            self.open_cache(&frame)?;
        }
        self.length.add(frame.timestamp);
        let clock = Arc::clone(&self.session.context.log.clock);
        clock.alone("cuts", || self.splitter.push(frame, resident.as_ref()))
    }

    /// Opens the folder of attempts that the caller named, for the clip that begins with this frame.
    fn open_cache(&mut self, first: &Frame) -> Result<()> {
        let context = &mut self.session.context;
        if let Some(path) = &self.session.settings.cache_dir {
            let Clip { info, library, defaults, .. } = &*context.clip;
            let base_encoder = library.version().to_string();
            let cache = AttemptCache::open(path, info, (&base_encoder, defaults), FrameHash::of(first))?;
            context.resources.cache = Some(Arc::new(cache));
        }
        Ok(())
    }

    /// Scenes -> workers: a scene's frames go to its worker while it grows.
    fn encode(&mut self, step: Step) -> Result<()> {
        match step {
            Step::Start(first_frame) => {
                self.close_scene()?;
                self.wait_for_workers()?;
                self.start_scene(first_frame)?;
            }
            Step::Frame(frame, features) => {
                if let Some(open) = &mut self.open {
                    let clock = &self.session.context.log.clock;
                    clock.alone("profile", || open.profiler.push_features(&frame, *features));
                    open.frames.push(frame)?;
                }
            }
            Step::End => {
                self.close_scene()?;
                self.session.settings.scene_settings.check_count(self.scenes_started as usize)?;
                self.is_finished = true;
            }
        }
        Ok(())
    }

    fn start_scene(&mut self, first_frame: u64) -> Result<()> {
        let index = self.scenes_started;
        let SceneRequest { goal, filter, tools, asked } = self.session.request(index)?;
        let context = self.session.context_of(index);
        let place = self.warm_starts.next_scene();
        let frames = self.session.scene_frames(&goal);
        let classes = context.clip.defaults.classes;
        let profiler = Profiler::with_limits(self.session.source.frame_rate, classes);
        self.open = Some(OpenScene { frames: Arc::clone(&frames), profiler });
        self.scenes_started += 1;
        let task = SceneTask { index, first_frame, frames, goal, tools, asked, filter };
        if let Some(control) = &self.control {
            let goal = control.probe_goal(self.length.declared_seconds(&self.session.source));
            self.workers.submit(move || probe(context, task, place, goal))
        } else {
            self.workers.submit(move || encode(&context, &task, &place))
        }
    }

    fn close_scene(&mut self) -> Result<()> {
        if let Some(open) = self.open.take() {
            open.frames.close(Some(open.profiler.finish()?));
        }
        Ok(())
    }

    /// Lets the reader run no further ahead than one complete scene, so that few frames wait on disk.
    fn wait_for_workers(&mut self) -> Result<()> {
        while self.control.is_none() && self.workers.in_flight() > self.scenes_ahead {
            self.session.context.resources.cancel.check()?;
            if let Some(result) = self.workers.next_within(POLL) {
                self.mux(result?)?;
            }
        }
        Ok(())
    }

    /// Workers -> stream: takes in what is done.
    fn mux_encoded(&mut self) -> Result<()> {
        while let Some(result) = self.workers.try_next() {
            self.mux(result?)?;
        }
        Ok(())
    }

    /// Encoded scenes -> stream, in order.
    fn mux(&mut self, result: WorkerResult) -> Result<()> {
        match (result, &mut self.control) {
            (WorkerResult::Probed(scene), Some(control)) => control.add(*scene)?,
            (WorkerResult::Encoded(scenes), Some(control)) => {
                scenes.into_iter().for_each(|scene| control.take(scene));
            }
            (WorkerResult::Encoded(scenes), None) => {
                let added = scenes.len().saturating_sub(1) as u32;
                for scene in scenes {
                    self.write_scene(scene.moved_by(self.scenes_added)?)?;
                }
                self.scenes_added += added;
            }
            (WorkerResult::Probed(_), None) => {
                return Err(Error::internal("pipeline", "a probe that nobody asked for"));
            }
        }
        Ok(())
    }

    /// All scenes are probed, or stored: stores them, or writes them.
    fn decide(&mut self, mut control: ClipControl) -> Result<()> {
        let (seconds, length) = (self.length.seconds(&self.session.source), self.length);
        let around = |container: Container| container.bytes_around(length.frames(), length.interval_runs());
        // What is described before the first scene, the packets that come, and what the container takes.
        let others =
            self.muxer()?.position() + self.packets.bytes(self.container) + self.container.map_or(0, around);
        let library = &self.session.context.clip.library;
        let (step, note) = control.next(&self.session.target, seconds, others, library)?;
        match step {
            NextStep::Store(tasks) => {
                for task in tasks {
                    self.workers.submit(move || Ok(WorkerResult::Encoded(vec![task.run()?])))?;
                }
                self.control = Some(control);
            }
            NextStep::Write(scenes, is_met) => {
                if !is_met {
                    self.muxer()?.note(note);
                }
                for mut scene in scenes {
                    scene.report.target_met = is_met;
                    self.write_scene(scene)?;
                }
            }
        }
        Ok(())
    }

    fn write_scene(&mut self, scene: EncodedScene) -> Result<()> {
        let end = scene.report.first_frame + scene.report.frames;
        let packets = self.packets.take_before(end);
        let muxer = self.muxer()?;
        packets.iter().try_for_each(|packet| muxer.add_packet(packet))?;
        muxer.add_scene(scene)?;
        let bytes = muxer.take_bytes();
        self.progress.scenes_done += 1;
        self.give(bytes);
        Ok(())
    }

    fn end_stream(&mut self) -> Result<()> {
        let packets = self.packets.take_before(u64::MAX);
        let (lost, last_duration) = (std::mem::take(&mut self.lost), self.length.last_duration);
        let mut notes = std::mem::take(&mut self.notes);
        notes.extend(self.session.notes());
        if self.scenes_added > 0 {
            let more = self.scenes_added;
            notes.push(format!("Scenes that begin where the base encoder failed, not at a cut: {more}."));
        }
        let muxer = self.muxer()?;
        notes.into_iter().for_each(|note| muxer.note(note));
        packets.iter().try_for_each(|packet| muxer.add_packet(packet))?;
        muxer.lose(lost);
        muxer.set_last_duration(last_duration);
        if let Some(mut muxer) = self.muxer.take() {
            if self.container.is_some() {
                muxer.count_elsewhere();
            }
            let (bytes, report) = muxer.finish(&self.session.context.log.clock)?;
            self.give(bytes);
            self.report = Some(report);
        }
        Ok(())
    }

    fn give(&mut self, bytes: Vec<u8>) {
        self.progress.bytes += bytes.len() as u64;
        self.ready.push_back(bytes);
    }

    /// The stream, begun at the first use.
    fn muxer(&mut self) -> Result<&mut StreamMuxer> {
        let muxer = match self.muxer.take() {
            Some(muxer) => muxer,
            None => self.session.muxer(&self.tracks, self.start)?,
        };
        Ok(self.muxer.insert(muxer))
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        if process::is_forked() {
            // What is shared with the parent's threads may be locked for ever.
            std::mem::forget(self.open.take());
            return;
        }
        if self.workers.in_flight() > 0 || self.open.is_some() {
            self.session.context.resources.cancel.cancel();
        }
        if let Some(open) = self.open.take() {
            open.frames.close(None);
        }
    }
}

/// # Errors
///
/// `InvalidArgument` for a track that was not announced.
fn expect_track(what: &str, track: u8, count: usize) -> Result<()> {
    if usize::from(track) < count {
        return Ok(());
    }
    Err(Error::invalid(what, format!("below {count}"), track))
}
