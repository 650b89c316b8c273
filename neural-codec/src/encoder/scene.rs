//! One scene from its frames to its packets. The only way to make a scene: the pipeline, rate control and callers on other
//! machines come here and nowhere else.

use std::sync::Arc;
use std::time::Instant;

use super::encoded_scene::EncodedScene;
use super::filter::filter_scene;
use super::filter_plan::FilterPlan;
use super::scene_report::scene_report;
use super::task::{SceneGoal, SceneTask, StoredScene};
use super::wiener::wiener_scene;
use crate::base::{Quantizer, coded_size};
use crate::bitstream::{BaseLayer, FRAMES_PER_HASH, NeuralFilter, SceneHeader, ScenePackets};
use crate::error::{Error, Result};
use crate::filter::train::{TrainedFilter, WarmStart};
use crate::frame::FrameHash;
use crate::progress::Stage;
use crate::repeats::Repeats;
use crate::report::{AttemptRecord, SceneVerdict};
use crate::scene::{Profile, SceneFrames};
use crate::search::{
    AttemptContext, AttemptKind, EncodeAttempt, EncodeParams, Pooled, Quality, Search, SearchResult, Store,
    Stored, attempt_record, run_attempt, run_passing_attempts,
};
use crate::strategy::Strategy;
use crate::wiener::Reach;

/// Searches for the parameters that reach the goal, stores the scene with them, filters it where that pays, and packs it.
///
/// A function of its arguments: threads, devices and time change no byte.
///
/// # Errors
///
/// Whatever base encoder and decoder report, `Cancelled`.
pub(super) fn encode_scene(
    context: &AttemptContext,
    task: &SceneTask,
    warm_start: &WarmStart,
) -> Result<EncodedScene> {
    let _abandon = AbandonOnDrop(Arc::clone(&task.frames));
    encode_kept_scene(context, task, warm_start)
}

/// As [`encode_scene`], of a scene whose frames stay for another time.
pub(super) fn encode_kept_scene(
    context: &AttemptContext,
    task: &SceneTask,
    warm_start: &WarmStart,
) -> Result<EncodedScene> {
    let start = Instant::now();
    // What the scene itself trained in an earlier attempt counts as the nearest scene.
    let mut warm_start = warm_start.clone();
    let mut trained: Option<TrainedFilter> = None;
    let mut store = |params: &EncodeParams, records: &mut Vec<AttemptRecord>| {
        let stored = store_scene(context, task, params, &warm_start, records)?;
        if let Some(new) = stored.scene.filter.as_ref().and_then(|filter| filter.trained.clone()) {
            if trained.is_some() {
                warm_start.filters.pop();
            }
            warm_start.filters.push(new.clone());
            trained = Some(new);
        }
        Ok(stored)
    };
    let result = match &task.goal {
        &SceneGoal::Constant(quantizer) => {
            let (params, reason) = params_as_asked(context, task, quantizer);
            given(params, SceneVerdict::AsAsked, &reason, &mut store)?
        }
        SceneGoal::Share(params) => {
            let reason = "its share of the bytes, at the slope that all scenes have";
            given(params.clone(), SceneVerdict::ShareOfBytes, reason, &mut store)?
        }
        &SceneGoal::Common(quantizer, tools) => {
            let params = context.clip.effort.params(quantizer, tools);
            let reason = "the quantizer that all scenes share for the floor of the clip";
            given(params, SceneVerdict::FloorMissed, reason, &mut store)?
        }
        SceneGoal::Undecided => {
            return Err(Error::internal("scene", "a goal that is found for all scenes together"));
        }
        SceneGoal::Floor(floor) => {
            search(context, task, &profile(context, task)?).floor(floor, &mut store)?
        }
        &SceneGoal::Lambda(lambda) => {
            search(context, task, &profile(context, task)?).lambda(lambda, &mut store)?
        }
    };
    let profile = profile(context, task)?;
    pack(context, task, result, &profile, trained, start.elapsed().as_secs_f64())
}

/// Encodes a scene at the quantizer that was asked for while its frames pass, of which none are kept: one scene, and one more from each place
/// where the base encoder failed, as it does by chance: the only thing but the arguments that the bytes depend on. Numbers of later scenes do not know of these.
///
/// # Errors
///
/// As [`encode_scene`]; `Internal` for a scene with another goal, or a filter.
pub(super) fn encode_passing_scene(context: &AttemptContext, task: &SceneTask) -> Result<Vec<EncodedScene>> {
    let _abandon = AbandonOnDrop(Arc::clone(&task.frames));
    let (&SceneGoal::Constant(quantizer), None) = (&task.goal, task.filter) else {
        return Err(Error::internal("scene", "frames that are needed again are gone"));
    };
    let (params, reason) = params_as_asked(context, task, quantizer);
    let attempts = run_passing_attempts(context, &task.frames, &params)?;
    let profile = profile(context, task)?;
    let mut scenes = Vec::with_capacity(attempts.len());
    let (mut index, mut first_frame) = (task.index, task.first_frame);
    for (attempt, took) in attempts {
        let frames = attempt.frames.len() as u64;
        let begins = if index > task.index { "; it begins where the base encoder failed" } else { "" };
        let part = SceneTask {
            index,
            first_frame,
            frames: Arc::clone(&task.frames),
            goal: task.goal.clone(),
            asked: task.asked.clone(),
            ..*task
        };
        let record = attempt_record(Stage::Store, &params, &(0..frames), &attempt, took);
        let result = SearchResult {
            params: params.clone(),
            scene: StoredScene { attempt, filter: None },
            attempts: vec![record],
            predicted: None,
            verdict: SceneVerdict::AsAsked,
            reason: format!("{reason}{begins}"),
        };
        scenes.push(pack(context, &part, result, &profile, None, took.0)?);
        (index, first_frame) = (index + 1, first_frame + frames);
    }
    Ok(scenes)
}

/// What a scene is coded with at a quantizer that was asked for, and why.
fn params_as_asked(
    context: &AttemptContext,
    task: &SceneTask,
    quantizer: Quantizer,
) -> (EncodeParams, String) {
    let params = context.clip.effort.params(quantizer, task.tools.unwrap_or_default());
    let reason = if params.quantizer == quantizer {
        "the quantizer that was asked for".to_owned()
    } else {
        let preset = params.preset;
        format!("the finest quantizer that preset {preset} takes here; {quantizer} was asked for")
    };
    (params, reason)
}

/// Waits for the end of the scene.
///
/// # Errors
///
/// `Cancelled` where it does not come.
pub(super) fn profile(context: &AttemptContext, task: &SceneTask) -> Result<Profile> {
    let profile = task.frames.wait_for_profile();
    context.resources.cancel.check()?;
    profile.ok_or_else(|| Error::internal("scene", "a scene without a profile"))
}

/// The search of a scene.
pub(super) fn search<'a>(
    context: &'a AttemptContext,
    task: &'a SceneTask,
    profile: &'a Profile,
) -> Search<'a> {
    let defaults = &context.clip.defaults;
    let [psnr_y, ssim_db] = match task.filter {
        Some(FilterPlan::Network(_)) => defaults.filter.expected_gain,
        Some(FilterPlan::Wiener(Reach::Near, _)) => defaults.wiener.expected_gain,
        Some(FilterPlan::Wiener(Reach::Far, _)) => defaults.wiener.far_expected_gain,
        None => [0.0, 0.0],
    };
    // XPSNR is squared errors too; of the other metrics nothing is known.
    let others = [Some(0.0), Some(0.0), Some(0.0), Some(psnr_y)];
    let expected_gain = Quality { psnr_y, ssim_db: Some(ssim_db), others };
    Search::new(context, &task.frames, profile, expected_gain, task.tools)
}

/// A scene stored with parameters that were given.
fn given<S>(
    params: EncodeParams,
    verdict: SceneVerdict,
    reason: &str,
    store: Store<'_, S>,
) -> Result<SearchResult<S>> {
    let mut attempts = Vec::new();
    let scene = store(&params, &mut attempts)?.scene;
    Ok(SearchResult { params, scene, attempts, predicted: None, verdict, reason: reason.into() })
}

/// Encodes the whole scene as it is stored, with a filter over it where that is allowed and pays.
fn store_scene(
    context: &AttemptContext,
    task: &SceneTask,
    params: &EncodeParams,
    warm_start: &WarmStart,
    records: &mut Vec<AttemptRecord>,
) -> Result<Stored<StoredScene>> {
    let kind = if task.filter.is_some() { AttemptKind::StoreDecoded } else { AttemptKind::Store };
    let log = &context.log;
    let running = log.begin(Stage::Store);
    let mut attempt = run_attempt(context, &task.frames, 0..u64::MAX, params, kind)?;
    let whole = 0..attempt.base.sizes.len() as u64;
    records.push(attempt_record(Stage::Store, params, &whole, &attempt, running.end()));
    let mut filter = None;
    let mut bytes = attempt.bytes();
    if let Some(plan) = task.filter {
        let running = log.begin(Stage::Filter);
        let floor = if let SceneGoal::Floor(floor) = &task.goal { Some(floor) } else { None };
        let outcome = match plan {
            FilterPlan::Network(config) => {
                filter_scene(context, config, floor, &task.frames, params, warm_start, &mut attempt)?
            }
            FilterPlan::Wiener(reach, of_clip) => {
                let floor = floor.or(of_clip.as_ref());
                wiener_scene(context, (reach, floor), &task.frames, params, &mut attempt)?
            }
        };
        bytes += outcome.packet.as_ref().map_or(0, |packet| packet.byte_len() as u64);
        let record = attempt_record(Stage::Filter, params, &whole, &attempt, running.end());
        records.push(AttemptRecord { bytes, ..record });
        filter = Some(outcome);
    }
    let metrics = Pooled::of(&attempt.frames, context.clip.pooling);
    Ok(Stored {
        quality: Quality::from(&metrics),
        metrics,
        bytes,
        quantizers: attempt.base.quantizers.clone(),
        scene: StoredScene { attempt, filter },
    })
}

/// The packets of a stored scene, and their account.
fn pack(
    context: &AttemptContext,
    task: &SceneTask,
    result: SearchResult<StoredScene>,
    profile: &Profile,
    trained: Option<TrainedFilter>,
    seconds: f64,
) -> Result<EncodedScene> {
    let info = &context.clip.info;
    let filter = result.scene.filter.as_ref().and_then(|filter| filter.packet.clone());
    let bytes = packets(context, task, &result.params, &result.scene.attempt, filter)?.to_bytes()?;
    let size = bytes.len() as u64;
    let report = scene_report(info, task, &result, context.clip.pooling, profile, size, seconds);
    let attempt = result.scene.attempt;
    let (Some(&first), Some(&last)) = (attempt.timestamps.first(), attempt.timestamps.last()) else {
        return Err(Error::internal("scene", "no frames"));
    };
    Ok(EncodedScene {
        bytes,
        report,
        trained,
        span: (first, last),
        squared_error: attempt.squared_error(info.format.depth),
        base: attempt.base,
        frames: attempt.frames,
    })
}

fn packets(
    context: &AttemptContext,
    task: &SceneTask,
    params: &EncodeParams,
    attempt: &EncodeAttempt,
    filter: Option<NeuralFilter>,
) -> Result<ScenePackets> {
    let info = &context.clip.info;
    let (width, height) = coded_size(info.width, info.height);
    let mut base = BaseLayer::new(width as u32, height as u32, params.depth);
    attempt.units.iter().try_for_each(|unit| base.push_unit(unit))?;
    Ok(ScenePackets {
        header: SceneHeader {
            index: task.index,
            first_frame: task.first_frame,
            strategy: if filter.is_some() { Strategy::Hybrid } else { Strategy::Av1 },
            timestamps: attempt.timestamps.clone(),
            repeats: if task.frames.is_passing() {
                Repeats::default()
            } else {
                task.frames.wait_for_repeats().1
            },
        },
        base,
        filter,
        hashes: attempt.hashes.chunks(FRAMES_PER_HASH).map(FrameHash::of_group).collect(),
    })
}

/// Lets the writer of a scene continue when its reader is gone, also after an error or a panic.
struct AbandonOnDrop(Arc<SceneFrames>);

impl Drop for AbandonOnDrop {
    fn drop(&mut self) {
        self.0.abandon();
    }
}
