//! Constants of search, filter and scene classes that a campaign may change, as data.
//!
//! ```text
//! defaults.toml (compiled in) -> a file or a patch of some of its keys, each checked -> settings -> search, filter, scene
//! ```
//! What is no constant here: what a target means, limits that keep broken streams away, and numbers that were fitted to the base
//! encoder and are no choice.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::Value as Json;
use xxhash_rust::xxh3::xxh3_128;

mod table;
#[cfg(test)]
mod tests;
mod value;

pub use table::{
    ClassLimits, ClipFloor, Defaults, Effort, FilterRules, Forecast, MostAbove, PhotoSearch, Rate, Search,
    SteeringRules, Training, TuneRules, WienerRules,
};
pub use value::{Constant, FILTER_LAYERS};

use crate::error::{Error, Result};

/// Bytes of a text of constants at most, thirteen times the whole table.
const LONGEST_TEXT: usize = 1 << 16;

impl Default for Defaults {
    /// The table that is compiled in.
    fn default() -> Self {
        static EMBEDDED: OnceLock<Defaults> = OnceLock::new();
        let read = || {
            // A test reads the file that was compiled in.
            embedded().unwrap_or_else(|error| unreachable!("the embedded table: {error}"))
        };
        EMBEDDED.get_or_init(read).clone()
    }
}

impl Defaults {
    /// Reads a table; keys that it leaves out are as they are compiled in.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for text that is no TOML, an unknown key, or a value out of range, named with key, range and value.
    pub fn from_toml(text: &str) -> Result<Self> {
        Self::default().with(&flat(text)?)
    }

    /// This table with some constants changed, by key.
    ///
    /// # Errors
    ///
    /// As of [`from_toml`](Self::from_toml).
    pub fn with(mut self, changes: &BTreeMap<String, Json>) -> Result<Self> {
        changes.iter().try_for_each(|(key, value)| self.put(key, value))?;
        self.check()?;
        Ok(self)
    }

    /// The whole table.
    pub fn to_toml(&self) -> String {
        written(self.constants().into_iter().map(|constant| (constant.key, constant.value)))
    }

    /// What differs from the table that is compiled in, by key.
    pub fn changes(&self) -> BTreeMap<String, Json> {
        let pairs = self.constants().into_iter().zip(Self::default().constants());
        pairs
            .filter(|(own, embedded)| own.value != embedded.value)
            .map(|(own, _)| (own.key.to_owned(), own.value))
            .collect()
    }

    /// What differs from the table that is compiled in, as a file; empty where nothing does.
    pub fn changes_to_toml(&self) -> String {
        let changes = self.changes();
        let in_order = self.constants().into_iter().filter(|constant| changes.contains_key(constant.key));
        written(in_order.map(|constant| (constant.key, constant.value)))
    }

    /// A name of the values: the same values, the same hash.
    pub fn hash(&self) -> String {
        format!("{:032x}", xxh3_128(self.to_toml().as_bytes()))
    }

    /// What no single range can say.
    fn check(&self) -> Result<()> {
        let order = |key: &str, low: f64, high: f64| {
            let expected = || format!("at most {high}, as what follows it in the table");
            if low <= high {
                Ok(())
            } else {
                Err(Error::invalid(format!("defaults: {key}"), expected(), low))
            }
        };
        let Self { effort, photo, filter, training, .. } = self;
        for (key, presets) in [
            ("effort.presets", effort.presets),
            ("effort.old_presets", effort.old_presets),
            ("photo.presets", photo.presets),
            ("photo.libaom_speeds", photo.libaom_speeds),
            ("photo.libaom_perception_speeds", photo.libaom_perception_speeds),
        ] {
            // More effort never means a faster preset.
            for pair in presets.windows(2) {
                order(key, pair[1].into(), pair[0].into())?;
            }
        }
        order("filter.fewest_patches", filter.fewest_patches as f64, filter.most_patches as f64)?;
        order("training.weight_steps", training.weight_steps[0].into(), training.weight_steps[1].into())
    }
}

/// The table that is compiled in, section by section: what a parser of TOML allocates ends the process where memory is out, so
/// that no text may be long.
fn embedded() -> Result<Defaults> {
    let mut values = BTreeMap::new();
    for section in include_str!("defaults.toml").split("\n[").skip(1) {
        values.append(&mut flat(&format!("[{section}"))?);
    }
    Defaults::empty().with(&values)
}

/// The values of a TOML text by key.
fn flat(text: &str) -> Result<BTreeMap<String, Json>> {
    if text.len() > LONGEST_TEXT {
        return Err(Error::invalid("defaults", format!("at most {LONGEST_TEXT} bytes of TOML"), text.len()));
    }
    let table: toml::Table = text
        .parse()
        .map_err(|error: toml::de::Error| Error::invalid("defaults", "TOML", error.to_string().trim_end()))?;
    let mut values = BTreeMap::new();
    for (section, value) in table {
        let toml::Value::Table(constants) = value else {
            values.insert(section, json(&value));
            continue;
        };
        values.extend(constants.iter().map(|(name, value)| (format!("{section}.{name}"), json(value))));
    }
    Ok(values)
}

/// A value as JSON; what JSON has no number for becomes text, which no constant is.
fn json(value: &toml::Value) -> Json {
    match value {
        toml::Value::Integer(number) => Json::from(*number),
        toml::Value::Float(number) if number.is_finite() => Json::from(*number),
        toml::Value::Array(values) => values.iter().map(json).collect(),
        toml::Value::Boolean(value) => Json::from(*value),
        toml::Value::Float(number) => Json::from(number.to_string()),
        toml::Value::String(text) => Json::from(text.as_str()),
        toml::Value::Datetime(time) => Json::from(time.to_string()),
        toml::Value::Table(_) => Json::from("a table"),
    }
}

/// TOML of keys with their sections, which are together. Numbers and lists of numbers look in JSON as they do in TOML.
fn written(constants: impl Iterator<Item = (&'static str, Json)>) -> String {
    let (mut text, mut section) = (String::new(), "");
    for (key, value) in constants {
        let (own, name) = key.split_once('.').unwrap_or(("", key));
        if own != section {
            let gap = if text.is_empty() { "" } else { "\n" };
            text += &format!("{gap}[{own}]\n");
            section = own;
        }
        text += &format!("{name} = {value}\n");
    }
    text
}
