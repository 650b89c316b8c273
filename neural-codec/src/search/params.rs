//! What is decided about a scene before it is coded.

use std::fmt;

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
}

impl Tools {
    /// The options by SVT-AV1's names.
    pub(crate) fn options(&self) -> Vec<(String, String)> {
        let option = |name: &str, value: u8| (name.to_owned(), value.to_string());
        let levels = self.hierarchical_levels.map(|levels| option("hierarchical-levels", levels));
        // 2 is the default: by the propagation of errors along motion.
        let aq = self.adaptive_quantization.map(|on| option("aq-mode", if on { 2 } else { 0 }));
        let screen = self.screen_content.map(|on| option("scm", u8::from(on)));
        [levels, aq, screen].into_iter().flatten().collect()
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
pub struct EncodeParams {
    /// Constant quality.
    pub quantizer: Quantizer,
    /// The base encoder's preset, 0 (slowest) to 13.
    pub preset: i8,
    /// Bits of a sample inside the base layer.
    pub depth: BitDepth,
    /// Tools that differ from the encoder's defaults.
    pub tools: Tools,
}

/// The fastest preset at quantizers below [`FINE_BELOW`]: above it SVT-AV1 4.1 was seen to write streams that no decoder
/// takes, of camera clips and of animation at quantizers up to 2.25.
const FASTEST_PRESET_OF_FINE: i8 = 10;

/// Quantizers below count as fine: a safe distance above what was seen to fail.
const FINE_BELOW: f64 = 4.0;

impl EncodeParams {
    /// A plan with this preset, or a slower one where the base encoder breaks streams of so fine a quantizer.
    pub(crate) fn new(quantizer: Quantizer, preset: i8, depth: BitDepth, tools: Tools) -> Self {
        let is_fine = quantizer.value() < FINE_BELOW;
        let preset = if is_fine { preset.min(FASTEST_PRESET_OF_FINE) } else { preset };
        Self { quantizer, preset, depth, tools }
    }
}

/// What an effort stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EffortParams {
    /// The preset that scenes are stored with.
    pub(crate) preset: i8,
    /// The preset that looks for the quantizer.
    pub(crate) probe_preset: i8,
    /// Whether tools are chosen by the profile of the scene.
    pub(crate) tries_tools: bool,
    /// Whether tools that multiply the time are used where little is to be gained.
    pub(crate) spends_freely: bool,
    /// Bits of a sample of the source.
    pub(crate) source_depth: BitDepth,
    /// Bits of a sample inside the base layer, where they tell.
    fine_depth: BitDepth,
    /// Bits of a sample inside the base layer at coarse quantizers.
    coarse_depth: BitDepth,
}

/// The base encoder's preset for each effort, for versions 3 and newer, whose presets 11 to 13 are one and the same, and
/// for older ones, whose slow presets take longer (`docs/decisions/0003-av1-encoder.md`).
const PRESET_OF_EFFORT: [i8; 10] = [12, 10, 9, 8, 6, 5, 4, 3, 2, 1];
const OLD_PRESET_OF_EFFORT: [i8; 10] = [12, 11, 10, 9, 8, 7, 6, 5, 4, 2];

/// The least effort that tries tools.
const TRIES_TOOLS: u8 = 5;

/// The least effort that uses tools which multiply the time wherever they may help.
const SPENDS_FREELY: u8 = 7;

/// The preset of probes.
const PROBE_PRESET: i8 = 10;

/// The fastest preset for pictures with a side below [`SMALL_SIDE`]: above it SVT-AV1 4.1 was seen to write streams
/// of pictures up to 176 wide that decoders cannot follow (luma PSNR 13 dB, and decoders disagree).
const FASTEST_PRESET_OF_SMALL: i8 = 10;

/// Pictures with a smaller side count as small: a safe distance above what was seen to fail.
const SMALL_SIDE: usize = 256;

/// The least effort that codes 8-bit sources at 10 bits inside: it takes 7 % more time for 2 % fewer bytes.
const TEN_BITS_FROM: u8 = 4;

/// From this quantizer on 10 bits inside gain nothing and take 10 to 20 % more time (`docs/decisions/0005-search.md`).
const COARSE_FROM: f64 = 58.0;

impl EffortParams {
    /// What `settings` ask for, for a clip that is coded as `info` says.
    ///
    /// Small pictures get no preset above 10, whatever is asked for.
    pub(crate) fn new(settings: &Settings, info: &VideoInfo, library: &Library) -> Self {
        let effort = settings.effort.min(9);
        let table = if library.version().0 >= 3 { PRESET_OF_EFFORT } else { OLD_PRESET_OF_EFFORT };
        let asked = settings.preset.unwrap_or(table[usize::from(effort)]);
        let is_small = info.width.min(info.height) < SMALL_SIDE;
        let preset = if is_small { asked.min(FASTEST_PRESET_OF_SMALL) } else { asked };
        let source_depth = info.format.depth;
        let fine_depth = if effort >= TEN_BITS_FROM { BitDepth::Ten } else { source_depth };
        Self {
            preset,
            // A preset next to the probes' speaks for itself.
            probe_preset: if preset + 1 >= PROBE_PRESET { preset } else { PROBE_PRESET },
            tries_tools: effort >= TRIES_TOOLS,
            spends_freely: effort >= SPENDS_FREELY,
            source_depth,
            fine_depth: settings.bit_depth.unwrap_or(fine_depth),
            coarse_depth: settings.bit_depth.unwrap_or(source_depth),
        }
    }

    /// Bits of a sample inside the base layer, at a quantizer.
    pub(crate) fn depth(&self, quantizer: Quantizer) -> BitDepth {
        if quantizer.value() < COARSE_FROM { self.fine_depth } else { self.coarse_depth }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{PixelFormat, Rational};

    #[test]
    fn more_effort_never_means_a_faster_preset() {
        for table in [PRESET_OF_EFFORT, OLD_PRESET_OF_EFFORT] {
            assert!(table.is_sorted_by(|a, b| a >= b));
        }
    }

    #[test]
    fn small_pictures_get_no_preset_that_breaks_them() {
        let mut settings = Settings::default();
        settings.set("preset", "12").unwrap();
        let library = Library::load(None).unwrap();
        let preset = |w, h| {
            let info = VideoInfo::new(w, h, PixelFormat::YUV420_8, Rational { num: 25, den: 1 });
            EffortParams::new(&settings, &info, &library).preset
        };
        assert_eq!((preset(176, 144), preset(1920, 144), preset(640, 360)), (10, 10, 12));
    }

    #[test]
    fn fine_quantizers_get_no_preset_that_breaks_them() {
        let preset = |quantizer, preset| {
            let quantizer = Quantizer::at_most(quantizer, false);
            EncodeParams::new(quantizer, preset, BitDepth::Eight, Tools::default()).preset
        };
        assert_eq!((preset(1.0, 12), preset(2.25, 11), preset(4.0, 12), preset(1.0, 3)), (10, 10, 12, 3));
    }

    #[test]
    fn tools_are_named_as_the_encoder_names_them() {
        let tools = Tools {
            hierarchical_levels: Some(3),
            adaptive_quantization: Some(false),
            screen_content: Some(true),
        };
        assert_eq!(tools.to_string(), "hierarchical-levels=3 aq-mode=0 scm=1");
        assert_eq!(Tools::default().to_string(), "default");
    }
}
