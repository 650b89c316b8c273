//! Settings by name, as Python passes them.

use std::collections::BTreeMap;

use neural_codec::Result;
use neural_codec::settings::Settings;

/// # Errors
///
/// `InvalidArgument` naming the setting.
pub(crate) fn settings_from(texts: &BTreeMap<String, String>) -> Result<Settings> {
    let mut settings = Settings::default();
    texts.iter().try_for_each(|(name, text)| settings.set(name, text))?;
    Ok(settings)
}
