//! Which frames of a scene show the one before again, so that it is coded once: a list in SCENE_HEAD.
//!
//! ```text
//! number of runs | for each: coded frames since the run before, and how often the last of these is shown again
//! ```

use super::bytes::{Reader, Writer};
use crate::error::{Error, Result};
use crate::memory;
use crate::repeats::Repeats;

/// Those of a scene of so many frames.
pub(super) fn read_repeats(reader: &mut Reader<'_>, frames: usize) -> Result<Repeats> {
    let what = "frames shown again";
    let mut left = frames as u64;
    let runs = reader.varint("number of runs of frames shown again")?;
    if !(1..=left / 2).contains(&runs) {
        return Err(reader.corrupt(
            "number of runs of frames shown again",
            format!("1 to {}", left / 2),
            runs,
        ));
    }
    let mut again = Vec::new();
    for _ in 0..runs {
        let coded = take(reader, "coded frames before one shown again", &mut left)?;
        let times = take(reader, what, &mut left)?;
        memory::grow(what, &mut again, coded)?;
        again.resize(again.len() + coded, 0);
        if let Some(last) = again.last_mut() {
            *last = u32::try_from(times).unwrap_or(u32::MAX);
        }
    }
    Ok(Repeats::new(again))
}

/// What `read_repeats` reads.
pub(super) fn write_repeats(repeats: &Repeats, writer: &mut Writer) {
    let runs = || repeats.spoken_of().iter().enumerate().filter(|&(_, &times)| times > 0);
    writer.varint(runs().count() as u64);
    let mut next = 0;
    for (coded, &times) in runs() {
        writer.varint((coded + 1 - next) as u64);
        writer.varint(times.into());
        next = coded + 1;
    }
}

/// A number of frames of those that are left, at least one.
fn take(reader: &mut Reader<'_>, what: &'static str, left: &mut u64) -> Result<usize> {
    let count = reader.varint(what)?;
    match left.checked_sub(count) {
        Some(rest) if count > 0 => {
            *left = rest;
            // No more than the frames of a scene, which are counted in 32 bits.
            Ok(count as usize)
        }
        _ => Err(reader.corrupt(what, format!("1 to {left}"), count)),
    }
}

/// That a scene's repeats leave at least as many frames as they speak of.
///
/// # Errors
///
/// `InvalidArgument` for more.
pub(super) fn check_repeats(repeats: &Repeats, frames: usize) -> Result<()> {
    let spoken_of = repeats.spoken_of().len() + repeats.count();
    if spoken_of > frames {
        return Err(Error::invalid(
            "repeats",
            format!("those of {frames} frames"),
            format!("of {spoken_of}"),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(repeats: &Repeats) -> Vec<u8> {
        let mut writer = Writer::default();
        write_repeats(repeats, &mut writer);
        writer.bytes
    }

    fn read(bytes: &[u8], frames: usize) -> Result<Repeats> {
        let mut reader = Reader::new(bytes, 0);
        let repeats = read_repeats(&mut reader, frames)?;
        reader.finish("list")?;
        Ok(repeats)
    }

    #[test]
    fn a_still_scene_takes_as_many_bytes_as_its_length_asks_for() {
        let repeats = Repeats::new(vec![299]);
        assert_eq!(written(&repeats), [1, 1, 0xab, 2]);
        assert_eq!(read(&written(&repeats), 300).unwrap(), repeats);
    }

    #[test]
    fn a_list_comes_back_and_asks_for_its_frames() {
        let repeats = Repeats::new(vec![0, 2, 0, 1, 0, 0]);
        assert_eq!(read(&written(&repeats), 9).unwrap(), repeats);
        assert!(check_repeats(&repeats, 7).is_ok() && check_repeats(&repeats, 6).is_err());
    }

    #[test]
    fn lists_that_no_scene_has_are_errors() {
        for (bytes, frames) in [
            // None, and more than frames allow.
            (&[0][..], 10),
            (&[2, 1, 1, 1, 1], 3),
            (&[1, 9, 2], 10),
            (&[1, 2, 9], 10),
            // Nothing coded, nothing shown again.
            (&[1, 0, 1], 10),
            (&[1, 1, 0], 10),
            (&[1, 1], 10),
            (&[1, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], 10),
        ] {
            assert!(read(bytes, frames).is_err(), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn any_repeats_come_back(again in prop::collection::vec(0_u32..4, 1..40), more in 0_usize..5) {
            let repeats = Repeats::new(again);
            prop_assume!(!repeats.is_empty());
            let frames = repeats.spoken_of().len() + repeats.count() + more;
            prop_assert_eq!(read(&written(&repeats), frames).unwrap(), repeats);
        }

        #[test]
        fn any_bytes_end_in_repeats_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..40), frames in 1_usize..200) {
            if let Ok(repeats) = read(&bytes, frames) {
                prop_assert!(check_repeats(&repeats, frames).is_ok() && written(&repeats) == bytes);
            }
        }
    }
}
