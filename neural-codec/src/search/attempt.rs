//! One coding of a scene or a part of it: encoded, decoded from the actual bytes, measured and hashed.
//!
//! Every figure that planning and reports use comes from here. Encoder and decoder are driven by the calling thread;
//! a second one measures what comes out, so that measuring costs no time while a core is free.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::attempt_cache::AttemptCache;
use super::filter::{Filtered, TrainingConfig};
use super::params::EncodeParams;
use super::stage_clock::StageClock;
use super::warm_start::WarmStart;
use crate::base::{Av1Decoder, DecoderConfig, EncoderConfig, Library, SvtAv1Encoder, TemporalUnit};
use crate::device::Device;
use crate::error::{Error, Place, Result};
use crate::frame::{BitDepth, Frame, FrameHash, VideoInfo};
use crate::metrics::{Comparison, FrameMetrics, Measures};
use crate::progress::CancelToken;
use crate::scene::SceneFrames;

/// Decoded frames that may wait to be measured.
const WAITING: usize = 4;

/// How often a trial is retried because the base encoder stalls, or wrote what cannot be decoded.
const MOST_FAILURES: u32 = 2;

/// What all trials of an encode share.
#[derive(Debug, Clone)]
pub(crate) struct AttemptContext {
    /// The base encoder.
    pub(crate) library: Arc<Library>,
    /// The clip as it is coded: 4:2:0 at the source's depth.
    pub(crate) info: VideoInfo,
    /// Threads for the encoder and for the decoder of one trial.
    pub(crate) threads: usize,
    /// Where frames are measured and filtered.
    pub(crate) device: Device,
    /// Checked at every frame.
    pub(crate) cancel: CancelToken,
    /// Counts seconds by stage.
    pub(crate) clock: Arc<StageClock>,
    /// Keeps finished trials, where the caller named a folder.
    pub(crate) work: Option<Arc<AttemptCache>>,
    /// What filters may take; none where the base layer is to stand alone.
    pub(crate) filter: Option<TrainingConfig>,
    /// Filters of earlier scenes, and what the scene leaves to later ones.
    pub(crate) kept: Arc<WarmStart>,
    /// Counts trials that were retried.
    pub(crate) failures: Arc<AtomicU64>,
    /// Counts frames of final encodes, for progress.
    pub(crate) frames_done: Arc<AtomicU64>,
}

impl AttemptContext {
    /// A decoder of what trials code, at the depth of their base layer.
    pub(super) fn decoder(&self, depth: BitDepth) -> Result<Av1Decoder> {
        let info = &self.info;
        Av1Decoder::new(&DecoderConfig {
            depth,
            color: info.color,
            threads: self.threads,
            max_pixels: u64::MAX,
            ..DecoderConfig::new(info.width, info.height)
        })
    }
}

/// What a trial is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AttemptKind {
    /// To learn size and quality; the frames are kept.
    Probe,
    /// To be stored; the frames are kept, as there may be another.
    Keep,
    /// To be stored; frames are released once they are measured.
    Last,
}

/// A run of frames as coded, and how well.
#[derive(Debug)]
pub(crate) struct EncodeAttempt {
    /// One temporal unit a frame; none of a probe.
    pub(crate) units: Vec<Vec<u8>>,
    /// Bytes of all units.
    pub(crate) bytes: u64,
    /// Hash of each decoded frame; none of a probe.
    pub(crate) hashes: Vec<FrameHash>,
    /// Timestamp of each frame.
    pub(crate) timestamps: Vec<i64>,
    /// Distortion of each frame against the source.
    pub(crate) frames: Vec<FrameMetrics>,
    /// Distortion of all of them.
    pub(crate) comparison: Comparison,
    /// What became of a filter over them; hashes and distortion are those of the filtered frames where it is kept.
    pub(crate) filter: Option<Filtered>,
}

impl EncodeAttempt {
    /// Bytes of all layers.
    pub(crate) fn bytes_of_layers(&self) -> u64 {
        let filter = self.filter.as_ref().and_then(|filter| filter.packet.as_ref());
        self.bytes + filter.map_or(0, |packet| packet.byte_len() as u64)
    }

    /// Sum of squared errors of the luma samples, on the scale of 8 bits.
    pub(crate) fn squared_error(&self, depth: BitDepth) -> f64 {
        let scale = f64::from(1_u32 << (2 * (depth.bits() - 8)));
        self.frames.iter().map(|frame| frame.planes[0].sum as f64).sum::<f64>() / scale
    }

    /// The frame with the least luma PSNR in dB, lossless frames aside: its index here, and that PSNR.
    pub(crate) fn worst(&self) -> Option<(u64, f64)> {
        let measured =
            self.frames.iter().enumerate().filter_map(|(i, frame)| Some((i as u64, frame.psnr_y?)));
        measured.min_by(|a, b| a.1.total_cmp(&b.1))
    }
}

/// Codes frames `span` of a scene by `plan`, or takes the trial from the attempt cache; a span may end beyond the scene.
/// Begins again where the base encoder stalls or writes what cannot be decoded, unless the frames are gone by then.
///
/// # Errors
///
/// Whatever the base encoder or decoder reports, `Cancelled`, `InvalidArgument` for an empty span.
pub(crate) fn code(
    context: &AttemptContext,
    frames: &SceneFrames,
    span: Range<u64>,
    plan: &EncodeParams,
    purpose: AttemptKind,
) -> Result<EncodeAttempt> {
    let once = || code_once(context, frames, span.clone(), plan, purpose);
    let Some(work) = &context.work else { return patiently(context, purpose, once) };
    let is_stored = purpose != AttemptKind::Probe;
    let key = work.key(frames.wait_for_hash(), &span, plan, is_stored);
    context.cancel.check()?;
    if let Some(trial) = work.load(key) {
        if is_stored {
            context.frames_done.fetch_add(trial.frames.len() as u64, Ordering::Relaxed);
        }
        return Ok(trial);
    }
    let trial = patiently(context, purpose, once)?;
    work.save(key, &trial)?;
    Ok(trial)
}

/// Begins again where the base encoder failed and the frames are still there.
fn patiently(
    context: &AttemptContext,
    purpose: AttemptKind,
    once: impl Fn() -> Result<EncodeAttempt>,
) -> Result<EncodeAttempt> {
    for _ in 0..MOST_FAILURES {
        match once() {
            Err(Error::Stalled { .. } | Error::Corrupt { .. }) if purpose != AttemptKind::Last => {
                context.failures.fetch_add(1, Ordering::Relaxed);
            }
            done => return done,
        }
    }
    once()
}

fn code_once(
    context: &AttemptContext,
    frames: &SceneFrames,
    span: Range<u64>,
    plan: &EncodeParams,
    purpose: AttemptKind,
) -> Result<EncodeAttempt> {
    let (pairs, queue) = sync_channel(WAITING);
    let first = span.start;
    std::thread::scope(|scope| {
        let measurer = Measurer { context, frames, first, purpose };
        let measuring = scope.spawn(move || measurer.run(&queue));
        let coded = Coder::new(context, frames, plan, pairs).and_then(|coder| coder.run(span, purpose));
        let measured = measuring.join().map_err(|_| Error::internal("measuring", "the thread panicked"))?;
        // The coder fails too where the measurer has gone; the measurer's own error says why.
        let mut trial = measured?;
        (trial.units, trial.bytes) = coded?;
        Ok(trial)
    })
}

/// Frames of the source through the encoder, its units through the decoder, both sides' frames to the measurer.
struct Coder<'a> {
    context: &'a AttemptContext,
    frames: &'a SceneFrames,
    depth: BitDepth,
    encoder: SvtAv1Encoder,
    decoder: Av1Decoder,
    /// Source frames that wait for their decoded counterparts.
    sources: VecDeque<Arc<Frame>>,
    pairs: SyncSender<(Arc<Frame>, Frame)>,
    units: Vec<Vec<u8>>,
    count: u64,
    bytes: u64,
}

impl<'a> Coder<'a> {
    fn new(
        context: &'a AttemptContext,
        frames: &'a SceneFrames,
        plan: &EncodeParams,
        pairs: SyncSender<(Arc<Frame>, Frame)>,
    ) -> Result<Self> {
        Ok(Self {
            context,
            frames,
            depth: plan.depth,
            encoder: SvtAv1Encoder::new(&context.library, &encoder_config(context, plan))?,
            decoder: context.decoder(plan.depth)?,
            sources: VecDeque::new(),
            pairs,
            units: Vec::new(),
            count: 0,
            bytes: 0,
        })
    }

    /// The units, where they are to be stored, and their bytes.
    fn run(mut self, span: Range<u64>, purpose: AttemptKind) -> Result<(Vec<Vec<u8>>, u64)> {
        let mut sent = 0;
        for index in span {
            let Some(frame) = self.frames.get(index)? else { break };
            self.context.cancel.check()?;
            if frame.format().depth == self.depth {
                self.encoder.send(Arc::clone(&frame))?;
            } else {
                self.encoder.send(frame.shifted_to(self.depth)?)?;
            }
            self.sources.push_back(frame);
            sent += 1;
            while let Some(unit) = self.encoder.receive()? {
                self.take(unit, purpose)?;
            }
        }
        self.encoder.finish()?;
        while let Some(unit) = self.encoder.receive()? {
            self.context.cancel.check()?;
            self.take(unit, purpose)?;
        }
        self.decoder.finish()?;
        self.pass_on()?;
        if !self.sources.is_empty() || self.count != sent {
            let found = format!("{} units, {} decoded frames", self.count, sent - self.sources.len() as u64);
            return Err(Error::corrupt("base layer", format!("{sent} frames"), found, Place::default()));
        }
        Ok((self.units, self.bytes))
    }

    fn take(&mut self, unit: TemporalUnit, purpose: AttemptKind) -> Result<()> {
        self.decoder.send(&unit.data)?;
        self.count += 1;
        self.bytes += unit.data.len() as u64;
        if purpose != AttemptKind::Probe {
            self.units.push(unit.data);
        }
        self.pass_on()
    }

    /// Hands the frames that are decoded on.
    fn pass_on(&mut self) -> Result<()> {
        while let Some(decoded) = self.decoder.receive()? {
            let Some(source) = self.sources.pop_front() else {
                return Err(Error::internal("base decoder", "more frames came out than went in"));
            };
            if self.pairs.send((source, decoded)).is_err() {
                return Err(Error::internal("measuring", "the thread has ended"));
            }
        }
        Ok(())
    }
}

fn encoder_config(context: &AttemptContext, plan: &EncodeParams) -> EncoderConfig {
    let info = &context.info;
    EncoderConfig {
        depth: plan.depth,
        color: info.color,
        quantizer: plan.quantizer,
        preset: plan.preset,
        threads: context.threads,
        extra: plan.tools.options(),
        ..EncoderConfig::new(info.width, info.height, info.frame_rate)
    }
}

/// Compares decoded frames with their sources as they come.
struct Measurer<'a> {
    context: &'a AttemptContext,
    frames: &'a SceneFrames,
    first: u64,
    purpose: AttemptKind,
}

impl Measurer<'_> {
    fn run(&self, queue: &Receiver<(Arc<Frame>, Frame)>) -> Result<EncodeAttempt> {
        let format = self.context.info.format;
        let mut trial = EncodeAttempt {
            units: Vec::new(),
            bytes: 0,
            hashes: Vec::new(),
            timestamps: Vec::new(),
            frames: Vec::new(),
            comparison: Comparison::new(format, Measures::Ssim).on(&self.context.device),
            filter: None,
        };
        for (source, decoded) in queue {
            let decoded = at_depth(decoded, format.depth)?;
            let measured = trial.frames.len() as u64;
            trial.frames.push(trial.comparison.push(&source, &decoded)?);
            trial.timestamps.push(source.timestamp);
            if self.purpose != AttemptKind::Probe {
                trial.hashes.push(FrameHash::of(&decoded));
                self.context.frames_done.fetch_add(1, Ordering::Relaxed);
            }
            if self.purpose == AttemptKind::Last {
                self.frames.release(self.first + measured);
            }
        }
        Ok(trial)
    }
}

/// The frame at the stream's output depth, rounded where the base layer has more bits.
pub(super) fn at_depth(frame: Frame, depth: BitDepth) -> Result<Frame> {
    if frame.format().depth == depth { Ok(frame) } else { frame.shifted_to(depth) }
}
