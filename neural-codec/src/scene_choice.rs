//! What a caller asks for single scenes, as data: the value of the setting `scene_settings`.
//!
//! ```text
//! [{"quantizer": 40}, {}, {"min_psnr_y": 38, "tools": {"screen_content": 1}}]
//! ```
//! One object a scene; what an object leaves out is the clip's.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::strategy::Strategy;

/// The keys of an object.
const KEYS: [&str; 7] =
    ["quantizer", "preset", "bit_depth", "strategies", "min_psnr_y", "min_ssim_y", "tools"];

/// The tools that may be chosen, each with its bounds.
const TOOLS: [(&str, u64, u64); 3] =
    [("hierarchical_levels", 3, 5), ("adaptive_quantization", 0, 1), ("screen_content", 0, 1)];

/// What is asked for one scene; `None` where the clip's settings decide.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct SceneChoice {
    /// Constant quality in place of the clip's target.
    pub quantizer: Option<f64>,
    /// The base encoder's preset; the same for all scenes of a clip.
    pub preset: Option<i8>,
    /// Bits of a sample inside the base layer; the same for all scenes of a clip.
    pub bit_depth: Option<u8>,
    /// Strategies that may be used.
    pub strategies: Option<Vec<Strategy>>,
    /// A floor in dB of mean luma PSNR, not below the clip's.
    pub min_psnr_y: Option<f64>,
    /// A floor of mean luma SSIM, not below the clip's.
    pub min_ssim_y: Option<f64>,
    /// Tools by name; those that are left out are the encoder's choice.
    pub tools: Option<BTreeMap<String, u8>>,
    /// The same as text, by key, for the report.
    pub asked: BTreeMap<String, String>,
}

/// The choices of all scenes of a clip, in order; none where nothing is asked.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SceneChoices {
    choices: Vec<SceneChoice>,
    text: String,
}

impl SceneChoices {
    /// Reads choices from JSON.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` that names scene and key.
    pub fn from_json(text: &str) -> Result<Self> {
        let wrong =
            |found: String| Error::invalid("scene_settings", "a JSON list of objects, one a scene", found);
        let list: Vec<Map<String, Value>> = serde_json::from_str(text).map_err(|e| wrong(e.to_string()))?;
        let choices = list
            .iter()
            .enumerate()
            .map(|(scene, map)| SceneChoice::read(scene, map))
            .collect::<Result<_>>()?;
        Ok(Self { choices, text: if list.is_empty() { String::new() } else { text.trim().into() } })
    }

    /// The JSON that they came from; empty without choices.
    pub fn as_json(&self) -> &str {
        &self.text
    }

    /// The choices, in the order of the scenes.
    pub fn scenes(&self) -> &[SceneChoice] {
        &self.choices
    }

    /// # Errors
    ///
    /// `InvalidArgument` where there are choices, and not one for each of so many scenes.
    pub fn check_count(&self, scenes: usize) -> Result<()> {
        let found = self.choices.len();
        if found == 0 || found == scenes {
            return Ok(());
        }
        Err(Error::invalid("scene_settings", format!("{scenes} objects, one a scene"), found))
    }

    /// What all scenes that ask for `key` ask for.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` where two differ, or one differs from what the clip asks for.
    pub fn common<T: PartialEq + Copy + std::fmt::Display>(
        &self,
        key: &str,
        clip: Option<T>,
        of: impl Fn(&SceneChoice) -> Option<T>,
    ) -> Result<Option<T>> {
        let mut common = clip;
        for (scene, choice) in self.choices.iter().enumerate() {
            let Some(asked) = of(choice) else { continue };
            if common.is_some_and(|common| common != asked) {
                let expected = format!(
                    "{}, as {key} is one for a clip",
                    common.map_or_else(String::new, |c| c.to_string())
                );
                return Err(invalid(scene, key, expected, asked));
            }
            common = Some(asked);
        }
        Ok(common)
    }
}

impl SceneChoice {
    fn read(scene: usize, map: &Map<String, Value>) -> Result<Self> {
        let mut choice = Self::default();
        for (key, value) in map {
            if value.is_null() {
                continue;
            }
            let number = |low: f64, high: f64| {
                let found = value.as_f64().filter(|found| (low..=high).contains(found));
                found.ok_or_else(|| invalid(scene, key, format!("a number from {low} to {high}"), value))
            };
            let whole = |low: f64, high: f64| {
                let found = number(low, high)?;
                if found.fract() == 0.0 {
                    Ok(found)
                } else {
                    Err(invalid(scene, key, "a whole number", value))
                }
            };
            match key.as_str() {
                "quantizer" => choice.quantizer = Some(number(1.0, 70.0)?),
                "preset" => choice.preset = Some(whole(0.0, 13.0)? as i8),
                "bit_depth" => {
                    let bits = whole(8.0, 10.0)? as u8;
                    if bits == 9 {
                        return Err(invalid(scene, key, "8 or 10", value));
                    }
                    choice.bit_depth = Some(bits);
                }
                "strategies" => choice.strategies = Some(strategies(scene, value)?),
                "min_psnr_y" => choice.min_psnr_y = Some(number(10.0, 80.0)?),
                "min_ssim_y" => choice.min_ssim_y = Some(number(0.1, 0.9999)?),
                "tools" => choice.tools = Some(tools(scene, value)?),
                _ => return Err(invalid(scene, "key", format!("one of {}", KEYS.join(", ")), key)),
            }
            choice.asked.insert(key.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        }
        let has_floor = choice.min_psnr_y.is_some() || choice.min_ssim_y.is_some();
        if choice.quantizer.is_some() && has_floor {
            return Err(invalid(scene, "quantizer", "no floor beside it", "min_psnr_y or min_ssim_y"));
        }
        Ok(choice)
    }

    /// The value of a tool that is asked for.
    pub fn tool(&self, name: &str) -> Option<u8> {
        self.tools.as_ref()?.get(name).copied()
    }
}

/// An error that names scene and key.
pub(crate) fn invalid(
    scene: usize,
    key: &str,
    expected: impl std::fmt::Display,
    found: impl std::fmt::Display,
) -> Error {
    Error::invalid(format!("scene_settings: scene {scene}: {key}"), expected, found)
}

fn strategies(scene: usize, value: &Value) -> Result<Vec<Strategy>> {
    let wrong = || invalid(scene, "strategies", "av1, hybrid, or both by a comma", value);
    let texts: Vec<&str> = match value {
        Value::String(text) => text.split(',').map(str::trim).collect(),
        Value::Array(list) => list.iter().map(Value::as_str).collect::<Option<_>>().ok_or_else(wrong)?,
        _ => return Err(wrong()),
    };
    let found: Vec<Strategy> =
        texts.iter().map(|text| text.parse()).collect::<Result<_>>().map_err(|_| wrong())?;
    if found.is_empty() || found.contains(&Strategy::Still) { Err(wrong()) } else { Ok(found) }
}

fn tools(scene: usize, value: &Value) -> Result<BTreeMap<String, u8>> {
    let names = TOOLS.map(|(name, ..)| name).join(", ");
    let Value::Object(map) = value else {
        return Err(invalid(scene, "tools", format!("an object with some of {names}"), value));
    };
    let read = |(name, value): (&String, &Value)| {
        let Some(&(_, low, high)) = TOOLS.iter().find(|(known, ..)| known == name) else {
            return Err(invalid(scene, "tools", format!("some of {names}"), name));
        };
        let found = value.as_u64().or_else(|| value.as_bool().map(u64::from));
        let found = found.filter(|found| (low..=high).contains(found));
        let expected = format!("a whole number from {low} to {high}");
        found
            .map(|found| (name.clone(), found as u8))
            .ok_or_else(|| invalid(scene, &format!("tools: {name}"), expected, value))
    };
    map.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_read_as_they_were_asked() {
        let text = r#"[{"quantizer": 40.5, "tools": {"screen_content": true, "hierarchical_levels": 4}}, {},
                       {"min_psnr_y": 38, "strategies": "av1"}]"#;
        let choices = SceneChoices::from_json(text).unwrap();
        let [first, second, third] = choices.scenes() else { panic!("three scenes") };
        assert_eq!(
            (first.quantizer, first.tool("screen_content"), first.tool("hierarchical_levels")),
            (Some(40.5), Some(1), Some(4))
        );
        assert_eq!((first.tool("adaptive_quantization"), first.asked["quantizer"].as_str()), (None, "40.5"));
        assert_eq!(*second, SceneChoice::default());
        assert_eq!((third.min_psnr_y, third.strategies.as_deref()), (Some(38.0), Some(&[Strategy::Av1][..])));
        assert!(choices.check_count(3).is_ok() && choices.check_count(2).is_err());
        assert!(SceneChoices::default().check_count(7).is_ok());
    }

    #[test]
    fn what_is_wrong_names_scene_and_key() {
        for (text, scene, key) in [
            (r#"[{}, {"quality": 40}]"#, "scene 1", "quality"),
            (r#"[{"quantizer": 400}]"#, "scene 0", "quantizer"),
            (r#"[{"preset": 4.5}]"#, "scene 0", "preset"),
            (r#"[{"bit_depth": 9}]"#, "scene 0", "bit_depth"),
            (r#"[{"strategies": "best"}]"#, "scene 0", "strategies"),
            (r#"[{"strategies": "still"}]"#, "scene 0", "strategies"),
            (r#"[{"tools": {"magic": 1}}]"#, "scene 0", "magic"),
            (r#"[{"tools": {"screen_content": 7}}]"#, "scene 0", "screen_content"),
            (r#"[{"quantizer": 40, "min_psnr_y": 38}]"#, "scene 0", "min_psnr_y"),
        ] {
            let message = SceneChoices::from_json(text).unwrap_err().to_string();
            assert!(message.contains(scene) && message.contains(key), "{message}");
        }
        assert!(SceneChoices::from_json("{}").is_err() && SceneChoices::from_json("[1]").is_err());
    }

    #[test]
    fn what_is_one_for_a_clip_must_agree() {
        let choices = SceneChoices::from_json(r#"[{"preset": 6}, {}, {"preset": 5}]"#).unwrap();
        let message = choices.common("preset", None, |choice| choice.preset).unwrap_err().to_string();
        assert!(message.contains("scene 2") && message.contains("preset"), "{message}");
        let one = SceneChoices::from_json(r#"[{"preset": 6}, {}]"#).unwrap();
        assert_eq!(one.common("preset", None, |choice| choice.preset).unwrap(), Some(6));
        assert!(one.common("preset", Some(4), |choice| choice.preset).is_err());
    }
}
