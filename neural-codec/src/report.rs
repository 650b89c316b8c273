//! The account of an encode: measured, with the definition of each metric in its name.
//!
//! Serializes to the JSON schema `neural-codec/report/1`, `docs/report.schema.json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::bitstream::PhotoPacket;
use crate::frame::{Color, ColorRange, Rational, VideoInfo};
use crate::lost::Lost;
use crate::progress::Stage;
use crate::scene::Profile;
use crate::strategy::Strategy;

/// Name and version of the JSON schema of [`Report`].
pub const SCHEMA: &str = "neural-codec/report/1";

/// Everything about one encode.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Report {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// Version of this library.
    pub library_version: String,
    /// Name and version of the base layer's encoder.
    pub base_encoder: String,
    /// The settings in force by name, the target among them: numbers, texts and lists, null for none.
    pub settings: BTreeMap<String, serde_json::Value>,
    /// The clip as it came.
    pub source: ClipReport,
    /// The clip as a decoder gives it back; quality is measured against the source in this format.
    pub coded: ClipReport,
    /// One entry a scene, in order.
    pub scenes: Vec<SceneReport>,
    /// The whole stream.
    pub total: TotalReport,
    /// What a person should know, in sentences; empty when nothing is unusual.
    pub notes: Vec<String>,
    /// What of the source is not in the output.
    pub lost: Vec<Lost>,
    /// What a photo has that a clip has not; null for clips.
    #[serde(default)]
    pub photo: Option<PhotoReport>,
}

/// How a photo is stored, and what is stored beside its samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct PhotoReport {
    /// `av1` or `neural`.
    pub coding: String,
    /// Bits of the whole file a pixel.
    pub bits_per_pixel: f64,
    /// Bytes of the coded samples.
    pub coded_bytes: u64,
    /// Multiplications a pixel that decoding takes; 0 for AV1 alone.
    pub macs_per_pixel: u64,
    /// Whether red, green and blue are equal everywhere.
    pub is_gray: bool,
    /// Bytes of the ICC profile that is kept; 0 without one, here and below.
    pub icc_bytes: u64,
    /// Bytes of EXIF.
    pub exif_bytes: u64,
    /// Bytes of XMP.
    pub xmp_bytes: u64,
    /// Bytes of opacity, which is kept without loss.
    pub alpha_bytes: u64,
}

impl PhotoReport {
    /// What is said about a stored photo in a file of so many bytes.
    pub(crate) fn new(photo: &PhotoPacket, bytes: u64) -> Self {
        Self {
            coding: photo.code.name().into(),
            bits_per_pixel: bytes as f64 * 8.0 / (f64::from(photo.width) * f64::from(photo.height)),
            coded_bytes: photo.code.bytes().len() as u64,
            macs_per_pixel: photo.macs_per_pixel,
            is_gray: photo.is_gray,
            icc_bytes: photo.tags.icc.len() as u64,
            exif_bytes: photo.tags.exif.len() as u64,
            xmp_bytes: photo.tags.xmp.len() as u64,
            alpha_bytes: photo.alpha.len() as u64,
        }
    }
}

/// Size, format and color of a clip.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ClipReport {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// FFmpeg's name of layout and depth, such as `yuv420p`.
    pub pixel_format: String,
    /// `limited`, `full` or `unspecified`.
    pub color_range: String,
    /// H.273 code point.
    pub color_primaries: u8,
    /// H.273 code point.
    pub color_transfer: u8,
    /// H.273 code point.
    pub color_matrix: u8,
    /// Nominal frames a second as a fraction.
    pub frame_rate: String,
}

impl ClipReport {
    /// The report of a clip's description.
    pub fn new(info: &VideoInfo) -> Self {
        let Color { range, primaries, transfer, matrix, .. } = info.color;
        let range = match range {
            ColorRange::Limited => "limited",
            ColorRange::Full => "full",
            ColorRange::Unspecified => "unspecified",
        };
        let Rational { num, den } = info.frame_rate;
        Self {
            width: info.width,
            height: info.height,
            pixel_format: info.format.name().into(),
            color_range: range.into(),
            color_primaries: primaries,
            color_transfer: transfer,
            color_matrix: matrix,
            frame_rate: format!("{num}/{den}"),
        }
    }
}

/// Distortion of decoded frames against the source, by the definitions in `docs/GLOSSARY.md`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct QualityReport {
    /// Mean over frames of luma PSNR in dB, lossless frames left out; null when every frame is lossless.
    pub psnr_y: Option<f64>,
    /// PSNR in dB of the mean squared error over all samples of all planes and frames; null when lossless.
    pub psnr_yuv: Option<f64>,
    /// Mean over frames of luma SSIM (Wang 2004, Gaussian window); null when the picture is smaller than it.
    pub ssim_y: Option<f64>,
    /// Mean luma MS-SSIM; null where it is not measured.
    pub ms_ssim_y: Option<f64>,
    /// Mean SSIMULACRA 2; null where it is not measured.
    pub ssimulacra2: Option<f64>,
    /// Mean VMAF; null where it is not measured.
    pub vmaf: Option<f64>,
    /// Luma XPSNR in dB; null where it is not measured, and where nothing differs.
    pub xpsnr_y: Option<f64>,
    /// PSNR in dB of the mean squared error over R, G and B; null for clips, which are measured as YUV, and when lossless.
    #[serde(default)]
    pub psnr_rgb: Option<f64>,
    /// Frames whose luma is reproduced exactly.
    pub lossless_frames: u64,
    /// Least luma PSNR of a frame in dB; null when every frame is lossless.
    pub worst_frame_psnr_y: Option<f64>,
    /// Index in the clip of that frame.
    pub worst_frame: Option<u64>,
}

/// One scene.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct SceneReport {
    /// Index, from 0.
    pub index: u32,
    /// Index in the clip of the first frame.
    pub first_frame: u64,
    /// Number of frames.
    pub frames: u64,
    /// How many of them are coded; the others show the one before again.
    pub coded_frames: u64,
    /// How it is coded.
    pub strategy: Strategy,
    /// What analysis found out about it.
    pub profile: ProfileReport,
    /// The base layer's quantizer; 0 in a neural still, which has none.
    pub quantizer: f64,
    /// The base encoder's preset; 0 in a neural still.
    pub preset: i8,
    /// Bits of a sample inside the base layer.
    pub bit_depth: u8,
    /// Options of the base encoder that differ from its defaults, by its names.
    pub tools: String,
    /// What `scene_settings` asked for this scene, by key; empty where nothing.
    #[serde(default)]
    pub asked: BTreeMap<String, String>,
    /// Why it is coded this way.
    pub verdict: SceneVerdict,
    /// The same in a sentence.
    pub reason: String,
    /// Whether the target is reached, by measurement.
    pub target_met: bool,
    /// Quality that was predicted before the scene was coded; null where nothing was.
    pub predicted: Option<PredictedReport>,
    /// Every attempt that led here, in order, the stored one among them.
    pub attempts: Vec<AttemptRecord>,
    /// The filter over the base layer; null where none was tried.
    pub filter: Option<FilterReport>,
    /// Bytes of all packets of the scene.
    pub bytes: u64,
    /// Those bytes x 8 / the scene's duration.
    pub bitrate_bps: f64,
    /// Measured on frames decoded from those bytes.
    pub quality: QualityReport,
    /// What was measured, by metric, pooled as the setting `pooling` asks: what a floor is compared with. VMAF and XPSNR look at the
    /// frames before, of which a scene's first has none.
    pub pooled: BTreeMap<String, f64>,
    /// Wall seconds from the first frame's arrival to the last byte.
    pub seconds: f64,
}

/// What a scene looks like. Shares go from 0 to 1, levels are luma levels of 8 bits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ProfileReport {
    /// `static`, `talking_head`, `moderate_motion`, `high_motion` or `synthetic`.
    pub scene_class: String,
    /// The measurements that decided, in words.
    pub class_reason: String,
    /// Largest spatial information over time (ITU-T P.910, on the picture made small).
    pub spatial_information: f32,
    /// Largest temporal information over time, likewise.
    pub temporal_information: f32,
    /// Mean block displacement in picture widths a second.
    pub motion: f32,
    /// Mean of the median displacement, rightwards and downwards, likewise.
    pub motion_direction: [f32; 2],
    /// Share of the changed blocks that move as the median does.
    pub global_motion: f32,
    /// Share of blocks that change from frame to frame.
    pub changed_blocks: f32,
    /// Standard deviation of the grain in levels.
    pub grain: f32,
    /// Share of 16x16 blocks without detail.
    pub flatness: f32,
    /// Share of hard steps among all steps between neighbors.
    pub hard_edges: f32,
    /// Frames that repeat the one before exactly.
    pub repeated_frames: u64,
    /// Frames that are black.
    pub black_frames: u64,
    /// Whether the scene comes out of a blank picture.
    pub fades_in: bool,
    /// Whether it ends in one.
    pub fades_out: bool,
}

impl ProfileReport {
    /// The report of a profile.
    pub fn new(profile: &Profile) -> Self {
        Self {
            scene_class: profile.evidence.class.name().into(),
            class_reason: profile.evidence.reason.clone(),
            spatial_information: profile.spatial_information.max,
            temporal_information: profile.temporal_information.max,
            motion: profile.motion,
            motion_direction: profile.motion_direction,
            global_motion: profile.global_motion,
            changed_blocks: profile.changed_blocks,
            grain: profile.grain,
            flatness: profile.flatness,
            hard_edges: profile.hard_edges,
            repeated_frames: profile.repeated_frames,
            black_frames: profile.black_frames,
            fades_in: profile.fades_in,
            fades_out: profile.fades_out,
        }
    }
}

/// What became of a scene's filter, and what it gained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct FilterReport {
    /// Size of the network, `M` or `L`; `Wiener` where weights were solved for.
    pub network_size: String,
    /// What became of it.
    pub verdict: FilterVerdict,
    /// What was taken, or why nothing was.
    pub reason: String,
    /// Bytes of its packet's payload; 0 where it is not kept.
    pub bytes: u64,
    /// Luma PSNR of the base layer alone, in dB; null when lossless.
    pub base_psnr_y: Option<f64>,
    /// PSNR of the base layer alone over all planes, in dB; null when lossless.
    pub base_psnr_yuv: Option<f64>,
    /// Luma SSIM of the base layer alone; null where it is not defined.
    pub base_ssim_y: Option<f64>,
    /// Multiplications a luma pixel that a decoder makes, counted from the layers; 0 where it is not kept.
    pub macs_per_pixel: f64,
    /// Those of a frame in 10^12 operations, two a multiplication.
    pub tops_per_frame: f64,
    /// Everything that was trained, from few to many bytes.
    pub candidates: Vec<FilterCandidateReport>,
}

/// A filter that a scene might have been stored with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct FilterCandidateReport {
    /// `base`: the base network as it is; `earlier`: that of an earlier scene or coding; `gains`: gains and offsets trained; `weights`: all parameters.
    pub name: String,
    /// Bytes of its differences from the base network.
    pub bytes: u64,
    /// Squared error left, of 1 without a filter, over patches of the scene that were not trained from.
    pub error_left: f64,
}

/// Quality of a scene as it was predicted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct PredictedReport {
    /// Mean luma PSNR in dB.
    pub psnr_y: f64,
    /// Mean luma SSIM; null where it is not defined.
    pub ssim_y: Option<f64>,
}

/// Why a scene is stored as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SceneVerdict {
    /// The quantizer was asked for.
    AsAsked,
    /// The coarsest quantizer found that meets the floor.
    FloorMet,
    /// The best found, which misses the floor.
    FloorMissed,
    /// The least D + lambda R.
    LeastCost,
    /// Its share of the bytes of the clip, at the slope that all scenes have.
    ShareOfBytes,
}

/// What became of a candidate filter that was run over its scene, or of a scene's filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FilterVerdict {
    /// The scene is stored with it.
    Kept,
    /// The scene has so few bytes that no filter can pay.
    NothingToGain,
    /// It does not lower D + lambda R.
    NotWorthItsBytes,
    /// PSNR or SSIM of luma would fall.
    QualityWouldFall,
}

impl FilterVerdict {
    /// In words.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::NothingToGain => "nothing to gain",
            Self::NotWorthItsBytes => "not worth its bytes",
            Self::QualityWouldFall => "PSNR or SSIM of luma would fall",
        }
    }
}

/// One attempt at a scene or a part of it, made to find the best or to be stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct AttemptRecord {
    /// What it was made for.
    pub stage: Stage,
    /// First frame, counted among those of the scene that are coded.
    pub first_frame: u64,
    /// Number of frames.
    pub frames: u64,
    /// The base encoder's preset; 0 in a neural still.
    pub preset: i8,
    /// The base layer's quantizer; 0 in a neural still, which has none.
    pub quantizer: f64,
    /// Options that differ from the base encoder's defaults.
    pub tools: String,
    /// Bytes of all layers.
    pub bytes: u64,
    /// Mean luma PSNR in dB; null when lossless.
    pub psnr_y: Option<f64>,
    /// PSNR in dB over R, G and B; null for clips, and when lossless.
    #[serde(default)]
    pub psnr_rgb: Option<f64>,
    /// Mean luma SSIM; null where it is not defined, and of attempts that look for parameters of a target that does not name it.
    pub ssim_y: Option<f64>,
    /// Mean luma MS-SSIM; null where it is not measured.
    pub ms_ssim_y: Option<f64>,
    /// Mean SSIMULACRA 2; null where it is not measured.
    pub ssimulacra2: Option<f64>,
    /// Mean VMAF; null where it is not measured.
    pub vmaf: Option<f64>,
    /// Luma XPSNR in dB; null where it is not measured, and where nothing differs.
    pub xpsnr_y: Option<f64>,
    /// Wall seconds, decoding and measuring included.
    pub seconds: f64,
    /// Processor seconds of the process meanwhile, shared equally with what else was at work.
    pub cpu_seconds: f64,
}

/// What all runs of one stage took.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct StageReport {
    /// How many times it ran: attempts, or frames for `cuts` and `profile`.
    pub runs: u64,
    /// Wall seconds, summed; stages run side by side.
    pub seconds: f64,
    /// Processor seconds, summed.
    pub cpu_seconds: f64,
}

/// The whole stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct TotalReport {
    /// Number of scenes.
    pub scenes: u32,
    /// Number of frames.
    pub frames: u64,
    /// Seconds of video.
    pub duration_seconds: f64,
    /// All bytes of the stream, headers and audio included.
    pub bytes: u64,
    /// Bytes of the packets of sound among them, without what the file has around each.
    pub audio_bytes: u64,
    /// `bytes` x 8 / duration.
    pub bitrate_bps: f64,
    /// Whether every scene, and the stream as a whole, reaches what was asked for, by measurement.
    pub target_met: bool,
    /// Raw 4:2:0 bytes at the source's bit depth / `bytes`.
    pub compression_ratio: f64,
    /// Measured on frames decoded from the stream's bytes.
    pub quality: QualityReport,
    /// The same of all frames of the clip, by metric, pooled as the setting `pooling` asks.
    pub pooled: BTreeMap<String, f64>,
    /// Wall seconds of the encode, measuring included.
    pub seconds: f64,
    /// Frames / seconds.
    pub frames_per_second: f64,
    /// Processor seconds of the whole process during the encode, the source's decoding included.
    pub cpu_seconds: f64,
    /// What each stage took: finding `cuts`, the `profile`, and the stages of the attempts.
    pub stages: BTreeMap<String, StageReport>,
}

impl Report {
    /// The report as indented JSON.
    pub fn to_json(&self) -> String {
        // Plain structs of strings and numbers always serialize.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Says of a target that all scenes share, and that was met by them alone, that it is missed, and why.
    pub(crate) fn miss(&mut self, why: &str) {
        if std::mem::replace(&mut self.total.target_met, false) {
            self.scenes.iter_mut().for_each(|scene| scene.target_met = false);
            self.notes.push(why.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// Set to write the schema anew.
    const WRITE: &str = "NEURAL_CODEC_WRITE_SCHEMA";

    #[test]
    fn the_schema_in_the_documentation_is_that_of_the_report() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/report.schema.json");
        let mut schema = serde_json::to_value(schemars::schema_for!(Report)).unwrap();
        schema["title"] = SCHEMA.into();
        schema["properties"]["schema"]["const"] = SCHEMA.into();
        let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        if std::env::var_os(WRITE).is_some() {
            fs::write(&path, &text).unwrap();
        }
        let documented = fs::read_to_string(&path).unwrap_or_default();
        assert!(documented == text, "docs/report.schema.json is old: run with {WRITE}=1");
    }
}
