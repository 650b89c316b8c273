//! The list of constants: every one with its type, its range and its meaning. `defaults.toml` has the values.

use super::value::{Constant, FILTER_LAYERS, Value, read};
use crate::error::{Error, Result};

macro_rules! table {
    ($($(#[doc = $about:literal])+ $section:ident: $Section:ident {
        $($(#[doc = $meaning:literal])+ $key:ident: $ty:ty, $low:expr => $high:expr;)+
    })+) => {
        $(
            $(#[doc = $about])+
            #[derive(Debug, Clone, Copy, PartialEq, Default)]
            #[non_exhaustive]
            pub struct $Section {
                $($(#[doc = $meaning])+ pub $key: $ty,)+
            }
        )+

        /// Constants of the encoder, section by section. None of them changes what a target means or what a decoder does.
        ///
        /// ```
        /// use neural_codec::defaults::Defaults;
        ///
        /// let defaults = Defaults::from_toml("[search]\ntarget_margin = 0.05\n")?;
        /// assert_eq!(defaults.search.target_margin, 0.05);
        /// assert_eq!(defaults.search.most_located, Defaults::default().search.most_located);
        /// let error = Defaults::from_toml("[search]\ntarget_margin = 5\n").unwrap_err();
        /// assert_eq!(error.to_string(), "defaults: search.target_margin: expected a number from 0 to 2, found 5");
        /// # Ok::<(), neural_codec::Error>(())
        /// ```
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub struct Defaults {
            $($(#[doc = $about])+ pub $section: $Section,)+
        }

        impl Defaults {
            /// All zero, to be filled.
            pub(super) fn empty() -> Self {
                Self { $($section: $Section::default(),)+ }
            }

            /// Sets one constant by its key, such as `search.target_margin`.
            pub(super) fn put(&mut self, key: &str, value: &serde_json::Value) -> Result<()> {
                $($(
                    if key == concat!(stringify!($section), ".", stringify!($key)) {
                        self.$section.$key = read(key, ($low as f64, $high as f64), value)?;
                        return Ok(());
                    }
                )+)+
                Err(unknown(key))
            }

            /// All constants, in the order of the table.
            pub fn constants(&self) -> Vec<Constant> {
                vec![$($(Constant {
                    key: concat!(stringify!($section), ".", stringify!($key)),
                    value: self.$section.$key.json(),
                    low: $low as f64,
                    high: $high as f64,
                    is_whole: <$ty as Value>::IS_WHOLE,
                    meaning: concat!($($meaning),+).trim_ascii(),
                },)+)+]
            }
        }
    };
}

fn unknown(key: &str) -> Error {
    let constants = Defaults::empty().constants();
    let section = key.split('.').next().unwrap_or_default();
    let mut names: Vec<&str> = constants
        .iter()
        .filter_map(|constant| constant.key.split_once('.'))
        .filter_map(|(own, name)| (own == section).then_some(name))
        .collect();
    if names.is_empty() {
        names = constants.iter().filter_map(|constant| constant.key.split('.').next()).collect();
        names.dedup();
    }
    Error::invalid("defaults", format!("one of {}", names.join(", ")), key)
}

table! {
    /// What an effort, 0 to 9, stands for.
    effort: Effort {
        /// The base encoder's preset of each effort, for its versions 3 and newer.
        presets: [i8; 10], 0 => 13;
        /// The same for older versions.
        old_presets: [i8; 10], 0 => 13;
        /// The least effort that chooses tools by the class of the scene.
        chooses_tools_from: u8, 0 => 10;
        /// The least effort that codes sources of 8 bits at 10 bits inside.
        ten_bits_from: u8, 0 => 10;
        /// What of `search.worth_another` and `most_above` each effort leaves as it is: the less, the more codings.
        slack: [f64; 10], 0.01 => 10;
        /// The preset of probes.
        probe_preset: i8, 6 => 13;
        /// The preset of pilots, and that of older versions.
        pilot_preset: i8, 3 => 13;
        /// See `pilot_preset`.
        old_pilot_preset: i8, 3 => 13;
        /// Presets closer to the pilot's than this are stored at once.
        pilots_from: i8, 0 => 13;
        /// Presets from here on leave scenes that are steered to a pilot at the probes' preset.
        fast_pilots_from: i8, 0 => 14;
    }
    /// The search for a quality floor. Units: dB of the metric that binds, unless said otherwise.
    search: Search {
        /// By how much predictions aim above the floor.
        target_margin: f64, 0 => 2;
        /// The same where a sample was coded as the scene is stored.
        sampled_margin: f64, 0 => 2;
        /// The same for the last frames of a coding that is steered.
        steered_margin: f64, 0 => 2;
        /// The least aim of a correction, once the stored preset was measured.
        corrected_margin: f64, 0 => 2;
        /// Share of the way to the floor that a correction aims above it besides.
        corrected_share: f64, 0 => 1;
        /// Most probes that locate.
        most_located: usize, 1 => 10;
        /// How far a located point may lie from its target before another is measured.
        far: f64, 0.01 => 10;
        /// How far the quantizer may lie from the pilot's before there is another. Units: steps of the quantizer.
        far_position: f64, 0.25 => 60;
        /// The quantizer of the first probe at the default floor, of a scene in which nothing changes and nothing is flat.
        first_quantizer: u8, 5 => 63;
        /// By how much it is moved for a scene all of whose blocks change. Units: positions, steps below quantizer 50.
        first_by_changed: f64, -200 => 200;
        /// The same for one all of which is flat.
        first_by_flatness: f64, -200 => 200;
        /// Share of the bytes that a coding between two others must be expected to save.
        worth_another: f64, 0 => 1;
        /// Most codings of a scene after the first; three more where none of these meets the floor, or one is expected to save a third of the bytes.
        most_corrections: usize, 0 => 8;
        /// Frames of the part that locates.
        part_frames: u64, 9 => 1000;
        /// The finest and the coarsest quantizer at which a sample is coded as the scene will be stored, before a fast pilot; from 80 on none is.
        sampled_quantizers: [f64; 2], 0 => 80;
        /// Frames of the sample.
        sampled_frames: u64, 9 => 1000;
        /// What a dB is worth, in the natural logarithm of the bytes.
        log_bytes_per_db: f64, 0.01 => 2;
    }
    /// How far above its floor a scene may be stored before it is coded again, in each metric's own unit.
    most_above: MostAbove {
        /// Luma PSNR in dB.
        psnr_y: f64, 0.01 => 10;
        /// Luma SSIM.
        ssim_y: f64, 0.0001 => 0.1;
        /// Luma MS-SSIM.
        ms_ssim_y: f64, 0.0001 => 0.1;
        /// SSIMULACRA 2.
        ssimulacra2: f64, 0.05 => 20;
        /// VMAF.
        vmaf: f64, 0.05 => 20;
        /// Luma XPSNR in dB.
        xpsnr_y: f64, 0.01 => 10;
    }
    /// How a coding is steered while it runs.
    steering: SteeringRules {
        /// Frames between two turns.
        every: u64, 4 => 256;
        /// Frames that must be left to steer.
        least_left: u64, 1 => 256;
        /// Frames whose distance from what was expected counts half.
        trusted_frames: f64, 0.5 => 1000;
        /// The same where a sample was coded as the scene is stored.
        sampled_trusted_frames: f64, 0.5 => 10000;
        /// How far quantizers may be moved on the way. Units: steps of the quantizer.
        most_moved: f64, 0 => 40;
    }
    /// What slower presets gain over faster ones at the same quantizer. Units: dB of luma PSNR and of luma SSIM.
    forecast: Forecast {
        /// Quantizers from here on share one gain over the probe.
        knee: f64, 5 => 63;
        /// The gain over a probe from the knee on, and what it loses with each step below.
        over_probe: [f64; 2], -1 => 10;
        /// What it does not fall below.
        least_over_probe: f64, -10 => 10;
        /// The gain of presets 0 to 6 over a pilot.
        over_pilot: [[f64; 2]; 7], -1 => 10;
        /// What is added where the pilot was made at the probes' preset.
        over_fast_pilot: [f64; 2], -1 => 10;
        /// What a whole scene gains for each dB that a sample of it gains.
        over_sample: [f64; 2], 0 => 4;
        /// The share of changed blocks from which on less is gained over a pilot.
        busy_from: f64, 0 => 1;
        /// How much less presets 0 to 6 gain for each share of 1 above that.
        less_when_busy: [[f64; 2]; 7], -10 => 10;
        /// How much more presets 0 to 6 gain for each width that the picture moves in a second.
        more_by_motion: [[f64; 2]; 7], -10 => 10;
        /// Motion that is faster counts as this.
        most_motion: f64, 0 => 10;
    }
    /// The search for a bitrate or a size.
    rate: Rate {
        /// The quantizer of the first probe.
        located_quantizer: u8, 5 => 63;
        /// How many times the bytes each slower preset takes at the same quantizers.
        bytes_a_preset: f64, 0.5 => 1.5;
        /// The same of its squared error.
        error_a_preset: f64, 0.5 => 1.5;
        /// Share of the bytes that the first allocation leaves free.
        reserve: f64, 0 => 0.5;
        /// An encode that uses less than this share of its bytes is corrected.
        well_used: f64, 0 => 1;
        /// The same of one that was corrected once; this power of it of one that was corrected so often.
        well_used_corrected: f64, 0 => 1;
        /// Most corrections.
        most_corrections: u32, 1 => 10;
    }
    /// The search for a floor of the whole clip. Units: dB.
    clip_floor: ClipFloor {
        /// By how much the first quantizer aims above the floor.
        margin: f64, 0 => 2;
        /// The least aim of a correction.
        corrected_margin: f64, 0 => 2;
        /// Share of the way to the floor that a correction aims above it besides.
        corrected_share: f64, 0 => 1;
        /// Most corrections; each stores every scene again.
        most_corrections: u32, 1 => 10;
    }
    /// The search for the quantizer of a still picture, along quarter steps of the quantizer.
    photo: PhotoSearch {
        /// The base encoder's preset of each effort.
        presets: [i8; 10], 0 => 13;
        /// The least effort that tries a neural still where AV1 is allowed too.
        still_from_effort: u8, 0 => 10;
        /// Larger pictures are not tried as stills. Units: pixels.
        still_pixels: u64, 0 => 1_000_000_000;
        /// The preset that says about where the quantizer lies.
        locate_preset: i8, 0 => 13;
        /// Presets from here on are stored at once.
        stored_at_once_from: i8, 0 => 14;
        /// The least effort that libaom codes photos at, in colors of their own.
        libaom_from_effort: u8, 0 => 10;
        /// The least effort that tries a neural filter over what libaom codes, where squared error counts.
        filtered_from_effort: u8, 0 => 10;
        /// What it has to add to be stored. Units: dB of psnr_rgb.
        filter_worth: f64, 0 => 10;
        /// The quantizers whose gains are tried for the filter over a still.
        still_filters: [u8; 4], 0 => 63;
        /// About what that adds. Units: dB of psnr_rgb.
        still_filter_gain: f64, 0 => 10;
        /// The speed of libaom of each effort, where squared error counts.
        libaom_speeds: [i8; 10], 0 => 9;
        /// The same where what people see counts.
        libaom_perception_speeds: [i8; 10], 0 => 9;
        /// The speed of libaom that says about where the quantizer lies.
        libaom_locate_speed: i8, 0 => 9;
        /// As `near`, of libaom. Units: dB.
        libaom_near: f64, 0 => 2;
        /// How much a picture comes closer to its floor with a quarter step, about, before it is known. Units: dB.
        slope: f64, 0.001 => 5;
        /// The same for a limit of bytes. Units: the natural logarithm of the bytes.
        size_slope: f64, 0.001 => 5;
        /// How far above a floor is near enough. Units: dB.
        near: f64, 0 => 2;
        /// How far below a limit of bytes is near enough. Units: the natural logarithm of the bytes.
        size_near: f64, 0 => 1;
        /// How far is near enough where the quantizer is located. Units: quarter steps.
        located_near: f64, 0 => 280;
        /// A bracket of so many quarter steps is narrow enough there.
        located_width: usize, 1 => 280;
        /// Attempts at most, of locating and of storing each.
        most_attempts: u32, 1 => 100;
        /// While there is no bracket, by how much each step is longer than the one before.
        longer: f64, 1 => 10;
        /// Every so many attempts a bracket is halved.
        halved_every: u32, 1 => 100;
    }
    /// When filters are tried and kept.
    filter: FilterRules {
        /// The least effort that tries filters where plain AV1 is allowed too.
        from_effort: u8, 0 => 10;
        /// Layers of the network for each effort: 3 of 16 channels, or 4 of 24, as the format has them.
        layers: [u8; 10], FILTER_LAYERS.0 => FILTER_LAYERS.1;
        /// Steps of training for each effort, at most.
        steps: [usize; 10], 8 => 100_000;
        /// How often a scene's samples are trained from for each effort, at most.
        passes: [f64; 10], 0.01 => 10_000;
        /// The fewest steps, however small a scene is.
        fewest_steps: usize, 8 => 100_000;
        /// By how many dB of luma PSNR and of luma SSIM filters raise a scene, about.
        expected_gain: [f64; 2], 0 => 1;
        /// What a squared error of a chroma sample counts beside one of luma, where the target is a floor of luma.
        chroma_at_a_floor: f32, 0 => 1;
        /// Bytes of a scene from which on all steps are spent.
        bytes_for_all_steps: u64, 1 => 100_000_000;
        /// The least share of the steps.
        least_share: f64, 0.01 => 1;
        /// Scenes of fewer bytes get no filter.
        least_bytes: u64, 0 => 100_000_000;
        /// Patches to train from, for each step, and the fewest and the most.
        patches_a_step: f64, 0.01 => 8;
        /// See `patches_a_step`.
        fewest_patches: usize, 16 => 100_000;
        /// See `patches_a_step`.
        most_patches: usize, 16 => 100_000;
        /// Frames that patches are drawn from, about.
        frames_looked_at: usize, 1 => 10_000;
        /// What a byte costs more where a floor is bound by another metric than PSNR or XPSNR, which filters raise less.
        dearer: f64, 1 => 10;
        /// Share by which a filter has to lower D + lambda R, or that of the bytes which it has to save at a floor.
        worth: f64, 0 => 0.5;
        /// Share of what SSIM lacks of 1 that a filter may add to it.
        ssim_slack: f64, 0 => 0.1;
        /// Candidates that are run over the whole scene, at most.
        most_runs: usize, 1 => 4;
    }
    /// What the base encoder is tuned for.
    tune: TuneRules {
        /// The least effort that tunes it.
        from_effort: u8, 0 => 10;
        /// The finest and the coarsest quantizer at which floors of SSIM and of MS-SSIM are tuned for.
        quantizers: [f64; 2], 0 => 100;
        /// The same for floors of VMAF.
        vmaf_quantizers: [f64; 2], 0 => 100;
        /// By how many dB the margins of other floors have to exceed that of SSIM, of MS-SSIM or of VMAF where it binds.
        slack: [f64; 3], 0 => 100;
        /// What tuning for contrast adds at the same quantizer: dB of luma PSNR, SSIM, MS-SSIM, VMAF and XPSNR on their scales.
        contrast_gain: [f64; 5], -10 => 10;
        /// The same of tuning for structure.
        structure_gain: [f64; 5], -10 => 10;
    }
    /// When weights that are solved for lie over the base layer.
    wiener: WienerRules {
        /// The least effort that solves for them.
        from_effort: u8, 0 => 10;
        /// The least effort whose weights reach two frames before and after instead of one.
        far_from_effort: u8, 0 => 10;
        /// By how many dB of luma PSNR and of luma SSIM they raise a scene, about.
        expected_gain: [f64; 2], 0 => 1;
        /// The same where they reach two frames.
        far_expected_gain: [f64; 2], 0 => 1;
        /// Luma samples of a scene that they are solved from, about.
        samples: usize, 10_000 => 1_000_000_000;
        /// The same where they reach two frames.
        far_samples: usize, 10_000 => 1_000_000_000;
        /// How much less the nearest samples count where a floor is bound by another metric than PSNR or XPSNR. Units: 1/256.
        sharpening: i8, 0 => 32;
        /// Scenes of fewer bytes get none.
        least_bytes: u64, 0 => 100_000_000;
        /// Share of the bytes that they have to save beyond their own.
        worth: f64, 0 => 0.5;
    }
    /// How a filter is trained.
    training: Training {
        /// Patches a step.
        batch: usize, 1 => 64;
        /// Learning rate of gains and offsets where they are trained alone.
        gains_alone_rate: f32, 1e-6 => 0.1;
        /// Learning rate of weights.
        weights_rate: f32, 1e-6 => 0.1;
        /// Learning rate of gains and offsets beside weights.
        gains_rate: f32, 1e-6 => 0.1;
        /// Share of these rates that the steps on rounded parameters begin with.
        rounded_rate: f32, 0.001 => 1;
        /// What the first unit of a difference costs. Units: bits.
        first_unit_bits: f32, 0 => 64;
        /// An earlier network suits a scene where it takes away this share of what it took away where it was trained.
        alike: f64, 0 => 2;
        /// Training then takes this part of the steps.
        shorter: usize, 1 => 16;
        /// Exponent of the step of weights to begin with; the format has 0 to 7.
        first_weight_step: u8, 0 => 7;
        /// The least and the greatest exponent to choose from.
        weight_steps: [u8; 2], 0 => 7;
    }
    /// Limits of the classes of scenes, in the order in which they decide; the measurements are those of `scene::Profile`.
    classes: ClassLimits {
        /// Synthetic: least `top_values`.
        synthetic_top_values: f32, 0 => 1;
        /// Synthetic: least `hard_edges`.
        synthetic_hard_edges: f32, 0 => 1;
        /// Static: `changed_blocks` below.
        static_changed_blocks: f32, 0 => 1;
        /// Static: mean `temporal_information` below.
        static_temporal: f32, 0 => 255;
        /// Talking head: least `face_skin`.
        head_face_skin: f32, 0 => 1;
        /// Talking head: least `face_skin` beside `side_skin`.
        head_face_to_sides: f32, 0 => 100;
        /// Talking head: `motion` below.
        head_motion: f32, 0 => 10;
        /// Talking head: `changed_blocks` below.
        head_changed_blocks: f32, 0 => 1;
        /// Talking head: `global_motion` times `changed_blocks` below.
        head_camera: f32, 0 => 1;
        /// Talking head: mean `temporal_information` below.
        head_temporal: f32, 0 => 255;
        /// High motion: least `motion`.
        high_motion: f32, 0 => 10;
        /// High motion: least `motion` where the picture also changes much.
        high_motion_of_much: f32, 0 => 10;
        /// High motion: least mean `temporal_information` that counts as much.
        high_temporal: f32, 0 => 255;
        /// Static after all: `changed_blocks` below.
        calm_changed_blocks: f32, 0 => 1;
        /// Static after all: `motion` below.
        calm_motion: f32, 0 => 10;
    }
}
