//! What a caller may ask for: every setting is declared once, here, for Rust, C and Python.
//!
//! The table at the end of this file is the single list of names, ranges and meanings; C and Python set values
//! by name through [`Settings::set`].

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde_json::Value as Json;

mod device_choice;

pub use self::device_choice::{DeviceChoice, Devices};
pub use crate::audio_plan::{AudioAction, AudioCodec, AudioPlan};
use crate::defaults::{Defaults, FILTER_LAYERS};
use crate::error::{Error, Result};
use crate::frame::BitDepth;
pub use crate::pooling::{Pooling, Scope};
use crate::repeats::RepeatChoice;
use crate::scene_choice::SceneChoices;
pub use crate::strategy::Strategy;
use crate::threads::thread_count;

/// A setting's value, read from and written as text.
trait Value: Sized {
    fn read(name: &str, range: &Range, text: &str) -> Result<Self>;
    fn write(&self) -> String;

    /// As JSON: numbers as numbers, lists as lists, none as null, the rest as text.
    fn json(&self) -> Json {
        Json::String(self.write())
    }
}

/// Inclusive numeric bounds of a setting; text settings ignore them.
struct Range {
    low: f64,
    high: f64,
}

impl Range {
    fn expected(&self) -> String {
        format!("a number from {} to {}", self.low, self.high)
    }

    fn check(&self, name: &str, value: f64, text: &str) -> Result<()> {
        if (self.low..=self.high).contains(&value) {
            Ok(())
        } else {
            Err(Error::invalid(name, self.expected(), text))
        }
    }
}

macro_rules! numeric_value {
    ($($ty:ty),*) => {$(
        impl Value for $ty {
            fn read(name: &str, range: &Range, text: &str) -> Result<Self> {
                let value: $ty = text.trim().parse().map_err(|_| Error::invalid(name, range.expected(), text))?;
                range.check(name, value as f64, text)?;
                Ok(value)
            }
            fn write(&self) -> String {
                self.to_string()
            }
            fn json(&self) -> Json {
                Json::from(*self)
            }
        }
    )*};
}
numeric_value!(u8, i8, u64, usize, f64);

/// Values that say themselves how they are read and written.
macro_rules! text_value {
    ($($ty:ty),*) => {$(
        impl Value for $ty {
            fn read(_: &str, _: &Range, text: &str) -> Result<Self> {
                text.parse()
            }
            fn write(&self) -> String {
                self.to_string()
            }
        }
    )*};
}
text_value!(DeviceChoice, SourceDamage, Deinterlace, AudioPlan, Pooling, RepeatChoice, Scope);

impl<T: Value> Value for Option<T> {
    fn read(name: &str, range: &Range, text: &str) -> Result<Self> {
        if text.is_empty() || text == "none" { Ok(None) } else { T::read(name, range, text).map(Some) }
    }
    fn write(&self) -> String {
        self.as_ref().map_or_else(|| "none".into(), Value::write)
    }
    fn json(&self) -> Json {
        self.as_ref().map_or(Json::Null, Value::json)
    }
}

impl Value for BitDepth {
    fn read(name: &str, _: &Range, text: &str) -> Result<Self> {
        let bits = text.trim().parse::<u8>().ok().and_then(|bits| Self::try_from(bits).ok());
        bits.ok_or_else(|| Error::invalid(name, "8 or 10", text))
    }
    fn write(&self) -> String {
        self.bits().to_string()
    }
    fn json(&self) -> Json {
        Json::from(self.bits())
    }
}

impl Value for PathBuf {
    fn read(name: &str, _: &Range, text: &str) -> Result<Self> {
        if text.contains('\0') { Err(Error::invalid(name, "a path", text)) } else { Ok(text.into()) }
    }
    fn write(&self) -> String {
        self.display().to_string()
    }
}

impl Value for Vec<Strategy> {
    fn read(name: &str, _: &Range, text: &str) -> Result<Self> {
        let list: Vec<Strategy> = text.split(',').map(|s| s.trim().parse()).collect::<Result<_>>()?;
        if list.is_empty() { Err(Error::invalid(name, "at least one strategy", text)) } else { Ok(list) }
    }
    fn write(&self) -> String {
        self.iter().map(|s| s.name()).collect::<Vec<_>>().join(",")
    }
    fn json(&self) -> Json {
        self.iter().map(|s| s.name()).collect()
    }
}

/// What to do about frames that are damaged in the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SourceDamage {
    /// The clip ends with an error that names the frame.
    #[default]
    Fail,
    /// The clip begins with the first frame that is whole. Later ones are given as the decoder patched them up, and what does
    /// not decode at all is left out.
    Keep,
}

impl FromStr for SourceDamage {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "stop" => Ok(Self::Fail),
            "continue" => Ok(Self::Keep),
            _ => Err(Error::invalid("on_damage", "stop or continue", text)),
        }
    }
}

impl fmt::Display for SourceDamage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Fail { "stop" } else { "continue" })
    }
}

/// What to do about pictures of two fields, which were taken one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Deinterlace {
    /// Each becomes a picture of one instant.
    #[default]
    Auto,
    /// They are coded as they are.
    Off,
}

impl FromStr for Deinterlace {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "auto" => Ok(Self::Auto),
            "off" => Ok(Self::Off),
            _ => Err(Error::invalid("deinterlace", "auto or off", text)),
        }
    }
}

impl fmt::Display for Deinterlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Auto { "auto" } else { "off" })
    }
}

impl Value for SceneChoices {
    fn read(_: &str, _: &Range, text: &str) -> Result<Self> {
        if text.is_empty() || text == "none" { Ok(Self::default()) } else { Self::from_json(text) }
    }
    fn write(&self) -> String {
        if self.as_json().is_empty() { "none".into() } else { self.as_json().into() }
    }
    fn json(&self) -> Json {
        // What was read as JSON is JSON; empty text is none.
        serde_json::from_str(self.as_json()).unwrap_or(Json::Null)
    }
}

impl Value for Defaults {
    fn read(_: &str, _: &Range, text: &str) -> Result<Self> {
        if text.is_empty() || text == "none" { Ok(Self::default()) } else { Self::from_toml(text) }
    }
    fn write(&self) -> String {
        let changes = self.changes_to_toml();
        if changes.is_empty() { "none".into() } else { changes }
    }
    /// The hash of the table and what differs; none where nothing does.
    fn json(&self) -> Json {
        let changes = self.changes();
        if changes.is_empty() {
            return Json::Null;
        }
        serde_json::json!({ "hash": self.hash(), "changes": changes })
    }
}

/// One row of the table of settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Description {
    /// Name in Rust, C and Python.
    pub name: &'static str,
    /// What it means.
    pub meaning: &'static str,
}

macro_rules! settings {
    ($($(#[doc = $doc:literal])+ $name:ident: $ty:ty = $default:expr, $low:expr => $high:expr;)*) => {
        /// Settings of an encode. See each field; `None` means "not asked for" or "the library decides".
        ///
        /// ```
        /// # use neural_codec::settings::Settings;
        /// let mut settings = Settings::default();
        /// settings.set("effort", "7")?;
        /// assert_eq!((settings.effort, settings.get("effort")), (7, Some("7".to_owned())));
        /// let error = settings.set("effort", "70").unwrap_err();
        /// assert!(error.to_string().contains("effort"));
        /// # Ok::<(), neural_codec::Error>(())
        /// ```
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub struct Settings {
            $($(#[doc = $doc])+ pub $name: $ty,)*
        }

        impl Default for Settings {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        impl Settings {
            /// Names and meanings of all settings, in the order of the documentation.
            pub const DESCRIPTIONS: &[Description] =
                &[$(Description { name: stringify!($name), meaning: concat!($($doc),+) },)*];

            /// Sets one value by name.
            ///
            /// ```
            /// let mut settings = neural_codec::settings::Settings::default();
            /// settings.set("effort", "3")?;
            /// let error = settings.set("effort", "11").unwrap_err();
            /// assert_eq!(error.to_string(), "effort: expected a number from 0 to 9, found 11");
            /// # Ok::<(), neural_codec::Error>(())
            /// ```
            ///
            /// # Errors
            ///
            /// `InvalidArgument` naming an unknown name, or the name, range and value.
            pub fn set(&mut self, name: &str, text: &str) -> Result<()> {
                match name {
                    $(stringify!($name) => {
                        let range = Range { low: $low as f64, high: $high as f64 };
                        self.$name = <$ty as Value>::read(name, &range, text)?;
                    })*
                    _ => {
                        let names: Vec<_> = Self::DESCRIPTIONS.iter().map(|d| d.name).collect();
                        return Err(Error::invalid("setting", format!("one of {}", names.join(", ")), name));
                    }
                }
                Ok(())
            }

            /// One value by name, as text that [`set`](Self::set) accepts.
            pub fn get(&self, name: &str) -> Option<String> {
                match name {
                    $(stringify!($name) => Some(self.$name.write()),)*
                    _ => None,
                }
            }

            /// All values by name, with their types: numbers are numbers, lists are lists, and none is null.
            pub fn to_json(&self) -> BTreeMap<String, Json> {
                BTreeMap::from([$((stringify!($name).to_owned(), self.$name.json()),)*])
            }
        }
    };
}

settings! {
    /// Constant quality: the base layer's quantizer, 1 (best) to 63 (smallest); SVT-AV1 4 takes quarter steps, and up to 70.
    quantizer: Option<f64> = None, 1 => 70;
    /// How much work the encoder may spend, 0 (fastest) to 9.
    effort: u8 = 5, 0 => 9;
    /// Quality floor of a photo: its PSNR in dB, measured in RGB, is at least this. Clips have min_psnr_y.
    min_psnr: Option<f64> = None, 10 => 80;
    /// Quality floor: every scene's mean luma PSNR in dB is at least this. With no target at all, 35.
    min_psnr_y: Option<f64> = None, 10 => 80;
    /// Quality floor: every scene's mean luma SSIM is at least this. With no target at all, 0.95.
    min_ssim_y: Option<f64> = None, 0.1 => 0.9999;
    /// Quality floor: every scene's luma MS-SSIM is at least this.
    min_ms_ssim: Option<f64> = None, 0.1 => 0.9999;
    /// Quality floor: every scene's SSIMULACRA 2 is at least this; 70 is high quality, 90 is hardly ever told from the source.
    min_ssimulacra2: Option<f64> = None, 0 => 99;
    /// Quality floor: every scene's VMAF is at least this; needs libvmaf.
    min_vmaf: Option<f64> = None, 1 => 100;
    /// Quality floor: every scene's luma XPSNR in dB is at least this.
    min_xpsnr: Option<f64> = None, 10 => 80;
    /// How the values of frames become the one that a floor is about: mean, harmonic_mean, or a percentile of frames such as p5.
    pooling: Pooling = Pooling::Mean, 0 => 0;
    /// What a floor is about: every scene, or the clip, all frames of which count together.
    scope: Scope = Scope::Scene, 0 => 0;
    /// Bits a second of the whole stream, at most.
    bitrate_bps: Option<u64> = None, 1_000 => 1_000_000_000_u64;
    /// Bytes of the whole stream, at most.
    size_bytes: Option<u64> = None, 1_000 => 1_u64 << 48;
    /// Lagrangian weight: the least J = D + lambda R, D being the luma mean squared error (8-bit scale), R in bits a luma pixel.
    lambda: Option<f64> = None, 1e-6 => 1e9;
    /// Strategies that may be used, comma-separated: av1, hybrid (AV1 and a filter: beside av1 from effort 4 on a Wiener filter, alone a neural one; over a photo one that all readers have), still (a photo as a neural still, with a filter that all readers have where that helps; beside av1 at effort 9 where min_psnr alone is asked for).
    strategies: Vec<Strategy> = vec![Strategy::Av1, Strategy::Hybrid, Strategy::Still], 0 => 0;
    /// The base encoder's preset, instead of the one that effort chooses; the meaning depends on its version.
    preset: Option<i8> = None, 0 => 13;
    /// Bits of a sample inside the base layer, 8 or 10; the output keeps the source's depth.
    bit_depth: Option<BitDepth> = None, 0 => 0;
    /// What is asked for single scenes, as JSON: one object a scene with some of quantizer, preset, bit_depth, strategies, min_psnr_y, min_ssim_y and tools.
    scene_settings: SceneChoices = SceneChoices::default(), 0 => 0;
    /// Constants of search, filters and scene classes in place of those that are compiled in, as TOML with some of the keys of defaults.toml; for Python and the command line a file of it.
    defaults: Defaults = Defaults::default(), 0 => 0;
    /// Layers of neural filters, 3 (of 16 channels) or 4 (of 24), which are all that the format has, instead of what effort chooses; filters are then tried at every effort.
    filter_layers: Option<u8> = None, FILTER_LAYERS.0 => FILTER_LAYERS.1;
    /// Steps of training of neural filters, instead of what effort chooses, in scenes of many bytes; fewer bytes take fewer. Filters are then tried at every effort.
    filter_steps: Option<usize> = None, 8 => 100_000;
    /// Frames that show the one before again: auto (left out of a .nvc stream, whose decoder shows that one again, as far as that saves), or off (coded as all others).
    repeats: RepeatChoice = RepeatChoice::Auto, 0 => 0;
    /// Longest scene in seconds; bounds memory and the distance between random access points.
    max_scene_seconds: f64 = 10.0, 0.5 => 60.0;
    /// Where heavy work runs: auto, cpu, cuda, cuda:N, or cuda:N,M for several, over which scenes are spread.
    device: DeviceChoice = DeviceChoice::Auto, 0 => 0;
    /// Threads to use; 0 means all processors. The output does not depend on it.
    threads: usize = 0, 0 => 256;
    /// Memory in bytes that the encode may take, by the library's estimate: fewer scenes at once, then fewer threads, and an error before the first frame where that is too little.
    max_memory_bytes: Option<u64> = None, 50_000_000 => 1_u64 << 48;
    /// Folder that keeps what is finished, so that the same encode, interrupted and retried, goes on where it was and gives the same bytes.
    cache_dir: Option<PathBuf> = None, 0 => 0;
    /// What happens at damage of the source: stop (an error that names the frame), or continue (at the next frame that decodes).
    on_damage: SourceDamage = SourceDamage::Fail, 0 => 0;
    /// Tracks of sound of the source: copy, none, opus, aac or flac, with bits a second such as opus:96k, or by track such as 0:copy,1:opus:96k.
    audio: AudioPlan = AudioPlan::default(), 0 => 0;
    /// Interlaced pictures of the source: auto (each becomes a progressive one), or off (coded as they are).
    deinterlace: Deinterlace = Deinterlace::Auto, 0 => 0;
    /// Seed of everything pseudo-random; same seed, same bytes.
    seed: u64 = 0, 0 => u64::MAX;
}

impl Settings {
    /// Threads to use, with 0 resolved to the number of processors.
    pub fn thread_count(&self) -> usize {
        thread_count(self.threads)
    }

    /// Whether so many bytes, at so many bits a second, are more than is asked for.
    pub(crate) fn is_exceeded_by(&self, bytes: u64, bitrate_bps: f64) -> bool {
        self.size_bytes.is_some_and(|limit| bytes > limit)
            || self.bitrate_bps.is_some_and(|limit| bitrate_bps > limit as f64)
    }

    /// The settings of a file that players show: they see the base layer, which is to meet the target by itself. Filters that are
    /// asked for, by `hybrid` alone or by `filter_layers` or `filter_steps`, stay. Every frame is coded.
    #[must_use]
    pub fn for_players(&self) -> Self {
        let mut settings = Self { repeats: RepeatChoice::Off, ..self.clone() };
        let is_asked = self.filter_layers.is_some() || self.filter_steps.is_some();
        if self.strategies.contains(&Strategy::Av1) && !is_asked {
            settings.strategies.retain(|strategy| *strategy != Strategy::Hybrid);
        }
        settings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_of_threads_means_all_processors() {
        let mut settings = Settings::default();
        assert!(settings.thread_count() >= 1);
        settings.set("threads", "3").unwrap();
        assert_eq!(settings.thread_count(), 3);
    }

    #[test]
    fn files_for_players_have_the_filters_that_are_asked_for_alone() {
        let hybrid = |pairs: &[(&str, &str)]| {
            let mut settings = Settings::default();
            pairs.iter().for_each(|(name, text)| settings.set(name, text).unwrap());
            settings.for_players().strategies.contains(&Strategy::Hybrid)
        };
        assert!(!hybrid(&[]) && !hybrid(&[("strategies", "av1,hybrid")]));
        assert!(hybrid(&[("strategies", "hybrid")]) && hybrid(&[("filter_steps", "100")]));
    }

    #[test]
    fn every_setting_reads_what_it_writes() {
        let mut settings = Settings::default();
        for (name, text) in [
            ("quantizer", "30"),
            ("min_ssim_y", "0.95"),
            ("strategies", "av1,hybrid"),
            ("bit_depth", "10"),
            ("device", "cuda:2"),
            ("threads", "3"),
            ("cache_dir", "a/b c"),
            ("on_damage", "continue"),
            ("audio", "copy,1:none,2:opus:96k"),
            ("deinterlace", "off"),
            ("defaults", "[search]\ntarget_margin = 0.05\n"),
            ("filter_layers", "4"),
            ("filter_steps", "300"),
        ] {
            settings.set(name, text).unwrap();
            assert_eq!(settings.get(name).as_deref(), Some(text));
        }
        let mut copy = Settings::default();
        for row in Settings::DESCRIPTIONS {
            copy.set(row.name, &settings.get(row.name).unwrap()).unwrap();
        }
        assert_eq!(copy, settings);
    }

    #[test]
    fn as_json_values_have_their_types() {
        let mut settings = Settings::default();
        for (name, text) in
            [("min_ssim_y", "0.9"), ("bit_depth", "10"), ("scene_settings", r#"[{"quantizer":40}]"#)]
        {
            settings.set(name, text).unwrap();
        }
        let values = settings.to_json();
        assert_eq!(values.len(), Settings::DESCRIPTIONS.len());
        for (name, json) in [
            ("min_ssim_y", "0.9"),
            ("bit_depth", "10"),
            ("effort", "5"),
            ("quantizer", "null"),
            ("strategies", r#"["av1","hybrid","still"]"#),
            ("scene_settings", r#"[{"quantizer":40}]"#),
            ("defaults", "null"),
            ("device", "\"auto\""),
        ] {
            assert_eq!(values[name].to_string(), json, "{name}");
        }
    }

    #[test]
    fn a_wrong_name_or_value_is_named_in_the_error() {
        let mut settings = Settings::default();
        let message = |e: Result<()>| e.unwrap_err().to_string();
        assert!(message(settings.set("quantizr", "30")).contains("quantizr"));
        assert!(message(settings.set("quantizer", "71")).contains("1 to 70"));
        assert!(message(settings.set("quantizer", "x")).contains('x'));
        assert!(message(settings.set("min_psnr_y", "NaN")).contains("NaN"));
        assert!(message(settings.set("strategies", "av2")).contains("av2"));
        assert!(message(settings.set("bit_depth", "9")).contains("8 or 10"));
        assert!(message(settings.set("device", "tpu")).contains("tpu"));
        assert_eq!(
            message(settings.set("filter_layers", "5")),
            "filter_layers: expected a number from 3 to 4, found 5"
        );
        assert!(message(settings.set("filter_steps", "7")).contains("8 to 100000"));
        assert!(message(settings.set("defaults", "[search]\nfar = 99")).contains("search.far"));
        assert_eq!(settings, Settings::default());
    }
}
