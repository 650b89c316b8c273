//! What the encoding agent decided for a scene. Rank 4.

use crate::error::{Error, Result};
use crate::frame::{BitDepth, VideoInfo};
use crate::settings::{Device, Settings, Strategy};

/// Settings of the base layer for one scene.
#[derive(Debug, Clone, PartialEq)]
pub struct BasePlan {
    /// Constant quality, 1 (best) to 63.
    pub quantizer: u8,
    /// The base encoder's preset, 0 (slowest) to 13.
    pub preset: i8,
    /// Bits of a sample inside the base layer.
    pub depth: BitDepth,
    /// Further options by SVT-AV1's names.
    pub options: Vec<(String, String)>,
}

/// How one scene is coded.
#[derive(Debug, Clone, PartialEq)]
pub struct ScenePlan {
    /// Which tools.
    pub strategy: Strategy,
    /// The AV1 part.
    pub base: BasePlan,
}

/// The base encoder's preset for each effort. Presets are SVT-AV1's; 1.4.1 accepts up to 13.
const PRESET_OF_EFFORT: [i8; 10] = [12, 11, 10, 9, 8, 7, 6, 5, 4, 2];

/// The fastest preset for pictures with a side below [`SMALL_SIDE`]: above it SVT-AV1 4.1 was seen to write streams
/// of pictures up to 176 wide that decoders cannot follow (luma PSNR 13 dB, and decoders disagree).
const FASTEST_PRESET_OF_SMALL: i8 = 10;

/// Pictures with a smaller side count as small: a safe distance above what was seen to fail.
const SMALL_SIDE: usize = 256;

/// Quantiser when nothing is asked for.
const DEFAULT_QUANTIZER: u8 = 35;

impl ScenePlan {
    /// The plan at constant quality for a clip that is coded as `info` says.
    ///
    /// Small pictures get no preset above 10, whatever is asked for.
    /// Errors: `Unsupported` for targets, strategies and devices that this version cannot serve.
    pub fn constant_quality(settings: &Settings, info: &VideoInfo) -> Result<Self> {
        let asked = [
            ("min_psnr_y", settings.min_psnr_y.is_some()),
            ("min_ssim_y", settings.min_ssim_y.is_some()),
            ("bitrate_bps", settings.bitrate_bps.is_some()),
            ("size_bytes", settings.size_bytes.is_some()),
            ("lambda", settings.lambda.is_some()),
        ];
        for (name, is_asked) in asked {
            if is_asked {
                return Err(unsupported(format!("target {name}"), "set quantizer for constant quality"));
            }
        }
        for strategy in &settings.strategies {
            if *strategy != Strategy::Av1 {
                return Err(unsupported(format!("strategy {}", strategy.name()), "use strategies=av1"));
            }
        }
        if let Device::Cuda(_) = settings.device {
            return Err(unsupported(format!("device {}", settings.device), "use device=auto or device=cpu"));
        }
        let asked = settings.preset.unwrap_or(PRESET_OF_EFFORT[usize::from(settings.effort.min(9))]);
        let small = info.width.min(info.height) < SMALL_SIDE;
        Ok(Self {
            strategy: Strategy::Av1,
            base: BasePlan {
                quantizer: settings.quantizer.unwrap_or(DEFAULT_QUANTIZER),
                preset: if small { asked.min(FASTEST_PRESET_OF_SMALL) } else { asked },
                depth: settings.bit_depth.unwrap_or(info.format.depth),
                options: Vec::new(),
            },
        })
    }
}

fn unsupported(what: String, remedy: &str) -> Error {
    Error::Unsupported { what, remedy: remedy.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{PixelFormat, Rational};

    #[test]
    fn more_effort_never_means_a_faster_preset() {
        assert!(PRESET_OF_EFFORT.is_sorted_by(|a, b| a > b));
    }

    fn info(width: usize, height: usize) -> VideoInfo {
        VideoInfo::new(width, height, PixelFormat::YUV420_8, Rational { num: 25, den: 1 })
    }

    #[test]
    fn small_pictures_get_no_preset_that_breaks_them() {
        let mut settings = Settings::default();
        settings.set("preset", "12").unwrap();
        let preset = |w, h| ScenePlan::constant_quality(&settings, &info(w, h)).unwrap().base.preset;
        assert_eq!((preset(176, 144), preset(1920, 144), preset(640, 360)), (10, 10, 12));
    }

    #[test]
    fn what_cannot_be_served_is_named() {
        let plan = |name, value| {
            let mut settings = Settings::default();
            settings.set(name, value).unwrap();
            ScenePlan::constant_quality(&settings, &info(640, 360)).map_err(|e| e.to_string())
        };
        assert!(plan("lambda", "3").unwrap_err().contains("lambda"));
        assert!(plan("strategies", "av1,hybrid").unwrap_err().contains("hybrid"));
        assert!(plan("device", "cuda:1").unwrap_err().contains("cuda:1"));
        assert_eq!(plan("quantizer", "20").unwrap().base.quantizer, 20);
    }
}
