//! What is settled before the first frame of an encode: the clip as it is coded, the target, and what may be spent.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use super::encoded_scene::EncodedScene;
use super::filter_plan::FilterPlan;
use super::memory_plan::MemoryPlan;
use super::muxer::StreamMuxer;
use super::source_format::{coded_info, conversion_note};
use super::task::SceneGoal;
use crate::base::{Library, Quantizer, retries_note};
use crate::bitstream::Tracks;
use crate::device::Device;
use crate::error::{Error, Result};
use crate::frame::{BitDepth, VideoInfo};
use crate::metrics::{Metric, vmaf_version};
use crate::pooling::Scope;
use crate::progress::CancelToken;
use crate::repeats::RepeatChoice;
use crate::scene::{MemoryBudget, Reading, SceneFrames};
use crate::scene_choice::{SceneChoice, invalid};
use crate::search::{AttemptContext, Clip, EffortParams, EncodeLog, Pooled, Resources, Target, Tools};
use crate::settings::Settings;
use crate::strategy::Strategy;

/// What one scene has to reach, and with what.
#[derive(Debug, Clone)]
pub(super) struct SceneRequest {
    pub(super) goal: SceneGoal,
    pub(super) filter: Option<FilterPlan>,
    /// In place of the search's choice.
    pub(super) tools: Option<Tools>,
    /// As it was asked, by key.
    pub(super) asked: BTreeMap<String, String>,
}

/// The settled part of an encode.
pub(super) struct Session {
    pub(super) source: VideoInfo,
    pub(super) settings: Settings,
    pub(super) target: Target,
    /// What lies over base layers; none where they are to stand alone.
    pub(super) filter: Option<FilterPlan>,
    /// What is asked for single scenes, in order; empty where the clip's settings decide everywhere.
    asked: Vec<SceneRequest>,
    pub(super) context: AttemptContext,
    /// Where scenes are measured and filtered, one after the other; the first is that of the context.
    pub(super) devices: Vec<Device>,
    /// As memory allows.
    pub(super) scenes_at_once: usize,
}

impl Session {
    /// # Errors
    ///
    /// `InvalidArgument` for targets that contradict each other or a quantizer that the base encoder has not,
    /// `MissingLibrary` without SVT-AV1, or for VMAF without libvmaf, `LimitExceeded` where the memory is too little, `Device` where the GPU that is asked for cannot be had.
    pub(super) fn new(source: VideoInfo, settings: &Settings) -> Result<Self> {
        crate::frame::check_size(source.width, source.height)?;
        let target = Target::for_size(settings, (source.width, source.height))?;
        if matches!(target, Target::Floor(floor) if floor.vmaf.is_some()) {
            vmaf_version()?;
        }
        check_strategies(settings)?;
        let library = Library::load(None)?;
        if let Target::Constant(asked) = target
            && library.quantizer_at_most(asked.value()) != asked
        {
            return Err(Error::invalid("quantizer", library.quantizers(), asked));
        }
        let devices = settings.device.open_each(source.width * source.height)?;
        let info = coded_info(&source);
        let settings = &with_common_choices(settings)?;
        let asked = requests(settings, &target, &source, &library)?;
        let effort = EffortParams::new(settings, &target, &info, &library);
        let threads = settings.thread_count();
        let stored = (effort.preset, effort.depth);
        let plan = MemoryPlan::new(&info, stored, threads, devices.len(), settings.max_memory_bytes)?;
        let resources = Resources {
            threads,
            encoder_threads: plan.encoder_threads,
            device: devices.first().cloned().unwrap_or_default(),
            memory: MemoryBudget::new(plan.waiting_bytes),
            cache: None,
            cancel: CancelToken::new(),
        };
        let probe_measures =
            if asked.is_empty() { target.measures() } else { target.measures().with(Metric::SsimY) };
        let clip = Arc::new(Clip {
            info,
            library,
            defaults: settings.defaults.clone(),
            effort,
            probe_measures,
            store_measures: probe_measures.with(Metric::SsimY),
            pooling: target.pooling(),
        });
        Ok(Self {
            source,
            settings: settings.clone(),
            target,
            filter: plan_of(settings, &target, &goal_of(&target)),
            asked,
            context: AttemptContext { clip, resources, log: EncodeLog::new() },
            devices,
            scenes_at_once: plan.scenes_at_once,
        })
    }

    /// What a scene has to reach, and with what.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` where scenes are asked for one by one, and this one is not.
    pub(super) fn request(&self, scene: u32) -> Result<SceneRequest> {
        if self.asked.is_empty() {
            let goal = goal_of(&self.target);
            return Ok(SceneRequest { goal, filter: self.filter, tools: None, asked: BTreeMap::new() });
        }
        self.asked.get(scene as usize).cloned().ok_or_else(|| {
            let expected = format!("an object for scene {scene} too");
            Error::invalid("scene_settings", expected, format!("{} objects", self.asked.len()))
        })
    }

    /// Says of a scene that was encoded elsewhere, perhaps for something else, whether it meets the floor that is asked for here; what to note
    /// where it does not, and met its own.
    ///
    /// # Errors
    ///
    /// As [`request`](Self::request).
    pub(super) fn judge(&self, scene: &mut EncodedScene) -> Result<Option<String>> {
        let index = scene.report.index;
        let SceneGoal::Floor(floor) = self.request(index)?.goal else { return Ok(None) };
        // As where scenes are encoded.
        let missed = floor.missed(&Pooled::of(&scene.frames, floor.pooling));
        let was_met = std::mem::replace(&mut scene.report.target_met, missed.is_empty());
        if missed.is_empty() || !was_met {
            return Ok(None);
        }
        let names = missed.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ");
        let floor = floor.text();
        let note =
            format!("Scene {index} was not encoded for {floor}: {names} is below that, or was not measured.");
        Ok(Some(note))
    }

    /// Whether a scene codes each picture about once: where it is known how often they are shown before the first is coded. What a quantizer
    /// is asked for is coded as it comes.
    pub(super) fn repeats_for(&self, goal: &SceneGoal) -> RepeatChoice {
        if matches!(goal, SceneGoal::Constant(_)) { RepeatChoice::Off } else { self.settings.repeats }
    }

    /// An empty scene, of frames that wait as its goal needs them.
    pub(super) fn scene_frames(&self, goal: &SceneGoal) -> Arc<SceneFrames> {
        let Resources { memory, cache, .. } = &self.context.resources;
        // An attempt is looked up by all frames of the scene, before the first is coded.
        let is_hashed = cache.is_some();
        let is_plain = self.filter.is_none() && self.asked.is_empty() && !is_hashed;
        let reading = match self.target {
            Target::Constant(_) if is_plain => Reading::Once,
            _ => Reading::Repeated,
        };
        SceneFrames::new(reading, Arc::clone(memory), is_hashed, self.repeats_for(goal))
    }

    /// The context of a scene: devices take scenes in turn.
    pub(super) fn context_of(&self, scene: u32) -> AttemptContext {
        let mut context = self.context.clone();
        context.resources.device = self.devices[scene as usize % self.devices.len()].clone();
        context
    }

    /// An empty stream.
    pub(super) fn muxer(&self, tracks: &Tracks, start: Instant) -> Result<StreamMuxer> {
        let clip = &self.context.clip;
        let base_encoder = format!("SVT-AV1 {}", clip.library.version());
        let mut muxer = StreamMuxer::new(
            self.source,
            clip.info,
            tracks,
            self.target.in_force(&self.settings),
            clip.store_measures,
            base_encoder,
            start,
        )?;
        conversion_note(&self.source, &clip.info).into_iter().for_each(|note| muxer.note(note));
        if Target::of(&self.settings).is_ok_and(|asked| asked != self.target) {
            let note = "The pictures are too small for SSIM, so the default floor is one of luma PSNR alone.";
            muxer.note(note.to_owned());
        }
        Ok(muxer)
    }

    /// What a person should know at the end of an encode.
    pub(super) fn notes(&self) -> Vec<String> {
        let Resources { device, cache, .. } = &self.context.resources;
        let mut notes = Vec::new();
        if device.gpu().is_some() && device.has_worked_on_gpu() {
            let names: Vec<String> = self.devices.iter().map(Device::to_string).collect();
            notes.push(format!("Frames were analyzed, measured and filtered on {}.", names.join(", ")));
        }
        notes.extend(device.notes());
        let reused = cache.as_ref().map_or(0, |cache| cache.reused());
        if reused > 0 {
            notes.push(format!("{reused} attempts were taken from the attempt cache."));
        }
        notes.extend(retries_note(self.context.log.retries()));
        notes
    }
}

/// # Errors
///
/// `InvalidArgument` where no way to code a clip is allowed, and for a filter that is asked for where no filter is.
fn check_strategies(settings: &Settings) -> Result<()> {
    let found = || settings.strategies.iter().map(|strategy| strategy.name()).collect::<Vec<_>>().join(",");
    let codes_clips = |strategy: &Strategy| matches!(strategy, Strategy::Av1 | Strategy::Hybrid);
    if !settings.strategies.iter().any(codes_clips) {
        return Err(Error::invalid("strategies", "av1 or hybrid for a clip", found()));
    }
    let asked = [
        ("filter_layers", settings.filter_layers.is_some()),
        ("filter_steps", settings.filter_steps.is_some()),
    ];
    match asked.iter().find(|(_, is_asked)| *is_asked) {
        Some((name, _)) if !settings.strategies.contains(&Strategy::Hybrid) => {
            Err(Error::invalid(*name, "hybrid among the strategies", found()))
        }
        _ => Ok(()),
    }
}

/// What each scene has to reach by itself.
pub(super) fn goal_of(target: &Target) -> SceneGoal {
    match *target {
        Target::Constant(quantizer) => SceneGoal::Constant(quantizer),
        Target::Floor(floor) if floor.scope == Scope::Clip => SceneGoal::Undecided,
        Target::Floor(floor) => SceneGoal::Floor(floor),
        Target::Lambda(lambda) => SceneGoal::Lambda(lambda),
        Target::Bitrate(_) | Target::Size(_) => SceneGoal::Undecided,
    }
}

/// The settings with what all scenes ask for alike, since AV1's sequence header depends on it.
fn with_common_choices(settings: &Settings) -> Result<Settings> {
    let mut settings = settings.clone();
    let choices = &settings.scene_settings;
    let preset = choices.common("preset", settings.preset, |choice| choice.preset)?;
    let clip_depth = settings.bit_depth.map(|depth| depth.bits());
    let depth = choices.common("bit_depth", clip_depth, |choice| choice.bit_depth)?;
    settings.preset = preset;
    settings.bit_depth = depth.map(BitDepth::try_from).transpose()?;
    Ok(settings)
}

/// What is asked for single scenes.
fn requests(
    settings: &Settings,
    target: &Target,
    source: &VideoInfo,
    library: &Library,
) -> Result<Vec<SceneRequest>> {
    let choices = settings.scene_settings.scenes().iter().enumerate();
    choices.map(|(scene, choice)| request_of((scene, choice), settings, target, source, library)).collect()
}

fn request_of(
    (scene, choice): (usize, &SceneChoice),
    settings: &Settings,
    target: &Target,
    source: &VideoInfo,
    library: &Library,
) -> Result<SceneRequest> {
    let mut goal = goal_of(target);
    if let Some(value) = choice.quantizer {
        if !matches!(goal, SceneGoal::Constant(_) | SceneGoal::Floor(_)) {
            let expected = "a clip whose target is a quantizer or a floor";
            return Err(invalid(scene, "quantizer", expected, "a target that all scenes share"));
        }
        let found = Quantizer::new(value).ok().filter(|q| library.quantizer_at_most(q.value()) == *q);
        let refused = || invalid(scene, "quantizer", library.quantizers(), value);
        goal = SceneGoal::Constant(found.ok_or_else(refused)?);
    }
    for (key, asked) in [("min_psnr_y", choice.min_psnr_y), ("min_ssim_y", choice.min_ssim_y)] {
        let Some(asked) = asked else { continue };
        let SceneGoal::Floor(floor) = &mut goal else {
            return Err(invalid(scene, key, "a clip whose target is a floor", "another target"));
        };
        let (metric, of_clip) = match key {
            "min_psnr_y" => (Metric::PsnrY, &mut floor.psnr_y),
            _ => (Metric::SsimY, &mut floor.ssim_y),
        };
        let size = (source.width, source.height);
        if !metric.is_defined(size) {
            return Err(invalid(scene, key, metric.smallest_text(), format!("{}x{}", size.0, size.1)));
        }
        if let Some(least) = *of_clip
            && asked < least
        {
            return Err(invalid(scene, key, format!("at least the clip's {least}"), asked));
        }
        *of_clip = Some(asked);
    }
    let tools = choice.tools.as_ref().map(|_| Tools {
        hierarchical_levels: choice.tool("hierarchical_levels"),
        adaptive_quantization: choice.tool("adaptive_quantization").map(|on| on == 1),
        screen_content: choice.tool("screen_content").map(|on| on == 1),
        tune: None,
    });
    let filter = plan_of(&own_settings(settings, choice), target, &goal);
    Ok(SceneRequest { goal, filter, tools, asked: choice.asked.clone() })
}

/// The settings of a clip with what one of its scenes has instead.
pub(super) fn own_settings(settings: &Settings, choice: &SceneChoice) -> Settings {
    let strategies = choice.strategies.as_ref().unwrap_or(&settings.strategies).clone();
    Settings { strategies, ..settings.clone() }
}

/// What lies over the base layer of a scene with this goal.
fn plan_of(settings: &Settings, target: &Target, goal: &SceneGoal) -> Option<FilterPlan> {
    let plan = FilterPlan::new(settings, target)?;
    if matches!(goal, SceneGoal::Constant(_)) { plan.at_a_quantizer() } else { Some(plan) }
}
