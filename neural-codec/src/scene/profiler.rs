//! Takes the frames of one scene and finds out what they show.

use super::class::Evidence;
use super::classify::classify;
use super::difference::mean_and_deviation;
use super::features::{Detail, FrameFeatures};
use super::information::temporal_information;
use super::movement::{Movement, face_and_sides, movement};
use super::profile::{Extent, Profile};
use super::texture::Texture;
use crate::defaults::{ClassLimits, Defaults};
use crate::error::{Error, Result};
use crate::frame::{Frame, Rational};

/// Mean luma, in levels, and deviation below which a picture is black.
const BLACK_MEAN: f32 = 24.0;
const BLACK_DEVIATION: f32 = 4.0;
/// A scene fades where its first or last contrast is below this share of its median contrast.
const FADED: f32 = 0.4;
/// Motion and texture are measured this many times a second, on a frame and the one before it.
const MEASURED_PER_SECOND: f64 = 12.0;

/// Takes the frames of one scene and finds out what they show.
///
/// ```
/// use neural_codec::scene::{Profiler, SceneClass};
/// # use neural_codec::frame::{Color, Frame, PixelFormat, Rational};
///
/// let mut profiler = Profiler::new(Rational::new(25, 1)?);
/// for _ in 0..10 {
///     profiler.push(&Frame::new(64, 48, PixelFormat::YUV420_8, Color::default())?)?;
/// }
/// let profile = profiler.finish()?;
/// assert_eq!(profile.evidence.class, SceneClass::Static);
/// assert_eq!(profile.motion, 0.0);
/// # Ok::<(), neural_codec::Error>(())
/// ```
#[derive(Debug)]
pub struct Profiler {
    rate: f64,
    /// Frames from one measurement of motion to the next.
    stride: u64,
    limits: ClassLimits,
    frames: u64,
    before: Option<FrameFeatures>,
    spatial: Running,
    temporal: Running,
    movements: Vec<Movement>,
    textures: Vec<Texture>,
    skins: Vec<[f32; 2]>,
    deviations: Vec<f32>,
    repeated_frames: u64,
    black_frames: u64,
}

/// Largest and sum of the values so far.
#[derive(Debug, Default)]
struct Running {
    max: f32,
    sum: f64,
    count: u64,
}

impl Running {
    fn add(&mut self, value: f32) {
        self.max = self.max.max(value);
        self.sum += f64::from(value);
        self.count += 1;
    }

    fn extent(&self) -> Extent {
        Extent { max: self.max, mean: (self.sum / self.count.max(1) as f64) as f32 }
    }
}

impl Profiler {
    /// A profiler before the first frame of a scene.
    pub fn new(frame_rate: Rational) -> Self {
        Self::with_limits(frame_rate, Defaults::default().classes)
    }

    /// The same, with these limits of classes.
    pub fn with_limits(frame_rate: Rational, limits: ClassLimits) -> Self {
        let rate = frame_rate.value();
        Self {
            rate,
            stride: ((rate / MEASURED_PER_SECOND).round() as u64).max(1),
            limits,
            frames: 0,
            before: None,
            spatial: Running::default(),
            temporal: Running::default(),
            movements: Vec::new(),
            textures: Vec::new(),
            skins: Vec::new(),
            deviations: Vec::new(),
            repeated_frames: 0,
            black_frames: 0,
        }
    }

    /// Takes the next frame of the scene.
    ///
    /// # Errors
    ///
    /// None that a valid frame can cause.
    pub fn push(&mut self, frame: &Frame) -> Result<()> {
        self.push_features(frame, FrameFeatures::new(frame)?);
        Ok(())
    }

    /// As [`push`](Self::push), of a frame analyzed already.
    pub fn push_features(&mut self, frame: &Frame, features: FrameFeatures) {
        let thumbnail = features.thumbnail();
        let (mean, deviation) = mean_and_deviation(&thumbnail.coarse.luma);
        self.deviations.push(deviation);
        self.black_frames += u64::from(mean < BLACK_MEAN && deviation < BLACK_DEVIATION);
        if let Some(before) = &self.before {
            let pair = features.pair_with(before.number());
            let before = before.thumbnail();
            let repeated = before.coarse.fingerprint == thumbnail.coarse.fingerprint;
            self.repeated_frames += u64::from(repeated);
            let temporal = pair
                .map_or_else(|| temporal_information(&before.luma, &thumbnail.luma), |pair| pair.temporal);
            self.temporal.add(temporal);
            if self.frames % self.stride == 1 % self.stride {
                self.movements.push(pair.map_or_else(|| movement(before, thumbnail), |pair| pair.movement));
            }
        }
        if self.frames.is_multiple_of(self.stride) {
            let Detail { spatial, texture } = features.detail(frame);
            self.spatial.add(spatial);
            self.textures.push(texture);
            self.skins.push(face_and_sides(&thumbnail.coarse));
        }
        self.frames += 1;
        self.before = Some(features);
    }

    /// Ends the scene.
    ///
    /// # Errors
    ///
    /// `WrongOrder` for a scene without frames.
    pub fn finish(self) -> Result<Profile> {
        if self.frames == 0 {
            return Err(Error::WrongOrder { call: "Profiler::finish", reason: "no frame was pushed".into() });
        }
        let moved = |part: fn(&Movement) -> f32| mean(self.movements.iter().map(part));
        let changed = moved(|m| m.changed).max(1e-6);
        let weighted = |part: fn(&Movement) -> f32| moved(part) / changed;
        let made_of = |part: fn(&Texture) -> f32| mean(self.textures.iter().map(part));
        let mut sorted = self.deviations.clone();
        sorted.sort_unstable_by(f32::total_cmp);
        let faded =
            |deviation: Option<&f32>| deviation.is_some_and(|d| *d < FADED * sorted[sorted.len() / 2]);
        let rate = self.rate as f32;
        let mut profile = Profile {
            frames: self.frames,
            evidence: Evidence::default(),
            spatial_information: self.spatial.extent(),
            temporal_information: self.temporal.extent(),
            motion: moved(|m| m.magnitude) * rate,
            motion_direction: [moved(|m| m.direction[0]) * rate, moved(|m| m.direction[1]) * rate],
            global_motion: weighted(|m| m.global * m.changed),
            changed_blocks: moved(|m| m.changed),
            changed_border: moved(|m| m.border_changed),
            moving_skin: weighted(|m| m.skin * m.changed),
            face_skin: mean(self.skins.iter().map(|s| s[0])),
            side_skin: mean(self.skins.iter().map(|s| s[1])),
            grain: made_of(|t| t.grain),
            flatness: made_of(|t| t.plain),
            hard_edges: made_of(|t| t.hard_edges),
            luma_values: made_of(|t| t.values),
            top_values: made_of(|t| t.top_values),
            repeated_frames: self.repeated_frames,
            black_frames: self.black_frames,
            fades_in: faded(self.deviations.first()),
            fades_out: faded(self.deviations.last()),
        };
        profile.evidence = classify(&profile, &self.limits);
        Ok(profile)
    }
}

fn mean(values: impl ExactSizeIterator<Item = f32>) -> f32 {
    let count = values.len().max(1) as f32;
    // The sum of nothing is -0.0, which people are shown.
    values.fold(0.0, |sum, value| sum + value) / count
}
