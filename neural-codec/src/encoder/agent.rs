//! The encoding agent: frames in, bytes of stream out.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::muxer::{StreamMuxer, duration_seconds};
use super::rate::{Budget, NextStep, PlannedScene};
use super::scene::{FinishedScene, SceneJob, Task};
use super::source_format::{check_frame, coded_frame, coded_info, conversion_note};
use super::splitter::{SceneSplitter, Step};
use super::workers::{Workers, scenes_at_once};
use crate::base::Library;
use crate::bitstream::{AudioPacket, AudioTrack};
use crate::device::Device;
use crate::error::{Error, Result};
use crate::frame::{AnyFrame, Frame, FrameHash, VideoInfo};
use crate::progress::{CancelToken, Progress};
use crate::report::Report;
use crate::scene::{MemoryBudget, Profiler, Reading, SceneFrames};
use crate::search::{
    AttemptCache, AttemptContext, EffortParams, StageClock, Target, TrainingConfig, WarmStarts,
};
use crate::settings::Settings;

/// Bytes of source frames that may wait in memory for their encoder: 43 frames of 1080p.
const WAITING_BYTES: usize = 128 << 20;

/// Bytes of an audio packet around its data, at most.
const AUDIO_PACKET_BYTES: u64 = 32;

/// What a worker gives.
enum Outcome {
    Planned(Box<PlannedScene>),
    Finished(Box<FinishedScene>),
}

/// How often a waiting call looks at progress and cancellation.
const POLL: Duration = Duration::from_millis(50);

/// Encodes a clip frame by frame.
///
/// ```
/// # use neural_codec::{encoder::EncodingAgent, settings::Settings};
/// # use neural_codec::frame::{Color, Frame, PixelFormat, Rational, VideoInfo};
/// # let info = VideoInfo::new(64, 48, PixelFormat::YUV420_8, Rational::new(25, 1)?);
/// # let frames = (0..5).map(|i| Frame::new(64, 48, info.format, Color::default()).unwrap().with_timestamp(i));
/// let mut stream = Vec::new();
/// let mut settings = Settings::default();
/// settings.set("quantizer", "40")?;
/// let mut agent = EncodingAgent::new(info, &settings)?;
/// for frame in frames {
///     agent.send_frame(frame)?; // may wait for the encoder
///     while let Some(bytes) = agent.receive_packet()? {
///         stream.extend(bytes);
///     }
/// }
/// agent.finish()?;
/// while let Some(bytes) = agent.receive_packet()? {
///     stream.extend(bytes); // now the call waits, and None is the end
/// }
/// let report = agent.into_report()?;
/// assert_eq!(report.total.bytes, stream.len() as u64);
/// # Ok::<(), neural_codec::Error>(())
/// ```
/// After an error only dropping is left. The bytes do not depend on the number of threads.
pub struct EncodingAgent {
    source: VideoInfo,
    settings: Settings,
    context: AttemptContext,
    /// Where scenes are measured and filtered, one after the other; the first is that of the context.
    devices: Vec<Device>,
    kept: WarmStarts,
    task: Task,
    budget: Arc<MemoryBudget>,
    cutter: SceneSplitter,
    current: Option<(Arc<SceneFrames>, Profiler)>,
    workers: Workers<Outcome>,
    /// Scenes that may be at work or wait, beside the one that frames go to.
    scenes_ahead: u64,
    /// Scenes that share so many bytes; none for other targets.
    budget_of_bytes: Option<Budget>,
    assembly: Option<StreamMuxer>,
    audio_tracks: Vec<AudioTrack>,
    /// Audio that came since the last scene was closed, and audio of closed scenes that are not yet written.
    audio: Vec<AudioPacket>,
    audio_of_scenes: VecDeque<Vec<AudioPacket>>,
    ready: VecDeque<Vec<u8>>,
    report: Option<Report>,
    frames_in: u64,
    /// First and last timestamp so far.
    span: Option<(i64, i64)>,
    scenes_started: u32,
    scenes_done: u32,
    bytes: u64,
    finished: bool,
    start: Instant,
}

impl EncodingAgent {
    /// An agent for frames of `info`.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for targets that contradict each other, `Unsupported` for what cannot be served,
    /// `MissingLibrary` without SVT-AV1, `Device` where the GPU that is asked for cannot be had.
    pub fn new(info: VideoInfo, settings: &Settings) -> Result<Self> {
        crate::frame::check_size(info.width, info.height)?;
        let target = Target::of(settings)?;
        let threads = settings.thread_count();
        let library = Library::load(None)?;
        if let Target::Constant(asked) = target
            && library.quantizer_at_most(asked.value()) != asked
        {
            let expected = format!("what SVT-AV1 {} takes", library.version());
            return Err(Error::invalid("quantizer", expected, asked));
        }
        let task = Task { target, means: EffortParams::new(settings, &info, &library) };
        let devices = settings.device.open_each(info.width * info.height)?;
        let device = devices.first().cloned().unwrap_or_default();
        let at_once = scenes_at_once(&info, threads, devices.len());
        let context = AttemptContext {
            library,
            info: coded_info(&info),
            threads,
            device: device.clone(),
            cancel: CancelToken::new(),
            clock: StageClock::new(),
            work: None,
            filter: TrainingConfig::new(settings, &target),
            kept: Arc::default(),
            failures: Arc::default(),
            frames_done: Arc::new(AtomicU64::new(0)),
        };
        Ok(Self {
            source: info,
            settings: settings.clone(),
            context,
            kept: WarmStarts::new(devices.len()),
            devices,
            task,
            budget: MemoryBudget::new(WAITING_BYTES),
            cutter: SceneSplitter::detecting(&info, settings.max_scene_seconds)?.on(&device),
            current: None,
            workers: Workers::start(at_once)?,
            scenes_ahead: at_once as u64 + 1,
            budget_of_bytes: matches!(target, Target::Bitrate(_) | Target::Size(_)).then(Budget::new),
            assembly: None,
            audio_tracks: Vec::new(),
            audio: Vec::new(),
            audio_of_scenes: VecDeque::new(),
            ready: VecDeque::new(),
            report: None,
            frames_in: 0,
            span: None,
            scenes_started: 0,
            scenes_done: 0,
            bytes: 0,
            finished: false,
            start: Instant::now(),
        })
    }

    /// Uses a token that another thread may raise.
    #[must_use]
    pub fn with_cancel(mut self, cancel: CancelToken) -> Self {
        self.context.cancel = cancel;
        self
    }

    /// Carries audio tracks; their packets come through [`send_audio`](Self::send_audio).
    #[must_use]
    pub fn with_audio(mut self, tracks: Vec<AudioTrack>) -> Self {
        self.audio_tracks = tracks;
        self
    }

    /// Uses these scenes instead of looking for cuts.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` naming the entry that is empty, overlaps or leaves a gap.
    pub fn with_scenes(mut self, scenes: Vec<Range<u64>>) -> Result<Self> {
        self.cutter = SceneSplitter::following(scenes)?.on(&self.context.device);
        Ok(self)
    }

    /// Takes the next frame, wherever it lies. Waits while too many frames wait for their encoder.
    ///
    /// A frame on a GPU is converted there and copied to the host, where AV1 is coded.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for a frame of another size or format, `WrongOrder` after
    /// [`finish`](Self::finish), and what encoding an earlier frame met.
    pub fn send_frame(&mut self, frame: impl Into<AnyFrame>) -> Result<()> {
        self.expect_open("send_frame")?;
        self.context.cancel.check()?;
        let frame = frame.into();
        check_frame(&frame, &self.source, self.frames_in)?;
        let (frame, there) = coded_frame(frame, &self.context.info, &self.context.device)?;
        if self.frames_in == 0 {
            self.open_cache_dir(&frame)?;
        }
        self.frames_in += 1;
        self.span = Some((self.span.map_or(frame.timestamp, |(first, _)| first), frame.timestamp));
        let clock = Arc::clone(&self.context.clock);
        for step in clock.alone("cuts", || self.cutter.push(frame, there.as_ref()))? {
            self.take(step)?;
        }
        self.collect()
    }

    /// Takes an audio packet, to be stored near the frames sent around it.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for a track that was not announced, `WrongOrder` after the end.
    pub fn send_audio(&mut self, packet: AudioPacket) -> Result<()> {
        self.expect_open("send_audio")?;
        if usize::from(packet.track) >= self.audio_tracks.len() {
            return Err(Error::invalid(
                "audio track",
                format!("below {}", self.audio_tracks.len()),
                packet.track,
            ));
        }
        self.audio.push(packet);
        Ok(())
    }

    /// Says that no frame will follow.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` when there was none.
    pub fn finish(&mut self) -> Result<()> {
        self.expect_open("finish")?;
        if self.frames_in == 0 {
            return Err(Error::invalid("clip", "at least 1 frame", 0));
        }
        for step in self.cutter.finish()? {
            self.take(step)?;
        }
        self.close_scene()?;
        self.finished = true;
        Ok(())
    }

    /// The next bytes of the stream. Before [`finish`](Self::finish) `None` means "not yet"; afterwards the
    /// call waits, and `None` means "no more".
    pub fn receive_packet(&mut self) -> Result<Option<Vec<u8>>> {
        self.wait_packet(|_| Ok(()))
    }

    /// As [`receive_packet`](Self::receive_packet), calling `tell` while it waits and after every scene that was
    /// probed or stored; an error of `tell` ends the wait.
    pub fn wait_packet(&mut self, mut tell: impl FnMut(Progress) -> Result<()>) -> Result<Option<Vec<u8>>> {
        loop {
            self.collect()?;
            if let Some(bytes) = self.ready.pop_front() {
                return Ok(Some(bytes));
            }
            if !self.finished || self.report.is_some() {
                return Ok(None);
            }
            if self.workers.in_flight() == 0 {
                if let Some(budget) = self.budget_of_bytes.take() {
                    self.go_on_within(budget)?;
                } else {
                    self.end_stream()?;
                }
                continue;
            }
            if let Some(outcome) = self.workers.next_within(POLL) {
                self.take_outcome(outcome?)?;
            }
            tell(self.progress())?;
        }
    }

    /// How far the work is.
    pub fn progress(&self) -> Progress {
        Progress {
            // A scene that is stored again counts once.
            frames_done: self.context.frames_done.load(Ordering::Relaxed).min(self.frames_in),
            frames_total: self.finished.then_some(self.frames_in),
            scenes_done: self.scenes_done,
            bytes: self.bytes,
        }
    }

    /// The account of the encode.
    ///
    /// # Errors
    ///
    /// `WrongOrder` before the last bytes were received.
    pub fn into_report(mut self) -> Result<Report> {
        self.report.take().ok_or_else(|| Error::WrongOrder {
            call: "into_report",
            reason: "the end of the stream was not received yet".into(),
        })
    }

    /// The account of the encode, once the last bytes were received.
    pub fn report(&self) -> Option<&Report> {
        self.report.as_ref()
    }

    fn expect_open(&self, call: &'static str) -> Result<()> {
        if self.finished {
            return Err(Error::WrongOrder { call, reason: "the clip was finished".into() });
        }
        Ok(())
    }

    /// Opens the folder that the caller named, for the clip that begins with this frame.
    fn open_cache_dir(&mut self, first: &Frame) -> Result<()> {
        if let Some(path) = &self.settings.cache_dir {
            let base_encoder = self.context.library.version().to_string();
            let work = AttemptCache::open(path, &self.context.info, &base_encoder, FrameHash::of(first))?;
            self.context.work = Some(Arc::new(work));
        }
        Ok(())
    }

    fn take(&mut self, step: Step) -> Result<()> {
        match step {
            Step::Start(first_frame) => {
                self.close_scene()?;
                self.wait_for_workers()?;
                self.start_scene(first_frame);
            }
            Step::Frame(frame, look) => {
                if let Some((scene, profiler)) = &mut self.current {
                    self.context.clock.alone("profile", || profiler.push_features(&frame, *look));
                    scene.push(frame)?;
                }
            }
        }
        Ok(())
    }

    fn start_scene(&mut self, first_frame: u64) {
        let budget = Arc::clone(&self.budget);
        let frames = match (self.task.target, &self.context.work) {
            // A trial is looked up by all frames of the scene, before the first is coded.
            (_, Some(_)) => SceneFrames::hashed(Reading::Repeated, budget),
            (Target::Constant(_), None) if self.context.filter.is_none() => {
                SceneFrames::new(Reading::Once, budget)
            }
            (_, None) => SceneFrames::new(Reading::Repeated, budget),
        };
        let job = SceneJob {
            index: self.scenes_started,
            first_frame,
            frames: Arc::clone(&frames),
            task: self.task,
            context: self.context_of(self.scenes_started),
        };
        if self.budget_of_bytes.is_some() {
            self.workers.submit(move || Ok(Outcome::Planned(Box::new(PlannedScene::new(job)?))));
        } else {
            self.workers.submit(move || Ok(Outcome::Finished(Box::new(job.run()?))));
        }
        self.scenes_started += 1;
        self.current = Some((frames, Profiler::new(self.source.frame_rate)));
    }

    /// The context of the next scene: devices take scenes in turn.
    fn context_of(&mut self, scene: u32) -> AttemptContext {
        let device = self.devices[scene as usize % self.devices.len()].clone();
        AttemptContext { device, kept: self.kept.next_scene(), ..self.context.clone() }
    }

    fn close_scene(&mut self) -> Result<()> {
        if let Some((scene, profiler)) = self.current.take() {
            scene.close(Some(profiler.finish()?));
            self.audio_of_scenes.push_back(std::mem::take(&mut self.audio));
        }
        Ok(())
    }

    /// Lets the reader run no further ahead than one complete scene, so that few frames wait on disk.
    fn wait_for_workers(&mut self) -> Result<()> {
        while self.budget_of_bytes.is_none() && self.workers.in_flight() > self.scenes_ahead {
            self.context.cancel.check()?;
            if let Some(outcome) = self.workers.next_within(POLL) {
                self.take_outcome(outcome?)?;
            }
        }
        Ok(())
    }

    /// Takes in what the workers have finished.
    fn collect(&mut self) -> Result<()> {
        while let Some(outcome) = self.workers.try_next() {
            self.take_outcome(outcome?)?;
        }
        Ok(())
    }

    fn take_outcome(&mut self, outcome: Outcome) -> Result<()> {
        match (outcome, &mut self.budget_of_bytes) {
            (Outcome::Planned(scene), Some(budget)) => budget.add(*scene),
            (Outcome::Finished(scene), Some(budget)) => budget.take(*scene),
            (Outcome::Finished(scene), None) => self.write_scene(*scene)?,
            (Outcome::Planned(_), None) => {
                return Err(Error::internal("agent", "a plan that nobody asked for"));
            }
        }
        Ok(())
    }

    /// All scenes are probed, or stored with their shares: stores them, or writes them.
    fn go_on_within(&mut self, mut budget: Budget) -> Result<()> {
        let seconds = duration_seconds(&self.source, self.span, self.frames_in);
        let Some((name, limit)) = self.task.target.limit(seconds) else {
            return Err(Error::internal("agent", "a budget without a limit"));
        };
        let audio = self.audio_of_scenes.iter().flatten().chain(&self.audio);
        let audio_bytes = audio.map(|packet| packet.data.len() as u64 + AUDIO_PACKET_BYTES).sum();
        match budget.next(limit, audio_bytes, &self.context.library) {
            NextStep::Store(jobs) => {
                for job in jobs {
                    self.workers.submit(move || Ok(Outcome::Finished(Box::new(job.run()?))));
                }
                self.budget_of_bytes = Some(budget);
            }
            NextStep::Write(scenes, is_met) => {
                if !is_met {
                    let note =
                        format!("The target {name} cannot be met; this is the smallest that was found.");
                    self.assembly()?.note(note);
                }
                for scene in scenes {
                    self.write_scene(FinishedScene { is_met, ..scene })?;
                }
            }
        }
        Ok(())
    }

    fn write_scene(&mut self, scene: FinishedScene) -> Result<()> {
        let audio = self.audio_of_scenes.pop_front().unwrap_or_default();
        let assembly = self.assembly()?;
        audio.iter().try_for_each(|packet| assembly.add_audio(packet))?;
        assembly.add_scene(scene)?;
        let bytes = assembly.take_bytes();
        self.scenes_done += 1;
        self.give(bytes);
        Ok(())
    }

    fn end_stream(&mut self) -> Result<()> {
        let audio = std::mem::take(&mut self.audio);
        let failures = self.context.failures.load(Ordering::Relaxed);
        let reused = self.context.work.as_ref().map_or(0, |work| work.reused());
        let device = self.context.device.clone();
        let names: Vec<String> = self.devices.iter().map(Device::to_string).collect();
        let assembly = self.assembly()?;
        if device.gpu().is_some() {
            assembly.note(format!("Frames were analyzed, measured and filtered on {}.", names.join(", ")));
            device.notes().into_iter().for_each(|note| assembly.note(note));
        }
        if reused > 0 {
            assembly.note(format!("{reused} trials were taken from the attempt cache."));
        }
        if failures > 0 {
            assembly.note(format!("The base encoder stalled or wrote what cannot be decoded, and was started again {failures} times."));
        }
        audio.iter().try_for_each(|packet| assembly.add_audio(packet))?;
        if let Some(assembly) = self.assembly.take() {
            let (bytes, report) = assembly.finish(&self.context.clock)?;
            self.give(bytes);
            self.report = Some(report);
        }
        Ok(())
    }

    fn give(&mut self, bytes: Vec<u8>) {
        self.bytes += bytes.len() as u64;
        self.ready.push_back(bytes);
    }

    /// The stream, begun at the first use.
    fn assembly(&mut self) -> Result<&mut StreamMuxer> {
        let assembly = match self.assembly.take() {
            Some(assembly) => assembly,
            None => {
                let base_encoder = format!("SVT-AV1 {}", self.context.library.version());
                let tracks = self.audio_tracks.clone();
                let coded = self.context.info;
                let mut assembly =
                    StreamMuxer::new(self.source, coded, tracks, &self.settings, base_encoder)?;
                assembly.started(self.start);
                conversion_note(&self.source, &coded).into_iter().for_each(|note| assembly.note(note));
                assembly
            }
        };
        Ok(self.assembly.insert(assembly))
    }
}

impl Drop for EncodingAgent {
    fn drop(&mut self) {
        self.context.cancel.cancel();
        if let Some((scene, _)) = self.current.take() {
            scene.close(None);
        }
    }
}
