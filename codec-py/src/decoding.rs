//! How streams are decoded, as the package says it.

use neural_codec::Result;
use neural_codec::decoder::{DecoderSettings, OnDamage};
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
}

/// Settings of a decoder; the default ones where nothing is said.
///
/// # Errors
///
/// `InvalidArgument`.
pub(crate) fn decoder_settings(decoding: Option<Decoding>) -> Result<DecoderSettings> {
    let mut settings = DecoderSettings::default();
    let Some(Decoding { threads, skip_damage, device, on_device }) = decoding else { return Ok(settings) };
    settings.set("device", &device)?;
    settings.threads = threads;
    settings.gpu_resident = on_device;
    if skip_damage {
        settings.on_damage = OnDamage::SkipScene;
    }
    Ok(settings)
}
