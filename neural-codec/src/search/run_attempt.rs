//! Makes an attempt: encoded, decoded from the actual bytes, measured and hashed.
//!
//! Every value that planning and reports use comes from here. Encoder and decoder are driven by the calling thread;
//! a second one measures what comes out, so that measuring costs no time while a core is free.

use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

use super::attempt::{AttemptKind, CodedFrames, EncodeAttempt};
use super::context::AttemptContext;
use super::course::Course;
use super::params::EncodeParams;
use crate::base::{Av1Decoder, EncoderConfig, SvtAv1Encoder, TemporalUnit, retry, with_retries};
use crate::error::{Error, Place, Result};
use crate::frame::{BitDepth, Frame, FrameHash};
use crate::metrics::{ClipMeasurer, Comparison, FrameMetrics};
use crate::progress::Stage;
use crate::scene::{HeldFrames, SceneFrames};

/// Decoded frames that may wait to be measured.
const WAITING: usize = 4;

/// Encodes frames `span` of a scene by `params`, or takes the attempt from the cache; a span may end beyond the scene.
/// Retries where the base encoder stalls or writes what cannot be decoded.
///
/// # Errors
///
/// Whatever the base encoder or decoder reports, `Cancelled`, `InvalidArgument` for an empty span.
pub(crate) fn run_attempt(
    context: &AttemptContext,
    frames: &SceneFrames,
    span: Range<u64>,
    params: &EncodeParams,
    kind: AttemptKind,
) -> Result<EncodeAttempt> {
    let once = || {
        let (attempt, end) = run_once(context, frames, span.clone(), params, kind)?;
        end.map(|()| attempt)
    };
    let attempt = || with_retries(once, || context.log.retried());
    let Some(cache) = &context.resources.cache else { return attempt() };
    let is_stored = kind.is_stored();
    let measures = context.clip.measures(kind);
    let key = cache.key(frames.wait_for_hash(), &span, params, is_stored, measures);
    context.resources.cancel.check()?;
    if let Some(attempt) = cache.load(key, measures) {
        if is_stored {
            context.log.stored(attempt.frames.len() as u64);
        }
        return Ok(attempt);
    }
    let attempt = attempt()?;
    cache.save(key, &attempt)?;
    Ok(attempt)
}

/// Encodes a scene whose frames are released once they are measured. Where the base encoder fails on the way, they are not there for another
/// try: what was decoded until then is an attempt, and the next begins behind it. Frames of each follow those of the one before. With each, the seconds
/// and processor seconds that it took.
///
/// # Errors
///
/// As of [`run_attempt`]; those of the base encoder where it fails too often.
pub(crate) fn run_passing_attempts(
    context: &AttemptContext,
    frames: &SceneFrames,
    params: &EncodeParams,
) -> Result<Vec<(EncodeAttempt, (f64, f64))>> {
    let (mut attempts, mut first, mut failures) = (Vec::new(), 0, 0);
    loop {
        let running = context.log.begin(Stage::Store);
        let (attempt, end) =
            run_once(context, frames, first..u64::MAX, params, AttemptKind::StoreAndRelease)?;
        let (took, coded) = (running.end(), attempt.frames.len() as u64);
        if coded > 0 {
            attempts.push((attempt, took));
        }
        match end {
            Ok(()) => return Ok(attempts),
            Err(error) => retry(error.frames_later(first), &mut failures)?,
        }
        first += coded;
        context.log.retried();
    }
}

/// An attempt as far as it came, and what ended it.
fn run_once(
    context: &AttemptContext,
    frames: &SceneFrames,
    span: Range<u64>,
    params: &EncodeParams,
    kind: AttemptKind,
) -> Result<(EncodeAttempt, Result<()>)> {
    let (pairs, queue) = sync_channel(WAITING);
    let (metrics_in, metrics_out) = channel();
    let first = span.start;
    std::thread::scope(|scope| {
        let measurer = Measurer {
            context,
            frames,
            first,
            kind,
            steering: params.steering.is_some().then_some(metrics_in),
        };
        let measuring = scope.spawn(move || measurer.run(&queue));
        let course = Course::new(params, metrics_out);
        let coded =
            Coder::new(context, frames, params, course, pairs, first).map(|coder| coder.run(span, kind));
        let measured = measuring.join().map_err(|_| Error::internal("measuring", "the thread panicked"))?;
        // The coder fails too where the measurer has gone; the measurer's own error says why.
        let mut attempt = measured?;
        let (coded, end) = coded?;
        (attempt.units, attempt.base) = (coded.units, coded.base);
        Ok((attempt, end))
    })
}

/// Frames of the source through the encoder, its units through the decoder, both sides' frames to the measurer.
struct Coder<'a> {
    context: &'a AttemptContext,
    frames: &'a SceneFrames,
    depth: BitDepth,
    course: Course,
    encoder: SvtAv1Encoder,
    decoder: Av1Decoder,
    pairs: SyncSender<(Arc<Frame>, Frame)>,
    /// Of the span, in the scene.
    first: u64,
    /// Frames that the encoder was given.
    sent: u64,
    /// Units that it gave.
    count: u64,
    /// Frames that the measurer has or had.
    passed: u64,
    coded: Coded,
}

/// What the encoder gave.
#[derive(Default)]
struct Coded {
    /// Where they are to be stored.
    units: Vec<Vec<u8>>,
    base: CodedFrames,
}

impl Coded {
    /// The first frames alone.
    fn truncate(&mut self, frames: usize) {
        self.units.truncate(frames);
        self.base.sizes.truncate(frames);
        self.base.quantizers.truncate(frames);
    }
}

impl<'a> Coder<'a> {
    fn new(
        context: &'a AttemptContext,
        frames: &'a SceneFrames,
        params: &EncodeParams,
        course: Course,
        pairs: SyncSender<(Arc<Frame>, Frame)>,
        first: u64,
    ) -> Result<Self> {
        Ok(Self {
            context,
            frames,
            depth: params.depth,
            course,
            encoder: SvtAv1Encoder::new(&context.clip.library, &encoder_config(context, params))?,
            decoder: context.decoder(params.depth)?,
            pairs,
            first,
            sent: 0,
            count: 0,
            passed: 0,
            coded: Coded::default(),
        })
    }

    /// What the encoder gave whose frames are measured, and what ended it.
    fn run(mut self, span: Range<u64>, kind: AttemptKind) -> (Coded, Result<()>) {
        let end = self.code(span, kind);
        self.coded.truncate(self.passed as usize);
        (self.coded, end)
    }

    fn code(&mut self, span: Range<u64>, kind: AttemptKind) -> Result<()> {
        for index in span {
            let Some(frame) = self.frames.get(index)? else { break };
            self.context.resources.cancel.check()?;
            if let Some(measured) = self.course.due(self.sent) {
                while self.passed < measured {
                    let unit = self.encoder.receive_early()?;
                    self.take(unit, kind)?;
                }
                self.course.turn(measured, &self.coded.base.sizes)?;
            }
            let coded = at_depth(frame, self.depth)?;
            match self.course.next(self.sent) {
                Some(quantizer) => self.encoder.send_at(coded, quantizer)?,
                None => self.encoder.send(coded)?,
            }
            self.sent += 1;
            while let Some(unit) = self.encoder.receive()? {
                self.take(unit, kind)?;
            }
        }
        self.encoder.finish()?;
        while let Some(unit) = self.encoder.receive()? {
            self.context.resources.cancel.check()?;
            self.take(unit, kind)?;
        }
        self.decoder.finish()?;
        self.pass_on()?;
        if self.passed != self.sent || self.count != self.sent {
            let found = format!("{} units, {} decoded frames", self.count, self.passed);
            return Err(Error::corrupt(
                "base layer",
                format!("{} frames", self.sent),
                found,
                Place::default(),
            ));
        }
        Ok(())
    }

    fn take(&mut self, unit: TemporalUnit, kind: AttemptKind) -> Result<()> {
        // One that is missing would move all behind it.
        if unit.index != self.count {
            let found = format!("unit {}", unit.index);
            let place = Place::at_frame(self.count);
            return Err(Error::corrupt("base layer", format!("unit {}", self.count), found, place));
        }
        self.decoder.send(&unit.data)?;
        self.count += 1;
        self.coded.base.sizes.push(unit.data.len() as u64);
        self.coded.base.quantizers.push(unit.quantizer);
        if kind.is_stored() {
            self.coded.units.push(unit.data);
        }
        self.pass_on()
    }

    /// Hands the frames that are decoded on, with their sources: got anew, as an encoder looks some sixty frames ahead, which would all
    /// have to stay in memory.
    fn pass_on(&mut self) -> Result<()> {
        while let Some(decoded) = self.decoder.receive()? {
            let is_sent = self.passed < self.sent;
            let source = if is_sent { self.frames.get(self.first + self.passed)? } else { None };
            let Some(source) = source else {
                return Err(Error::internal("base decoder", "more frames came out than went in"));
            };
            if self.pairs.send((source, decoded)).is_err() {
                return Err(Error::internal("measuring", "the thread has ended"));
            }
            self.passed += 1;
        }
        Ok(())
    }
}

fn encoder_config(context: &AttemptContext, params: &EncodeParams) -> EncoderConfig {
    let info = &context.clip.info;
    EncoderConfig {
        depth: params.depth,
        color: info.color,
        quantizer: params.quantizer,
        frame_quantizers: !params.frame_quantizers.is_empty(),
        preset: params.preset,
        threads: context.resources.encoder_threads,
        extra: params.tools.options(),
        ..EncoderConfig::new(info.width, info.height, info.frame_rate)
    }
}

/// Compares decoded frames with their sources as they come.
struct Measurer<'a> {
    context: &'a AttemptContext,
    frames: &'a SceneFrames,
    first: u64,
    kind: AttemptKind,
    /// Gets every frame's metrics, where they steer the coding.
    steering: Option<Sender<FrameMetrics>>,
}

impl Measurer<'_> {
    fn run(&self, queue: &Receiver<(Arc<Frame>, Frame)>) -> Result<EncodeAttempt> {
        let clip = &self.context.clip;
        let (format, measures) = (clip.info.format, clip.measures(self.kind));
        let mut measurer =
            ClipMeasurer::new(&clip.info, measures)?.with_device(&self.context.resources.device);
        let mut attempt = EncodeAttempt {
            units: Vec::new(),
            base: CodedFrames::default(),
            hashes: Vec::new(),
            timestamps: Vec::new(),
            frames: Vec::new(),
            comparison: Comparison::new(format, measures),
            decoded: None,
        };
        let memory = &self.context.resources.memory;
        let mut held = (self.kind == AttemptKind::StoreDecoded).then(|| HeldFrames::new(Arc::clone(memory)));
        for (index, (source, decoded)) in (self.first..).zip(queue) {
            let decoded = Arc::new(decoded);
            held = held.and_then(|held| held.with(&decoded));
            let decoded = at_depth(decoded, format.depth)?;
            let times = self.frames.times(index)?;
            let metrics = measurer.push_shown(&source, &decoded, times.len())?;
            if let Some(steering) = &self.steering {
                // The coder may have no more frames to steer.
                let _ = steering.send(metrics);
            }
            self.context.log.coded();
            if self.kind.is_stored() {
                attempt.hashes.resize(measurer.len(), FrameHash::of(&decoded));
                self.context.log.stored(times.len() as u64);
            }
            attempt.timestamps.extend(times);
            if self.kind == AttemptKind::StoreAndRelease {
                self.frames.release(index);
            }
        }
        attempt.decoded = held;
        let measured = measurer.finish()?;
        (attempt.frames, attempt.comparison) = (measured.frames, measured.comparison);
        Ok(attempt)
    }
}

/// The frame at the stream's output depth, rounded where the base layer has more bits.
pub(crate) fn at_depth(frame: Arc<Frame>, depth: BitDepth) -> Result<Arc<Frame>> {
    if frame.format().depth == depth { Ok(frame) } else { Ok(Arc::new(frame.shifted_to(depth)?)) }
}
