//! One coding of a scene: encoded, decoded from the actual bytes, measured and hashed as it goes. Rank 4.
//!
//! Every figure that planning and reports use comes from here.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::plan::BasePlan;
use crate::base::{Av1Decoder, DecoderConfig, EncoderConfig, Library, SvtAv1Encoder, TemporalUnit};
use crate::error::{Error, Place, Result};
use crate::frame::{BitDepth, Frame, FrameHash, VideoInfo};
use crate::metrics::{Comparison, Measures};
use crate::progress::CancelToken;
use crate::scene::SceneFrames;

/// What all trials of an encode share.
#[derive(Debug, Clone)]
pub(crate) struct TrialContext {
    /// The base encoder.
    pub(crate) library: Arc<Library>,
    /// The clip as it is coded: 4:2:0 at the source's depth.
    pub(crate) info: VideoInfo,
    /// Threads for the encoder and for the decoder of one trial.
    pub(crate) threads: usize,
    /// Checked at every frame.
    pub(crate) cancel: CancelToken,
    /// Counts frames of final encodes, for progress.
    pub(crate) frames_done: Arc<AtomicU64>,
}

/// A scene as coded, and how well.
#[derive(Debug)]
pub(crate) struct Trial {
    /// One temporal unit a frame.
    pub(crate) units: Vec<Vec<u8>>,
    /// Hash of each decoded frame.
    pub(crate) hashes: Vec<FrameHash>,
    /// Timestamp of each frame.
    pub(crate) timestamps: Vec<i64>,
    /// Distortion against the source.
    pub(crate) comparison: Comparison,
    /// The frame of the scene with the least luma PSNR in dB, lossless frames aside.
    pub(crate) worst: Option<(u64, f64)>,
}

/// Codes a whole scene by `plan`. Source frames are released once they are measured.
///
/// Errors: whatever the base encoder or decoder reports, `Cancelled`, `InvalidArgument` for an empty scene.
pub(crate) fn code_scene(context: &TrialContext, frames: &SceneFrames, plan: &BasePlan) -> Result<Trial> {
    let mut encoder = SvtAv1Encoder::new(&context.library, &encoder_config(context, plan))?;
    let mut measuring = Measuring::new(context, frames, plan.depth)?;
    let mut sent = 0;
    while let Some(frame) = frames.get(sent)? {
        context.cancel.check()?;
        if frame.format().depth == plan.depth {
            encoder.send(&frame)?;
        } else {
            encoder.send(&frame.shifted_to(plan.depth)?)?;
        }
        measuring.sources.push_back(frame);
        sent += 1;
        while let Some(unit) = encoder.receive()? {
            measuring.take(unit)?;
        }
    }
    encoder.finish()?;
    while let Some(unit) = encoder.receive()? {
        context.cancel.check()?;
        measuring.take(unit)?;
    }
    measuring.finish(sent)
}

fn encoder_config(context: &TrialContext, plan: &BasePlan) -> EncoderConfig {
    let info = &context.info;
    EncoderConfig {
        depth: plan.depth,
        color: info.color,
        quantizer: plan.quantizer,
        preset: plan.preset,
        threads: context.threads,
        extra: plan.options.clone(),
        ..EncoderConfig::new(info.width, info.height, info.frame_rate)
    }
}

/// Decodes units as they come and compares them with the source frames that wait for them.
struct Measuring<'a> {
    context: &'a TrialContext,
    frames: &'a SceneFrames,
    decoder: Av1Decoder,
    sources: VecDeque<Arc<Frame>>,
    measured: u64,
    trial: Trial,
}

impl<'a> Measuring<'a> {
    fn new(context: &'a TrialContext, frames: &'a SceneFrames, depth: BitDepth) -> Result<Self> {
        let info = &context.info;
        Ok(Self {
            context,
            frames,
            decoder: Av1Decoder::new(&DecoderConfig {
                depth,
                color: info.color,
                threads: context.threads,
                max_pixels: u64::MAX,
                ..DecoderConfig::new(info.width, info.height)
            })?,
            sources: VecDeque::new(),
            measured: 0,
            trial: Trial {
                units: Vec::new(),
                hashes: Vec::new(),
                timestamps: Vec::new(),
                comparison: Comparison::new(info.format, Measures::Ssim),
                worst: None,
            },
        })
    }

    fn take(&mut self, unit: TemporalUnit) -> Result<()> {
        self.decoder.send(&unit.data)?;
        self.trial.units.push(unit.data);
        while let Some(decoded) = self.decoder.receive()? {
            self.measure(decoded)?;
        }
        Ok(())
    }

    fn measure(&mut self, decoded: Frame) -> Result<()> {
        let decoded = at_depth(decoded, self.context.info.format.depth)?;
        let Some(source) = self.sources.pop_front() else {
            return Err(Error::internal("base decoder", "more frames came out than went in"));
        };
        let frame = self.trial.comparison.push(&source, &decoded)?;
        if let Some(psnr) = frame.psnr_y
            && self.trial.worst.is_none_or(|(_, least)| psnr < least)
        {
            self.trial.worst = Some((self.measured, psnr));
        }
        self.trial.hashes.push(FrameHash::of(&decoded));
        self.trial.timestamps.push(source.timestamp);
        self.frames.release(self.measured);
        self.measured += 1;
        self.context.frames_done.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn finish(mut self, sent: u64) -> Result<Trial> {
        self.decoder.finish()?;
        while let Some(decoded) = self.decoder.receive()? {
            self.measure(decoded)?;
        }
        if self.measured != sent || self.trial.units.len() as u64 != sent {
            let found = format!("{} units, {} decoded frames", self.trial.units.len(), self.measured);
            return Err(Error::corrupt("base layer", format!("{sent} frames"), found, Place::default()));
        }
        Ok(self.trial)
    }
}

/// The frame at the stream's output depth, rounded where the base layer has more bits.
fn at_depth(frame: Frame, depth: BitDepth) -> Result<Frame> {
    if frame.format().depth == depth { Ok(frame) } else { frame.shifted_to(depth) }
}
