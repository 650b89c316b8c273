//! The pages of a TIFF file, each as a file of one picture.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use tiff::decoder::Decoder;

use crate::error::{Error, Result};

/// Most pages of a file.
const MOST_PAGES: usize = 1 << 20;

/// Where the header of a TIFF file says that its first page is described.
const FIRST_PAGE: std::ops::Range<u64> = 4..8;

/// Where the pages of a file are described; none for what is no TIFF file, and where what follows the first cannot be read.
///
/// # Errors
///
/// `Io`, `LimitExceeded`.
pub(super) fn of(path: &Path) -> Result<Vec<u32>> {
    let file = File::open(path).map_err(|error| Error::io(path, error))?;
    let mut reader = BufReader::new(file);
    let mut magic = [0; 4];
    if reader.read_exact(&mut magic).is_err() || !matches!(&magic, b"II*\0" | b"MM\0*") {
        return Ok(Vec::new());
    }
    reader.rewind().map_err(|error| Error::io(path, error))?;
    let Ok(mut decoder) = Decoder::new(reader) else { return Ok(Vec::new()) };
    let mut pages = Vec::new();
    loop {
        // Pages of classic TIFF lie below 2^32.
        pages.extend(decoder.ifd_pointer().and_then(|page| u32::try_from(page.0).ok()));
        if !decoder.more_images() {
            return Ok(pages);
        }
        if pages.len() >= MOST_PAGES {
            let (limit, found) = (MOST_PAGES as u64, MOST_PAGES as u64 + 1);
            return Err(Error::LimitExceeded {
                what: "pages of a TIFF file",
                limit,
                found,
                place: Default::default(),
            });
        }
        decoder.next_image().map_err(|error| {
            let found = format!("{error} at page {}: {}", pages.len(), path.display());
            Error::corrupt("picture", "a valid page", found, Default::default())
        })?;
    }
}

/// A TIFF file whose header names another page as the first.
struct Patched<R> {
    file: R,
    at: u64,
    /// The bytes that the header is to have there.
    first: [u8; 4],
}

/// One page, as a file of its own.
///
/// # Errors
///
/// The file's.
pub(super) fn alone(mut file: impl Read + Seek, page: u32) -> io::Result<impl BufRead + Seek> {
    let mut order = [0];
    file.read_exact(&mut order)?;
    file.rewind()?;
    let first = if order == *b"I" { page.to_le_bytes() } else { page.to_be_bytes() };
    Ok(BufReader::new(Patched { file, at: 0, first }))
}

impl<R: Read> Read for Patched<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(bytes)?;
        for (at, byte) in (self.at..).zip(bytes[..count].iter_mut()) {
            if FIRST_PAGE.contains(&at) {
                *byte = self.first[(at - FIRST_PAGE.start) as usize];
            }
        }
        self.at += count as u64;
        Ok(count)
    }
}

impl<R: Seek> Seek for Patched<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.at = self.file.seek(to)?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Planes;
    use crate::media::{FrameSource, OpenOptions, open};
    use tiff::encoder::{TiffEncoder, colortype};

    /// A file of pages, each of one gray.
    fn pages(path: &Path, grays: &[u8]) {
        let mut encoder = TiffEncoder::new(File::create(path).unwrap()).unwrap();
        for &gray in grays {
            encoder.write_image::<colortype::RGB8>(4, 2, &[gray; 24]).unwrap();
        }
    }

    fn first_samples(source: &mut dyn FrameSource) -> Vec<(i64, u8)> {
        let mut found = Vec::new();
        while let Some(frame) = source.next_frame().unwrap() {
            let Planes::U8([red, ..]) = frame.planes() else { panic!("8 bits") };
            found.push((frame.timestamp, red.samples()[0]));
        }
        found
    }

    #[test]
    fn every_page_is_a_picture_of_the_clip() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pages.tiff");
        pages(&path, &[10, 200, 30]);
        let mut source = open(&path, &OpenOptions::default()).unwrap();
        assert_eq!(source.declared_frame_count(), Some(3));
        assert_eq!(first_samples(source.as_mut()), [(0, 10), (1, 200), (2, 30)]);
    }

    #[test]
    fn a_file_that_is_cut_or_changed_is_an_error_or_a_clip() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pages.tiff");
        pages(&path, &[10, 200, 30]);
        let bytes = std::fs::read(&path).unwrap();
        for at in 1..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x41;
            for bytes in [&bytes[..at], &changed] {
                std::fs::write(&path, bytes).unwrap();
                if let Ok(mut source) = open(&path, &OpenOptions::default()) {
                    while let Ok(Some(_)) = source.next_frame() {}
                }
            }
        }
    }

    #[test]
    fn pages_that_go_round_in_circles_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("circle.tiff");
        pages(&path, &[10, 20]);
        let mut bytes = std::fs::read(&path).unwrap();
        let first = u32::from_le_bytes(bytes[4..8].try_into().unwrap());
        let listed = of(&path).unwrap();
        // The last page names the first as the next.
        let last = *listed.last().unwrap() as usize;
        let entries = usize::from(u16::from_le_bytes(bytes[last..last + 2].try_into().unwrap()));
        bytes[last + 2 + 12 * entries..][..4].copy_from_slice(&first.to_le_bytes());
        std::fs::write(&path, bytes).unwrap();
        assert!(of(&path).is_err());
    }
}
