//! One scene's job on a worker thread: plan, code, measure, and the scene's bytes. Rank 5.
//!
//! A pure function of the scene's frames and the settings.

use std::sync::Arc;
use std::time::Instant;

use crate::base::coded_size;
use crate::bitstream::{BaseLayer, EncodedScene, FRAMES_PER_HASH, SceneHeader, Strategy};
use crate::error::Result;
use crate::frame::FrameHash;
use crate::metrics::Comparison;
use crate::scene::SceneFrames;
use crate::strategy::{ScenePlan, Trial, TrialContext, code_scene};

/// What a job needs.
pub(super) struct SceneJob {
    pub(super) index: u32,
    pub(super) first_frame: u64,
    pub(super) frames: Arc<SceneFrames>,
    pub(super) plan: ScenePlan,
    pub(super) context: TrialContext,
}

/// What a job gives.
pub(super) struct FinishedScene {
    /// The scene's packets.
    pub(super) bytes: Vec<u8>,
    pub(super) index: u32,
    pub(super) first_frame: u64,
    pub(super) plan: ScenePlan,
    pub(super) timestamps: Vec<i64>,
    pub(super) comparison: Comparison,
    /// Index in the clip and luma PSNR in dB of the worst frame.
    pub(super) worst: Option<(u64, f64)>,
    pub(super) seconds: f64,
}

/// Lets the writer of a scene go on when its reader is gone, also after an error or a panic.
struct Abandon(Arc<SceneFrames>);

impl Drop for Abandon {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

impl SceneJob {
    pub(super) fn run(self) -> Result<FinishedScene> {
        let _abandon = Abandon(Arc::clone(&self.frames));
        let start = Instant::now();
        let trial = code_scene(&self.context, &self.frames, &self.plan.base)?;
        let bytes = self.scene(&trial)?.to_bytes()?;
        Ok(FinishedScene {
            bytes,
            index: self.index,
            first_frame: self.first_frame,
            worst: trial.worst.map(|(frame, psnr)| (self.first_frame + frame, psnr)),
            plan: self.plan,
            timestamps: trial.timestamps,
            comparison: trial.comparison,
            seconds: start.elapsed().as_secs_f64(),
        })
    }

    fn scene(&self, trial: &Trial) -> Result<EncodedScene> {
        let info = &self.context.info;
        let (width, height) = coded_size(info.width, info.height);
        let mut base = BaseLayer::new(width as u32, height as u32, self.plan.base.depth);
        trial.units.iter().try_for_each(|unit| base.push_unit(unit))?;
        Ok(EncodedScene {
            header: SceneHeader {
                index: self.index,
                first_frame: self.first_frame,
                strategy: Strategy::Av1,
                timestamps: trial.timestamps.clone(),
            },
            base,
            hashes: trial.hashes.chunks(FRAMES_PER_HASH).map(FrameHash::of_group).collect(),
        })
    }
}
