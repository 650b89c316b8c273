//! One scene's job on a worker thread: search, code, measure, and the scene's bytes.
//!
//! A function of the scene's frames, the settings, and the filters that earlier scenes have trained.

use std::sync::Arc;
use std::time::Instant;

use crate::base::coded_size;
use crate::bitstream::{BaseLayer, EncodedScene, FRAMES_PER_HASH, SceneHeader, Strategy};
use crate::error::{Error, Result};
use crate::frame::FrameHash;
use crate::metrics::Comparison;
use crate::scene::{Profile, SceneFrames};
use crate::search::{
    AttemptContext, AttemptKind, AttemptRecord, EffortParams, EncodeAttempt, EncodeParams, Filtered, Search,
    SearchResult, Target, Tools, store,
};

/// How all scenes of a clip are coded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Task {
    pub(super) target: Target,
    pub(super) means: EffortParams,
}

/// What a job needs.
pub(super) struct SceneJob {
    pub(super) index: u32,
    pub(super) first_frame: u64,
    pub(super) frames: Arc<SceneFrames>,
    pub(super) task: Task,
    pub(super) context: AttemptContext,
}

/// What a job gives.
pub(super) struct FinishedScene {
    /// The scene's packets.
    pub(super) bytes: Vec<u8>,
    /// Bytes of the base layer among them.
    pub(super) base_bytes: u64,
    /// Sum of squared errors of the luma samples, on the scale of 8 bits.
    pub(super) squared_error: f64,
    pub(super) index: u32,
    pub(super) first_frame: u64,
    pub(super) plan: EncodeParams,
    pub(super) profile: Profile,
    pub(super) timestamps: Vec<i64>,
    /// What became of a filter.
    pub(super) filter: Option<Filtered>,
    pub(super) comparison: Comparison,
    /// Index in the clip and luma PSNR in dB of the worst frame.
    pub(super) worst: Option<(u64, f64)>,
    pub(super) tried: Vec<AttemptRecord>,
    /// Luma PSNR in dB and SSIM that were predicted for the stored coding.
    pub(super) predicted: Option<(f64, Option<f64>)>,
    pub(super) reason: String,
    pub(super) is_met: bool,
    pub(super) seconds: f64,
}

/// Lets the writer of a scene go on when its reader is gone, also after an error or a panic.
struct Abandon(Arc<SceneFrames>);

impl Drop for Abandon {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

impl FinishedScene {
    /// The outcome of a job that took so many seconds.
    pub(super) fn new(job: &SceneJob, found: SearchResult, profile: Profile, seconds: f64) -> Result<Self> {
        Ok(Self {
            bytes: scene_bytes(job, &found.plan, &found.trial)?,
            base_bytes: found.trial.bytes,
            squared_error: found.trial.squared_error(job.context.info.format.depth),
            index: job.index,
            first_frame: job.first_frame,
            worst: found.trial.worst().map(|(frame, psnr)| (job.first_frame + frame, psnr)),
            plan: found.plan,
            profile,
            timestamps: found.trial.timestamps,
            filter: found.trial.filter,
            comparison: found.trial.comparison,
            tried: found.tried,
            predicted: found.predicted.map(|quality| (quality.psnr_y, quality.ssim_y())),
            reason: found.reason,
            is_met: found.is_met,
            seconds,
        })
    }
}

impl SceneJob {
    pub(super) fn run(self) -> Result<FinishedScene> {
        let _abandon = Abandon(Arc::clone(&self.frames));
        let _leave = self.context.kept.publish_on_drop();
        let start = Instant::now();
        let (found, profile) = self.find()?;
        FinishedScene::new(&self, found, profile, start.elapsed().as_secs_f64())
    }

    fn find(&self) -> Result<(SearchResult, Profile)> {
        let Task { target, means } = self.task;
        match target {
            Target::Constant(quantizer) => {
                let depth = means.depth(quantizer);
                let plan = EncodeParams::new(quantizer, means.preset, depth, Tools::default());
                let mut tried = Vec::new();
                let (context, frames) = (&self.context, &self.frames);
                let is_read_again = context.work.is_some() || context.filter.is_some();
                let purpose = if is_read_again { AttemptKind::Keep } else { AttemptKind::Last };
                let trial = store(context, frames, 0..u64::MAX, &plan, purpose, &mut tried)?;
                Ok((SearchResult::as_asked(plan, trial, tried), self.profile()?))
            }
            Target::Floor(floor) => {
                let profile = self.profile()?;
                let search = Search::new(&self.context, &self.frames, &profile, means);
                let found = search.floor(&floor)?;
                Ok((found, profile))
            }
            Target::Lambda(lambda) => {
                let profile = self.profile()?;
                let search = Search::new(&self.context, &self.frames, &profile, means);
                let found = search.lambda(lambda)?;
                Ok((found, profile))
            }
            Target::Bitrate(_) | Target::Size(_) => {
                Err(Error::internal("scene job", "a share of bytes is found for all scenes together"))
            }
        }
    }

    /// Waits for the end of the scene.
    ///
    /// # Errors
    ///
    /// `Cancelled` where it does not come.
    pub(super) fn profile(&self) -> Result<Profile> {
        let profile = self.frames.wait_for_profile();
        self.context.cancel.check()?;
        profile.ok_or_else(|| Error::internal("scene job", "a scene without a profile"))
    }
}

/// The packets of a coded scene.
fn scene_bytes(job: &SceneJob, plan: &EncodeParams, trial: &EncodeAttempt) -> Result<Vec<u8>> {
    let info = &job.context.info;
    let (width, height) = coded_size(info.width, info.height);
    let mut base = BaseLayer::new(width as u32, height as u32, plan.depth);
    trial.units.iter().try_for_each(|unit| base.push_unit(unit))?;
    let filter = trial.filter.as_ref().and_then(|filter| filter.packet.clone());
    let scene = EncodedScene {
        header: SceneHeader {
            index: job.index,
            first_frame: job.first_frame,
            strategy: if filter.is_some() { Strategy::Hybrid } else { Strategy::Av1 },
            timestamps: trial.timestamps.clone(),
        },
        base,
        filter,
        hashes: trial.hashes.chunks(FRAMES_PER_HASH).map(FrameHash::of_group).collect(),
    };
    scene.to_bytes()
}
