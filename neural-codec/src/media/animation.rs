//! Animated WebP files, which FFmpeg does not read. Cargo feature `images`.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use image_webp::{DecodingError, WebPDecoder};

use super::{FrameSource, Lost};
use crate::error::{Error, Place, Result};
use crate::frame::{
    BitDepth, Frame, Layout, MAX_SIDE, PixelFormat, Rational, VideoInfo, check_size, from_rgb8_interleaved,
};
use crate::memory::filled;

/// Durations are in milliseconds.
const TIME_BASE: Rational = Rational { num: 1, den: 1000 };
/// How long a picture is shown that has no duration, as browsers do. Units: milliseconds.
const NO_DURATION: u32 = 100;
/// Most bytes the decoder may allocate: the largest picture, four channels.
const MAX_ALLOCATION: usize = MAX_SIDE * MAX_SIDE * 4;

/// Reads an animated WebP file as RGB frames of full range.
pub(super) struct AnimationReader {
    path: PathBuf,
    decoder: WebPDecoder<BufReader<File>>,
    info: VideoInfo,
    first: Option<Frame>,
    given: u32,
    /// When the next picture is shown, and how long the last is.
    time: i64,
    duration: u32,
    /// Whether nothing shows through the frames so far.
    is_opaque: bool,
    ended: bool,
}

impl AnimationReader {
    /// Reads the first picture.
    ///
    /// # Errors
    ///
    /// `Io`, `Corrupt`, `LimitExceeded`; `InvalidArgument` where there is no picture.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|error| Error::io(path, error))?;
        let failed = |error| decoding_error(path, error, 0);
        let mut decoder = WebPDecoder::new(BufReader::new(file)).map_err(failed)?;
        decoder.set_memory_limit(MAX_ALLOCATION);
        let (width, height) = decoder.dimensions();
        check_size(width as usize, height as usize)?;
        let frames = decoder.num_frames();
        if !decoder.is_animated() || frames == 0 {
            let found = format!("clip has no frames: {}", path.display());
            return Err(Error::invalid("input file", "a clip with frames", found));
        }
        let milliseconds = u32::try_from(decoder.loop_duration()).unwrap_or(u32::MAX);
        let rate = Rational::new(frames.saturating_mul(1000), milliseconds.max(1))?;
        let format = PixelFormat { layout: Layout::Rgb, depth: BitDepth::Eight };
        let info = VideoInfo::new(width as usize, height as usize, format, rate);
        let (time, duration) = (0, 0);
        let mut reader = Self {
            path: path.to_owned(),
            decoder,
            info,
            first: None,
            given: 0,
            time,
            duration,
            is_opaque: true,
            ended: false,
        };
        let first = reader.read_next()?.ok_or_else(|| Error::internal("image-webp", "a frame is missing"))?;
        (reader.info.color, reader.info.time_base) = (first.color(), TIME_BASE);
        reader.first = Some(first);
        Ok(reader)
    }

    fn read_next(&mut self) -> Result<Option<Frame>> {
        if self.given >= self.decoder.num_frames() {
            return Ok(None);
        }
        let (width, height) = (self.info.width, self.info.height);
        let channels = if self.decoder.has_alpha() { 4 } else { 3 };
        let mut samples = filled("frame", width * height * channels, 0)?;
        let duration = self.decoder.read_frame(&mut samples);
        let duration = duration.map_err(|error| decoding_error(&self.path, error, self.given))?;
        if channels == 4 {
            self.is_opaque &= samples.chunks_exact(4).all(|pixel| pixel[3] == 255);
            samples = samples.chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
        }
        let time = self.time;
        self.duration = if duration == 0 { NO_DURATION } else { duration };
        self.time += i64::from(self.duration);
        self.given += 1;
        Ok(Some(from_rgb8_interleaved(&samples, width, height)?.with_timestamp(time)))
    }
}

fn decoding_error(path: &Path, error: DecodingError, frame: u32) -> Error {
    let place = Place::at_frame(frame.into());
    match error {
        DecodingError::IoError(source) if source.kind() != std::io::ErrorKind::UnexpectedEof => {
            Error::io(path, source)
        }
        DecodingError::IoError(_) => Error::Truncated { what: "picture", place },
        error => Error::corrupt("picture", "a valid file", format!("{error}: {}", path.display()), place),
    }
}

impl FrameSource for AnimationReader {
    fn info(&self) -> &VideoInfo {
        &self.info
    }

    fn next_frame(&mut self) -> Result<Option<Frame>> {
        if self.ended {
            return Ok(None);
        }
        let frame = match self.first.take() {
            Some(first) => Ok(Some(first)),
            None => self.read_next(),
        };
        self.ended = !matches!(frame, Ok(Some(_)));
        frame
    }

    fn declared_frame_count(&self) -> Option<u64> {
        Some(self.decoder.num_frames().into())
    }

    fn lost(&self) -> Vec<Lost> {
        let why = "the source has alpha; what is transparent is coded as it is without";
        (!self.is_opaque).then(|| Lost::new("alpha", why)).into_iter().collect()
    }

    fn last_duration(&self) -> Option<u64> {
        Some(self.duration.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::frame::Planes;
    use crate::media::{OpenOptions, open};

    /// Three pictures of 4x2: red for 100 ms, blue for 200 ms, green for 400 ms.
    const CLIP: &[u8] = b"RIFF\xb4\x00\x00\x00WEBPVP8X\n\x00\x00\x00\x02\x00\x00\x00\x03\x00\x00\x01\x00\x00ANIM\x06\x00\x00\x00\x00\x00\x00\x00\x00\x00ANMF(\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x01\x00\x00d\x00\x00\x02VP8L\x0f\x00\x00\x00/\x03@\x00\x00\x07\x10\xfd\x8f\xfe\x07\"\xa2\xff\x01\x00ANMF(\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x01\x00\x00\xc8\x00\x00\x00VP8L\x0f\x00\x00\x00/\x03@\x00\x00\x07\x10\xd1\xff\xfe\x07\"\xa2\xff\x01\x00ANMF(\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x01\x00\x00\x90\x01\x00\x00VP8L\x0f\x00\x00\x00/\x03@\x00\x00\x07\xd0\xff\x88\xfe\x07\"\xa2\xff\x01\x00";

    #[test]
    fn every_picture_is_shown_at_its_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clip.webp");
        std::fs::write(&path, CLIP).unwrap();
        let mut source = open(&path, &OpenOptions::default()).unwrap();
        let mut found = Vec::new();
        while let Some(frame) = source.next_frame().unwrap() {
            let Planes::U8(planes) = frame.planes() else { panic!("8 bits") };
            let name = |at: usize| planes[at].samples()[0];
            found.push((frame.timestamp, name(0), name(2)));
        }
        assert_eq!(found.iter().map(|(time, ..)| *time).collect::<Vec<_>>(), [0, 100, 300]);
        assert_eq!(source.last_duration(), Some(400));
        assert_eq!(source.lost(), []);
        assert!(found.windows(2).all(|pair| pair[0].1 != pair[1].1 || pair[0].2 != pair[1].2), "{found:?}");
    }

    #[test]
    fn a_file_that_is_cut_or_changed_is_an_error_or_a_clip() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clip.webp");
        for at in 1..CLIP.len() {
            let mut changed = CLIP.to_vec();
            changed[at] ^= 0x15;
            for bytes in [&CLIP[..at], &changed] {
                std::fs::write(&path, bytes).unwrap();
                if let Ok(mut source) = open(&path, &OpenOptions::default()) {
                    while let Ok(Some(_)) = source.next_frame() {}
                }
            }
        }
    }
}
