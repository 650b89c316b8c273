//! A caller's own scene list, in place of detected cuts.

use std::ops::Range;

use crate::error::{Error, Result};

/// Checks a list of scenes for a clip whose length is not known yet.
///
/// # Errors
///
/// `InvalidArgument` for no scene, or naming the entry that is empty, overlaps or leaves a gap.
pub fn check_scenes(scenes: &[Range<u64>]) -> Result<()> {
    let mut end = 0;
    for (index, scene) in scenes.iter().enumerate() {
        if scene.start != end || scene.end <= scene.start {
            let expected = format!("a range from frame {end} that is not empty");
            return Err(Error::invalid(format!("scene {index}"), expected, format!("{scene:?}")));
        }
        end = scene.end;
    }
    if scenes.is_empty() {
        return Err(Error::invalid("scenes", "at least one", 0));
    }
    Ok(())
}

/// Checks a scene list in PySceneDetect's shape, `[(start, end), ...]` with `end` exclusive.
///
/// Units: frames. The list must cover `0..frame_count` in order, without gaps, overlaps or empty scenes.
///
/// ```
/// # use neural_codec::scene::scenes_from_list;
/// assert_eq!(scenes_from_list(&[(0, 10), (10, 25)], 25)?, [0..10, 10..25]);
/// assert!(scenes_from_list(&[(0, 10), (12, 25)], 25).unwrap_err().to_string().contains("scenes[1]"));
/// # Ok::<(), neural_codec::Error>(())
/// ```
///
/// # Errors
///
/// `InvalidArgument` naming the first entry that does not fit, as `scenes[i]`.
pub fn scenes_from_list(list: &[(u64, u64)], frame_count: u64) -> Result<Vec<Range<u64>>> {
    let mut scenes = Vec::with_capacity(list.len());
    let mut expected_start = 0;
    for (index, &(start, end)) in list.iter().enumerate() {
        let found = format!("({start}, {end})");
        let expected = if start < expected_start {
            format!("a start of {expected_start} (scenes must not overlap)")
        } else if start > expected_start {
            format!("a start of {expected_start} (scenes must leave no gap)")
        } else if end <= start {
            format!("an end above {start} (a scene holds at least one frame)")
        } else if end > frame_count {
            format!("an end of at most {frame_count} (the clip's frames)")
        } else {
            scenes.push(start..end);
            expected_start = end;
            continue;
        };
        return Err(Error::invalid(format!("scenes[{index}]"), expected, found));
    }
    if expected_start != frame_count {
        let name = list.len().checked_sub(1).map_or_else(|| "scenes".into(), |i| format!("scenes[{i}]"));
        return Err(Error::invalid(
            name,
            format!("an end of {frame_count} (the clip's frames)"),
            expected_start,
        ));
    }
    Ok(scenes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(list: &[(u64, u64)]) -> String {
        scenes_from_list(list, 100).unwrap_err().to_string()
    }

    #[test]
    fn a_list_that_tiles_the_clip_is_taken_as_it_is() {
        assert_eq!(scenes_from_list(&[(0, 40), (40, 41), (41, 100)], 100).unwrap(), [0..40, 40..41, 41..100]);
        assert_eq!(scenes_from_list(&[], 0).unwrap(), []);
    }

    #[test]
    fn the_offending_entry_is_named() {
        for (list, expected) in [
            (&[(0, 40), (30, 100)][..], "scenes[1]: expected a start of 40 (scenes must not overlap)"),
            (&[(0, 40), (50, 100)], "scenes[1]: expected a start of 40 (scenes must leave no gap)"),
            (&[(5, 100)], "scenes[0]: expected a start of 0"),
            (&[(0, 0)], "scenes[0]: expected an end above 0"),
            (&[(0, 60), (60, 20)], "scenes[1]: expected an end above 60"),
            (&[(0, 60), (60, 101)], "scenes[1]: expected an end of at most 100"),
            (&[(0, 60)], "scenes[0]: expected an end of 100"),
            (&[], "scenes: expected an end of 100"),
        ] {
            assert!(message(list).starts_with(expected), "{}", message(list));
        }
    }
}
