//! The account of an encode: measured, with the definition of each figure in its name. Rank 3.
//!
//! Serialises to the JSON schema `neural-codec/report/1`.

use serde::{Deserialize, Serialize};

use crate::frame::{Color, ColorRange, Rational, VideoInfo};

/// Name and version of the JSON schema of [`Report`].
pub const SCHEMA: &str = "neural-codec/report/1";

/// Everything about one encode.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// Version of this library.
    pub library_version: String,
    /// Name and version of the base layer's encoder.
    pub base_encoder: String,
    /// Settings by name, as text that `Settings::set` accepts.
    pub settings: std::collections::BTreeMap<String, String>,
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
}

/// Size, format and colour of a clip.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
pub struct QualityReport {
    /// Mean over frames of luma PSNR in dB, lossless frames left out; null when every frame is lossless.
    pub psnr_y: Option<f64>,
    /// PSNR in dB of the mean squared error over all samples of all planes and frames; null when lossless.
    pub psnr_yuv: Option<f64>,
    /// Mean over frames of luma SSIM (Wang 2004, Gaussian window); null when the picture is smaller than it.
    pub ssim_y: Option<f64>,
    /// Frames whose luma is reproduced exactly.
    pub lossless_frames: u64,
    /// Least luma PSNR of a frame in dB; null when every frame is lossless.
    pub worst_frame_psnr_y: Option<f64>,
    /// Index in the clip of that frame.
    pub worst_frame: Option<u64>,
}

/// One scene.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SceneReport {
    /// Index, from 0.
    pub index: u32,
    /// Index in the clip of the first frame.
    pub first_frame: u64,
    /// Number of frames.
    pub frames: u64,
    /// How it is coded.
    pub strategy: String,
    /// The base layer's quantiser.
    pub quantizer: u8,
    /// The base encoder's preset.
    pub preset: i8,
    /// Bits of a sample inside the base layer.
    pub bit_depth: u8,
    /// Bytes of all packets of the scene.
    pub bytes: u64,
    /// Those bytes x 8 / the scene's duration.
    pub bitrate_bps: f64,
    /// Measured on frames decoded from those bytes.
    pub quality: QualityReport,
    /// Wall seconds from the first frame's arrival to the last byte.
    pub seconds: f64,
}

/// The whole stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TotalReport {
    /// Number of scenes.
    pub scenes: u32,
    /// Number of frames.
    pub frames: u64,
    /// Seconds of video.
    pub duration_seconds: f64,
    /// All bytes of the stream, headers and audio included.
    pub bytes: u64,
    /// Bytes of audio packets among them.
    pub audio_bytes: u64,
    /// `bytes` x 8 / duration.
    pub bitrate_bps: f64,
    /// Raw 4:2:0 bytes at the source's bit depth / `bytes`.
    pub compression_ratio: f64,
    /// Measured on frames decoded from the stream's bytes.
    pub quality: QualityReport,
    /// Wall seconds of the encode, measuring included.
    pub seconds: f64,
    /// Frames / seconds.
    pub frames_per_second: f64,
}

impl Report {
    /// The report as indented JSON.
    pub fn to_json(&self) -> String {
        // Plain structs of strings and numbers always serialise.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}
