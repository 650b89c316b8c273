//! Numbered picture sequences: the pattern of their names, and which files there are.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Endings of files that count as pictures when a folder is searched for a sequence.
const PICTURE_ENDINGS: [&str; 6] = ["png", "jpg", "jpeg", "bmp", "tif", "tiff"];

/// A file name with a number in it, such as `frame_%04d.png`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SequencePattern {
    folder: PathBuf,
    prefix: String,
    /// Digits to fill up to with zeros; 0 for none.
    digits: usize,
    suffix: String,
}

impl SequencePattern {
    /// Reads a pattern. `None` where the file name holds no `%d` or `%04d` (or another count below 20).
    pub fn parse(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let (prefix, rest) = name.split_once('%')?;
        let (digits, suffix) = rest.split_once('d')?;
        let digits = match digits.strip_prefix('0') {
            Some(count) => count.parse().ok().filter(|&count| count < 20)?,
            None if digits.is_empty() => 0,
            None => return None,
        };
        let folder = path.parent().map(Path::to_owned).unwrap_or_default();
        Some(Self { folder, prefix: prefix.into(), digits, suffix: suffix.into() })
    }

    /// The file of one number.
    pub fn file(&self, number: u64) -> PathBuf {
        self.folder.join(self.name(number))
    }

    /// Its name in the folder.
    pub(super) fn name(&self, number: u64) -> String {
        format!("{}{number:0width$}{}", self.prefix, self.suffix, width = self.digits)
    }

    /// The folder of all files.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The number in a file name of this pattern.
    fn number(&self, name: &str) -> Option<u64> {
        let digits = name.strip_prefix(&self.prefix)?.strip_suffix(&self.suffix)?;
        let number: u64 = digits.parse().ok().filter(|_| digits.bytes().all(|b| b.is_ascii_digit()))?;
        (self.name(number) == name).then_some(number)
    }

    /// All files of the pattern in order of their numbers.
    ///
    /// # Errors
    ///
    /// `Io` where the folder cannot be read; `InvalidArgument` where there is none or one is missing.
    pub fn files(&self) -> Result<Vec<PathBuf>> {
        let mut numbers: Vec<u64> =
            file_names(&self.folder)?.iter().filter_map(|name| self.number(name)).collect();
        numbers.sort_unstable();
        if let Some(gap) = numbers.windows(2).find(|pair| pair[0] + 1 != pair[1]) {
            let missing = self.file(gap[0] + 1);
            return Err(Error::invalid(
                "picture sequence",
                "numbers without a gap",
                format!("no {}", missing.display()),
            ));
        }
        if numbers.is_empty() {
            let pattern = format!("{}%0{}d{}", self.prefix, self.digits, self.suffix);
            return Err(Error::invalid("picture sequence", format!("files named {pattern}"), "none"));
        }
        Ok(numbers.into_iter().map(|number| self.file(number)).collect())
    }
}

/// The one sequence that a folder holds, `None` where its pictures are not one sequence.
pub(super) fn in_folder(folder: &Path) -> Result<Option<Vec<PathBuf>>> {
    let pictures: Vec<String> = file_names(folder)?
        .into_iter()
        .filter(|name| {
            PICTURE_ENDINGS.iter().any(|ending| name.to_ascii_lowercase().ends_with(&format!(".{ending}")))
        })
        .collect();
    let Some(first) = pictures.iter().min() else { return Ok(None) };
    let Some(end) = first.rfind(|c: char| c.is_ascii_digit()) else { return Ok(None) };
    let start = first[..end].rfind(|c: char| !c.is_ascii_digit()).map_or(0, |at| at + 1);
    let (prefix, suffix) = (first[..start].to_owned(), first[end + 1..].to_owned());
    // Names of equal length are filled up with zeros; 9, 10 are not.
    let fixed = pictures.iter().all(|name| name.len() == first.len());
    let digits = if fixed { end + 1 - start } else { 0 };
    let pattern = SequencePattern { folder: folder.to_owned(), prefix, digits, suffix };
    if pictures.iter().any(|name| pattern.number(name).is_none()) {
        return Ok(None);
    }
    pattern.files().map(Some)
}

fn file_names(folder: &Path) -> Result<Vec<String>> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let failed = |e| Error::io(folder, e);
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        names.extend(entry.map_err(failed)?.file_name().into_string());
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            fs::write(folder.path().join(name), b"").unwrap();
        }
        folder
    }

    fn found(files: Vec<PathBuf>) -> Vec<String> {
        files.into_iter().map(|f| f.file_name().unwrap().to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn a_pattern_lists_its_files_by_number() {
        let folder = folder(&["f_2.png", "f_10.png", "f_9.png", "f_8.png", "f_7.jpg", "f_02.png", "g.png"]);
        let pattern = SequencePattern::parse(&folder.path().join("f_%d.png")).unwrap();
        assert!(pattern.files().unwrap_err().to_string().contains("f_3.png"));
        for number in 3..8 {
            fs::write(folder.path().join(format!("f_{number}.png")), b"").unwrap();
        }
        let names = found(pattern.files().unwrap());
        assert_eq!((names.len(), names[0].as_str(), names[8].as_str()), (9, "f_2.png", "f_10.png"));
    }

    #[test]
    fn only_numbers_with_an_optional_width_make_a_pattern() {
        let parse = |name: &str| SequencePattern::parse(Path::new(name));
        assert_eq!(parse("a/b_%04d.png").unwrap().file(7), Path::new("a/b_0007.png"));
        assert_eq!(parse("%d.png").unwrap().file(12345), Path::new("12345.png"));
        for name in ["b.png", "b%s.png", "b%4d.png", "b%099d.png", "%"] {
            assert_eq!(parse(name), None, "{name}");
        }
    }

    #[test]
    fn a_folder_of_one_sequence_is_that_sequence() {
        let one = folder(&["x001.png", "x002.png", "notes.txt"]);
        assert_eq!(found(in_folder(one.path()).unwrap().unwrap()), ["x001.png", "x002.png"]);
        let two = folder(&["x001.png", "y001.png"]);
        assert_eq!(in_folder(two.path()).unwrap(), None);
        assert_eq!(in_folder(folder(&["notes.txt"]).path()).unwrap(), None);
    }
}
