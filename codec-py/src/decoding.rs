//! How streams are decoded, as the package says it.

use std::collections::BTreeMap;

use neural_codec::decoder::{DecoderSettings, OnDamage};
use neural_codec::{Error, Result};
use pyo3::prelude::*;

/// The dictionary `Decoding` of `_settings.py`.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Decoding {
    threads: usize,
    skip_damage: bool,
    /// Where filters run, as `DecoderSettings::set` takes it.
    device: String,
    /// Whether frames stay there.
    on_device: bool,
    /// Bounds on what a stream may ask for, by name.
    limits: BTreeMap<String, u64>,
}

/// Settings of a decoder; the default ones where nothing is said.
///
/// # Errors
///
/// `InvalidArgument`, also for a limit that there is not or that its number exceeds.
pub(crate) fn decoder_settings(decoding: Option<Decoding>) -> Result<DecoderSettings> {
    let mut settings = DecoderSettings::default();
    let Some(Decoding { threads, skip_damage, device, on_device, limits }) = decoding else {
        return Ok(settings);
    };
    settings.set("device", &device)?;
    settings.threads = threads;
    settings.gpu_resident = on_device;
    if skip_damage {
        settings.on_damage = OnDamage::SkipScene;
    }
    for (name, bound) in limits {
        let names = || DecoderSettings::NAMES.iter().copied().filter(|name| name.starts_with("max_"));
        if !names().any(|known| known == name) {
            let names: Vec<_> = names().collect();
            return Err(Error::invalid("limits", format!("names of {}", names.join(", ")), name));
        }
        settings.set(&name, &bound.to_string())?;
    }
    Ok(settings)
}
