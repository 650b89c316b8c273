//! What a decoder may use and what it does with damage; also by name, for C and Python.

use crate::bitstream::Limits;
use crate::error::{Error, Result};
use crate::settings::DeviceChoice;
use crate::threads::{MOST_THREADS, thread_count};

/// What a decoder may use, and what it does with damage.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct DecoderSettings {
    /// Threads to use; 0 means all processors. The frames do not depend on it.
    pub threads: usize,
    /// Bounds on what a stream may ask for.
    pub limits: Limits,
    /// What happens at a damaged scene.
    pub on_damage: OnDamage,
    /// Where filters run. The frames do not depend on it.
    pub device: DeviceChoice,
    /// Whether frames that are asked for as [`AnyFrame`](crate::frame::AnyFrame) are given on the GPU of `device`: those that it filtered
    /// as they are there, others as copies.
    pub gpu_resident: bool,
    /// Whether a [`DecodingAgent`](super::DecodingAgent) waits for a scene's last byte and its checksum before it gives a frame of it, so
    /// that no frame is provisional. Other decoders always do.
    pub whole_scenes: bool,
}

/// What a decoder does at a damaged scene.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnDamage {
    /// The error ends the stream.
    #[default]
    Stop,
    /// The error is reported once; the next call continues with the next intact scene.
    SkipScene,
}

impl DecoderSettings {
    /// The same with another number of threads.
    #[must_use]
    pub fn with_threads(self, threads: usize) -> Self {
        Self { threads, ..self }
    }

    /// The same with other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The same with another way with damage.
    #[must_use]
    pub fn with_on_damage(self, on_damage: OnDamage) -> Self {
        Self { on_damage, ..self }
    }

    /// The same with another device.
    #[must_use]
    pub fn with_device(self, device: DeviceChoice) -> Self {
        Self { device, ..self }
    }

    /// The same with frames that stay on the GPU, or come to the host.
    #[must_use]
    pub fn with_gpu_resident(self, gpu_resident: bool) -> Self {
        Self { gpu_resident, ..self }
    }

    /// The same with an agent that waits for whole scenes, or does not.
    #[must_use]
    pub fn with_whole_scenes(self, whole_scenes: bool) -> Self {
        Self { whole_scenes, ..self }
    }

    pub(super) fn thread_count(&self) -> usize {
        thread_count(self.threads)
    }
}

macro_rules! limits {
    ($($name:ident),*) => {
        impl DecoderSettings {
            /// Names of all settings.
            pub const NAMES: &[&str] = &["threads", "on_damage", "device", "whole_scenes", $(stringify!($name)),*];

            /// Sets one value by name: `threads`, `on_damage` (`stop` or `skip_scene`), `device` (`auto`, `cpu`, `cuda` or `cuda:N`; of several
            /// the first), `whole_scenes` (`true` or `false`), or a field of
            /// [`Limits`](crate::bitstream::Limits).
            ///
            /// # Errors
            ///
            /// `InvalidArgument` naming an unknown name, or the name, range and value.
            pub fn set(&mut self, name: &str, text: &str) -> Result<()> {
                match name {
                    "threads" => self.threads = number(name, text, MOST_THREADS as u64)? as usize,
                    "on_damage" => self.on_damage = text.parse()?,
                    "device" => self.device = text.parse()?,
                    "whole_scenes" => {
                        let flag = text.trim().parse();
                        self.whole_scenes = flag.map_err(|_| Error::invalid(name, "true or false", text))?;
                    }
                    $(stringify!($name) => {
                        // Every limit is a u32 or a u64; the type of the default says which.
                        let bits = 8 * size_of_val(&self.limits.$name) as u32;
                        let value = number(name, text, u64::MAX >> (64 - bits))?;
                        self.limits.$name = value as _;
                    })*
                    _ => {
                        let expected = format!("one of {}", Self::NAMES.join(", "));
                        return Err(Error::invalid("decoder setting", expected, name));
                    }
                }
                Ok(())
            }
        }
    };
}

limits!(
    max_width,
    max_height,
    max_pixels,
    max_scenes,
    max_scene_frames,
    max_scene_bytes,
    max_audio_tracks,
    max_extradata_bytes,
    max_audio_packet_bytes,
    max_track_entries,
    max_packet_bytes,
    max_memory_bytes
);

fn number(name: &str, text: &str, high: u64) -> Result<u64> {
    let value = text.trim().parse().ok().filter(|value| *value <= high);
    value.ok_or_else(|| Error::invalid(name, format!("a whole number from 0 to {high}"), text))
}

impl std::str::FromStr for OnDamage {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "stop" => Ok(Self::Stop),
            "skip_scene" => Ok(Self::SkipScene),
            _ => Err(Error::invalid("on_damage", "stop or skip_scene", text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_named_setting_can_be_set() {
        let mut settings = DecoderSettings::default();
        for name in DecoderSettings::NAMES
            .iter()
            .filter(|name| !["on_damage", "device", "whole_scenes"].contains(name))
        {
            settings.set(name, "7").unwrap();
        }
        settings.set("on_damage", "skip_scene").unwrap();
        settings.set("device", "cuda:1").unwrap();
        settings.set("whole_scenes", "true").unwrap();
        assert!(settings.whole_scenes);
        assert_eq!(settings.device, crate::settings::DeviceChoice::Cuda(1));
        assert_eq!((settings.threads, settings.on_damage), (7, OnDamage::SkipScene));
        assert_eq!((settings.limits.max_packet_bytes, settings.limits.max_pixels), (7, 7));
    }

    #[test]
    fn a_wrong_name_or_value_is_named_in_the_error() {
        let mut settings = DecoderSettings::default();
        for (name, value, part) in [
            ("max_widht", "1", "max_widht"),
            ("max_width", "4294967296", "4294967295"),
            ("max_pixels", "-1", "max_pixels"),
            ("threads", "257", "256"),
            ("on_damage", "ignore", "skip_scene"),
            ("device", "tpu", "cuda:N"),
            ("whole_scenes", "2", "true or false"),
        ] {
            let message = settings.set(name, value).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
    }
}
