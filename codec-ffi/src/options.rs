//! What a C caller sets by key and value before an encode: the settings, and the scenes to use.

use std::ops::Range;

use neural_codec::scene::check_scenes;
use neural_codec::settings::Settings;
use neural_codec::{Error, Result};

/// Settings, and scenes instead of detected ones.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) settings: Settings,
    pub(crate) scenes: Option<Vec<Range<u64>>>,
}

impl Options {
    /// # Errors
    ///
    /// `InvalidArgument` naming the key and what would be accepted.
    pub(crate) fn set(&mut self, key: &str, value: &str) -> Result<()> {
        if key != "scenes" {
            return self.settings.set(key, value);
        }
        let scenes = if value == "none" { None } else { Some(ranges(value)?) };
        scenes.as_deref().map_or(Ok(()), check_scenes)?;
        self.scenes = scenes;
        Ok(())
    }
}

/// `0-60,60-120` as ranges of frames, ends exclusive.
fn ranges(text: &str) -> Result<Vec<Range<u64>>> {
    let range = |part: &str| {
        let (start, end) = part.split_once('-')?;
        Some(start.trim().parse().ok()?..end.trim().parse().ok()?)
    };
    let ranges: Option<Vec<_>> = text.split(',').map(range).collect();
    ranges.ok_or_else(|| Error::invalid("scenes", "START-END,START-END,... or none", text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scenes_are_ranges_of_frames_or_none_and_the_rest_are_settings() {
        let mut options = Options::default();
        options.set("scenes", "0-60, 60-120").unwrap();
        assert_eq!(options.scenes, Some(vec![0..60, 60..120]));
        options.set("scenes", "none").unwrap();
        assert_eq!(options.scenes, None);
        for wrong in ["", "60", "0-", "-1-5", "0-60,", "0-1e9", "0-60;60-70"] {
            let error = options.set("scenes", wrong).unwrap_err().to_string();
            assert!(error.starts_with("scenes: expected START-END"), "{error}");
        }
        for wrong in ["0-60,50-70", "0-60,61-70", "1-2", "0-0", "5-3"] {
            assert!(options.set("scenes", wrong).unwrap_err().to_string().starts_with("scene "));
        }
        options.set("effort", "3").unwrap();
        assert_eq!(options.settings.effort, 3);
        options.set("defaults", "[search]\nfar = 0.5\n").unwrap();
        assert_eq!(options.settings.defaults.search.far, 0.5);
        let error = options.set("defaults", "search.far = 50").unwrap_err().to_string();
        assert_eq!(error, "defaults: search.far: expected a number from 0.01 to 10, found 50");
    }
}
