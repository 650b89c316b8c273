//! What is decided about a scene before it is coded.

use std::fmt;
use std::sync::Arc;

use super::steering::Steering;
use super::target::{Floor, Target};
use super::tune::Tune;
use crate::base::{Library, Quantizer};
use crate::frame::{BitDepth, VideoInfo};
use crate::settings::Settings;

/// Coding tools of the base encoder that are chosen scene by scene; `None` leaves its default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tools {
    /// Levels of the pyramid of predicted frames: 3 for groups of 8 frames, 4 for 16, 5 for 32.
    pub hierarchical_levels: Option<u8>,
    /// False: no adaptive quantization.
    pub adaptive_quantization: Option<bool>,
    /// True: screen content tools in every frame.
    pub screen_content: Option<bool>,
    /// What the encoder is tuned for in place of squared errors.
    pub tune: Option<Tune>,
}

impl Tools {
    /// The options by SVT-AV1's names.
    pub(crate) fn options(&self) -> Vec<(String, String)> {
        let option = |name: &str, value: u8| (name.to_owned(), value.to_string());
        let levels = self.hierarchical_levels.map(|levels| option("hierarchical-levels", levels));
        // 2 is the default: by the propagation of errors along motion.
        let aq = self.adaptive_quantization.map(|on| option("aq-mode", if on { 2 } else { 0 }));
        let screen = self.screen_content.map(|on| option("scm", u8::from(on)));
        let tune = self.tune.map(|tune| option("tune", tune.number()));
        [levels, aq, screen, tune].into_iter().flatten().collect()
    }
}

impl fmt::Display for Tools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options: Vec<_> = self.options().iter().map(|(name, value)| format!("{name}={value}")).collect();
        f.write_str(if options.is_empty() { "default" } else { "" })?;
        f.write_str(&options.join(" "))
    }
}

/// Settings of the base layer for one scene.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct EncodeParams {
    /// Constant quality.
    pub quantizer: Quantizer,
    /// The base encoder's preset, 0 (slowest) to 13.
    pub preset: i8,
    /// Bits of a sample inside the base layer.
    pub depth: BitDepth,
    /// Tools that differ from the encoder's defaults.
    pub tools: Tools,
    /// A quantizer of its own for every frame, 0 to 63; empty where the encoder chooses them by `quantizer`.
    pub frame_quantizers: Vec<u8>,
    /// Moves `frame_quantizers` while the scene is coded; none where they stay.
    pub(crate) steering: Option<Arc<Steering>>,
}

/// What an effort stands for, for a clip: whatever changes AV1's sequence header is the same for all of its scenes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct EffortParams {
    /// The preset that scenes are stored with.
    pub(crate) preset: i8,
    /// The preset that looks for the quantizer.
    pub(crate) probe_preset: i8,
    /// The preset that says how far above the probes the stored coding lies; that of the probes where none is worth it.
    pub(crate) pilot_preset: i8,
    /// Whether the probes' preset makes the pilot of a scene that is steered.
    pub(crate) has_fast_pilots: bool,
    /// What of the allowances above a floor is left as it is.
    pub(crate) slack: f64,
    /// Whether tools are chosen by the class of the scene.
    pub(crate) chooses_tools: bool,
    /// Whether the base encoder is tuned for the metric that binds.
    pub(crate) tunes: bool,
    /// The finest quantizer that the preset can be trusted with.
    pub(crate) finest: Quantizer,
    /// Bits of a sample inside the base layer.
    pub(crate) depth: BitDepth,
    /// Bits of a sample of the source, at which probes and pilots are made.
    source_depth: BitDepth,
}

/// The fastest preset for pictures with a side below [`SMALL_SIDE`]: above it SVT-AV1 4.1 was seen to write streams
/// of pictures up to 176 wide that decoders cannot follow (luma PSNR 13 dB, and decoders disagree).
const FASTEST_PRESET_OF_SMALL: i8 = 10;

/// Pictures with a smaller side count as small: a safe distance above what was seen to fail.
const SMALL_SIDE: usize = 256;

/// The fastest preset at quantizers below [`FINE_BELOW`]: above it SVT-AV1 4.1 was seen to write streams that no decoder
/// takes, of camera clips and of animation at quantizers up to 2.25.
const FASTEST_PRESET_OF_FINE: i8 = 10;

/// Quantizers below count as fine: a safe distance above what was seen to fail.
const FINE_BELOW: u8 = 4;

/// Floors above any of these may need them: quantizer 4 gives 46 dB and more.
const NEEDS_FINE: Floor = Floor {
    psnr_y: Some(44.0),
    ssim_y: Some(0.99),
    ms_ssim_y: Some(0.998),
    ssimulacra2: Some(90.0),
    vmaf: Some(98.0),
    xpsnr_y: Some(44.0),
    ..Floor::NONE
};

impl EffortParams {
    /// What `settings` ask for, for a clip that is coded as `info` says.
    ///
    /// Small pictures get no preset above 10, whatever is asked for, nor do quantizers below 4 and floors that may need them.
    pub(crate) fn new(settings: &Settings, target: &Target, info: &VideoInfo, library: &Library) -> Self {
        let effort = settings.effort.min(9);
        let constants = &settings.defaults.effort;
        let (table, pilot_preset) = if library.version().0 >= 3 {
            (constants.presets, constants.pilot_preset)
        } else {
            (constants.old_presets, constants.old_pilot_preset)
        };
        let asked = settings.preset.unwrap_or(table[usize::from(effort)]);
        let is_small = info.width.min(info.height) < SMALL_SIDE;
        let is_fine = match target {
            Target::Constant(quantizer) => *quantizer < Quantizer::from(FINE_BELOW),
            Target::Floor(floor) => floor.is_above_any_of(&NEEDS_FINE),
            _ => false,
        };
        let fastest =
            if is_small || is_fine { FASTEST_PRESET_OF_SMALL.min(FASTEST_PRESET_OF_FINE) } else { i8::MAX };
        let preset = asked.min(fastest);
        let source_depth = info.format.depth;
        let depth = if effort >= constants.ten_bits_from { BitDepth::Ten } else { source_depth };
        // A preset next to the probes' speaks for itself.
        let probe_preset = if preset + 1 >= constants.probe_preset { preset } else { constants.probe_preset };
        Self {
            preset,
            probe_preset,
            // A second coding costs no more than a pilot at a preset next to it.
            pilot_preset: if preset + constants.pilots_from <= pilot_preset {
                pilot_preset
            } else {
                probe_preset
            },
            has_fast_pilots: (constants.fast_pilots_from..pilot_preset).contains(&preset),
            slack: constants.slack[usize::from(effort)],
            chooses_tools: effort >= constants.chooses_tools_from,
            tunes: effort >= settings.defaults.tune.from_effort,
            finest: if preset > FASTEST_PRESET_OF_FINE {
                Quantizer::from(FINE_BELOW)
            } else {
                Quantizer::FINEST
            },
            depth: settings.bit_depth.unwrap_or(depth),
            source_depth,
        }
    }

    /// The parameters that a scene is stored with.
    pub(crate) fn params(&self, quantizer: Quantizer, tools: Tools) -> EncodeParams {
        self.at(self.preset, quantizer, self.depth, tools)
    }

    /// Those of a pilot at a preset, at the source's depth.
    pub(crate) fn pilot_params(&self, preset: i8, quantizer: Quantizer, tools: Tools) -> EncodeParams {
        self.at(preset, quantizer, self.source_depth, tools)
    }

    /// Those of a probe.
    pub(crate) fn probe_params(&self, quantizer: Quantizer, tools: Tools) -> EncodeParams {
        self.at(self.probe_preset, quantizer, self.source_depth, tools)
    }

    fn at(&self, preset: i8, quantizer: Quantizer, depth: BitDepth, tools: Tools) -> EncodeParams {
        EncodeParams {
            quantizer: quantizer.max(self.finest),
            preset,
            depth,
            tools,
            frame_quantizers: Vec::new(),
            steering: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{PixelFormat, Rational};

    #[test]
    fn small_pictures_get_no_preset_that_breaks_them() {
        let mut settings = Settings::default();
        settings.set("preset", "12").unwrap();
        let preset = |size| effort(&settings, Target::Lambda(1.0), size).preset;
        assert_eq!((preset((176, 144)), preset((1920, 144)), preset((640, 360))), (10, 10, 12));
    }

    fn effort(settings: &Settings, target: Target, (width, height): (usize, usize)) -> EffortParams {
        let library = Library::load(None).unwrap();
        let info = VideoInfo::new(width, height, PixelFormat::YUV420_8, Rational { num: 25, den: 1 });
        EffortParams::new(settings, &target, &info, &library)
    }

    #[test]
    fn fine_quantizers_and_presets_that_break_them_never_meet() {
        let mut settings = Settings::default();
        settings.set("preset", "12").unwrap();
        let constant = |quantizer| Target::Constant(Quantizer::at_most(quantizer, false));
        let size = (640, 360);
        assert_eq!(effort(&settings, constant(1.0), size).preset, 10);
        assert_eq!(effort(&settings, constant(4.0), size).preset, 12);
        let floor = |name, least| {
            let mut asked = Settings::default();
            asked.set(name, least).unwrap();
            effort(&settings, Target::of(&asked).unwrap(), size).preset
        };
        assert_eq!((floor("min_psnr_y", "49"), floor("min_ssim_y", "0.995")), (10, 10));
        assert_eq!((floor("min_psnr_y", "40"), floor("min_vmaf", "95")), (12, 12));
        let fast = effort(&settings, Target::Lambda(1.0), size);
        let params = fast.params(Quantizer::FINEST, Tools::default());
        assert_eq!((params.preset, params.quantizer), (12, Quantizer::from(4)));
        settings.set("preset", "3").unwrap();
        let slow = effort(&settings, Target::Lambda(1.0), size);
        assert_eq!(slow.params(Quantizer::FINEST, Tools::default()).quantizer, Quantizer::FINEST);
    }

    #[test]
    fn tools_are_named_as_the_encoder_names_them() {
        let tools = Tools {
            hierarchical_levels: Some(3),
            adaptive_quantization: Some(false),
            screen_content: Some(true),
            tune: Some(Tune::Contrast),
        };
        assert_eq!(tools.to_string(), "hierarchical-levels=3 aq-mode=0 scm=1 tune=5");
        assert_eq!(Tools::default().to_string(), "default");
    }
}
