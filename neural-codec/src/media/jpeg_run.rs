//! Whether a file is one JPEG picture or a run of them, which is a Motion JPEG stream.

use std::fs::File;
use std::io::{BufRead, BufReader, Seek};
use std::path::Path;

const START: u8 = 0xD8;
const END: u8 = 0xD9;
const APP2: u8 = 0xE2;
/// What APP2 begins with where a file holds several pictures of one view, such as another for bright displays.
const MULTI_PICTURE: &[u8] = b"MPF\0";

/// Whether a second picture follows the first at once. What cannot be read is no run.
pub(super) fn begins(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| second_follows(&mut BufReader::new(file)).unwrap_or(false))
}

/// Walks over the markers (ITU-T T.81, annex B) of the first picture.
fn second_follows(file: &mut (impl BufRead + Seek)) -> std::io::Result<bool> {
    if next_marker(file)? != START {
        return Ok(false);
    }
    loop {
        match next_marker(file)? {
            END => {
                let mut next = [0; 3];
                file.read_exact(&mut next)?;
                return Ok(next == [0xFF, START, 0xFF]);
            }
            // Within coded samples, and those without a length.
            0x00 | 0x01 | 0xD0..=0xD7 => {}
            marker => {
                let mut length = [0; 2];
                file.read_exact(&mut length)?;
                let mut left = i64::from(u16::from_be_bytes(length)) - 2;
                if marker == APP2 && left >= 4 {
                    let mut name = [0; 4];
                    file.read_exact(&mut name)?;
                    left -= 4;
                    if name == MULTI_PICTURE {
                        return Ok(false);
                    }
                }
                file.seek_relative(left.max(0))?;
            }
        }
    }
}

/// The byte behind the next 0xFF and its repeats.
fn next_marker(file: &mut impl BufRead) -> std::io::Result<u8> {
    let mut byte = [0];
    file.skip_until(0xFF)?;
    loop {
        file.read_exact(&mut byte)?;
        if byte[0] != 0xFF {
            return Ok(byte[0]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    /// A header, coded samples with a stuffed byte and a restart, and the end.
    const PICTURE: &[u8] = b"\xFF\xD8\xFF\xE0\0\x05\xFF\xD9!\xFF\xDA\0\x03.ab\xFF\0c\xFF\xD0d\xFF\xFF\xD9";

    fn is_run(bytes: &[u8]) -> bool {
        second_follows(&mut Cursor::new(bytes)).unwrap_or(false)
    }

    #[test]
    fn a_second_picture_makes_a_run_and_other_bytes_do_not() {
        assert!(!is_run(PICTURE));
        assert!(is_run(&[PICTURE, PICTURE].concat()));
        assert!(!is_run(&[PICTURE, b"\0\0ftypmp42"].concat()));
        for cut in 0..PICTURE.len() {
            assert!(!is_run(&PICTURE[..cut]), "{cut}");
        }
    }

    #[test]
    fn several_pictures_of_one_view_are_no_clip() {
        let first = [b"\xFF\xD8\xFF\xE2\0\x06MPF\0", &PICTURE[2..]].concat();
        assert!(!is_run(&[&first, PICTURE].concat()));
    }
}
